//! What stands still: floor, walls, ceiling, fixtures with their shelves, and the goods on them.

use super::art::{Art, Finish};
use super::dice::Dice;
use super::lens::Lens;
use super::light::Light;
use super::mesh::{Block, Mesh, Paint};
use super::patterns::{self, Patterns};
use super::raster::{Canvas, Rasteriser, ThingId};
use super::space::{Rgb, V3, hsv, scaled, v3};
use super::texture::{Atlas, TextureId};

/// The floor, in a canvas.
pub(crate) const FLOOR: ThingId = 1;
/// Everything else that stands still.
pub(crate) const FURNITURE: ThingId = 2;
/// Goods on shelves.
pub(crate) const GOODS: ThingId = 3;

/// The surroundings of people.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub atlas: Atlas,
    pub patterns: Patterns,
    pub light: Light,
    pub floor: Mesh,
    pub furniture: Mesh,
    pub arts: Vec<Art>,
    /// What is beyond everything else.
    backdrop: Rgb,
}

/// A unit of goods at rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    /// Index into [`Setting::arts`].
    pub art: usize,
    /// Middle of the underside.
    pub base: V3,
    /// Along the front to the right, and away from the shopper.
    pub right: V3,
    pub back: V3,
    /// How much of the light reaches it.
    pub lit: f32,
}

/// A fixture: where its front left corner stands, and its boards.
#[derive(Clone, Debug)]
pub(crate) struct Rack {
    pub corner: V3,
    pub right: V3,
    pub back: V3,
    /// Width, depth, height.
    pub size: [f32; 3],
    pub boards: Vec<Board>,
}

/// A board of a [`Rack`], in its frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Board {
    pub x: f32,
    pub y: f32,
    pub up: f32,
    pub width: f32,
    pub depth: f32,
}

/// Colours and make of fixtures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RackStyle {
    pub frame: Rgb,
    pub board: Rgb,
    pub back: Rgb,
    pub rail: TextureId,
    /// Has side panels.
    pub sides: bool,
}

/// The room's shape.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub low: [f32; 2],
    pub high: [f32; 2],
    pub walls: Vec<[V3; 2]>,
    pub height: f32,
}

impl RackStyle {
    pub fn draw(dice: &mut Dice, atlas: &mut Atlas) -> Self {
        let frame = dice.pick(&[
            [0.85; 3],
            [0.7; 3],
            [0.3; 3],
            [0.16; 3],
            [0.65, 0.5, 0.36],
            [0.92; 3],
        ]);
        let board = if dice.chance(0.7) {
            frame
        } else {
            dice.pick(&[[0.9; 3], [0.72, 0.58, 0.42], [0.55; 3]])
        };
        let rail = patterns::price_rail(dice);
        Self {
            frame: dice.near(frame, 0.1),
            board: dice.near(board, 0.1),
            back: scaled(dice.near(frame, 0.2), 0.85),
            rail: atlas.add(&rail),
            sides: dice.chance(0.6),
        }
    }
}

/// Lamps in rows under a ceiling, of a colour and strength that a draw decides.
pub(crate) fn lamps(dice: &mut Dice, room: &Room, bright: [f32; 2]) -> Light {
    let warm = dice.between(-0.12, 0.15);
    let colour = [1.0 + warm, 1.0, 1.0 - warm];
    let span = [0, 1].map(|i| room.high[i] - room.low[i]);
    let n = span.map(|s| ((s / dice.between(1.8, 3.0)).round() as usize).clamp(1, 4));
    let strength = dice.between(bright[0], bright[1]) / ((n[0] * n[1]) as f32).powf(0.35);
    let mut light = Light {
        ambient: [
            scaled(colour, 0.2 * strength),
            scaled(colour, 0.09 * strength),
        ],
        lamps: Vec::new(),
    };
    for i in 0..n[0] {
        for j in 0..n[1] {
            let at = |k: usize, n: usize, axis: usize| {
                room.low[axis] + span[axis] * (k as f32 + 0.5) / n as f32
            };
            let lamp = v3(at(i, n[0], 0), at(j, n[1], 1), room.height - 0.05);
            let own = dice.between(0.7, 1.15) * strength * 1.7;
            light.lamps.push((lamp, scaled(colour, own)));
        }
    }
    light
}

