//! Draws a shop's cameras from the simulator's snapshots.

use super::art::Design;
use super::dice::{Dice, hash};
use super::figure::{Figure, Held, Skeleton};
use super::lens::Lens;
use super::look::{Bag, Look};
use super::people::{Dressed, Workshop, skeletons};
use super::raster::{Canvas, Rasteriser};
use super::sensor::{SensorConfig, develop, gather};
use super::setting::{Board, Rack, RackStyle, Room, Setting, Unit, lamps, on_canvas, shade};
use super::space::{V3, v3};
use super::{Frame, Snapshot};
use std::collections::BTreeMap;
use std::sync::Arc;
use walkout_model::layout::Fixture;
use walkout_model::{CameraIx, Point2, Point3, ShelfIx, Shop, SkuIx};

/// A unit of goods on a shelf.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stood {
    /// What it looks like; `None` for a thing that the shop does not sell.
    pub sku: Option<SkuIx>,
    /// Which shelf.
    pub shelf: ShelfIx,
    /// Middle, from the shelf's left end, metres.
    pub x_m: f64,
    /// Front face, from the shelf's front edge, metres.
    pub y_m: f64,
    /// Underside above the shelf, metres.
    pub up_m: f64,
}

/// How pictures are made.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderConfig {
    /// Width and height of the pictures; the whole camera picture is scaled to it.
    pub size_px: [u32; 2],
    /// Samples a pixel each way, 1 or 2.
    pub oversampling: u32,
    /// What sensor and codec do.
    pub sensor: SensorConfig,
    /// For how long the shutter is open, seconds. 0 freezes motion.
    pub shutter_s: f64,
    /// Materials, light and what people wear.
    pub seed: u64,
}

impl Default for RenderConfig {
    fn default() -> Self {
        Self {
            size_px: [320, 240],
            oversampling: 2,
            sensor: SensorConfig::default(),
            shutter_s: 1.0 / 60.0,
            seed: 1,
        }
    }
}

/// Draws one shop. Keeps for each camera what stands still, and draws it anew when goods move.
#[derive(Debug)]
pub struct Renderer {
    shop: Arc<Shop>,
    config: RenderConfig,
    setting: Setting,
    eyes: BTreeMap<u32, Eye>,
    looks: BTreeMap<u32, Look>,
    /// The goods of a revision, placed.
    placed: (u64, Vec<Unit>),
    /// The people of a snapshot, dressed, and their joints at each instant: all cameras see the same.
    cast: Option<Cast>,
    rasteriser: Rasteriser,
    workshop: Workshop,
    canvas: Canvas,
    light: Vec<f32>,
    uniform: [f32; 3],
}

/// What one camera remembers.
#[derive(Debug)]
struct Eye {
    lens: Lens,
    still: Canvas,
    revision: Option<u64>,
    /// What was on the shelves at that revision.
    goods: Vec<Stood>,
    gain: Option<f32>,
}

/// Label textures have this many pixels a side: enough for a package at a metre.
const LABEL_PX: usize = 64;

/// Everybody of a snapshot.
#[derive(Debug)]
struct Cast {
    figures: Vec<Figure>,
    people: Vec<Dressed>,
    bones: Vec<Vec<Skeleton>>,
}

impl Cast {
    fn new(figures: &[Figure], people: Vec<Dressed>, shutter_s: f64) -> Self {
        let moving = figures.iter().any(|f| f.velocity.norm() > 0.3);
        let instants: &[f64] = if shutter_s > 0.0 && moving {
            &[-0.5, 0.0]
        } else {
            &[0.0]
        };
        let bones = instants
            .iter()
            .map(|part| skeletons(&people, part * shutter_s));
        Self {
            figures: figures.to_vec(),
            bones: bones.collect(),
            people,
        }
    }

    /// The joints to draw: at all instants where somebody in the picture moves by a pixel or more
    /// while the shutter is open, else at the last.
    fn instants(&self, lens: &Lens, canvas: &Canvas, shutter_s: f64) -> &[Vec<Skeleton>] {
        let Some((last, _)) = self.bones.split_last() else {
            return &[];
        };
        let blurs = self.figures.iter().zip(last).any(|(f, b)| {
            let hands = f
                .hands
                .iter()
                .map(|h| Point3::default().distance(h.velocity));
            let fastest = hands.fold(f.velocity.norm(), f64::max).min(4.0);
            let moved = (fastest * shutter_s) as f32 * lens.pixels_per_metre(b.head);
            moved > 2.4 && on_canvas(canvas, lens, b.pelvis, b.height * 0.6)
        });
        &self.bones[if blurs { 0 } else { self.bones.len() - 1 }..]
    }
}

/// With more changes than this everything is drawn anew.
const CHANGES_MAX: usize = 24;

