//! Rooms, goods and people that never were: frames for training, each with its labels.

use super::Frame;
use super::art::{Art, Design};
use super::cast::Casting;
use super::dice::Dice;
use super::domain::{Domain, Viewpoint};
use super::lens::Lens;
use super::mesh::{Block, Paint};
use super::people::{Workshop, skeletons};
use super::raster::{Canvas, Rasteriser};
use super::sensor::{develop, gather};
use super::setting::{Board, Rack, RackStyle, Room, Setting, Unit, any_colour, lamps, shade};
use super::space::{V3, v3};
use super::texture::Sheet;
use walkout_model::layout::Camera;
use walkout_model::{Point2, Polygon};

/// A square picture that may be laid on packages and posters: rows of red, green, blue.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Pixels a side.
    pub side: usize,
    /// `side · side · 3` bytes.
    pub rgb: Vec<u8>,
}

/// Views of one room before it is left, and groups of people in one view.
const VIEWS: u64 = 3;
const GROUPS: u64 = 4;
/// Different packages in a room.
const ARTS: usize = 48;

/// Draws random frames: frame `n` of a seed is always the same one.
#[derive(Debug)]
pub struct Studio {
    domain: Domain,
    seed: u64,
    photos: Vec<Photo>,
    room: Option<(u64, Stage)>,
    view: Option<(u64, View)>,
    rasteriser: Rasteriser,
    workshop: Workshop,
    canvas: Canvas,
    light: Vec<f32>,
}

/// A furnished room.
#[derive(Debug)]
struct Stage {
    room: Room,
    setting: Setting,
    racks: Vec<Rack>,
    units: Vec<Unit>,
}

/// A camera in it, with what stands still already drawn.
#[derive(Debug)]
struct View {
    camera: Camera,
    lens: Lens,
    still: Canvas,
    /// Where people should be so that the camera has something to see.
    focus: V3,
    reach: f32,
    /// The rack that a shelf camera watches.
    rack: Option<usize>,
}

impl Studio {
    /// Frames of a domain; the photos, if any, are mixed among the drawn labels.
    pub fn new(domain: Domain, seed: u64, photos: Vec<Photo>) -> Self {
        let domain = Domain {
            size_px: domain.size_px.map(|s| s.clamp(32, 2048)),
            oversampling: domain.oversampling.clamp(1, 2),
            ..domain
        };
        let by = domain.oversampling as usize;
        let [w, h] = domain.size_px.map(|s| s as usize * by);
        let photos = photos
            .into_iter()
            .filter(|p| p.side > 0 && p.rgb.len() == p.side * p.side * 3);
        Self {
            seed,
            photos: photos.collect(),
            room: None,
            view: None,
            rasteriser: Rasteriser::default(),
            workshop: Workshop::default(),
            canvas: Canvas::new(w, h),
            light: Vec::new(),
            domain,
        }
    }

    /// The floor that the camera of the last frame is there to watch: what of the room is about where people are to be seen.
    pub fn watched(&self) -> Polygon {
        let (Some((_, stage)), Some((_, view))) = (&self.room, &self.view) else {
            return Polygon::default();
        };
        let [low, high] = [stage.room.low, stage.room.high];
        let within = |at: f32, side: f32, i: usize| f64::from((at + side).clamp(low[i], high[i]));
        let r = view.reach;
        let corner = |dx: f32, dy: f32| {
            Point2::new(within(view.focus.x, dx, 0), within(view.focus.y, dy, 1))
        };
        Polygon {
            corners: vec![corner(-r, -r), corner(r, -r), corner(r, r), corner(-r, r)],
        }
    }

