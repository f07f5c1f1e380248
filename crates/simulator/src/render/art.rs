//! Packages: their shapes and the labels printed on them.
//!
//! Labels are drawn from a seed. Brands share their colours over all that they sell, and brands
//! share colours with one another, so that colour alone does not tell products apart: the name's
//! strokes, the picture and the layout do.

use super::dice::{Dice, hash, hash_text};
use super::mesh::{Block, Mesh, Paint, Ring};
use super::space::{Rgb, V3, mixed, scaled};
use super::texture::{Atlas, Sheet, TextureId};
use walkout_model::Product;

/// A package by its outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outline {
    Carton,
    Pouch,
    Bottle,
    Can,
    Cup,
}

/// A package's look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Art {
    pub outline: Outline,
    /// Width, depth, height, metres.
    pub size: [f32; 3],
    pub label: TextureId,
    pub side: TextureId,
    /// Caps, lids and necks.
    pub cap: Rgb,
    /// What shows where there is no label.
    pub body: Rgb,
}

/// What decides a label: a brand, a family of products and the product itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Design {
    pub brand: u64,
    pub family: u64,
    pub product: u64,
    pub outline: Outline,
}

/// All packages draw their inks from here.
const INKS: [Rgb; 14] = [
    [0.85, 0.12, 0.14],
    [0.95, 0.55, 0.10],
    [0.98, 0.83, 0.18],
    [0.45, 0.70, 0.20],
    [0.10, 0.45, 0.25],
    [0.15, 0.60, 0.75],
    [0.12, 0.28, 0.62],
    [0.42, 0.20, 0.52],
    [0.90, 0.45, 0.60],
    [0.42, 0.24, 0.14],
    [0.95, 0.93, 0.86],
    [0.97, 0.97, 0.97],
    [0.14, 0.14, 0.15],
    [0.70, 0.62, 0.42],
];

impl Design {
    /// The design of a catalogue's product; the same product looks the same in every shop.
    pub fn of(product: &Product) -> Self {
        let brand = product.name_en.split(' ').next().unwrap_or_default();
        // The last but three digits number a family in the shipped catalogues.
        let family = product.gtin.to_string();
        let family = family
            .get(..family.len().saturating_sub(3))
            .unwrap_or_default();
        Self {
            brand: hash_text(brand),
            family: hash_text(family),
            product: hash_text(&product.gtin.to_string()),
            outline: outline(product),
        }
    }

    /// Some design among `brands` brands.
    pub fn random(dice: &mut Dice, brands: usize) -> Self {
        let brand = dice.below(brands.max(1)) as u64;
        Self {
            brand,
            family: hash(&[brand, dice.below(12) as u64]),
            product: dice.seed(),
            outline: dice.pick(&[
                Outline::Carton,
                Outline::Carton,
                Outline::Pouch,
                Outline::Pouch,
                Outline::Bottle,
                Outline::Bottle,
                Outline::Can,
                Outline::Cup,
            ]),
        }
    }

    /// Draws the label and its back, `side` pixels high.
    pub fn sheets(&self, side: usize) -> (Sheet, Sheet) {
        let mut brand = Dice::new(&[31, self.brand]);
        let mut family = Dice::new(&[32, self.family]);
        let mut own = Dice::new(&[33, self.product]);
        let base = brand.pick(&INKS);
        let second = contrast(&mut brand, base);
        let ground = if family.chance(0.35) {
            brand.pick(&INKS[10..12])
        } else {
            base
        };
        let accent = if own.chance(0.5) {
            family.pick(&INKS)
        } else {
            own.pick(&INKS)
        };
        let round = matches!(self.outline, Outline::Bottle | Outline::Can | Outline::Cup);
        let (w, h) = if round {
            (side * 2, side)
        } else {
            (side, side)
        };
        let mut front = Sheet::new(w, h, ground);
        // A round package shows its label once on either side.
        let faces: &[f32] = if round { &[0.0, 0.5] } else { &[0.0] };
        let layout = family.below(5);
        for &at in faces {
            let mut area = Area {
                sheet: &mut front,
                x: at,
                w: if round { 0.5 } else { 1.0 },
            };
            let mut own = own.clone();
            area.ground(layout, &mut family.clone(), [ground, second, accent]);
            area.picture(&mut own, accent, second);
            let mut drawn = brand.clone();
            let text = contrast(&mut drawn, second);
            area.logo(&mut drawn, second, text);
            area.name(&mut own, ground);
        }
        let mut back = Sheet::new(side.max(2) / 2, side, mixed(ground, [1.0; 3], 0.1));
        small_print(&mut own, &mut back, ground);
        (front, back)
    }

