//! What a picture shows, in pixels: heads, feet, hands, boxes, and how much of each is visible.

use super::figure::{Figure, Held, Skeleton};
use super::lens::Lens;
use super::raster::{Canvas, ThingId};
use super::space::{V3, v3};
use walkout_model::{Point2, Point3};

/// The first person's first thing in a canvas; each has [`THINGS`].
pub(crate) const PEOPLE: ThingId = 16;
/// Things of a person: body, head, two hands, two held items, carrier.
pub(crate) const THINGS: ThingId = 8;

/// Parts of a person by their number within [`THINGS`].
pub(crate) mod part {
    pub const BODY: u16 = 0;
    pub const HEAD: u16 = 1;
    pub const HANDS: [u16; 2] = [2, 3];
    pub const ITEMS: [u16; 2] = [4, 5];
    pub const CARRIER: u16 = 6;
}

/// A point on the picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spot {
    /// Pixels from the left edge; `None` behind the camera. May lie outside the picture.
    pub px: Option<[f32; 2]>,
    /// How much of what is there can be seen, 0–1; 0 outside the picture.
    pub visible: f32,
}

/// A person on a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonLabel {
    /// [`Figure::person`].
    pub person: u32,
    /// The head's middle.
    pub head: Spot,
    /// The head's radius, pixels.
    pub head_radius_px: f32,
    /// Where the person stands on the floor.
    pub floor: Spot,
    /// The hands' middles, left and right.
    pub hands: [Spot; 2],
    /// What they hold.
    pub holds: [Option<Held>; 2],
    /// The held items' boxes: left, top, right, bottom; `None` if nothing shows.
    pub item_box: [Option<[f32; 4]>; 2],
    /// The visible part's box: left, top, right, bottom; `None` if nothing shows.
    pub visible_box: Option<[f32; 4]>,
    /// Share of the person that can be seen, of what would be without other things.
    pub visible: f32,
    /// COCO's 17 keypoints: x, y and 0 (not in the picture), 1 (hidden) or 2 (visible).
    pub keypoints: [[f32; 3]; 17],
    /// The head's middle in the floor frame.
    pub head_at: Point3,
    /// The point stood on.
    pub floor_at: Point2,
    /// The hands' middles in the floor frame.
    pub hands_at: [Point3; 2],
}

/// Samples of each thing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    /// Samples that would be covered without anything before them, by thing.
    pub covered: Vec<u32>,
    seen: Vec<u32>,
    boxes: Vec<[u32; 4]>,
}

impl Counts {
    pub fn reset(&mut self, people: usize) {
        let n = usize::from(PEOPLE) + people * usize::from(THINGS);
        self.covered.clear();
        self.covered.resize(n, 0);
        self.seen.clear();
        self.seen.resize(n, 0);
        self.boxes.clear();
        self.boxes.resize(n, [u32::MAX, u32::MAX, 0, 0]);
    }

    /// Counts what can be seen.
    pub fn scan(&mut self, canvas: &Canvas) {
        for (y, row) in canvas.samples.chunks_exact(canvas.width.max(1)).enumerate() {
            for (x, s) in row.iter().enumerate() {
                let thing = usize::from(s[3]);
                if thing >= usize::from(PEOPLE) && thing < self.seen.len() {
                    self.seen[thing] += 1;
                    let b = &mut self.boxes[thing];
                    let (x, y) = (x as u32, y as u32);
                    *b = [b[0].min(x), b[1].min(y), b[2].max(x + 1), b[3].max(y + 1)];
                }
            }
        }
    }

    fn share(&self, thing: usize, overlap: f32) -> f32 {
        let covered = self.covered[thing] as f32;
        if covered < 0.5 {
            return 0.0;
        }
        (self.seen[thing] as f32 / covered * overlap).min(1.0)
    }

    fn bounds(&self, things: impl Iterator<Item = usize>, by: f32) -> Option<[f32; 4]> {
        let b = things.fold([u32::MAX, u32::MAX, 0, 0], |a, t| {
            let b = self.boxes[t];
            [
                a[0].min(b[0]),
                a[1].min(b[1]),
                a[2].max(b[2]),
                a[3].max(b[3]),
            ]
        });
        (b[2] > b[0]).then(|| b.map(|v| v as f32 / by))
    }

