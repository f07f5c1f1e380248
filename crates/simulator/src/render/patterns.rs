//! Surfaces of cloth, floors, walls and shelves.

use super::dice::Dice;
use super::space::{Rgb, mixed};
use super::texture::{Atlas, Sheet, TextureId, WHITE};

/// How a cloth is patterned; an index into [`Patterns::cloths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cloth(pub usize);

/// How many patterns there are: creased plain ones first.
const PLAIN: usize = 4;
const CLOTHS: usize = 20;

/// Textures that do not depend on the shop.
#[derive(Clone, Debug)]
pub(crate) struct Patterns {
    pub cloths: Vec<TextureId>,
    pub mesh: TextureId,
}

impl Cloth {
    pub fn draw(dice: &mut Dice, patterned: bool) -> Self {
        if patterned && dice.chance(0.45) {
            Self(dice.whole(PLAIN, CLOTHS - 1))
        } else {
            Self(dice.below(PLAIN))
        }
    }
}

impl Patterns {
    pub fn new(atlas: &mut Atlas, seed: u64) -> Self {
        let cloths = (0..CLOTHS)
            .map(|i| {
                let mut dice = Dice::new(&[seed, 401, i as u64]);
                let sheet = cloth(&mut dice, i);
                atlas.add(&sheet)
            })
            .collect();
        let mut wires = Sheet::new(32, 32, [0.35; 3]);
        wires.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
            ((x * 4.0).fract() < 0.3 || (y * 4.0).fract() < 0.3).then_some([1.0; 3])
        });
        Self {
            cloths,
            mesh: atlas.add(&wires),
        }
    }

    pub fn cloth(&self, cloth: Cloth) -> TextureId {
        self.cloths.get(cloth.0).copied().unwrap_or(WHITE)
    }
}

/// Smooth noise that repeats: a sum of random waves with whole numbers of periods.
pub(crate) fn waves(
    dice: &mut Dice,
    count: usize,
    most: usize,
) -> impl Fn(f32, f32) -> f32 + use<> {
    let terms: Vec<[f32; 4]> = (0..count)
        .map(|_| {
            let k = |dice: &mut Dice| dice.whole(0, 2 * most) as f32 - most as f32;
            let (kx, ky) = (k(dice), k(dice));
            let strength = 1.0 / (1.0 + kx.hypot(ky)).sqrt();
            [kx, ky, dice.between(0.0, std::f32::consts::TAU), strength]
        })
        .collect();
    let total: f32 = terms
        .iter()
        .map(|t| t[3] * t[3])
        .sum::<f32>()
        .sqrt()
        .max(1e-6);
    move |x, y| {
        let sum: f32 = terms
            .iter()
            .map(|t| (std::f32::consts::TAU * (t[0] * x + t[1] * y) + t[2]).sin() * t[3])
            .sum();
        sum / total
    }
}

fn cloth(dice: &mut Dice, kind: usize) -> Sheet {
    let mut sheet = Sheet::new(64, 64, [0.97; 3]);
    let second = dice.pick(&[
        [0.25; 3],
        [0.45, 0.4, 0.4],
        [1.0, 0.95, 0.85],
        [0.6, 0.3, 0.3],
        [0.35, 0.4, 0.6],
    ]);
    let n = dice.whole(3, 9) as f32;
    match kind {
        0..PLAIN => {}
        4..8 => sheet.fill([0.0, 1.0], [0.0, 1.0], |_, y| {
            ((y * n).fract() < 0.45).then_some(second)
        }),
        8..10 => sheet.fill([0.0, 1.0], [0.0, 1.0], |x, _| {
            ((x * n * 2.0).fract() < 0.4).then_some(second)
        }),
        10..14 => sheet.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
            let (a, b) = ((x * n * 1.5).fract() < 0.4, (y * n).fract() < 0.4);
            match (a, b) {
                (true, true) => Some(second),
                (false, false) => None,
                _ => Some(mixed([0.97; 3], second, 0.5)),
            }
        }),
        14..16 => sheet.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
            let (u, v) = ((x * n * 1.5).fract() - 0.5, (y * n).fract() - 0.5);
            (u * u + v * v < 0.07).then_some(second)
        }),
        16..18 => {
            // A print on the chest (u = 0 is the wearer's right, the chest a quarter turn on).
            sheet.rect([0.17, 0.33], [0.2, 0.5], second);
            sheet.ellipse([0.25, 0.35], [0.06, 0.1], [0.95; 3]);
        }
        _ => sheet.fill([0.0, 1.0], [0.0, 1.0], |_, y| {
            let cut = 0.3 + 0.05 * n;
            (y > cut && y < cut + 0.3).then_some(second)
        }),
    }
    crease(dice, &mut sheet, 0.09);
    sheet
}

/// Folds and stains: slow changes of brightness, and a grain.
fn crease(dice: &mut Dice, sheet: &mut Sheet, depth: f32) {
    let folds = waves(dice, 10, 5);
    let mut grain = dice.clone();
    sheet.modulate(|x, y| 1.0 - depth + depth * folds(x, y) + 0.03 * grain.normal());
}

