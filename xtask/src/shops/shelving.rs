//! Furniture of a plan, and how goods are laid onto its shelves.

use super::goods::Sku;

/// A kind of load-cell plate.
#[derive(Clone, Copy)]
pub struct PlateKind {
    pub name: &'static str,
    pub width_mm: u32,
    pub depth_mm: u32,
    pub range_g: u32,
    pub noise_g: f64,
    pub resolution_g: f64,
}

/// A shelf and the lanes on it.
#[derive(Clone)]
pub struct Shelf {
    pub height_mm: u32,
    pub plates: u32,
    pub lanes: Vec<Lane>,
}

/// A lane. Millimetres from the shelf's left end.
#[derive(Clone)]
pub struct Lane {
    pub sku: usize,
    pub x_mm: u32,
    pub width_mm: u32,
    pub facings: u32,
    pub capacity: u32,
}

/// A fixture with its shelves, bottom to top.
#[derive(Clone)]
pub struct Fixture {
    pub name: String,
    /// Front-left corner, millimetres.
    pub position_mm: [i32; 2],
    pub yaw_deg: i32,
    pub width_mm: u32,
    pub depth_mm: u32,
    pub height_mm: u32,
    pub plate: PlateKind,
    /// From one plate's left edge to the next.
    pub pitch_mm: u32,
    pub shelves: Vec<Shelf>,
}

impl Fixture {
    /// Left edge of the first plate: rows stand in the middle of their shelf.
    fn first_plate_mm(&self, shelf: usize) -> u32 {
        let row = self.plate.width_mm + self.pitch_mm * (self.shelves[shelf].plates - 1);
        (self.width_mm - row) / 2
    }

    /// Height free above a shelf.
    fn clear_mm(&self, shelf: usize) -> u32 {
        match self.shelves.get(shelf + 1) {
            Some(over) => over.height_mm - self.shelves[shelf].height_mm,
            None => (self.height_mm - self.shelves[shelf].height_mm).max(400),
        }
    }
}

/// Goods that need a tall shelf, millimetres.
const TALL_MM: u32 = 240;
/// Goods that belong below the waist, grams.
const HEAVY_G: f64 = 700.0;
/// The highest shelf for them, millimetres.
const HEAVY_TO_MM: u32 = 1_150;
/// Most units in a lane: staff rather refill than stack.
const CAPACITY_MAX: u32 = 24;

/// Lays goods in lanes of whole plates, `lanes_per_shelf[i % len]` on the i-th shelf; when all
/// are placed once, every third is placed again, until the shelves are full.
pub fn lay_on_plates(fixtures: &mut [Fixture], skus: &[Sku], lanes_per_shelf: &[usize]) {
    let mut waiting: Vec<usize> = (0..skus.len()).collect();
    let third = |k: usize| (0..skus.len()).filter(move |i| i % 3 == k % 3);
    let mut again: Vec<usize> = third(0).collect();
    let mut count = 0;
    for fixture in fixtures.iter_mut() {
        for s in 0..fixture.shelves.len() {
            let lanes = lanes_per_shelf[count % lanes_per_shelf.len()];
            count += 1;
            let mut picked = pick(fixture, s, lanes, skus, &mut waiting);
            if picked.is_empty() || waiting.is_empty() && picked.len() < lanes {
                if again.len() < lanes {
                    again.extend(third(count));
                }
                let used: u32 = picked.iter().map(|p| p.1).sum();
                let rest = lanes - picked.len();
                picked.extend(pick_from(fixture, s, used, rest, skus, &mut again));
            }
            place(fixture, s, picked, skus);
        }
    }
    assert!(waiting.is_empty(), "{} SKUs found no shelf", waiting.len());
}

/// Chooses goods for a shelf, tall ones first where they fit: (SKU, plates).
fn pick(
    fixture: &Fixture,
    s: usize,
    lanes: usize,
    skus: &[Sku],
    waiting: &mut Vec<usize>,
) -> Vec<(usize, u32)> {
    pick_from(fixture, s, 0, lanes, skus, waiting)
}