    /// The label of the person whose things begin at `first`. `by` is how many samples make a
    /// pixel each way; the lens is the canvas's.
    pub fn label(
        &self,
        (index, figure): (usize, &Figure),
        bones: &Skeleton,
        lens: &Lens,
        canvas: &Canvas,
        by: f32,
    ) -> PersonLabel {
        let first = usize::from(PEOPLE) + index * usize::from(THINGS);
        let thing = |part: u16| first + usize::from(part);
        let inside = |p: [f32; 2]| {
            p[0] >= 0.0 && p[1] >= 0.0 && p[0] < canvas.width as f32 && p[1] < canvas.height as f32
        };
        let spot = |at: V3, visible: f32| {
            let px = lens.pixel(at);
            Spot {
                px: px.map(|p| p.map(|v| v / by)),
                visible: if px.is_some_and(inside) { visible } else { 0.0 },
            }
        };
        // Whether nothing but the person is before a point.
        let open = |at: V3, slack: f32| {
            let view = lens.view(at);
            let Some(p) = lens.pixel(at).filter(|&p| inside(p)) else {
                return false;
            };
            let i = p[1] as usize * canvas.width + p[0] as usize;
            let own = usize::from(canvas.samples[i][3]).wrapping_sub(first) < usize::from(THINGS);
            own || canvas.nearness[i] <= slack / view.z
        };
        let head_visible = self.share(thing(part::HEAD), 1.35);
        let keypoints = keypoints(bones).map(|at| {
            let Some(p) = lens.pixel(at).filter(|&p| inside(p)) else {
                return [0.0; 3];
            };
            [p[0] / by, p[1] / by, if open(at, 1.02) { 2.0 } else { 1.0 }]
        });
        let parts = [part::BODY, part::HEAD, part::HANDS[0], part::HANDS[1]];
        let (seen, covered) = parts.iter().fold((0, 0), |(s, c), &p| {
            (s + self.seen[thing(p)], c + self.covered[thing(p)])
        });
        PersonLabel {
            person: figure.person,
            head: spot(bones.head, head_visible),
            head_radius_px: lens.pixels_per_metre(bones.head) * 0.06 * bones.height.max(1.3) / by,
            floor: spot(
                bones.floor,
                if open(bones.floor + V3::UP * 0.05, 1.05) {
                    1.0
                } else {
                    0.0
                },
            ),
            hands: [0, 1].map(|i| spot(bones.hands[i], self.share(thing(part::HANDS[i]), 1.6))),
            holds: figure.hands.map(|h| h.holds),
            item_box: part::ITEMS.map(|p| self.bounds(std::iter::once(thing(p)), by)),
            visible_box: self.bounds(parts.iter().map(|&p| thing(p)), by),
            visible: if covered == 0 {
                0.0
            } else {
                (seen as f32 / covered as f32 * 1.8).min(1.0)
            },
            keypoints,
            head_at: bones.head.point(),
            floor_at: figure.position,
            hands_at: bones.hands.map(V3::point),
        }
    }
}

/// COCO's keypoints in their order: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles.
fn keypoints(b: &Skeleton) -> [V3; 17] {
    let h = b.height;
    let right = b.face.cross(b.head_up);
    let on_head = |side: f32, front: f32, up: f32| {
        b.head + right * (side * h) + b.face * (front * h) + b.head_up * (up * h)
    };
    [
        on_head(0.0, 0.06, -0.008),
        on_head(-0.018, 0.05, 0.006),
        on_head(0.018, 0.05, 0.006),
        on_head(-0.044, 0.0, 0.0),
        on_head(0.044, 0.0, 0.0),
        b.shoulders[0],
        b.shoulders[1],
        b.elbows[0],
        b.elbows[1],
        b.wrists[0],
        b.wrists[1],
        b.hips[0],
        b.hips[1],
        b.knees[0],
        b.knees[1],
        b.ankles[0],
        b.ankles[1],
    ]
    .map(|p| v3(p.x, p.y, p.z.max(0.0)))
}