/// A floor: tiles, boards, terrazzo or plain.
pub(crate) fn floor(dice: &mut Dice) -> Sheet {
    let bases = [
        [0.85, 0.84, 0.82],
        [0.70, 0.69, 0.67],
        [0.55, 0.55, 0.56],
        [0.76, 0.68, 0.56],
        [0.62, 0.50, 0.38],
        [0.92, 0.92, 0.92],
        [0.40, 0.40, 0.42],
    ];
    let picked = dice.pick(&bases);
    let base = dice.near(picked, 0.15);
    let mut sheet = Sheet::new(128, 128, base);
    let joint = mixed(
        base,
        if dice.chance(0.6) {
            [0.3; 3]
        } else {
            [0.95; 3]
        },
        dice.between(0.1, 0.5),
    );
    match dice.below(5) {
        0 => {
            let n = dice.whole(2, 4) as f32;
            sheet.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
                ((x * n).fract() < 0.03 * n / 2.0 || (y * n).fract() < 0.03 * n / 2.0)
                    .then_some(joint)
            });
        }
        1 => {
            let other = dice.near(base, 0.25);
            sheet.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
                ((x * 2.0) as u32 + (y * 2.0) as u32)
                    .is_multiple_of(2)
                    .then_some(other)
            });
        }
        2 => {
            let shades: Vec<Rgb> = (0..16).map(|_| dice.near(base, 0.14)).collect();
            sheet.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
                let row = (y * 8.0) as usize;
                let along = (x * 2.0 + row as f32 * 0.37).fract() * 2.0;
                let edge = (y * 8.0).fract() < 0.09;
                Some(if edge {
                    joint
                } else {
                    shades[(row * 2 + along as usize) % 16]
                })
            });
        }
        3 => {
            for _ in 0..260 {
                let c = [dice.unit(), dice.unit()];
                let r = dice.between(0.004, 0.016);
                let spot = dice.near(joint, 0.3);
                sheet.ellipse(c, [r, r * dice.between(0.6, 1.4)], spot);
            }
        }
        _ => {}
    }
    crease(dice, &mut sheet, 0.05);
    sheet
}

/// A wall: plain, tiled, or with posters and windows on it.
pub(crate) fn wall(dice: &mut Dice) -> Sheet {
    let bases = [
        [0.93; 3],
        [0.86, 0.85, 0.82],
        [0.75, 0.78, 0.8],
        [0.6, 0.5, 0.42],
        [0.45; 3],
        [0.85, 0.75, 0.6],
    ];
    let picked = dice.pick(&bases);
    let base = dice.near(picked, 0.12);
    let mut sheet = Sheet::new(256, 128, base);
    if dice.chance(0.3) {
        let joint = mixed(base, [0.4; 3], 0.4);
        sheet.fill([0.0, 1.0], [0.0, 1.0], |x, y| {
            ((x * 24.0).fract() < 0.06 || (y * 12.0).fract() < 0.06).then_some(joint)
        });
    }
    for _ in 0..dice.below(6) {
        let (x, y) = (dice.between(0.0, 0.8), dice.between(0.1, 0.6));
        let (w, h) = (dice.between(0.05, 0.2), dice.between(0.12, 0.35));
        let frame = [dice.unit(), dice.unit(), dice.unit()];
        sheet.rect([x, x + w], [y, y + h], frame);
        for _ in 0..dice.whole(2, 9) {
            let c = [
                x + w * dice.between(0.2, 0.8),
                y + h * dice.between(0.2, 0.8),
            ];
            let ink = [dice.unit(), dice.unit(), dice.unit()];
            if dice.chance(0.5) {
                sheet.ellipse(
                    c,
                    [w * dice.between(0.05, 0.2), h * dice.between(0.05, 0.2)],
                    ink,
                );
            } else {
                let (hw, hh) = (w * dice.between(0.05, 0.2), h * dice.between(0.01, 0.08));
                sheet.rect([c[0] - hw, c[0] + hw], [c[1] - hh, c[1] + hh], ink);
            }
        }
    }
    if dice.chance(0.15) {
        // A window that the camera finds too bright.
        let x = dice.between(0.0, 0.6);
        sheet.rect([x, x + 0.35], [0.15, 0.75], [1.0; 3]);
    }
    sheet.rect([0.0, 1.0], [0.965, 1.0], mixed(base, [0.2; 3], 0.6));
    crease(dice, &mut sheet, 0.03);
    sheet
}

/// The front edge of a shelf with its price tags.
pub(crate) fn price_rail(dice: &mut Dice) -> Sheet {
    let rail = dice.pick(&[
        [0.9; 3],
        [0.75; 3],
        [0.95, 0.9, 0.6],
        [0.25; 3],
        [0.75, 0.2, 0.2],
    ]);
    let mut sheet = Sheet::new(128, 16, rail);
    let mut x = dice.between(0.0, 0.05);
    while x < 0.95 {
        let w = dice.between(0.03, 0.05);
        let tag = if dice.chance(0.8) {
            [0.98; 3]
        } else {
            [0.98, 0.9, 0.3]
        };
        sheet.rect([x, x + w], [0.15, 0.85], tag);
        sheet.rect([x + 0.2 * w, x + 0.7 * w], [0.35, 0.65], [0.2; 3]);
        x += w + dice.between(0.02, 0.08);
    }
    sheet
}