fn pick_from(
    fixture: &Fixture,
    s: usize,
    mut used: u32,
    lanes: usize,
    skus: &[Sku],
    waiting: &mut Vec<usize>,
) -> Vec<(usize, u32)> {
    let mut picked = Vec::new();
    let clear = fixture.clear_mm(s);
    let fits = |sku: &Sku, used: u32| {
        let heavy = sku.mass_g > HEAVY_G && fixture.shelves[s].height_mm > HEAVY_TO_MM;
        let plates = plates_for(sku, fixture);
        let fits =
            !heavy && sku.size_mm[2] + 10 <= clear && used + plates <= fixture.shelves[s].plates;
        fits.then_some(plates)
    };
    for tall_only in [true, false] {
        if tall_only && clear < TALL_MM + 10 {
            continue;
        }
        let mut i = 0;
        while i < waiting.len() && picked.len() < lanes {
            let sku = &skus[waiting[i]];
            let tall = sku.size_mm[2] >= TALL_MM || sku.mass_g > HEAVY_G;
            match fits(sku, used) {
                Some(plates) if tall || !tall_only => {
                    used += plates;
                    picked.push((waiting.remove(i), plates));
                }
                _ => i += 1,
            }
        }
    }
    picked
}

/// Plates a lane of an SKU needs for one facing, with 2 mm of play on either side.
fn plates_for(sku: &Sku, fixture: &Fixture) -> u32 {
    (1..)
        .find(|n| sku.size_mm[0] + 4 <= n * fixture.pitch_mm)
        .unwrap_or(1)
}

/// Puts picked goods onto a shelf from the left, wide lanes wider while plates are left over.
fn place(fixture: &mut Fixture, s: usize, mut picked: Vec<(usize, u32)>, skus: &[Sku]) {
    let total = fixture.shelves[s].plates;
    let mut spare = total - picked.iter().map(|p| p.1).sum::<u32>();
    // Popular goods stand broader; which ones those are is arbitrary here.
    for turn in 0..2 {
        for (k, lane) in picked.iter_mut().enumerate() {
            if spare > 0 && lane.1 < 3 && (k + turn + s).is_multiple_of(2) {
                lane.1 += 1;
                spare -= 1;
            }
        }
    }
    let mut x_mm = fixture.first_plate_mm(s);
    for (sku, plates) in picked {
        let width_mm = (plates - 1) * fixture.pitch_mm + fixture.plate.width_mm;
        let lane = lane(fixture, s, sku, &skus[sku], x_mm, width_mm, plates);
        fixture.shelves[s].lanes.push(lane);
        x_mm += plates * fixture.pitch_mm;
    }
}

/// Lays goods side by side without regard to the plates' borders, as staff without a plan do.
pub fn lay_freely(fixtures: &mut [Fixture], skus: &[Sku], lanes_per_shelf: &[usize]) {
    let mut next = 0;
    let mut count = 0;
    for fixture in fixtures.iter_mut() {
        for s in 0..fixture.shelves.len() {
            let lanes = lanes_per_shelf[count % lanes_per_shelf.len()];
            count += 1;
            let mut x_mm = fixture.first_plate_mm(s);
            let end = fixture.width_mm - x_mm;
            let mut tries = 0;
            while fixture.shelves[s].lanes.len() < lanes && tries < skus.len() {
                let index = next % skus.len();
                tries += 1;
                next += 1;
                let sku = &skus[index];
                let facings = 1 + (s as u32 + next as u32) % 2;
                let width_mm = facings * (sku.size_mm[0] + 6);
                let heavy = sku.mass_g > HEAVY_G && fixture.shelves[s].height_mm > HEAVY_TO_MM;
                if heavy || sku.size_mm[2] + 10 > fixture.clear_mm(s) || x_mm + width_mm > end {
                    continue;
                }
                let plates = width_mm / fixture.pitch_mm + 1;
                let lane = lane(fixture, s, index, sku, x_mm, width_mm, plates);
                fixture.shelves[s].lanes.push(lane);
                x_mm += width_mm + 14;
            }
        }
    }
    let placed = |i| {
        let shelves = fixtures.iter().flat_map(|f| &f.shelves);
        shelves.flat_map(|s| &s.lanes).any(|l| l.sku == i)
    };
    let missing = (0..skus.len()).filter(|&i| !placed(i)).count();
    assert!(missing == 0, "{missing} SKUs found no shelf");
}

fn lane(
    fixture: &Fixture,
    s: usize,
    index: usize,
    sku: &Sku,
    x_mm: u32,
    width_mm: u32,
    plates: u32,
) -> Lane {
    let [w, d, h] = sku.size_mm;
    let facings = (width_mm / (w + 2)).max(1);
    let deep = fixture.plate.depth_mm / d;
    // Only what is flat is stacked.
    let high = if h <= 85 {
        ((fixture.clear_mm(s) - 20) / h).clamp(1, 3)
    } else {
        1
    };
    // Half the range is left for leaning hands.
    let bears = f64::from(plates * fixture.plate.range_g) * 0.5 / sku.mass_g;
    let capacity = (facings * deep * high).min(bears as u32).min(CAPACITY_MAX);
    Lane {
        sku: index,
        x_mm,
        width_mm,
        facings,
        capacity,
    }
}
