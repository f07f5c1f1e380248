//! What cameras' networks would say of the people of a simulated shop, as long as no picture is rendered.
//!
//! A head (its middle, where the simulator has it: it goes down and forward with whoever reaches low) is found if it falls into the picture, its person would be 40 px
//! tall or more, and two of three points across it have a free line of sight past fixtures, walls and other people;
//! and then with a probability of [`Model::recall`], by a luck that lasts 0.4 s. Its error, in metres at the
//! person, is half of it lasting (0.5 s, each camera for itself) and half fresh; on top come a sway of the head about the
//! body's axis that all cameras share, and a constant error of each camera's calibration. Of two heads that nearly
//! coincide in a picture the nearer alone is found. Floor points come with larger errors, hidden ones as guesses or
//! not at all; hands with an owner vector that is wrong at times. False heads come at random and from things that keep
//! firing in one place. Nothing of who a person is reaches the detections but, on request, a noisy look.

use super::occlusion::{Body, is_behind};
use crate::draw::Draw;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use walkout_model::layout::Camera;
use walkout_model::{CameraIx, Layout, Obstacles, Pixel, Point2, Point3, StoreTime, View};
use walkout_perception::floor::{CameraFrame, HandDetection, PersonDetection, PixelPoint};

/// How good the networks are.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Share of visible heads that are found.
    pub recall: f64,
    /// Error of a head along each axis, metres at the person.
    pub head_m: f64,
    /// Error of a floor point that is visible.
    pub foot_m: f64,
    /// The same of one that is hidden, where it is guessed.
    pub foot_hidden_m: f64,
    /// Share of hidden floor points that are guessed rather than left out.
    pub foot_guessed: f64,
    /// Sway of the head about the body's axis.
    pub sway_m: f64,
    /// Constant error of a camera's calibration, pixels.
    pub calibration_px: f64,
    /// False heads a picture at random.
    pub alarms: f64,
    /// Places a camera where something keeps firing.
    pub clutter: f64,
    /// Share of visible hands that are found.
    pub hand_recall: f64,
    /// Their error.
    pub hand_m: f64,
    /// Share of owner vectors that point at somebody else.
    pub owner_wrong: f64,
    /// False hands a picture.
    pub hand_alarms: f64,
    /// Tell looks: error of a view and of one frame, in the standard deviation by which people differ.
    pub looks: Option<[f64; 2]>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            recall: 0.92,
            head_m: 0.06,
            foot_m: 0.09,
            foot_hidden_m: 0.30,
            foot_guessed: 0.4,
            sway_m: 0.03,
            calibration_px: 2.0,
            alarms: 0.06,
            clutter: 0.5,
            hand_recall: 0.75,
            hand_m: 0.06,
            owner_wrong: 0.1,
            hand_alarms: 0.1,
            looks: None,
        }
    }
}

/// A line of truth about where everybody is.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PeopleLine {
    /// When.
    pub t: StoreTime,
    /// Everybody in or near the shop.
    pub people: Vec<Person>,
}

/// Somebody as the truth has them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Person {
    /// The simulator's number.
    pub person: i64,
    /// On the floor.
    pub x: f64,
    /// On the floor.
    pub y: f64,
    /// Radians from +x.
    pub heading: f64,
    /// Crown above the floor.
    pub height_m: f64,
    /// The head's middle, which goes down and forward when they reach low; what was kept before it was told has none.
    #[serde(default)]
    pub head: Option<[f64; 3]>,
    /// Both wrists.
    pub wrists: [[f64; 3]; 2],
}

impl Person {
    /// On the floor.
    pub fn position(&self) -> Point2 {
        Point2::new(self.x, self.y)
    }
}

/// So near a head no fixture hides it: one may lean over the edge of a shelf, metres.
const OUTLINE_M: f64 = 0.15;
/// The head's middle is at this share of the height of whoever is upright.
const HEAD: f64 = 0.93;
/// A person must be so tall in the picture to be found.
const SMALLEST_PX: f64 = 40.0;
/// Half of a head's breadth.
const HALF_HEAD_M: f64 = 0.08;
/// Of two heads nearer than this in the picture (metres at the nearer) one is found.
const MERGED_M: f64 = 0.12;
/// Axes of a look.
const LOOK_AXES: usize = 12;

/// Some cameras of a shop, and their networks' lasting errors.
pub struct Networks {
    model: Model,
    eyes: Vec<Eye>,
    obstacles: Obstacles,
    sway: BTreeMap<i64, [f64; 2]>,
    clothes: BTreeMap<i64, Vec<f64>>,
    draw: Draw,
}