    /// Refills `frame` with frame number `n`, and gives the camera that took it. Consecutive
    /// numbers are quick: they share rooms.
    pub fn frame(&mut self, n: u64, frame: &mut Frame) -> Camera {
        let (room, view) = (n / (VIEWS * GROUPS), n / GROUPS);
        if self.room.as_ref().is_none_or(|(k, _)| *k != room) {
            let mut dice = Dice::new(&[self.seed, 11, room]);
            let stage = Stage::new(&self.domain, &mut dice, &self.photos);
            self.room = Some((room, stage));
            self.view = None;
        }
        let Some((_, stage)) = &self.room else {
            unreachable!("set above")
        };
        if self.view.as_ref().is_none_or(|(k, _)| *k != view) {
            let mut dice = Dice::new(&[self.seed, 12, view]);
            let size = [self.canvas.width, self.canvas.height];
            let mut drawn = stage.view(&self.domain, &mut dice, size);
            stage.setting.draw(
                &mut self.rasteriser,
                &mut drawn.still,
                &drawn.lens,
                &stage.units,
            );
            self.view = Some((view, drawn));
        }
        let Some((_, view)) = &self.view else {
            unreachable!("set above")
        };
        let mut dice = Dice::new(&[self.seed, 13, n]);
        let casting = Casting {
            size: stage.room.high,
            racks: &stage.racks,
            arts: &stage.setting.arts,
            focus: view.focus,
            reach: view.reach,
            rack: view.rack,
        };
        let people = casting.people(&self.domain, &mut dice);
        let by = self.domain.oversampling as usize;
        let shutter = if dice.chance(self.domain.motion) {
            f64::from(dice.between(0.02, 0.09))
        } else {
            0.0
        };
        let instants: &[f64] = if shutter > 0.0 {
            &[-0.66, -0.33, 0.0]
        } else {
            &[0.0]
        };
        let mut bones = Vec::new();
        for (i, part) in instants.iter().enumerate() {
            self.canvas.copy_from(&view.still);
            bones = skeletons(&people, part * shutter);
            self.workshop.draw(
                &mut self.rasteriser,
                &mut self.canvas,
                &view.lens,
                &stage.setting,
                (&people, &bones),
            );
            gather(&self.canvas, by, &mut self.light, i == 0);
        }
        let k = 1.0 / instants.len() as f32;
        self.light.iter_mut().for_each(|c| *c *= k);
        frame.people = self
            .workshop
            .labels(&self.canvas, &view.lens, &people, &bones, by);
        let sensor = self.domain.sensor(&mut dice);
        let size = self.domain.size_px.map(|s| s as usize);
        develop(
            &mut self.light,
            size,
            &sensor,
            &mut None,
            &mut dice,
            &mut frame.picture,
        );
        view.camera.clone()
    }
}

impl Stage {
    fn new(domain: &Domain, dice: &mut Dice, photos: &[Photo]) -> Self {
        let size = [dice.between(3.0, 9.5), dice.between(3.0, 9.5)];
        let height = dice.between(2.4, 3.9);
        let corners = [
            v3(0.0, 0.0, 0.0),
            v3(size[0], 0.0, 0.0),
            v3(size[0], size[1], 0.0),
            v3(0.0, size[1], 0.0),
        ];
        let room = Room {
            low: [0.0; 2],
            high: size,
            walls: (0..4)
                .filter(|_| dice.chance(0.85))
                .map(|i| [corners[i], corners[(i + 1) % 4]])
                .collect(),
            height,
        };
        let light = lamps(dice, &room, [0.7, 2.8]);
        let mut stage = Self {
            setting: Setting::new(dice, &room, light),
            room,
            racks: Vec::new(),
            units: Vec::new(),
        };
        for _ in 0..ARTS {
            stage.stock_up(domain, dice, photos);
        }
        stage.furnish(dice);
        for _ in 0..dice.below(domain.clutter as usize + 1) {
            stage.clutter(dice);
        }
        stage
    }

