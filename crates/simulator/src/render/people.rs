//! Draws people into a canvas: their looks, shadows, bodies and what they hold.

use super::art::{Art, Finish};
use super::body::{Detail, Tailor};
use super::figure::{Figure, Held, Skeleton};
use super::label::{Counts, PEOPLE, PersonLabel, THINGS, part};
use super::lens::Lens;
use super::look::Look;
use super::mesh::{Block, Mesh, Paint};
use super::raster::{Canvas, Rasteriser};
use super::setting::{FLOOR, Setting, on_canvas};
use super::space::{V3, v3};

/// Somebody dressed.
#[derive(Clone, Debug)]
pub(crate) struct Dressed {
    pub figure: Figure,
    pub look: Look,
    /// What each hand holds, if it shows: an art, or a phone.
    pub held: [Option<Art>; 2],
}

/// Buffers that last from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Workshop {
    mesh: Mesh,
    pub counts: Counts,
}

impl Workshop {
    /// Draws everybody, and counts what shows.
    pub fn draw(
        &mut self,
        rasteriser: &mut Rasteriser,
        canvas: &mut Canvas,
        lens: &Lens,
        setting: &Setting,
        (people, bones): (&[Dressed], &[Skeleton]),
    ) {
        self.counts.reset(people.len());
        for b in bones {
            self.shadows(rasteriser, canvas, lens, setting, b);
        }
        for (i, (person, b)) in people.iter().zip(bones).enumerate() {
            let middle = b.pelvis;
            if !on_canvas(canvas, lens, middle, b.height * 0.75) {
                continue;
            }
            let first = PEOPLE + i as u16 * THINGS;
            let tailor = Tailor {
                look: &person.look,
                bones: b,
                patterns: &setting.patterns,
                detail: Detail::at(lens.pixels_per_metre(b.head)),
            };
            let mut paint = |part: u16, make: &dyn Fn(&mut Mesh)| {
                self.mesh.clear();
                make(&mut self.mesh);
                self.mesh.lit(0, &setting.light);
                occlude(&mut self.mesh, b);
                let covered =
                    rasteriser.draw(canvas, lens, &setting.atlas, &self.mesh, first + part);
                self.counts.covered[usize::from(first + part)] += covered;
            };
            paint(part::BODY, &|m| tailor.body(m));
            paint(part::HEAD, &|m| tailor.head(m));
            for hand in 0..2 {
                paint(part::HANDS[hand], &|m| {
                    tailor.hand(m, hand, person.figure.hands[hand].holds.is_some())
                });
                if let Some(held) = person.figure.hands[hand].holds {
                    let art = person.held[hand];
                    paint(part::ITEMS[hand], &|m| hold(m, b, hand, held, art));
                }
            }
            if person.look.carrier.is_some() {
                paint(part::CARRIER, &|m| tailor.carrier(m));
            }
        }
    }

    fn shadows(
        &mut self,
        rasteriser: &mut Rasteriser,
        canvas: &mut Canvas,
        lens: &Lens,
        setting: &Setting,
        b: &Skeleton,
    ) {
        if !on_canvas(canvas, lens, b.floor, b.height) {
            return;
        }
        self.mesh.clear();
        let h = b.height;
        let low = v3(b.pelvis.x, b.pelvis.y, 0.012);
        self.mesh
            .shadow(low, [b.facing * (0.3 * h), b.right * (0.28 * h)], 0.62);
        for ankle in b.ankles {
            let at = v3(ankle.x, ankle.y, 0.014) + b.facing * (0.03 * h);
            self.mesh
                .shadow(at, [b.facing * (0.11 * h), b.right * (0.06 * h)], 0.45);
        }
        // The strongest lamps throw a long, faint one.
        for (lamp, _) in setting.light.lamps.iter().take(3) {
            let away = v3(b.floor.x - lamp.x, b.floor.y - lamp.y, 0.0);
            let far = away.norm();
            let length = (far * h / (lamp.z - h).max(0.4)).min(1.6);
            if length < 0.25 || far > 4.0 {
                continue;
            }
            let way = away.unit();
            let side = V3::UP.cross(way);
            let at = v3(b.floor.x, b.floor.y, 0.013) + way * (length * 0.5);
            self.mesh
                .shadow(at, [way * (length * 0.55), side * (0.16 * h)], 0.82);
        }
        rasteriser.draw(canvas, lens, &setting.atlas, &self.mesh, FLOOR);
    }

    /// Labels of everybody, after [`Workshop::draw`].
    pub fn labels(
        &mut self,
        canvas: &Canvas,
        lens: &Lens,
        people: &[Dressed],
        bones: &[Skeleton],
        by: usize,
    ) -> Vec<PersonLabel> {
        self.counts.scan(canvas);
        let label = |(i, (p, b)): (usize, (&Dressed, &Skeleton))| {
            self.counts
                .label((i, &p.figure), b, lens, canvas, by as f32)
        };
        people.iter().zip(bones).enumerate().map(label).collect()
    }
}

/// Everybody's joints, `seconds` from now.
pub(crate) fn skeletons(people: &[Dressed], seconds: f64) -> Vec<Skeleton> {
    let bones = |p: &Dressed| p.figure.after(seconds).skeleton(p.look.shoulders);
    people.iter().map(bones).collect()
}

/// Where the light of the ceiling does not come: under the chin, between the legs, inside the arms.
fn occlude(mesh: &mut Mesh, b: &Skeleton) {
    for v in &mut mesh.vertices {
        let up = (v.at.z / b.height).clamp(0.0, 1.0);
        let mut k = 0.78 + 0.22 * up;
        let from_head = v.at - b.head;
        if from_head.z < -0.05 {
            let beside = (from_head.x * from_head.x + from_head.y * from_head.y).sqrt();
            let below = -from_head.z;
            k *= 1.0 - 0.3 * (1.0 - beside / 0.16).max(0.0) * (1.0 - below / 0.6).max(0.0);
        }
        v.light = v.light.map(|c| c * k);
    }
}

/// What a hand holds: a package upright before the palm, or a phone.
fn hold(mesh: &mut Mesh, b: &Skeleton, hand: usize, held: Held, art: Option<Art>) {
    let way = b.hand_way[hand];
    match (held, art) {
        (_, Some(art)) => {
            let back = v3(way.x, way.y, 0.0).unit();
            let back = if back.norm() < 0.5 { b.facing } else { back };
            let right = back.cross(V3::UP);
            let middle = b.hands[hand] + way * (0.02 + art.size[1] * 0.5) + V3::UP * 0.01;
            let grip = 0.45 * art.size[2].min(0.25);
            art.stand(
                mesh,
                middle - V3::UP * grip,
                right,
                back,
                V3::UP,
                Finish::Near,
            );
        }
        (_, None) => {
            let up = (V3::UP * 0.8 + b.facing * 0.6).unit();
            let out = b.right.cross(up);
            let block = Block {
                middle: b.hands[hand] + way * 0.05,
                half: [b.right * 0.036, out * -0.005, up * 0.075],
            };
            let dark = Paint::plain([0.12; 3]);
            mesh.block(
                &block,
                Paint::plain([0.55, 0.6, 0.68]),
                dark,
                [true; 6],
                1.0,
            );
        }
    }
}