struct Eye {
    ix: CameraIx,
    view: View,
    offset: [f64; 2],
    clutter: Vec<Clutter>,
    lasting: BTreeMap<i64, Lasting>,
}

struct Clutter {
    pixel: Pixel,
    fires: bool,
}

#[derive(Clone, Default)]
struct Lasting {
    luck: f64,
    head: [f64; 2],
    foot: [f64; 2],
    look: Vec<f64>,
}

/// A head as it falls into a picture.
struct Candidate {
    person: usize,
    depth: f64,
    px_per_m: f64,
    head: Pixel,
}

impl Networks {
    /// The networks of `cameras`, given with their numbers in the tracker.
    pub fn new(layout: &Layout, cameras: &[Camera], model: Model, seed: u64) -> Self {
        let mut draw = Draw::new(seed, 51);
        let eyes = (0_u32..)
            .zip(cameras)
            .map(|(i, camera)| {
                let (w, h) = (f64::from(camera.width_px), f64::from(camera.height_px));
                let places = draw.poisson(model.clutter);
                Eye {
                    ix: CameraIx(i),
                    view: View::new(camera),
                    offset: [0, 1].map(|_| model.calibration_px * draw.normal()),
                    clutter: (0..places)
                        .map(|_| Clutter {
                            pixel: Pixel {
                                u: draw.between(0.0, w),
                                v: draw.between(0.0, h),
                            },
                            fires: false,
                        })
                        .collect(),
                    lasting: BTreeMap::new(),
                }
            })
            .collect();
        Self {
            model,
            eyes,
            obstacles: Obstacles::new(layout),
            sway: BTreeMap::new(),
            clothes: BTreeMap::new(),
            draw,
        }
    }

    /// What the networks say of this instant, `dt` seconds after the last.
    pub fn look(&mut self, people: &[Person], dt: f64) -> Vec<CameraFrame> {
        let bodies: Vec<Body> = people
            .iter()
            .map(|p| Body {
                at: p.position(),
                heading: p.heading,
                height_m: p.height_m,
            })
            .collect();
        self.sway
            .retain(|id, _| people.iter().any(|p| p.person == *id));
        let keep = (-dt / 0.7).exp();
        for p in people {
            let draw = &mut self.draw;
            let sway = self.sway.entry(p.person).or_default();
            *sway = sway.map(|x| draw.wander(x, keep));
            let normal = |_| draw.normal();
            self.clothes
                .entry(p.person)
                .or_insert_with(|| (0..LOOK_AXES).map(normal).collect());
        }
        let mut eyes = std::mem::take(&mut self.eyes);
        let frames = eyes
            .iter_mut()
            .map(|eye| self.look_through(eye, people, &bodies, dt))
            .collect();
        self.eyes = eyes;
        frames
    }

    fn look_through(
        &mut self,
        eye: &mut Eye,
        people: &[Person],
        bodies: &[Body],
        dt: f64,
    ) -> CameraFrame {
        let candidates = self.candidates(eye, people, bodies);
        let mut frame = CameraFrame {
            camera: eye.ix,
            detections: Vec::new(),
            hands: Vec::new(),
        };
        eye.lasting
            .retain(|id, _| people.iter().any(|p| p.person == *id));
        let mut heads = Vec::new();
        for c in &candidates {
            let person = &people[c.person];
            self.age(eye, person.person, dt);
            let lasting = eye.lasting.get(&person.person).cloned().unwrap_or_default();
            let merged = candidates.iter().any(|o| {
                o.depth < c.depth
                    && (o.head.u - c.head.u).hypot(o.head.v - c.head.v) < MERGED_M * o.px_per_m
            });
            if merged || normal_cdf(lasting.luck) > self.model.recall {
                continue;
            }
            let head = self.noisy(c.head, c.px_per_m * self.model.head_m, lasting.head, eye);
            heads.push((c.person, head));
            let detection = PersonDetection {
                head: Some(PixelPoint::new(head, c.px_per_m * self.model.head_m)),
                foot: self.foot(eye, person, c, bodies, &lasting),
                score: (0.9 + 0.12 * self.draw.normal()).clamp(0.3, 1.0) as f32,
                appearance: self.appearance(person.person, &lasting),
            };
            frame.detections.push(detection);
        }
        self.false_heads(eye, dt, &mut frame.detections);
        self.hands(eye, people, bodies, &candidates, &heads, &mut frame.hands);
        // In an order that says nothing of who is who.
        let place = |d: &PersonDetection| d.head.or(d.foot).map_or(0.0, |p| p.pixel.u);
        frame
            .detections
            .sort_by(|a, b| place(a).total_cmp(&place(b)));
        frame.hands.sort_by(|a, b| a.pixel.u.total_cmp(&b.pixel.u));
        frame
    }