impl Eye {
    /// Draws what stands still, or only where goods have moved since.
    fn restock(
        &mut self,
        shop: &Shop,
        setting: &Setting,
        rasteriser: &mut Rasteriser,
        (goods, placed): (&[Stood], &[Unit]),
    ) {
        let changes = match self.revision {
            Some(_) => changed(&self.goods, goods),
            None => None,
        };
        let boxes: Option<Vec<[f32; 4]>> = changes.map(|changes| {
            let units = changes.iter().filter_map(|g| unit(shop, g));
            units
                .filter_map(|u| setting.bounds(&self.still, &self.lens, &u))
                .collect()
        });
        for clip in boxes.unwrap_or_else(|| vec![[0.0, 0.0, f32::MAX, f32::MAX]]) {
            self.still.clip_to(clip);
            setting.draw(rasteriser, &mut self.still, &self.lens, placed);
        }
        self.still.unclip();
        self.goods.clear();
        self.goods.extend_from_slice(goods);
    }
}

/// What is on one side only; `None` if that is much.
fn changed(before: &[Stood], after: &[Stood]) -> Option<Vec<Stood>> {
    // Both are listed shelf by shelf, so that equal runs are skipped quickly.
    let mut changes = Vec::new();
    let shelves = before
        .iter()
        .chain(after)
        .map(|g| g.shelf.0)
        .max()
        .unwrap_or(0);
    let (mut a, mut b) = (before, after);
    for shelf in 0..=shelves {
        let cut = |s: &[Stood]| s.iter().take_while(|g| g.shelf.0 == shelf).count();
        let (x, rest_a) = a.split_at(cut(a));
        let (y, rest_b) = b.split_at(cut(b));
        (a, b) = (rest_a, rest_b);
        if x == y {
            continue;
        }
        changes.extend(x.iter().filter(|g| !y.contains(g)));
        changes.extend(y.iter().filter(|g| !x.contains(g)));
        if changes.len() > CHANGES_MAX {
            return None;
        }
    }
    (a.is_empty() && b.is_empty()).then_some(changes)
}

impl Renderer {
    /// Paints the shop. Sizes are held within 16–4096 pixels a side.
    pub fn new(shop: Arc<Shop>, mut config: RenderConfig) -> Self {
        config.size_px = config.size_px.map(|s| s.clamp(16, 4096));
        config.oversampling = config.oversampling.clamp(1, 2);
        let mut dice = Dice::new(&[config.seed, 1]);
        let room = room_of(&shop);
        let light = lamps(&mut dice, &room, [1.5, 2.2]);
        let mut setting = Setting::new(&mut dice, &room, light);
        let style = RackStyle::draw(&mut dice, &mut setting.atlas);
        for fixture in &shop.layout.fixtures {
            setting.rack(&rack_of(&shop, fixture), &style);
        }
        for product in shop.catalogue.products() {
            let size = product
                .size_mm
                .map(|mm| (mm as f32 / 1000.0).clamp(0.01, 1.0));
            let art = Design::of(product).art(&mut setting.atlas, size, LABEL_PX);
            setting.arts.push(art);
        }
        let by = config.oversampling as usize;
        let [w, h] = config.size_px.map(|s| s as usize * by);
        let uniform = dice.pick(&[
            [0.75, 0.15, 0.18],
            [0.1, 0.4, 0.3],
            [0.15, 0.25, 0.6],
            [0.95, 0.6, 0.1],
        ]);
        Self {
            shop,
            config,
            setting,
            eyes: BTreeMap::new(),
            looks: BTreeMap::new(),
            placed: (0, Vec::new()),
            cast: None,
            rasteriser: Rasteriser::default(),
            workshop: Workshop::default(),
            canvas: Canvas::new(w, h),
            light: Vec::new(),
            uniform,
        }
    }

    /// The shop that is drawn.
    pub fn shop(&self) -> &Arc<Shop> {
        &self.shop
    }

    /// Forgets what stands still, so that the next frames draw it anew.
    pub fn forget(&mut self) {
        self.eyes.clear();
    }

    /// Refills `frame` with what a camera sees. False, and an empty frame, if there is no such
    /// camera.
    pub fn render(&mut self, camera: CameraIx, snapshot: &Snapshot, frame: &mut Frame) -> bool {
        let Some(description) = self.shop.layout.cameras.get(camera.usize()) else {
            *frame = Frame::default();
            return false;
        };
        let by = self.config.oversampling as usize;
        let (w, h) = (self.canvas.width, self.canvas.height);
        let eye = self.eyes.entry(camera.0).or_insert_with(|| Eye {
            lens: Lens::new(description, w as u32, h as u32),
            still: Canvas::new(w, h),
            revision: None,
            goods: Vec::new(),
            gain: None,
        });
        if eye.revision != Some(snapshot.revision) {
            if self.placed.0 != snapshot.revision {
                let units = snapshot.goods.iter().filter_map(|g| unit(&self.shop, g));
                self.placed = (snapshot.revision, units.collect());
            }
            let goods = (snapshot.goods.as_slice(), self.placed.1.as_slice());
            eye.restock(&self.shop, &self.setting, &mut self.rasteriser, goods);
            eye.revision = Some(snapshot.revision);
        }
        if self
            .cast
            .as_ref()
            .is_none_or(|c| c.figures != snapshot.figures)
        {
            let people = dress(
                snapshot,
                &mut self.looks,
                self.config.seed,
                self.uniform,
                &self.setting,
            );
            self.cast = Some(Cast::new(&snapshot.figures, people, self.config.shutter_s));
        }
        let Some(cast) = &self.cast else {
            return false;
        };
        let instants = cast.instants(&eye.lens, &self.canvas, self.config.shutter_s);
        for (i, bones) in instants.iter().enumerate() {
            self.canvas.copy_from(&eye.still);
            self.workshop.draw(
                &mut self.rasteriser,
                &mut self.canvas,
                &eye.lens,
                &self.setting,
                (&cast.people, bones),
            );
            gather(&self.canvas, by, &mut self.light, i == 0);
        }
        if instants.len() > 1 {
            let k = 1.0 / instants.len() as f32;
            self.light.iter_mut().for_each(|c| *c *= k);
        }
        let last = instants.last().map_or(&[][..], Vec::as_slice);
        frame.people = self
            .workshop
            .labels(&self.canvas, &eye.lens, &cast.people, last, by);
        // Noise follows from the camera and the time, not from how many were asked for before.
        let t = u64::from_ne_bytes(snapshot.t.0.to_ne_bytes());
        let mut dice = Dice::new(&[self.config.seed, 2, u64::from(camera.0), t]);
        develop(
            &mut self.light,
            [w / by, h / by],
            &self.config.sensor,
            &mut eye.gain,
            &mut dice,
            &mut frame.picture,
        );
        true
    }
}

