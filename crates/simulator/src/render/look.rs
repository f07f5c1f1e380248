//! What people look like: build, skin, hair, hats, clothes, bags. Drawn from a seed.

use super::dice::Dice;
use super::patterns::Cloth;
use super::space::{Rgb, hsv, mixed};

/// Hair by its outline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hair {
    Bald,
    Short,
    Bob,
    Long,
    Ponytail,
    Bun,
}

/// What is on the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hat {
    Cap,
    Beanie,
    Hood,
    Brim,
}

/// Lower half of the clothes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bottom {
    Trousers,
    Shorts,
    /// Its length as a share of the leg.
    Skirt(f32),
}

/// What is carried on the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bag {
    Backpack,
    Shoulder,
}

/// What is pushed or carried for the goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    Basket,
    Tote,
    Trolley,
}

/// Everything about a person's appearance that does not move.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// Factor on widths of the trunk and the limbs.
    pub girth: f32,
    /// Half the width of the shoulders as a share of the height.
    pub shoulders: f32,
    pub skin: Rgb,
    pub hair: Hair,
    pub hair_colour: Rgb,
    pub beard: bool,
    pub mask: Option<Rgb>,
    pub hat: Option<(Hat, Rgb)>,
    pub top: Cloth,
    pub top_colour: Rgb,
    /// A coat or cardigan reaches down over the hips by this share of the leg.
    pub coat: f32,
    /// What shows in front of an open jacket.
    pub inner: Option<Rgb>,
    /// Sleeves end at this share of the arm.
    pub sleeve: f32,
    pub bottom: Bottom,
    pub bottom_cloth: Cloth,
    pub bottom_colour: Rgb,
    pub shoes: Rgb,
    pub bag: Option<(Bag, Rgb)>,
    pub carrier: Option<(Carrier, Rgb)>,
    pub glove: Option<Rgb>,
}

const SKIN: [Rgb; 7] = [
    [0.97, 0.86, 0.78],
    [0.94, 0.80, 0.69],
    [0.89, 0.73, 0.60],
    [0.80, 0.62, 0.48],
    [0.68, 0.49, 0.36],
    [0.53, 0.37, 0.27],
    [0.40, 0.28, 0.21],
];

const HAIR: [Rgb; 9] = [
    [0.16, 0.14, 0.14],
    [0.20, 0.17, 0.15],
    [0.28, 0.21, 0.17],
    [0.38, 0.28, 0.20],
    [0.50, 0.36, 0.24],
    [0.75, 0.62, 0.42],
    [0.90, 0.82, 0.64],
    [0.72, 0.71, 0.70],
    [0.93, 0.92, 0.90],
];

/// Colours that clothes have more often than others.
const WORN: [Rgb; 12] = [
    [0.22, 0.22, 0.24],
    [0.25, 0.27, 0.34],
    [0.27, 0.31, 0.42],
    [0.42, 0.42, 0.44],
    [0.60, 0.60, 0.62],
    [0.86, 0.86, 0.85],
    [0.95, 0.95, 0.94],
    [0.72, 0.65, 0.54],
    [0.45, 0.36, 0.28],
    [0.35, 0.40, 0.32],
    [0.55, 0.22, 0.24],
    [0.36, 0.45, 0.60],
];