    fn candidates(&self, eye: &Eye, people: &[Person], bodies: &[Body]) -> Vec<Candidate> {
        let camera = eye.view.camera();
        let mut out = Vec::new();
        for (i, p) in people.iter().enumerate() {
            let [a, b] = self.sway.get(&p.person).copied().unwrap_or_default();
            let upright = p.position().at_height(HEAD * p.height_m);
            let head = p.head.map_or(upright, |[x, y, z]| Point3::new(x, y, z));
            let at = head.floor() + Point2::new(a, b) * self.model.sway_m;
            let head = at.at_height(head.z);
            let depth = eye.view.to_camera(head)[2];
            let px_per_m = camera.focal_px[0] / depth.max(0.1);
            if depth < 0.2 || px_per_m * p.height_m < SMALLEST_PX {
                continue;
            }
            let Some(pixel) = eye.view.project(head).filter(|p| eye.view.contains(*p)) else {
                continue;
            };
            // Across the line of sight.
            let way = at - camera.position.floor();
            let side = Point2::new(-way.y, way.x) * (HALF_HEAD_M / way.norm().max(1e-6));
            let free = [-1.0, 0.0, 1.0]
                .iter()
                .filter(|k| {
                    let point = (at + side * **k).at_height(head.z);
                    self.obstacles.is_clear(camera.position, point, OUTLINE_M)
                        && !is_behind(camera.position, point, bodies, i)
                })
                .count();
            if free >= 2 {
                out.push(Candidate {
                    person: i,
                    depth,
                    px_per_m,
                    head: pixel,
                });
            }
        }
        out
    }

    fn age(&mut self, eye: &mut Eye, person: i64, dt: f64) {
        let draw = &mut self.draw;
        let lasting = eye.lasting.entry(person).or_insert_with(|| Lasting {
            luck: draw.normal(),
            head: [draw.normal(), draw.normal()],
            foot: [draw.normal(), draw.normal()],
            look: (0..LOOK_AXES).map(|_| draw.normal()).collect(),
        });
        let (luck, error, look) = ((-dt / 0.4).exp(), (-dt / 0.5).exp(), (-dt / 3.0).exp());
        lasting.luck = draw.wander(lasting.luck, luck);
        lasting.head = lasting.head.map(|x| draw.wander(x, error));
        lasting.foot = lasting.foot.map(|x| draw.wander(x, error));
        for x in &mut lasting.look {
            *x = draw.wander(*x, look);
        }
    }

    fn noisy(&mut self, at: Pixel, sigma_px: f64, lasting: [f64; 2], eye: &Eye) -> Pixel {
        let half = std::f64::consts::FRAC_1_SQRT_2 * sigma_px;
        Pixel {
            u: at.u + eye.offset[0] + half * (lasting[0] + self.draw.normal()),
            v: at.v + eye.offset[1] + half * (lasting[1] + self.draw.normal()),
        }
    }

    fn foot(
        &mut self,
        eye: &Eye,
        person: &Person,
        c: &Candidate,
        bodies: &[Body],
        lasting: &Lasting,
    ) -> Option<PixelPoint> {
        let foot = person.position().at_height(0.03);
        let camera = eye.view.camera().position;
        let pixel = eye.view.project(foot).filter(|p| eye.view.contains(*p));
        let free = pixel.is_some()
            && self.obstacles.is_clear(camera, foot, 0.05)
            && !is_behind(camera, foot, bodies, c.person);
        let depth = eye.view.to_camera(foot)[2].max(0.3);
        let px_per_m = eye.view.camera().focal_px[0] / depth;
        let error = if free {
            self.model.foot_m
        } else if self.draw.chance(self.model.foot_guessed) {
            self.model.foot_hidden_m
        } else {
            return None;
        };
        let seen = self.noisy(eye.view.project(foot)?, px_per_m * error, lasting.foot, eye);
        // The network does not know when it guesses.
        Some(PixelPoint::new(seen, px_per_m * self.model.foot_m))
    }

    fn appearance(&mut self, person: i64, lasting: &Lasting) -> Vec<f32> {
        let Some([view, fresh]) = self.model.looks else {
            return Vec::new();
        };
        let worn = self.clothes.get(&person).cloned().unwrap_or_default();
        worn.iter()
            .zip(&lasting.look)
            .map(|(w, l)| (w + view * l + fresh * self.draw.normal()) as f32)
            .collect()
    }