    /// Adds the textures and says how a package of this size looks.
    pub fn art(&self, atlas: &mut Atlas, size: [f32; 3], side: usize) -> Art {
        let (label, back) = self.sheets(side);
        let mut own = Dice::new(&[34, self.product, self.family]);
        let mut family = Dice::new(&[35, self.family]);
        let clear = family.chance(0.5);
        Art {
            outline: self.outline,
            size,
            label: atlas.add(&label),
            side: atlas.add(&back),
            cap: own.pick(&INKS),
            body: if clear {
                mixed(own.pick(&INKS), [0.75, 0.8, 0.8], 0.5)
            } else {
                family.pick(&INKS)
            },
        }
    }
}

fn outline(product: &Product) -> Outline {
    let name = &product.name_en;
    let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
    let [w, d, h] = product.size_mm.map(f64::from);
    let round = (w - d).abs() < 0.12 * w.max(d);
    match () {
        () if has(&["can ", "can", "tuna", "beer"]) && round && h < 2.9 * w => Outline::Can,
        () if has(&["cup", "yogurt", "pudding", "noodles"]) && round => Outline::Cup,
        () if round && h > 1.7 * w => Outline::Bottle,
        () if round => Outline::Cup,
        () if has(&[
            "chips", "gummies", "candy", "nuts", "jerky", "wipes", "bread", "snack", "cake",
        ]) =>
        {
            Outline::Pouch
        }
        () if has(&["noodles", "bar", "ready meal", "rice triangle", "sandwich"]) => Outline::Pouch,
        () => Outline::Carton,
    }
}

fn contrast(dice: &mut Dice, c: Rgb) -> Rgb {
    let gap = |a: Rgb| (0..3).map(|i| (a[i] - c[i]).abs()).sum::<f32>();
    for _ in 0..6 {
        let other = dice.pick(&INKS);
        if gap(other) > 0.9 {
            return other;
        }
    }
    if c.iter().sum::<f32>() > 1.5 {
        [0.1; 3]
    } else {
        [0.97; 3]
    }
}

/// One face of a label: a share of the sheet's width.
struct Area<'a> {
    sheet: &'a mut Sheet,
    x: f32,
    w: f32,
}