impl Setting {
    /// An empty room.
    pub fn new(dice: &mut Dice, room: &Room, light: Light) -> Self {
        let mut atlas = Atlas::new();
        let patterns = Patterns::new(&mut atlas, dice.seed());
        let mut setting = Self {
            atlas,
            patterns,
            light,
            floor: Mesh::default(),
            furniture: Mesh::default(),
            arts: Vec::new(),
            backdrop: dice.pick(&[[0.9; 3], [0.6; 3], [0.35, 0.4, 0.45], [0.75, 0.7, 0.6]]),
        };
        setting.shell(dice, room);
        setting
    }

    fn shell(&mut self, dice: &mut Dice, room: &Room) {
        let sheet = patterns::floor(dice);
        let tiles = self.atlas.add(&sheet);
        let out = 14.0;
        let corner = v3(room.low[0] - out, room.low[1] - out, 0.0);
        let x = v3(room.high[0] - room.low[0] + 2.0 * out, 0.0, 0.0);
        let y = v3(0.0, room.high[1] - room.low[1] + 2.0 * out, 0.0);
        let metres = dice.between(0.8, 2.2);
        let paint = Paint::of(tiles, [1.0; 3], [x.norm() / metres, y.norm() / metres]);
        self.floor.quad(corner, x, y, paint, 0.6);
        self.floor.lit(0, &self.light);
        let sheet = patterns::wall(dice);
        let texture = self.atlas.add(&sheet);
        let mesh = &mut self.furniture;
        for [a, b] in &room.walls {
            let along = *b - *a;
            let up = v3(0.0, 0.0, room.height);
            let paint = Paint::of(texture, [1.0; 3], [(along.norm() / 4.0).max(0.25), 1.0]);
            mesh.quad(*a, along, up, paint, 0.4);
            mesh.quad(*b, -along, up, paint, 0.4);
        }
        let ceiling = Paint::plain(dice.pick(&[[0.95; 3], [0.8; 3], [0.3; 3]]));
        let above = V3::UP * room.height;
        mesh.quad(corner + y + above, x, -y, ceiling, 0.8);
        mesh.lit(0, &self.light);
        // Lamps shine themselves: lit after the rest, or not at all.
        let glow = mesh.vertices.len();
        for (lamp, _) in self.light.lamps.clone() {
            let (w, d) = (0.6, 0.3);
            mesh.quad(
                lamp + v3(-w, d, 0.04),
                v3(2.0 * w, 0.0, 0.0),
                v3(0.0, -2.0 * d, 0.0),
                Paint::plain([1.9; 3]),
                2.0,
            );
        }
        debug_assert!(mesh.vertices.len() >= glow);
    }

    /// Adds a fixture.
    pub fn rack(&mut self, rack: &Rack, style: &RackStyle) {
        let from = self.furniture.vertices.len();
        let mesh = &mut self.furniture;
        let [w, d, h] = rack.size;
        let at = |x: f32, y: f32, z: f32| rack.corner + rack.right * x + rack.back * y + V3::UP * z;
        let panel = |mesh: &mut Mesh, middle: V3, size: [f32; 3], tint: Rgb| {
            let block = Block::upright(middle, rack.right, rack.back, size);
            mesh.block(
                &block,
                Paint::plain(tint),
                Paint::plain(tint),
                [true, true, true, true, true, true],
                0.4,
            );
        };
        panel(
            mesh,
            at(w / 2.0, d - 0.015, h / 2.0),
            [w, 0.03, h],
            style.back,
        );
        let base = rack.boards.iter().map(|b| b.up).fold(h, f32::min).min(0.3);
        if base > 0.06 {
            panel(
                mesh,
                at(w / 2.0, d / 2.0, (base - 0.03) / 2.0),
                [w, d, base - 0.03],
                style.frame,
            );
        }
        for x in [0.01, w - 0.01] {
            if style.sides {
                panel(mesh, at(x, d / 2.0, h / 2.0), [0.02, d, h], style.frame);
            } else {
                panel(mesh, at(x, d - 0.03, h / 2.0), [0.04, 0.05, h], style.frame);
            }
        }
        for b in &rack.boards {
            let middle = at(b.x + b.width / 2.0, b.y + b.depth / 2.0, b.up - 0.0125);
            let block = Block::upright(middle, rack.right, rack.back, [b.width, b.depth, 0.025]);
            let paint = Paint::plain(style.board);
            mesh.block(
                &block,
                paint,
                paint,
                [false, false, true, true, true, true],
                0.4,
            );
            let rail = Paint::of(style.rail, [1.0; 3], [b.width / 0.9, 1.0]);
            mesh.quad(
                at(b.x, b.y - 0.008, b.up - 0.04),
                rack.right * b.width,
                V3::UP * 0.045,
                rail,
                0.4,
            );
        }
        mesh.lit(from, &self.light);
        // The deeper in the shelf and the lower, the darker.
        for v in &mut mesh.vertices[from..] {
            let inside = (v.at - rack.corner).dot(rack.back);
            if inside > 0.02 && inside < d - 0.001 && v.at.z < h - 0.02 {
                v.light = scaled(v.light, shade(inside, v.at.z, h));
            }
        }
    }