fn dress(
    snapshot: &Snapshot,
    looks: &mut BTreeMap<u32, Look>,
    seed: u64,
    uniform: [f32; 3],
    setting: &Setting,
) -> Vec<Dressed> {
    // Whoever left is forgotten, or a long run grows without end.
    looks.retain(|person, _| snapshot.figures.iter().any(|f| f.person == *person));
    snapshot
        .figures
        .iter()
        .map(|figure| {
            let look = looks.entry(figure.person).or_insert_with(|| {
                let mut dice = Dice::new(&[seed, 3, u64::from(figure.person)]);
                let worn = figure.uniform.then_some(uniform);
                Look::draw(&mut dice, figure.height_m as f32, worn)
            });
            let mut look = look.clone();
            if figure.carries_basket && look.bag.is_none() {
                look.bag = Some((Bag::Shoulder, look.shoes));
            }
            let held = figure.hands.map(|hand| match hand.holds {
                Some(Held::Sku(sku)) => setting.arts.get(sku.usize()).copied(),
                _ => None,
            });
            Dressed {
                figure: figure.clone(),
                look,
                held,
            }
        })
        .collect()
}

fn room_of(shop: &Shop) -> Room {
    let (low, high) = shop.layout.floor.bounds();
    let point = |p: Point2| v3(p.x as f32, p.y as f32, 0.0);
    let cameras = shop.layout.cameras.iter().map(|c| c.position.z as f32);
    Room {
        low: [low.x as f32, low.y as f32],
        high: [high.x as f32, high.y as f32],
        walls: shop
            .layout
            .walls
            .iter()
            .map(|(a, b)| [point(*a), point(*b)])
            .collect(),
        height: cameras.fold(2.6, f32::max) + 0.15,
    }
}

fn axes_of(fixture: &Fixture) -> [V3; 2] {
    let right = V3::heading(fixture.pose.yaw as f32);
    [right, V3::UP.cross(right)]
}

fn rack_of(shop: &Shop, fixture: &Fixture) -> Rack {
    let [right, back] = axes_of(fixture);
    let at = fixture.pose.position;
    let boards = fixture.shelves.clone().filter_map(|i| {
        let s = shop.layout.shelves.get(i as usize)?;
        Some(Board {
            x: s.x_m as f32,
            y: s.y_m as f32,
            up: s.height_m as f32,
            width: s.width_m as f32,
            depth: s.depth_m as f32,
        })
    });
    Rack {
        corner: v3(at.x as f32, at.y as f32, 0.0),
        right,
        back,
        size: [fixture.width_m, fixture.depth_m, fixture.height_m].map(|v| v as f32),
        boards: boards.collect(),
    }
}

fn unit(shop: &Shop, stood: &Stood) -> Option<Unit> {
    let sku = stood.sku?;
    let product = shop.catalogue.get(sku)?;
    let shelf = shop.layout.shelves.get(stood.shelf.usize())?;
    let fixture = shop.layout.fixtures.get(shelf.fixture.usize())?;
    let [right, back] = axes_of(fixture);
    let depth = f64::from(product.size_mm[1]) / 1000.0;
    let base =
        shop.layout
            .floor_from_shelf(stood.shelf, stood.x_m, stood.y_m + depth / 2.0, stood.up_m);
    let inside = (shelf.y_m + stood.y_m) as f32;
    // Nobody sets things down quite straight.
    let turn = (hash(&[u64::from(sku.0), stood.x_m.to_bits(), stood.y_m.to_bits()]) % 1000) as f32
        / 1000.0
        - 0.5;
    Some(Unit {
        art: sku.usize(),
        base: V3::of(base),
        right: right.turned(V3::UP, turn * 0.16),
        back: back.turned(V3::UP, turn * 0.16),
        lit: shade(inside, base.z as f32, fixture.height_m as f32),
    })
}