impl Area<'_> {
    fn fill(&mut self, x: [f32; 2], y: [f32; 2], mut colour: impl FnMut(f32, f32) -> Option<Rgb>) {
        let (x0, w) = (self.x, self.w);
        self.sheet
            .fill(x.map(|x| x0 + x.clamp(0.0, 1.0) * w), y, |px, py| {
                colour((px - x0) / w, py)
            });
    }

    fn rect(&mut self, x: [f32; 2], y: [f32; 2], c: Rgb) {
        self.fill(x, y, |_, _| Some(c));
    }

    fn blob(&mut self, at: [f32; 2], r: [f32; 2], c: Rgb) {
        self.fill(
            [at[0] - r[0], at[0] + r[0]],
            [at[1] - r[1], at[1] + r[1]],
            |x, y| {
                let d = ((x - at[0]) / r[0]).powi(2) + ((y - at[1]) / r[1]).powi(2);
                (d < 1.0).then(|| scaled(c, 1.08 - 0.25 * d))
            },
        );
    }

    fn ground(&mut self, layout: usize, family: &mut Dice, [base, second, accent]: [Rgb; 3]) {
        let cut = family.between(0.3, 0.7);
        match layout {
            0 => self.rect([0.0, 1.0], [cut, 1.0], second),
            1 => self.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
                (y > cut + 0.3 * (x - 0.5)).then_some(accent)
            }),
            2 => self.fill([0.0, 1.0], [0.0, 1.0], |_, y| {
                Some(mixed(base, second, y * 0.8))
            }),
            3 => {
                let wave = family.between(2.0, 6.0);
                self.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
                    (y > cut + 0.08 * (x * wave * 3.1).sin()).then_some(accent)
                });
            }
            _ => {
                let n = family.whole(3, 8) as f32;
                self.fill([0.0, 1.0], [cut, 1.0], |x, _| {
                    ((x * n).fract() < 0.5).then_some(accent)
                });
            }
        }
    }

    /// Fruit, drops, grains or a cup: what is inside.
    fn picture(&mut self, own: &mut Dice, accent: Rgb, second: Rgb) {
        let at = [own.between(0.3, 0.7), own.between(0.55, 0.78)];
        let food = own.pick(&INKS);
        match own.below(5) {
            0 => {
                for _ in 0..own.whole(1, 4) {
                    let r = own.between(0.08, 0.2);
                    let p = [
                        at[0] + own.between(-0.2, 0.2),
                        at[1] + own.between(-0.1, 0.1),
                    ];
                    self.blob(p, [r, r * own.between(0.7, 1.2)], food);
                    self.blob([p[0], p[1] - r], [0.03, 0.05], [0.2, 0.5, 0.2]);
                }
            }
            1 => {
                self.blob(at, [0.3, 0.18], [0.95; 3]);
                self.blob([at[0], at[1] - 0.03], [0.25, 0.12], food);
                for _ in 0..own.whole(4, 12) {
                    let p = [
                        at[0] + own.between(-0.2, 0.2),
                        at[1] + own.between(-0.1, 0.05),
                    ];
                    let c = own.pick(&INKS);
                    self.blob(p, [0.04, 0.03], c);
                }
            }
            2 => {
                for _ in 0..own.whole(8, 20) {
                    let p = [own.unit(), own.between(0.45, 0.95)];
                    let r = own.between(0.02, 0.07);
                    self.blob(p, [r, r], food);
                }
            }
            3 => {
                let n = own.whole(3, 9) as f32;
                let turn = own.between(0.0, 6.3);
                self.fill([0.0, 1.0], [0.4, 1.0], |x, y| {
                    let (dx, dy) = (x - at[0], (y - at[1]) * 1.2);
                    let r = dx.hypot(dy);
                    let petal = 0.16 + 0.1 * (dy.atan2(dx) * n + turn).cos();
                    (r < petal).then_some(if r < 0.08 { second } else { food })
                });
            }
            _ => {
                let (w, h) = (own.between(0.2, 0.4), own.between(0.1, 0.2));
                self.rect([at[0] - w, at[0] + w], [at[1] - h, at[1] + h], food);
                self.blob(at, [w * 0.7, h * 0.7], accent);
            }
        }
    }

    fn logo(&mut self, brand: &mut Dice, ink: Rgb, text: Rgb) {
        let (x, y) = (brand.between(0.35, 0.65), brand.between(0.1, 0.2));
        let (w, h) = (brand.between(0.2, 0.4), brand.between(0.06, 0.12));
        if brand.chance(0.5) {
            self.blob([x, y], [w, h], ink);
        } else {
            self.rect([x - w, x + w], [y - h, y + h], ink);
        }
        self.line(
            brand,
            [x - 0.8 * w, x + 0.8 * w],
            [y - 0.5 * h, y + 0.5 * h],
            text,
        );
    }

    fn name(&mut self, own: &mut Dice, ground: Rgb) {
        let ink = contrast(own, ground);
        let lines = own.whole(1, 3);
        let mut y = own.between(0.28, 0.36);
        for _ in 0..lines {
            let h = own.between(0.06, 0.13);
            let w = own.between(0.2, 0.45);
            self.line(own, [0.5 - w, 0.5 + w], [y, y + h], ink);
            y += h * 1.25;
        }
        if own.chance(0.4) {
            let at = [own.pick(&[0.18, 0.82]), own.between(0.3, 0.9)];
            let c = own.pick(&INKS);
            self.blob(at, [0.13, 0.09], c);
            let text = contrast(own, c);
            self.line(
                own,
                [at[0] - 0.08, at[0] + 0.08],
                [at[1] - 0.03, at[1] + 0.03],
                text,
            );
        }
        self.line(own, [0.15, 0.6], [0.93, 0.96], ink);
    }

    /// Letters that nobody can read: strokes in cells.
    fn line(&mut self, dice: &mut Dice, x: [f32; 2], y: [f32; 2], ink: Rgb) {
        let cell = (y[1] - y[0]) * 0.85;
        let n = ((x[1] - x[0]) / cell).clamp(1.0, 14.0) as usize;
        let step = (x[1] - x[0]) / n as f32;
        for i in 0..n {
            if dice.chance(0.1) {
                continue;
            }
            let (left, right) = (x[0] + step * i as f32, x[0] + step * (i as f32 + 0.82));
            let (w, h) = (right - left, y[1] - y[0]);
            let bold = dice.between(0.2, 0.28);
            for _ in 0..dice.whole(2, 4) {
                let t = dice.pick(&[0.0, 0.4, 1.0 - bold]);
                if dice.chance(0.5) {
                    self.rect([left, right], [y[0] + t * h, y[0] + (t + bold) * h], ink);
                } else {
                    self.rect([left + t * w, left + (t + bold) * w], [y[0], y[1]], ink);
                }
            }
        }
    }
}