    /// Adds a thing made by `make`, lit.
    pub fn add(&mut self, make: impl FnOnce(&mut Mesh, &Patterns)) {
        let from = self.furniture.vertices.len();
        make(&mut self.furniture, &self.patterns);
        self.furniture.lit(from, &self.light);
    }

    /// Draws everything that stands still, goods included.
    pub fn draw(
        &self,
        rasteriser: &mut Rasteriser,
        canvas: &mut Canvas,
        lens: &Lens,
        units: &[Unit],
    ) {
        canvas.clear(self.backdrop);
        rasteriser.draw(canvas, lens, &self.atlas, &self.furniture, FURNITURE);
        self.goods(rasteriser, canvas, lens, units);
        rasteriser.draw(canvas, lens, &self.atlas, &self.floor, FLOOR);
    }

    fn goods(&self, rasteriser: &mut Rasteriser, canvas: &mut Canvas, lens: &Lens, units: &[Unit]) {
        let mut mesh = Mesh::default();
        for unit in units {
            let Some(art) = self.arts.get(unit.art) else {
                continue;
            };
            let centre = unit.base + V3::UP * (art.size[2] / 2.0);
            let radius = (art.size[0] + art.size[1] + art.size[2]) / 2.0;
            let view = lens.view(centre);
            if view.z < -radius || !on_canvas(canvas, lens, centre, radius) {
                continue;
            }
            let scale = lens.pixels_per_metre(centre);
            let finish = if scale * art.size[2] > 28.0 {
                Finish::Near
            } else {
                Finish::Far
            };
            mesh.clear();
            art.stand(&mut mesh, unit.base, unit.right, unit.back, V3::UP, finish);
            mesh.lit(0, &self.light);
            for v in &mut mesh.vertices {
                v.light = scaled(v.light, unit.lit);
            }
            rasteriser.draw(canvas, lens, &self.atlas, &mesh, GOODS);
        }
    }

    /// The box on the canvas outside which a unit surely does not show; `None` if it shows nowhere.
    pub fn bounds(&self, canvas: &Canvas, lens: &Lens, unit: &Unit) -> Option<[f32; 4]> {
        let art = self.arts.get(unit.art)?;
        let centre = unit.base + V3::UP * (art.size[2] / 2.0);
        let radius = (art.size[0] + art.size[1] + art.size[2]) / 2.0;
        if !on_canvas(canvas, lens, centre, radius) {
            return None;
        }
        let all = [0.0, 0.0, canvas.width as f32, canvas.height as f32];
        let Some([x, y]) = lens.pixel(centre) else {
            return Some(all);
        };
        if (centre - lens.eye).norm() < radius * 3.0 {
            return Some(all);
        }
        let r = radius * lens.pixels_per_metre(centre) * 1.7 + 3.0;
        Some([x - r, y - r, x + r, y + r])
    }
}

/// How much light comes into a shelf, this far from its front.
pub(crate) fn shade(inside: f32, up: f32, height: f32) -> f32 {
    let deep = (1.0 - 1.1 * inside).clamp(0.45, 1.0);
    let low = 0.8 + 0.2 * (up / height.max(0.3)).clamp(0.0, 1.0);
    deep * low
}

/// Whether something of this radius may show. Things beside the camera are kept.
pub(crate) fn on_canvas(canvas: &Canvas, lens: &Lens, centre: V3, radius: f32) -> bool {
    let distance = (centre - lens.eye).norm();
    if distance < radius * 2.0 + 0.3 {
        return true;
    }
    let Some([x, y]) = lens.pixel(centre) else {
        // Behind the lens's plane; wide lenses do not see that far round.
        return (centre - lens.eye).dot(lens.forward) > -radius;
    };
    let margin = radius * lens.pixels_per_metre(centre) * 1.6 + 4.0;
    let [left, top, right, bottom] = canvas.clip.map(|v| v as f32);
    x > left - margin && y > top - margin && x < right + margin && y < bottom + margin
}

/// Some saturated or dull colour.
pub(crate) fn any_colour(dice: &mut Dice) -> Rgb {
    hsv(dice.unit(), dice.between(0.0, 0.9), dice.between(0.15, 1.0))
}
