//! Pictures of single packages, as a shelf camera or an enrolment photo shows them: for training
//! and testing networks that tell products apart.

use super::art::{Art, Design, Finish};
use super::dice::Dice;
use super::domain::Domain;
use super::figure::{Figure, FigureHand};
use super::lens::Lens;
use super::light::Light;
use super::look::Look;
use super::mesh::{Block, Mesh, Paint};
use super::patterns::Patterns;
use super::raster::{Canvas, Rasteriser};
use super::sensor::{Picture, develop, gather};
use super::setting::any_colour;
use super::space::{V3, v3};
use super::texture::Atlas;
use walkout_model::layout::Camera;
use walkout_model::{Point2, Point3, Product};

/// How a package is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageShot {
    /// On a plain ground, in good light, from the front.
    Studio,
    /// On a shelf among others, or in a hand, in any light.
    Shop,
}

/// Packages that can be photographed one by one.
#[derive(Debug)]
pub struct Packages {
    seed: u64,
    side: u32,
    atlas: Atlas,
    patterns: Patterns,
    arts: Vec<Art>,
    rasteriser: Rasteriser,
    canvas: Canvas,
    light: Vec<f32>,
}

impl Packages {
    /// `count` invented packages of `brands` brands; pictures of `side` pixels.
    pub fn invented(seed: u64, count: usize, brands: usize, side: u32) -> Self {
        let mut made = Self::empty(seed, side);
        for i in 0..count {
            let mut dice = Dice::new(&[seed, 21, i as u64]);
            let design = Design::random(&mut dice, brands);
            let w = dice.between(0.05, 0.2);
            let h = dice.between(0.07, 0.3);
            let round = !matches!(
                design.outline,
                super::art::Outline::Carton | super::art::Outline::Pouch
            );
            let size = if round {
                [w.min(0.1), w.min(0.1), h]
            } else {
                [w, w * dice.between(0.3, 0.9), h]
            };
            let art = design.art(&mut made.atlas, size, 64);
            made.arts.push(art);
        }
        made
    }

    /// A catalogue's packages, as [`Renderer`](super::Renderer) shows them.
    pub fn of(products: &[Product], seed: u64, side: u32) -> Self {
        let mut made = Self::empty(seed, side);
        for product in products {
            let size = product
                .size_mm
                .map(|mm| (mm as f32 / 1000.0).clamp(0.01, 1.0));
            let art = Design::of(product).art(&mut made.atlas, size, 64);
            made.arts.push(art);
        }
        made
    }

    fn empty(seed: u64, side: u32) -> Self {
        let side = side.clamp(16, 1024);
        let mut atlas = Atlas::new();
        let patterns = Patterns::new(&mut atlas, seed);
        Self {
            seed,
            side,
            patterns,
            atlas,
            arts: Vec::new(),
            rasteriser: Rasteriser::default(),
            canvas: Canvas::new(side as usize * 2, side as usize * 2),
            light: Vec::new(),
        }
    }

    /// How many packages there are.
    pub fn len(&self) -> usize {
        self.arts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.arts.is_empty()
    }

    /// Shot number `n` of a package. An unknown package gives a picture without one.
    pub fn shoot(&mut self, package: usize, shot: PackageShot, n: u64, out: &mut Picture) {
        let mut dice = Dice::new(&[self.seed, 22, package as u64, n, shot as u64]);
        let dice = &mut dice;
        let plain = shot == PackageShot::Studio;
        let size = self.arts.get(package).map_or([0.1; 3], |a| a.size);
        let radius = v3(size[0], size[1], size[2]).norm() / 2.0;
        let middle = v3(0.0, 0.0, 1.0 + size[2] / 2.0);
        let yaw = if plain {
            dice.normal() * 0.25
        } else {
            dice.normal() * 0.8
        };
        let pitch = if plain {
            dice.between(0.0, 0.35)
        } else {
            dice.between(-0.2, 1.25)
        };
        let spread = if plain {
            dice.between(2.1, 2.7)
        } else {
            dice.between(1.7, 3.2)
        };
        let away = radius * spread + 0.12;
        let way = v3(
            yaw.sin() * pitch.cos(),
            yaw.cos() * pitch.cos(),
            -pitch.sin(),
        );
        let slip = if plain { 0.05 } else { 0.25 };
        let target = middle + v3(dice.normal(), dice.normal(), dice.normal()) * (radius * slip);
        let camera = self.camera(target - way * away, way, radius * spread, away, dice);
        let lens = Lens::new(&camera, self.canvas.width as u32, self.canvas.height as u32);
        let light = self.lamps(dice, plain);
        self.canvas.clear([0.5; 3]);
        let mut mesh = Mesh::default();
        self.surroundings(&mut mesh, dice, plain, size);
        if !plain {
            self.neighbours(&mut mesh, dice, size);
        }
        if let Some(art) = self.arts.get(package) {
            let tilt = if plain { 0.0 } else { dice.normal() * 0.12 };
            let up = V3::UP.turned(way, tilt);
            let right = v3(1.0, 0.0, 0.0);
            let back = up.cross(right).unit();
            art.stand(
                &mut mesh,
                middle - up * (size[2] / 2.0),
                back.cross(up),
                back,
                up,
                Finish::Near,
            );
        }
        mesh.lit(0, &light);
        self.rasteriser
            .draw(&mut self.canvas, &lens, &self.atlas, &mesh, 1);
        if !plain && dice.chance(0.45) {
            self.hand(dice, &lens, &light, middle, size);
        }
        gather(&self.canvas, 2, &mut self.light, true);
        let mut sensor = Domain::default().sensor(dice);
        if plain {
            (sensor.noise, sensor.blur_px, sensor.quality) = (1.0, 0.3, 92);
        }
        let side = self.side as usize;
        develop(&mut self.light, [side, side], &sensor, &mut None, dice, out);
    }