    fn stock_up(&mut self, domain: &Domain, dice: &mut Dice, photos: &[Photo]) {
        let design = Design::random(dice, domain.brands as usize);
        let w = dice.between(0.04, 0.2);
        let size = [w, w * dice.between(0.35, 1.0), dice.between(0.06, 0.3)];
        let round = !matches!(
            design.outline,
            super::art::Outline::Carton | super::art::Outline::Pouch
        );
        let size = if round {
            [w.min(0.11), w.min(0.11), size[2]]
        } else {
            size
        };
        let atlas = &mut self.setting.atlas;
        let mut art: Art = design.art(atlas, size, 32);
        if !photos.is_empty() && dice.chance(0.3) {
            let photo = &photos[dice.below(photos.len())];
            let mut sheet = Sheet::new(photo.side, photo.side, [0.0; 3]);
            for (pixel, rgb) in sheet.pixels.iter_mut().zip(photo.rgb.chunks_exact(3)) {
                *pixel = [0, 1, 2].map(|i| f32::from(rgb[i]) / 255.0);
            }
            art.label = atlas.add(&sheet);
        }
        self.setting.arts.push(art);
    }

    fn furnish(&mut self, dice: &mut Dice) {
        let style = RackStyle::draw(dice, &mut self.setting.atlas);
        let other = RackStyle::draw(dice, &mut self.setting.atlas);
        for _ in 0..dice.whole(2, 9) {
            let size = [
                dice.between(0.6, 2.4),
                dice.between(0.3, 0.65),
                dice.pick(&[0.9, 1.3, 1.5, 1.8, 2.1]),
            ];
            let quarter = dice.below(4);
            let right = V3::heading(quarter as f32 * std::f32::consts::FRAC_PI_2);
            let back = V3::UP.cross(right);
            let against_wall = dice.chance(0.6);
            let [w, h] = self.room.high;
            let along = dice.unit();
            // With its back to a wall, or anywhere.
            let corner = match (against_wall, quarter) {
                (false, _) => v3(dice.between(0.5, w - 0.5), dice.between(0.5, h - 0.5), 0.0),
                (true, 0) => v3(along * (w - size[0]).max(0.0), h - size[1], 0.0),
                (true, 1) => v3(size[1], along * (h - size[0]).max(0.0), 0.0),
                (true, 2) => v3(w - along * (w - size[0]).max(0.0), size[1], 0.0),
                (true, _) => v3(w - size[1], h - along * (h - size[0]).max(0.0), 0.0),
            };
            let middle = corner + right * (size[0] / 2.0) + back * (size[1] / 2.0);
            let apart = |r: &Rack| {
                let m = r.corner + r.right * (r.size[0] / 2.0) + r.back * (r.size[1] / 2.0);
                (m - middle).norm() > (size[0] + r.size[0]) * 0.5 + 0.25
            };
            if !self.racks.iter().all(apart) {
                continue;
            }
            let n = dice.whole(2, 6);
            let boards = (0..n).map(|i| Board {
                x: 0.02,
                y: if dice.chance(0.7) {
                    0.02
                } else {
                    0.02 + 0.03 * i as f32
                },
                up: 0.14 + (size[2] - 0.3) * i as f32 / n as f32,
                width: size[0] - 0.04,
                depth: (size[1] - 0.06 - 0.03 * i as f32).max(0.15),
            });
            let rack = Rack {
                corner,
                right,
                back,
                size,
                boards: boards.collect(),
            };
            self.setting
                .rack(&rack, if dice.chance(0.7) { &style } else { &other });
            self.fill(dice, &rack);
            self.racks.push(rack);
        }
    }

    fn fill(&mut self, dice: &mut Dice, rack: &Rack) {
        let fullness = dice.between(0.4, 1.0);
        for (i, board) in rack.boards.iter().enumerate() {
            let room = rack
                .boards
                .get(i + 1)
                .map_or(0.4, |next| next.up - board.up)
                - 0.04;
            let mut x = 0.01;
            while x < board.width - 0.04 {
                let art = dice.below(self.setting.arts.len());
                let size = self.setting.arts[art].size;
                let facings = dice.whole(1, 3);
                let skip = size[2] > room || !dice.chance(fullness);
                for _ in 0..facings {
                    if x + size[0] > board.width {
                        break;
                    }
                    let rows = ((board.depth / size[1].max(0.02)) as usize).clamp(1, 4);
                    for row in 0..if skip { 0 } else { dice.whole(1, rows) } {
                        let y = board.y + 0.01 + size[1] * (row as f32 + 0.5);
                        let turn = dice.normal() * 0.05;
                        let at = rack.corner
                            + rack.right * (board.x + x + size[0] / 2.0)
                            + rack.back * y;
                        self.units.push(Unit {
                            art,
                            base: at + V3::UP * board.up,
                            right: rack.right.turned(V3::UP, turn),
                            back: rack.back.turned(V3::UP, turn),
                            lit: shade(y, board.up, rack.size[2]),
                        });
                    }
                    x += size[0] * dice.between(1.02, 1.15);
                }
                x += dice.between(0.0, 0.03);
            }
        }
    }