    fn false_heads(&mut self, eye: &mut Eye, dt: f64, out: &mut Vec<PersonDetection>) {
        let camera = eye.view.camera();
        let (w, h) = (f64::from(camera.width_px), f64::from(camera.height_px));
        let sigma = camera.focal_px[0] / 2.5 * self.model.head_m;
        let draw = &mut self.draw;
        let mut alarm = |pixel: Pixel, score: f64, draw: &mut Draw| {
            let foot = Pixel {
                u: pixel.u,
                v: pixel.v + draw.between(0.1, 0.4) * h,
            };
            out.push(PersonDetection {
                head: Some(PixelPoint::new(pixel, sigma)),
                foot: draw.chance(0.5).then(|| PixelPoint::new(foot, 1.5 * sigma)),
                score: score as f32,
                appearance: Vec::new(),
            });
        };
        for c in &mut eye.clutter {
            if draw.chance(if c.fires { dt / 0.8 } else { dt / 8.0 }) {
                c.fires = !c.fires;
            }
            if c.fires {
                let at = Pixel {
                    u: c.pixel.u + 0.3 * sigma * draw.normal(),
                    v: c.pixel.v + 0.3 * sigma * draw.normal(),
                };
                let score = draw.between(0.3, 0.7);
                alarm(at, score, draw);
            }
        }
        for _ in 0..draw.poisson(self.model.alarms) {
            let at = Pixel {
                u: draw.between(0.0, w),
                v: draw.between(0.0, h),
            };
            let score = draw.between(0.3, 0.8);
            alarm(at, score, draw);
        }
    }

    fn hands(
        &mut self,
        eye: &Eye,
        people: &[Person],
        bodies: &[Body],
        candidates: &[Candidate],
        heads: &[(usize, Pixel)],
        out: &mut Vec<HandDetection>,
    ) {
        let camera = eye.view.camera().position;
        let focal = eye.view.camera().focal_px[0];
        for c in candidates {
            for [x, y, z] in people[c.person].wrists {
                let wrist = Point3::new(x, y, z);
                let depth = eye.view.to_camera(wrist)[2];
                let pixel = eye.view.project(wrist).filter(|p| eye.view.contains(*p));
                let (Some(pixel), true) = (pixel, depth > 0.2) else {
                    continue;
                };
                // One's own trunk hides a hand too, but for what is in front of it.
                let hidden = !self.obstacles.is_clear(camera, wrist, 0.45)
                    || is_behind(camera, wrist, bodies, c.person)
                    || is_behind(camera, wrist, &bodies[c.person..=c.person], usize::MAX);
                if hidden || !self.draw.chance(self.model.hand_recall) {
                    continue;
                }
                let sigma = self.model.hand_m * focal / depth;
                let wrong = self.draw.chance(self.model.owner_wrong);
                let other = heads.iter().filter(|(p, _)| *p != c.person);
                let nearest = other.map(|(_, h)| *h).min_by(|a, b| {
                    let d = |p: &Pixel| (p.u - pixel.u).hypot(p.v - pixel.v);
                    d(a).total_cmp(&d(b))
                });
                let head = if wrong {
                    nearest.unwrap_or(c.head)
                } else {
                    c.head
                };
                let owner_sigma = 0.1 * c.px_per_m;
                let draw = &mut self.draw;
                let mut about = |p: Pixel, s: f64| Pixel {
                    u: p.u + s * draw.normal(),
                    v: p.v + s * draw.normal(),
                };
                let (pixel, owner) = (about(pixel, sigma), about(head, owner_sigma));
                out.push(HandDetection {
                    pixel,
                    sigma_px: sigma,
                    owner: Some(owner),
                    owner_sigma_px: owner_sigma,
                    score: self.draw.between(0.4, 1.0) as f32,
                });
            }
        }
        let camera = eye.view.camera();
        for _ in 0..self.draw.poisson(self.model.hand_alarms) {
            out.push(HandDetection {
                pixel: Pixel {
                    u: self.draw.between(0.0, f64::from(camera.width_px)),
                    v: self.draw.between(0.0, f64::from(camera.height_px)),
                },
                sigma_px: self.model.hand_m * focal / 2.0,
                owner: None,
                owner_sigma_px: 1.0,
                score: self.draw.between(0.3, 0.7) as f32,
            });
        }
    }
}

/// Φ(x), by Abramowitz and Stegun 26.2.17 (1964); off by 7.5e-8 at most.
fn normal_cdf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if x >= 0.0 { 1.0 - tail } else { tail }
}
