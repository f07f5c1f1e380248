//! Pedestrians on a square, for made sequences: pace, pauses, groups, and no walking through one another.

use crate::draw::Draw;
use walkout_model::Point2;

/// Somebody on the square.
#[derive(Clone, Debug)]
pub(crate) struct Walker {
    pub id: i64,
    pub position: Point2,
    velocity: Point2,
    goal: Point2,
    pace: f64,
    pause_s: f64,
    pub height_m: f64,
    /// Width as a share of the height, standing.
    pub girth: f64,
    /// Phase of the legs, radians.
    pub stride: f64,
    /// Whom they walk with, and where beside them.
    leader: Option<(i64, Point2)>,
}

/// Where people walk: `depth` metres from the camera on, `half` to either side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Square {
    pub near: f64,
    pub far: f64,
    pub half: f64,
}

pub(crate) struct Crowd {
    pub people: Vec<Walker>,
    square: Square,
    target: usize,
    next_id: i64,
    draw: Draw,
}

impl Crowd {
    pub(crate) fn new(square: Square, target: usize, mut draw: Draw) -> Self {
        let mut crowd = Self {
            people: Vec::new(),
            square,
            target,
            next_id: 1,
            draw: draw.clone(),
        };
        draw.unit();
        while crowd.people.len() < target {
            let at = crowd.anywhere();
            crowd.enter(at);
        }
        crowd
    }

    /// One step of `dt` seconds.
    pub(crate) fn step(&mut self, dt: f64) {
        if self.people.len() < self.target && self.draw.chance((1.2 * dt).min(1.0)) {
            let at = self.edge();
            self.enter(at);
        }
        let seen: Vec<(i64, Point2, Point2)> = self
            .people
            .iter()
            .map(|w| (w.id, w.position, w.velocity))
            .collect();
        for i in 0..self.people.len() {
            self.walk(i, &seen, dt);
        }
        let s = self.square;
        self.people.retain(|w| {
            let p = w.position;
            (s.near - 3.0..=s.far + 3.0).contains(&p.x) && p.y.abs() <= s.half + 3.0
        });
    }

    fn walk(&mut self, i: usize, seen: &[(i64, Point2, Point2)], dt: f64) {
        let goal = match self.people[i].leader {
            Some((leader, beside)) => match seen.iter().find(|(id, _, _)| *id == leader) {
                Some((_, p, v)) => *p + beside + *v * 0.8,
                None => {
                    self.people[i].leader = None;
                    self.people[i].goal
                }
            },
            None => self.people[i].goal,
        };
        let w = &self.people[i];
        let way = goal - w.position;
        let distance = way.norm();
        let mut wanted = Point2::default();
        if w.pause_s <= 0.0 && distance > 0.2 {
            // Followers hurry or dawdle with the distance.
            let pace = if w.leader.is_some() {
                (w.pace * 0.4 + 0.7 * distance).min(1.8)
            } else {
                w.pace
            };
            wanted = way * (pace / distance);
        }
        for (id, p, _) in seen {
            let d = w.position - *p;
            let r = d.norm();
            if *id != w.id && r > 1e-6 && r < 1.0 {
                // Keep off, and step aside to the right.
                let push = d * ((1.0 - r) * 1.6 / r);
                wanted = wanted + push + Point2::new(push.y, -push.x) * 0.4;
            }
        }
        let arrived = distance <= 0.3;
        let pause = self.draw.chance(0.03 * dt);
        let fresh = if arrived {
            Some(self.somewhere(i))
        } else {
            None
        };
        let pause_s = self.draw.between(0.8, 6.0);
        let jitter = Point2::new(self.draw.normal(), self.draw.normal()) * (0.25 * dt.sqrt());
        let w = &mut self.people[i];
        let keep = (-dt / 0.45).exp();
        w.velocity = w.velocity * keep + wanted * (1.0 - keep) + jitter;
        w.position = w.position + w.velocity * dt;
        w.stride += w.velocity.norm() * dt * 4.2;
        w.pause_s -= dt;
        if pause && w.pause_s <= 0.0 {
            w.pause_s = pause_s;
        }
        if let Some(goal) = fresh {
            w.goal = goal;
        }
    }

    fn enter(&mut self, at: Point2) {
        let goal = self.opposite(at);
        let group = if self.draw.chance(0.25) {
            2 + usize::from(self.draw.chance(0.3))
        } else {
            1
        };
        let leader = self.next_id;
        let pace = self.draw.between(0.7, 1.6);
        for k in 0..group {
            if self.people.len() >= self.target {
                break;
            }
            let beside = Point2::new(self.draw.between(-0.3, 0.3), 0.75 * k as f64);
            let child = k > 0 && self.draw.chance(0.25);
            let height_m = if child {
                self.draw.between(1.0, 1.45)
            } else {
                1.7 + 0.09 * self.draw.normal().clamp(-2.5, 2.5)
            };
            self.people.push(Walker {
                id: self.next_id,
                position: at + beside,
                velocity: Point2::default(),
                goal,
                pace,
                pause_s: 0.0,
                height_m,
                girth: self.draw.between(0.30, 0.40),
                stride: self.draw.between(0.0, 6.3),
                leader: (k > 0).then_some((leader, beside)),
            });
            self.next_id += 1;
        }
    }

    fn anywhere(&mut self) -> Point2 {
        let s = self.square;
        Point2::new(
            self.draw.between(s.near, s.far),
            self.draw.between(-s.half, s.half),
        )
    }

    fn edge(&mut self) -> Point2 {
        let s = self.square;
        let side = if self.draw.chance(0.5) {
            s.half
        } else {
            -s.half
        };
        if self.draw.chance(0.3) {
            Point2::new(s.far, self.draw.between(-s.half, s.half))
        } else {
            Point2::new(self.draw.between(s.near, s.far), side)
        }
    }

    /// Most walk through to the other side.
    fn opposite(&mut self, at: Point2) -> Point2 {
        let s = self.square;
        let side = if at.y > 0.0 {
            -s.half - 4.0
        } else {
            s.half + 4.0
        };
        Point2::new(self.draw.between(s.near, s.far), side)
    }

    /// On arrival: another place on the square, or away.
    fn somewhere(&mut self, i: usize) -> Point2 {
        if self.draw.chance(0.5) {
            self.anywhere()
        } else {
            let at = self.people[i].position;
            self.opposite(at)
        }
    }
}