impl Look {
    /// Somebody of this height. Staff wear the shop's colour.
    pub fn draw(dice: &mut Dice, height_m: f32, uniform: Option<Rgb>) -> Self {
        let child = height_m < 1.42;
        let slim = dice.chance(0.5);
        let hair = if child {
            dice.pick(&[Hair::Short, Hair::Bob, Hair::Long, Hair::Ponytail])
        } else {
            dice.pick(&[
                Hair::Short,
                Hair::Short,
                Hair::Short,
                Hair::Bob,
                Hair::Long,
                Hair::Long,
                Hair::Ponytail,
                Hair::Bun,
                Hair::Bald,
            ])
        };
        let hair_base = dice.pick(&HAIR);
        let colour = |dice: &mut Dice, bright: f32| {
            if dice.chance(0.62) {
                let base = dice.pick(&WORN);
                dice.near(base, 0.25)
            } else {
                hsv(
                    dice.unit(),
                    dice.between(0.15, 0.85),
                    dice.between(bright, 1.0),
                )
            }
        };
        let top_colour = uniform.unwrap_or_else(|| colour(dice, 0.4));
        let bottom_colour = if dice.chance(0.55) {
            let base = dice.pick(&WORN[..4]);
            dice.near(base, 0.2)
        } else {
            colour(dice, 0.3)
        };
        let hat_colour = colour(dice, 0.3);
        let bag_colour = colour(dice, 0.2);
        let shoes = if dice.chance(0.6) {
            dice.pick(&[[0.13; 3], [0.22, 0.18, 0.16], [0.9; 3], [0.5; 3]])
        } else {
            colour(dice, 0.3)
        };
        let inner = colour(dice, 0.5);
        let skin = dice.pick(&SKIN);
        let hat = match dice.unit() {
            u if u < 0.09 => Some(Hat::Cap),
            u if u < 0.14 => Some(Hat::Beanie),
            u if u < 0.18 => Some(Hat::Hood),
            u if u < 0.20 => Some(Hat::Brim),
            _ => None,
        };
        let bottom = match dice.unit() {
            u if u < 0.12 => Bottom::Shorts,
            u if u < 0.28 => Bottom::Skirt(dice.between(0.35, 0.85)),
            _ => Bottom::Trousers,
        };
        Self {
            girth: if slim {
                dice.between(0.82, 1.0)
            } else {
                dice.between(0.95, 1.4)
            },
            shoulders: dice.between(0.108, 0.132) * if child { 0.95 } else { 1.0 },
            skin: dice.near(skin, 0.06),
            hair,
            hair_colour: dice.near(hair_base, 0.15),
            beard: !child && hair != Hair::Long && dice.chance(0.15),
            mask: dice
                .chance(0.1)
                .then(|| dice.pick(&[[0.95; 3], [0.75, 0.86, 0.93], [0.15; 3]])),
            hat: hat.map(|h| {
                (
                    h,
                    if h == Hat::Hood {
                        top_colour
                    } else {
                        hat_colour
                    },
                )
            }),
            top: Cloth::draw(dice, uniform.is_none()),
            top_colour,
            coat: if dice.chance(0.2) {
                dice.between(0.15, 0.75)
            } else {
                0.0
            },
            inner: dice.chance(0.2).then_some(inner),
            sleeve: match dice.unit() {
                u if u < 0.62 => 1.0,
                u if u < 0.7 => 0.75,
                u if u < 0.95 => dice.between(0.25, 0.45),
                _ => 0.05,
            },
            bottom,
            bottom_cloth: Cloth::draw(dice, false),
            bottom_colour,
            shoes,
            bag: dice
                .chance(0.28)
                .then(|| (dice.pick(&[Bag::Backpack, Bag::Shoulder]), bag_colour)),
            carrier: None,
            glove: dice.chance(0.02).then(|| mixed(bag_colour, [0.2; 3], 0.5)),
        }
    }

    /// Something to put the goods into.
    pub fn with_carrier(mut self, dice: &mut Dice, trolley: bool) -> Self {
        let kind = if trolley {
            Carrier::Trolley
        } else {
            dice.pick(&[Carrier::Basket, Carrier::Basket, Carrier::Tote])
        };
        let colour = match kind {
            Carrier::Trolley => dice.pick(&[[0.62; 3], [0.5, 0.52, 0.55], [0.75, 0.2, 0.2]]),
            _ => hsv(dice.unit(), dice.between(0.1, 0.9), dice.between(0.3, 0.95)),
        };
        self.carrier = Some((kind, colour));
        self
    }
}
