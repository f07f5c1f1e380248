//! The surfaces of a person: trunk, limbs, head with hair and hat, hands, bag and trolley.

use super::figure::Skeleton;
use super::look::{Bag, Bottom, Carrier, Hair, Hat, Look};
use super::mesh::{Block, Mesh, Paint, Ring};
use super::patterns::Patterns;
use super::space::{V3, mixed, scaled};

/// Sides of limbs and trunk: near the camera and far away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detail {
    pub limb: u32,
    pub trunk: u32,
    pub head: u32,
}

impl Detail {
    /// As much as shows at this scale.
    pub fn at(pixels_per_metre: f32) -> Self {
        match pixels_per_metre {
            p if p > 260.0 => Self {
                limb: 10,
                trunk: 16,
                head: 10,
            },
            p if p > 60.0 => Self {
                limb: 6,
                trunk: 12,
                head: 7,
            },
            _ => Self {
                limb: 5,
                trunk: 8,
                head: 5,
            },
        }
    }
}

/// Draws the parts of one person.
pub(crate) struct Tailor<'a> {
    pub look: &'a Look,
    pub bones: &'a Skeleton,
    pub patterns: &'a Patterns,
    pub detail: Detail,
}

impl Tailor<'_> {
    fn top(&self) -> Paint {
        Paint::of(
            self.patterns.cloth(self.look.top),
            self.look.top_colour,
            [1.0, 1.0],
        )
    }

    fn bottom(&self) -> Paint {
        Paint::of(
            self.patterns.cloth(self.look.bottom_cloth),
            self.look.bottom_colour,
            [1.0, 1.0],
        )
    }

    fn skin(&self) -> Paint {
        Paint::plain(self.look.skin)
    }

    fn ring(&self, up_share: f32, half: [f32; 2], forward: f32) -> Ring {
        let b = self.bones;
        let h = b.height;
        let front = b.right.cross(b.spine) * -1.0;
        Ring {
            centre: b.pelvis + b.spine * (up_share * h) + front * (forward * h),
            across: b.right * (half[0] * h),
            along: front * (half[1] * h),
        }
    }

    /// Trunk, arms to the wrists, legs, feet, neck.
    pub fn body(&self, mesh: &mut Mesh) {
        let (b, look) = (self.bones, self.look);
        let (h, g) = (b.height, look.girth);
        let belly = (g - 0.95).max(0.0) * 0.05;
        let s = look.shoulders;
        let trunk = [
            self.ring(-0.055, [0.082 * g, 0.06 * g], 0.0),
            self.ring(0.0, [0.097 * g, 0.070 * g], -0.004),
            self.ring(0.09, [0.083 * g, 0.060 * g + belly], belly),
            self.ring(0.19, [0.096 * g, 0.068 * g], 0.006),
            self.ring(0.255, [s * 0.98, 0.058 * g.sqrt()], 0.0),
            self.ring(0.284, [s * 0.86, 0.050 * g.sqrt()], -0.002),
            self.ring(0.302, [0.068, 0.046], 0.0),
            self.ring(0.317, [0.041, 0.040], 0.0),
        ];
        mesh.loft(&trunk[1..], self.detail.trunk, self.top(), false);
        mesh.loft(
            &[trunk[0], self.ring(0.025, [0.096 * g, 0.069 * g], -0.003)],
            self.detail.trunk,
            self.bottom(),
            false,
        );
        if let Some(inner) = look.inner {
            let front = b.right.cross(b.spine) * -1.0;
            let strip = [0.02_f32, 0.1, 0.19, 0.26].map(|u| {
                let mut ring = self.ring(u, [0.03, 0.02], 0.0);
                ring.centre = ring.centre + front * ((0.055 + belly) * h * g);
                ring
            });
            mesh.loft(&strip, 6, Paint::plain(inner), false);
        }
        mesh.limb(
            b.neck,
            b.head,
            [0.037 * h, 0.033 * h],
            self.detail.limb,
            self.skin(),
        );
        self.skirts(mesh);
        for i in 0..2 {
            self.arm(mesh, i);
            self.leg(mesh, i);
        }
        self.bag(mesh);
    }

    fn arm(&self, mesh: &mut Mesh, i: usize) {
        let (b, look) = (self.bones, self.look);
        let h = b.height;
        let g = look.girth.sqrt();
        let n = self.detail.limb;
        let thick = if look.coat > 0.0 { 1.2 } else { 1.0 };
        let (r0, r1, r2) = (0.031 * h * g, 0.026 * h * g, 0.018 * h * g);
        let bones = [
            (b.shoulders[i], b.elbows[i], [r0, r1], look.sleeve * 2.0),
            (b.elbows[i], b.wrists[i], [r1, r2], look.sleeve * 2.0 - 1.0),
        ];
        for (from, to, r, cover) in bones {
            let sleeve = r.map(|r| r * 1.15 * thick);
            if cover >= 0.99 {
                mesh.limb(from, to, sleeve, n, self.top());
            } else {
                mesh.limb(from, to, r, n, self.skin());
                if cover > 0.05 {
                    let end = sleeve[0] + (sleeve[1] - sleeve[0]) * cover;
                    mesh.limb(
                        from,
                        from.lerp(to, cover),
                        [sleeve[0], end * 1.08],
                        n,
                        self.top(),
                    );
                }
            }
        }
    }

    fn leg(&self, mesh: &mut Mesh, i: usize) {
        let (b, look) = (self.bones, self.look);
        let h = b.height;
        let g = look.girth;
        let n = self.detail.limb;
        let (r0, r1, r2) = (0.052 * h * g, 0.034 * h * g.sqrt(), 0.022 * h);
        let thigh = match look.bottom {
            Bottom::Skirt(length) if length > 0.3 => self.skin(),
            _ => self.bottom(),
        };
        mesh.limb(b.hips[i], b.knees[i], [r0, r1 * 1.05], n, thigh);
        let shank = match look.bottom {
            Bottom::Trousers => self.bottom(),
            _ => self.skin(),
        };
        let loose = if look.bottom == Bottom::Trousers {
            1.25
        } else {
            1.0
        };
        mesh.limb(b.knees[i], b.ankles[i], [r1, r2 * loose], n, shank);
        let front = (b.facing + b.right * if i == 0 { -0.2 } else { 0.2 }).unit();
        let side = V3::UP.cross(front);
        let at = b.ankles[i] + front * (0.032 * h) - V3::UP * (0.018 * h);
        let axes = [front * (0.078 * h), side * (0.03 * h), V3::UP * (0.024 * h)];
        mesh.ellipsoid(at, axes, [0.0, 1.0], n.min(6), Paint::plain(look.shoes));
    }

    /// A skirt, or the tails of a coat.
    fn skirts(&self, mesh: &mut Mesh) {
        let (b, look) = (self.bones, self.look);
        let (h, g) = (b.height, look.girth);
        let mut hang = |length: f32, paint: Paint, wide: f32, from: f32| {
            let knees = b.knees[0].lerp(b.knees[1], 0.5);
            let ankles = b.ankles[0].lerp(b.ankles[1], 0.5);
            let spread = (b.knees[0] - b.knees[1]).norm() * 0.5;
            let mut rings = Vec::new();
            for k in 0..4 {
                let t = length * k as f32 / 3.0;
                let middle = if t < 0.5 {
                    b.pelvis.lerp(knees, t * 2.0)
                } else {
                    knees.lerp(ankles, t * 2.0 - 1.0)
                };
                let open = 1.0 + wide * t;
                let front = b.right.cross(b.spine) * -1.0;
                rings.push(Ring {
                    centre: middle + b.spine * (from * h * (1.0 - t)),
                    across: b.right * (0.102 * h * g * open),
                    along: front * ((0.076 * h * g + spread * t * 1.2) * open),
                });
            }
            rings.reverse();
            mesh.loft(&rings, self.detail.trunk, paint, true);
        };
        if let Bottom::Skirt(length) = look.bottom {
            hang(length, self.bottom(), 0.45, 0.03);
        }
        if look.coat > 0.0 {
            hang(
                look.coat,
                Paint {
                    tint: scaled(look.top_colour, 0.96),
                    ..self.top()
                },
                0.25,
                0.04,
            );
        }
    }

    fn bag(&self, mesh: &mut Mesh) {
        let b = self.bones;
        let h = b.height;
        let Some((bag, colour)) = self.look.bag else {
            return;
        };
        let front = b.right.cross(b.spine) * -1.0;
        let paint = Paint::of(self.patterns.cloths[0], colour, [1.0, 1.0]);
        match bag {
            Bag::Backpack => {
                let at = b.pelvis + b.spine * (0.19 * h)
                    - front * ((0.07 * self.look.girth + 0.045) * h);
                let axes = [
                    b.right * (0.095 * h),
                    front * (0.055 * h),
                    b.spine * (0.125 * h),
                ];
                mesh.ellipsoid(at, axes, [0.06, 0.94], self.detail.head, paint);
                for side in [-1.0, 1.0] {
                    let top = b.neck + b.right * (side * 0.06 * h);
                    let low = b.pelvis + b.spine * (0.13 * h) + b.right * (side * 0.085 * h);
                    let push = front * (0.07 * h * self.look.girth);
                    mesh.limb(
                        top + push * 0.3,
                        low + push * 0.75,
                        [0.011 * h, 0.01 * h],
                        4,
                        paint,
                    );
                }
            }
            Bag::Shoulder => {
                let hip = b.pelvis + b.right * (0.125 * h * self.look.girth) + b.spine * (0.02 * h);
                let block = Block {
                    middle: hip,
                    half: [
                        b.facing * (0.075 * h),
                        -b.right * (0.03 * h),
                        b.spine * (0.06 * h),
                    ],
                };
                mesh.block(&block, paint, paint, [true; 6], 1.0);
                let over = b.shoulders[0].lerp(b.neck, 0.4) + b.spine * (0.02 * h);
                for push in [0.07, -0.07] {
                    let chest =
                        b.pelvis + b.spine * (0.17 * h) + front * (push * h * self.look.girth);
                    mesh.limb(over, chest, [0.008 * h; 2], 4, paint);
                    mesh.limb(chest, hip, [0.008 * h; 2], 4, paint);
                }
            }
        }
    }

    /// The head with what grows and sits on it.
    pub fn head(&self, mesh: &mut Mesh) {
        let (b, look) = (self.bones, self.look);
        // Children's heads are nearly as large as adults'.
        let h = b.height.mul_add(0.55, 0.45 * 1.72);
        let (up, face) = (b.head_up, b.face);
        let right = face.cross(up);
        let axes = [right * (0.044 * h), face * (0.055 * h), up * (0.066 * h)];
        let fine = self.detail.head + 2;
        let first = mesh.vertices.len();
        mesh.ellipsoid(b.head, axes, [0.0, 1.0], fine, self.skin());
        self.hairline(mesh, first, right, h);
        if fine > 8 {
            let nose = b.head + face * (0.056 * h) - up * (0.008 * h);
            mesh.ellipsoid(
                nose,
                [right * (0.008 * h), face * (0.011 * h), up * (0.014 * h)],
                [0.0, 1.0],
                4,
                Paint::plain(scaled(look.skin, 0.97)),
            );
        }
        for side in [-1.0, 1.0] {
            let eye = b.head + face * (0.0485 * h) + right * (side * 0.019 * h) + up * (0.006 * h);
            let dark = Paint::plain(mixed([0.12; 3], look.skin, 0.2));
            mesh.ellipsoid(
                eye,
                [right * (0.009 * h), face * (0.005 * h), up * (0.005 * h)],
                [0.0, 1.0],
                4,
                dark,
            );
            if matches!(look.hair, Hair::Bald | Hair::Short) {
                let ear = b.head + right * (side * 0.044 * h) - up * (0.004 * h);
                mesh.ellipsoid(
                    ear,
                    [right * (0.006 * h), face * (0.01 * h), up * (0.017 * h)],
                    [0.0, 1.0],
                    4,
                    self.skin(),
                );
            }
        }
        self.long_hair(mesh, right, h);
        self.hat(mesh, right, h);
    }

    /// Colours the skull's vertices: hair, face, beard or mask, and lifts hair off the skin.
    fn hairline(&self, mesh: &mut Mesh, first: usize, right: V3, h: f32) {
        let (b, look) = (self.bones, self.look);
        let thick = match look.hair {
            Hair::Bald => 0.0,
            Hair::Short => 0.06,
            _ => 0.12,
        };
        for v in &mut mesh.vertices[first..] {
            let d = (v.at - b.head) * (1.0 / h);
            let (x, y, z) = (
                d.dot(right) / 0.044,
                d.dot(b.face) / 0.055,
                d.dot(b.head_up) / 0.066,
            );
            let low = if look.hair == Hair::Short {
                -0.25
            } else {
                -0.75
            };
            let hair = look.hair != Hair::Bald
                && (z > 0.62 - 0.25 * x * x || (y < 0.25 && z > low && z > y * 1.4 - 0.6));
            if hair {
                v.light = scaled(
                    look.hair_colour,
                    0.9 + 0.2 * ((x * 9.0).sin() * (y * 7.0 + z * 5.0).sin()),
                );
                v.at = v.at + v.normal * (thick * 0.05 * h);
            } else if y > 0.1 && z < -0.12 {
                if let Some(mask) = look.mask {
                    v.light = mask;
                    v.at = v.at + v.normal * (0.004 * h);
                } else if look.beard {
                    v.light = mixed(look.skin, look.hair_colour, 0.7);
                }
            } else if y > 0.0 && z < 0.0 {
                v.light = mixed(look.skin, [0.8, 0.45, 0.4], 0.08);
            }
        }
    }

    fn long_hair(&self, mesh: &mut Mesh, right: V3, h: f32) {
        let (b, look) = (self.bones, self.look);
        let paint = Paint::of(self.patterns.cloths[1], look.hair_colour, [1.0, 1.0]);
        let back = -b.face;
        let ring = |down: f32, wide: f32, deep: f32, behind: f32| Ring {
            centre: b.head - b.head_up.lerp(V3::UP, 0.5) * (down * h) + back * (behind * h),
            across: right * (wide * h),
            along: b.face * (deep * h),
        };
        match look.hair {
            Hair::Bob | Hair::Long => {
                let down = if look.hair == Hair::Long { 0.19 } else { 0.085 };
                let rings = [
                    ring(down, 0.04, 0.018, 0.04),
                    ring(down * 0.6, 0.054, 0.034, 0.028),
                    ring(0.02, 0.053, 0.046, 0.014),
                    ring(-0.03, 0.044, 0.046, 0.01),
                ];
                mesh.loft(&rings, self.detail.trunk, paint, false);
            }
            Hair::Ponytail => {
                let knot = b.head + back * (0.055 * h) + b.head_up * (0.02 * h);
                mesh.limb(
                    knot,
                    knot + back * (0.03 * h) - V3::UP * (0.1 * h),
                    [0.018 * h, 0.008 * h],
                    self.detail.limb,
                    paint,
                );
            }
            Hair::Bun => {
                let at = b.head + back * (0.042 * h) + b.head_up * (0.048 * h);
                let r = 0.024 * h;
                mesh.ellipsoid(
                    at,
                    [right * r, b.face * r, b.head_up * r],
                    [0.0, 1.0],
                    self.detail.head,
                    paint,
                );
            }
            Hair::Bald | Hair::Short => {}
        }
    }

    fn hat(&self, mesh: &mut Mesh, right: V3, h: f32) {
        let b = self.bones;
        let Some((hat, colour)) = self.look.hat else {
            return;
        };
        let paint = Paint::of(self.patterns.cloths[2], colour, [1.0, 1.0]);
        let (up, face) = (b.head_up, b.face);
        let fine = self.detail.head;
        let dome = |k: f32| {
            [
                right * (0.044 * h * k),
                face * (0.055 * h * k),
                up * (0.066 * h * k),
            ]
        };
        let brim = |mesh: &mut Mesh, at: V3, wide: f32, long: f32| {
            let axes = [right * (wide * h), face * (long * h), up * (0.004 * h)];
            mesh.ellipsoid(at, axes, [0.0, 1.0], fine, paint);
        };
        match hat {
            Hat::Cap => {
                mesh.ellipsoid(b.head, dome(1.12), [0.56, 1.0], fine, paint);
                brim(
                    mesh,
                    b.head + up * (0.016 * h) + face * (0.07 * h),
                    0.036,
                    0.042,
                );
            }
            Hat::Beanie => mesh.ellipsoid(
                b.head + up * (0.006 * h),
                dome(1.15),
                [0.5, 1.0],
                fine,
                paint,
            ),
            Hat::Hood => {
                let tilted = (up - face * 0.9).unit();
                let axes = [
                    right * (0.056 * h),
                    tilted.cross(right) * (0.064 * h),
                    tilted * (0.076 * h),
                ];
                mesh.ellipsoid(b.head - face * (0.008 * h), axes, [0.42, 1.0], fine, paint);
            }
            Hat::Brim => {
                mesh.ellipsoid(b.head, dome(1.12), [0.58, 1.0], fine, paint);
                brim(mesh, b.head + up * (0.018 * h), 0.1, 0.105);
            }
        }
    }

    /// One hand: palm, fingers, thumb.
    pub fn hand(&self, mesh: &mut Mesh, i: usize, holding: bool) {
        let b = self.bones;
        let h = b.height;
        let way = b.hand_way[i];
        let inward = b.right * if i == 0 { 1.0 } else { -1.0 };
        let thick = way.side(inward);
        let wide = thick.cross(way);
        let paint = Paint::plain(self.look.glove.unwrap_or(scaled(self.look.skin, 0.97)));
        let at = b.wrists[i] + way * (0.03 * h);
        let fine = self.detail.limb.min(8);
        mesh.ellipsoid(
            at,
            [
                wide * (0.025 * h),
                way * (0.034 * h),
                wide.cross(way) * (0.013 * h),
            ],
            [0.0, 1.0],
            fine,
            paint,
        );
        let curl = if holding { 0.9 } else { 0.45 };
        let fingers = (way + thick * curl).unit();
        let knuckles = b.wrists[i] + way * (0.055 * h);
        mesh.limb(
            knuckles,
            knuckles + fingers * (0.034 * h),
            [0.019 * h, 0.015 * h],
            fine.min(6),
            paint,
        );
        let thumb = at + wide * (0.018 * h * if i == 0 { 1.0 } else { -1.0 });
        mesh.limb(
            thumb,
            thumb + (way + thick * 0.5).unit() * (0.03 * h),
            [0.009 * h, 0.007 * h],
            4,
            paint,
        );
    }

    /// Basket, tote bag or trolley.
    pub fn carrier(&self, mesh: &mut Mesh) {
        let b = self.bones;
        let Some((carrier, colour)) = self.look.carrier else {
            return;
        };
        let net = Paint::of(self.patterns.mesh, colour, [3.0, 2.0]);
        let plain = Paint::plain(colour);
        let hand = b.hands[0];
        match carrier {
            Carrier::Basket => {
                let middle = hand - V3::UP * 0.26;
                let block = Block::upright(middle, b.facing, -b.right, [0.44, 0.29, 0.22]);
                mesh.block(&block, net, net, [true, true, true, true, true, false], 1.0);
                for s in [-1.0, 1.0] {
                    mesh.limb(
                        hand,
                        middle + b.facing * (0.2 * s) + V3::UP * 0.11,
                        [0.008; 2],
                        4,
                        plain,
                    );
                }
                let inside = Block::upright(
                    middle - V3::UP * 0.04,
                    b.facing,
                    -b.right,
                    [0.40, 0.25, 0.05],
                );
                mesh.block(
                    &inside,
                    Paint::plain([0.3; 3]),
                    Paint::plain([0.28, 0.26, 0.25]),
                    [false, false, false, false, false, true],
                    1.0,
                );
            }
            Carrier::Tote => {
                let middle = hand - V3::UP * 0.33;
                let block = Block::upright(middle, b.facing, -b.right, [0.32, 0.13, 0.34]);
                let cloth = Paint::of(self.patterns.cloths[3], colour, [1.0, 1.0]);
                mesh.block(&block, cloth, cloth, [true; 6], 1.0);
                for s in [-0.1, 0.1] {
                    mesh.limb(
                        hand,
                        middle + b.facing * s + V3::UP * 0.17,
                        [0.008; 2],
                        4,
                        cloth,
                    );
                }
            }
            Carrier::Trolley => {
                let at = b.floor + b.facing * 0.75;
                let basket =
                    Block::upright(at + V3::UP * 0.72, b.facing, -b.right, [0.72, 0.48, 0.38]);
                mesh.block(
                    &basket,
                    net,
                    net,
                    [true, true, true, true, true, false],
                    1.0,
                );
                let inside =
                    Block::upright(at + V3::UP * 0.55, b.facing, -b.right, [0.68, 0.45, 0.02]);
                mesh.block(
                    &inside,
                    plain,
                    Paint::of(self.patterns.mesh, scaled(colour, 0.6), [4.0, 3.0]),
                    [false, false, false, false, false, true],
                    1.0,
                );
                for (x, y) in [(-0.3, 0.2), (-0.3, -0.2), (0.35, 0.18), (0.35, -0.18)] {
                    let foot = at + b.facing * x + b.right * y;
                    mesh.limb(
                        foot + V3::UP * 0.08,
                        foot + V3::UP * 0.55,
                        [0.014; 2],
                        4,
                        plain,
                    );
                    let r = 0.055;
                    let wheel = [b.facing * r, V3::UP.cross(b.facing) * 0.02, V3::UP * r];
                    mesh.ellipsoid(
                        foot + V3::UP * r,
                        wheel,
                        [0.0, 1.0],
                        4,
                        Paint::plain([0.12; 3]),
                    );
                }
                let bar = at - b.facing * 0.42 + V3::UP * 0.98;
                mesh.limb(
                    bar - b.right * 0.25,
                    bar + b.right * 0.25,
                    [0.016; 2],
                    5,
                    Paint::plain([0.5, 0.15, 0.15]),
                );
            }
        }
    }
}

/// Where both hands of somebody who pushes a trolley are.
pub(crate) fn trolley_grip(floor: V3, facing: V3, side: f32) -> V3 {
    floor + facing * 0.28 + V3::UP.cross(facing) * (side * 0.18) + V3::UP * 0.99
}