    /// Balls, drums, crates, signs and dummies' heads: nobody.
    fn clutter(&mut self, dice: &mut Dice) {
        let at = v3(
            dice.between(0.2, self.room.high[0] - 0.2),
            dice.between(0.2, self.room.high[1] - 0.2),
            0.0,
        );
        let head_like = dice.pick(&[
            [0.2, 0.17, 0.15],
            [0.8, 0.62, 0.5],
            [0.9, 0.85, 0.7],
            [0.3; 3],
        ]);
        let colour = if dice.chance(0.4) {
            dice.near(head_like, 0.2)
        } else {
            any_colour(dice)
        };
        let cloth = dice.below(self.setting.patterns.cloths.len());
        let r = dice.between(0.05, 0.3);
        let up = dice.pick(&[0.0, 0.4, 0.8, 1.2, 1.6, 2.1]);
        let kind = dice.below(5);
        let long = dice.between(0.2, 1.6);
        let turn = V3::heading(dice.between(0.0, 6.3));
        self.setting.add(|mesh, patterns| {
            let paint = Paint::of(patterns.cloths[cloth], colour, [1.0, 1.0]);
            let middle = at + V3::UP * (up + r);
            match kind {
                0 => mesh.ellipsoid(
                    middle,
                    [v3(r, 0.0, 0.0), v3(0.0, r, 0.0), v3(0.0, 0.0, r)],
                    [0.0, 1.0],
                    8,
                    paint,
                ),
                1 => mesh.limb(
                    at + V3::UP * 0.02,
                    at + V3::UP * long,
                    [r, r * 0.9],
                    10,
                    paint,
                ),
                2 => {
                    let block = Block::upright(
                        at + V3::UP * (long * 0.3),
                        turn,
                        V3::UP.cross(turn),
                        [r * 2.5, r * 2.0, long * 0.6],
                    );
                    mesh.block(&block, paint, paint, [true; 6], 0.4);
                }
                3 => {
                    let block = Block::upright(
                        at + V3::UP * 2.1,
                        turn,
                        V3::UP.cross(turn),
                        [0.9, 0.02, 0.35],
                    );
                    mesh.block(&block, paint, paint, [true; 6], 0.4);
                }
                _ => {
                    let side = V3::UP.cross(turn);
                    mesh.limb(
                        at + V3::UP * 0.03,
                        at + V3::UP * (0.4 + up * 0.5),
                        [0.05, 0.04],
                        6,
                        paint,
                    );
                    let top = at + V3::UP * (0.5 + up * 0.5);
                    mesh.ellipsoid(
                        top,
                        [side * 0.08, turn * -0.1, V3::UP * 0.12],
                        [0.0, 1.0],
                        8,
                        paint,
                    );
                }
            }
        });
    }