/// The side of a package: a table, lines of text, a bar code.
fn small_print(own: &mut Dice, sheet: &mut Sheet, ground: Rgb) {
    let ink = contrast(own, ground);
    let mut y = 0.08;
    while y < 0.6 {
        sheet.rect(
            [0.1, own.between(0.5, 0.9)],
            [y, y + 0.02],
            mixed(ink, ground, 0.3),
        );
        y += 0.05;
    }
    sheet.rect([0.15, 0.85], [0.68, 0.92], [0.98; 3]);
    let mut x = 0.2;
    while x < 0.8 {
        let w = own.between(0.01, 0.04);
        sheet.rect([x, x + w], [0.7, 0.88], [0.08; 3]);
        x += w + own.between(0.015, 0.04);
    }
}

/// How finely a package is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    Far,
    Near,
}

impl Art {
    /// Adds a package whose underside's middle is at `base`; it faces towards −`back`.
    pub fn stand(&self, mesh: &mut Mesh, base: V3, right: V3, back: V3, up: V3, finish: Finish) {
        let [w, d, h] = self.size;
        let middle = base + up * (h / 2.0);
        let white = [0.98; 3];
        let label = Paint::of(self.label, white, [1.0, 1.0]);
        let side = Paint::of(self.side, white, [1.0, 1.0]);
        let round = |rings: &[(f32, f32)], from: V3| -> Vec<Ring> {
            rings
                .iter()
                .map(|&(t, k)| Ring {
                    centre: from + up * (t * h),
                    // The label's first face (u = 0.25) looks to the front.
                    across: right * (-0.5 * w * k),
                    along: back * (-0.5 * d * k),
                })
                .collect()
        };
        let sides = if finish == Finish::Near { 14 } else { 7 };
        let body = Paint::plain(self.body);
        let cap = Paint::plain(self.cap);
        match self.outline {
            Outline::Carton => {
                let block = Block {
                    middle,
                    half: [right * (w / 2.0), back * (d / 2.0), up * (h / 2.0)],
                };
                mesh.block(
                    &block,
                    label,
                    side,
                    [
                        true,
                        finish == Finish::Near,
                        true,
                        true,
                        finish == Finish::Near,
                        true,
                    ],
                    10.0,
                );
            }
            Outline::Pouch => {
                let n = 5;
                let rings: Vec<Ring> = (0..=n)
                    .map(|i| {
                        let t = i as f32 / n as f32;
                        let fat = (std::f32::consts::PI * (0.06 + 0.88 * t)).sin().max(0.12);
                        Ring {
                            centre: base + up * (t * h),
                            across: right * (-0.5 * w * (0.9 + 0.1 * (1.0 - fat))),
                            along: back * (-0.5 * d * fat),
                        }
                    })
                    .collect();
                flipped(
                    mesh,
                    &rings,
                    sides,
                    Paint {
                        repeat: [2.0, 1.0],
                        ..label
                    },
                );
            }
            Outline::Bottle => {
                let lower = round(&[(0.0, 0.94), (0.02, 1.0), (0.16, 1.0)], base);
                let band = round(&[(0.16, 1.01), (0.62, 1.01)], base);
                let upper = round(
                    &[(0.62, 1.0), (0.72, 0.95), (0.84, 0.48), (0.90, 0.40)],
                    base,
                );
                let top = round(&[(0.90, 0.44), (1.0, 0.44)], base);
                mesh.loft(&lower, sides, body, false);
                flipped(mesh, &band, sides, label);
                mesh.loft(&upper, sides, body, false);
                mesh.loft(&top, sides, cap, false);
            }
            Outline::Can => {
                mesh.loft(
                    &round(&[(0.0, 0.85), (0.04, 0.98)], base),
                    sides,
                    Paint::plain([0.7; 3]),
                    false,
                );
                flipped(
                    mesh,
                    &round(&[(0.04, 1.0), (0.94, 1.0)], base),
                    sides,
                    label,
                );
                mesh.loft(
                    &round(&[(0.94, 0.98), (1.0, 0.85)], base),
                    sides,
                    Paint::plain([0.78; 3]),
                    false,
                );
            }
            Outline::Cup => {
                flipped(
                    mesh,
                    &round(&[(0.0, 0.78), (0.95, 1.0)], base),
                    sides,
                    label,
                );
                mesh.loft(
                    &round(&[(0.95, 1.04), (1.0, 1.03)], base),
                    sides,
                    cap,
                    false,
                );
            }
        }
    }
}

/// A loft whose texture stands upright: the loft's v runs upwards, a picture's downwards.
fn flipped(mesh: &mut Mesh, rings: &[Ring], sides: u32, paint: Paint) {
    let first = mesh.vertices.len();
    mesh.loft(rings, sides, paint, false);
    for v in &mut mesh.vertices[first..] {
        v.uv[1] = paint.repeat[1] - v.uv[1];
    }
}