    fn camera(&self, eye: V3, way: V3, half: f32, away: f32, dice: &mut Dice) -> Camera {
        let side = f64::from(self.side);
        let focal = side / 2.0 * f64::from(away / (half * 0.62).max(0.01));
        Camera {
            name: "packages".into(),
            width_px: self.side,
            height_px: self.side,
            focal_px: [focal; 2],
            principal_px: [side / 2.0; 2],
            distortion: [0.0; 5],
            position: eye.point(),
            yaw: f64::from(way.y.atan2(way.x)),
            pitch: f64::from((-way.z).asin()),
            roll: f64::from(dice.normal() * 0.1),
        }
    }

    fn lamps(&self, dice: &mut Dice, plain: bool) -> Light {
        let warm = if plain {
            0.0
        } else {
            dice.between(-0.15, 0.15)
        };
        let colour = [1.0 + warm, 1.0, 1.0 - warm];
        let strength = if plain { 1.0 } else { dice.between(0.4, 1.8) };
        let lamp = v3(
            dice.between(-1.5, 1.5),
            dice.between(-2.0, 0.2),
            dice.between(1.8, 3.2),
        );
        Light {
            ambient: [
                colour.map(|c| c * 0.45 * strength),
                colour.map(|c| c * 0.25 * strength),
            ],
            lamps: vec![(lamp, colour.map(|c| c * strength * 1.6))],
        }
    }

    fn surroundings(&self, mesh: &mut Mesh, dice: &mut Dice, plain: bool, size: [f32; 3]) {
        let ground = if plain {
            dice.pick(&[[0.95; 3], [0.8; 3], [0.6, 0.6, 0.62]])
        } else {
            any_colour(dice)
        };
        let wall = if plain { ground } else { any_colour(dice) };
        let cloth = dice.below(self.patterns.cloths.len());
        let paint = |tint| {
            Paint::of(
                self.patterns.cloths[if plain { 0 } else { cloth }],
                tint,
                [4.0, 4.0],
            )
        };
        let board = Block::upright(
            v3(0.0, 0.0, 0.98),
            v3(1.0, 0.0, 0.0),
            v3(0.0, 1.0, 0.0),
            [3.0, 1.2 + size[1], 0.04],
        );
        mesh.block(
            &board,
            paint(ground),
            paint(ground),
            [true, false, false, false, false, true],
            0.3,
        );
        let behind = size[1] / 2.0 + dice.between(0.05, 0.5);
        mesh.quad(
            v3(-2.0, behind, 0.0),
            v3(4.0, 0.0, 0.0),
            v3(0.0, 0.0, 3.0),
            paint(wall),
            0.4,
        );
        mesh.quad(
            v3(-3.0, -3.0, 0.0),
            v3(6.0, 0.0, 0.0),
            v3(0.0, 6.0, 0.0),
            paint(ground),
            0.6,
        );
    }

    fn neighbours(&self, mesh: &mut Mesh, dice: &mut Dice, size: [f32; 3]) {
        for side in [-1.0_f32, 1.0] {
            if !dice.chance(0.65) || self.arts.is_empty() {
                continue;
            }
            let art = self.arts[dice.below(self.arts.len())];
            let x = side * (size[0] / 2.0 + art.size[0] / 2.0 + dice.between(0.004, 0.04));
            let base = v3(x, dice.normal() * 0.02, 1.0);
            art.stand(
                mesh,
                base,
                v3(1.0, 0.0, 0.0),
                v3(0.0, 1.0, 0.0),
                V3::UP,
                Finish::Near,
            );
        }
    }

    /// Somebody's right hand from the front, over a part of the package.
    fn hand(&mut self, dice: &mut Dice, lens: &Lens, light: &Light, middle: V3, size: [f32; 3]) {
        let side = if dice.chance(0.5) { 1.0 } else { -1.0 };
        let at = middle
            + v3(
                side * size[0] * dice.between(0.25, 0.6),
                -size[1] / 2.0 - 0.03,
                dice.normal() * size[2] * 0.2,
            );
        let reach = v3(0.0, -0.5, -0.1);
        let wrist = at - reach.unit() * -0.06;
        let look = Look::draw(dice, 1.7, None);
        let hand = |wrist: V3| FigureHand {
            wrist: wrist.point(),
            velocity: Point3::default(),
            holds: None,
        };
        let figure = Figure {
            person: 0,
            position: Point2::new(f64::from(wrist.x - 0.18), f64::from(wrist.y - 0.5)),
            velocity: Point2::default(),
            heading: std::f64::consts::FRAC_PI_2,
            height_m: 1.6,
            uniform: false,
            hands: [hand(wrist + v3(-0.5, -0.3, -0.5)), hand(wrist)],
            carries_basket: false,
            gait: 0.0,
        };
        let bones = figure.skeleton(look.shoulders);
        let tailor = super::body::Tailor {
            look: &look,
            bones: &bones,
            patterns: &self.patterns,
            detail: super::body::Detail::at(1000.0),
        };
        let mut mesh = Mesh::default();
        tailor.hand(&mut mesh, 1, true);
        let sleeve = Paint::plain(if dice.chance(0.5) {
            look.top_colour
        } else {
            look.skin
        });
        mesh.limb(bones.elbows[1], bones.wrists[1], [0.045, 0.03], 8, sleeve);
        mesh.lit(0, light);
        self.rasteriser
            .draw(&mut self.canvas, lens, &self.atlas, &mesh, 2);
    }
}