    fn view(&self, domain: &Domain, dice: &mut Dice, size: [usize; 2]) -> View {
        let kind = domain.viewpoint(dice);
        let [w, h] = self.room.high;
        let inside = |dice: &mut Dice, edge: f32| {
            v3(
                dice.between(edge, w - edge),
                dice.between(edge, h - edge),
                0.0,
            )
        };
        let top = domain.camera_m[1].min(self.room.height - 0.08);
        let up = dice.between(domain.camera_m[0].min(top), top);
        let mut rack = None;
        let (eye, yaw, pitch, focus, reach) = match kind {
            Viewpoint::Oblique | Viewpoint::Down => {
                let eye = inside(dice, 0.1) + V3::UP * up;
                let focus = inside(dice, 0.6);
                let flat = v3(focus.x - eye.x, focus.y - eye.y, 0.0);
                let aim = dice.between(0.6, 1.6);
                let wanted = (up - aim).atan2(flat.norm()).to_degrees();
                let pitch = if kind == Viewpoint::Down {
                    dice.between(70.0, 90.0)
                } else {
                    wanted.clamp(18.0, 70.0)
                };
                let yaw = flat.y.atan2(flat.x);
                // What the axis meets at chest height.
                let away = (up - 1.1).max(0.2) / pitch.to_radians().tan().max(0.1);
                let focus = v3(eye.x, eye.y, 0.0) + V3::heading(yaw) * away.min(6.0);
                (eye, yaw, pitch, focus, (up * 0.9).max(1.6))
            }
            Viewpoint::Shelf => {
                let i = dice.below(self.racks.len());
                let fallback = inside(dice, 0.6);
                let Some(r) = self.racks.get(i) else {
                    let eye = fallback + V3::UP * 1.8;
                    return self.finish(
                        domain,
                        dice,
                        size,
                        kind,
                        (eye, 0.0, 60.0, fallback, 1.0),
                        None,
                    );
                };
                rack = Some(i);
                let x = dice.between(0.1, 0.9) * r.size[0];
                let out = dice.between(0.05, 0.75);
                let up = dice.between(1.2, 2.3).min(self.room.height - 0.1);
                let eye = r.corner + r.right * x - r.back * out + V3::UP * up;
                // Down the front of the shelf, into it, or along it.
                let target = r.corner + r.right * (x + dice.between(-0.7, 0.7))
                    - r.back * dice.between(-0.2, 0.6);
                let target = target + V3::UP * (up - dice.between(0.5, 1.3)).max(0.1);
                let d = target - eye;
                let yaw = d.y.atan2(d.x);
                let pitch = (-d.z).atan2(d.x.hypot(d.y)).to_degrees().clamp(25.0, 90.0);
                let focus = r.corner + r.right * x - r.back * 0.5;
                (eye, yaw, pitch, focus, 0.6)
            }
        };
        self.finish(
            domain,
            dice,
            size,
            kind,
            (eye, yaw, pitch, focus, reach),
            rack,
        )
    }

    fn finish(
        &self,
        domain: &Domain,
        dice: &mut Dice,
        size: [usize; 2],
        kind: Viewpoint,
        (eye, yaw, pitch, focus, reach): (V3, f32, f32, V3, f32),
        rack: Option<usize>,
    ) -> View {
        let [w, h] = domain.size_px.map(f64::from);
        let angle = dice
            .between(domain.view_deg[0], domain.view_deg[1])
            .to_radians();
        let focal = w / 2.0 / f64::from((angle / 2.0).tan());
        let k1 = if dice.chance(0.75) {
            -dice.between(0.0, domain.barrel)
        } else {
            0.0
        };
        let roll = if kind == Viewpoint::Oblique {
            dice.normal() * 0.04
        } else {
            dice.between(-3.1, 3.1)
        };
        let camera = Camera {
            name: "studio".into(),
            width_px: domain.size_px[0],
            height_px: domain.size_px[1],
            focal_px: [focal, focal * f64::from(dice.between(0.96, 1.04))],
            principal_px: [
                w / 2.0 + f64::from(dice.normal()) * 3.0,
                h / 2.0 + f64::from(dice.normal()) * 3.0,
            ],
            distortion: [f64::from(k1), f64::from(0.9 * k1 * k1), 0.0, 0.0, 0.0],
            position: eye.point(),
            yaw: f64::from(yaw),
            pitch: f64::from(pitch.to_radians()),
            roll: f64::from(roll),
        };
        View {
            lens: Lens::new(&camera, size[0] as u32, size[1] as u32),
            camera,
            still: Canvas::new(size[0], size[1]),
            focus,
            reach,
            rack,
        }
    }
}
