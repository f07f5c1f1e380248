//! Walking: along a path, round other people, never into a fixture.

use super::stage::Stage;
use walkout_model::Point2;

/// Seconds per tick.
pub(crate) const DT: f64 = 1.0 / 60.0;
/// People who mean to pass keep this far apart, centre to centre, metres.
const APART_M: f64 = 0.5;
/// Directions that are tried, degrees from the wanted one. Right-hand turns come first in a tie.
const TURNS_DEG: [f64; 9] = [0.0, -20.0, 20.0, -45.0, 45.0, -75.0, 75.0, -110.0, 110.0];
/// Seconds without progress after which others begin to be squeezed past.
const SQUEEZE_AFTER_S: f64 = 1.2;
/// Within this distance of the goal somebody who is held up has arrived, metres. With the furthest
/// stance (0.68 m from the place) it must stay within an arm's reach of 1 m.
const NEAR_M: f64 = 0.25;
/// Seconds over which the distance kept from others then falls to nothing: people turn sideways.
const SQUEEZE_OVER_S: f64 = 4.0;

/// A walker's own state.
#[derive(Debug)]
pub(crate) struct Walker {
    pub position: Point2,
    pub velocity: Point2,
    pub heading: f64,
    /// Speed where nothing is in the way, m/s.
    pub speed: f64,
    path: Vec<Point2>,
    /// Next corner in `path`.
    corner: usize,
    wanted: Point2,
    stuck_s: f64,
    replan_s: f64,
}

impl Walker {
    /// Somebody who stands there.
    pub fn new(position: Point2, heading: f64, speed: f64) -> Self {
        Self {
            position,
            velocity: Point2::default(),
            heading,
            speed,
            path: Vec::new(),
            corner: 0,
            wanted: Point2::default(),
            stuck_s: 0.0,
            replan_s: 0.0,
        }
    }

    /// Sets out. False if there is no way.
    pub fn set_out(&mut self, stage: &Stage, to: Point2) -> bool {
        self.stuck_s = 0.0;
        self.replan_s = 0.0;
        self.corner = 0;
        self.wanted = Point2::default();
        match stage.floor.path(self.position, to) {
            Some(path) => self.path = path,
            None => self.path.clear(),
        }
        !self.path.is_empty()
    }

    /// One tick further; true when there.
    pub fn step(&mut self, stage: &Stage, me: u32) -> bool {
        let Some(&goal) = self.path.last() else {
            return true;
        };
        let away = self.position.distance(goal);
        // Near enough, where somebody stands in the way: arms are longer than that.
        if away < 0.06 || (away < NEAR_M && self.stuck_s > 0.6) {
            self.stand();
            return true;
        }
        self.skip_passed_corners(stage);
        // Ten decisions a second are enough; people take theirs at different ticks.
        if (stage.tick + u64::from(me)).is_multiple_of(6) {
            self.wanted = self.choose(stage, me);
        }
        let before = self.position;
        self.velocity = self.velocity + (self.wanted - self.velocity) * (DT / 0.15);
        self.advance(stage, self.velocity * DT);
        let progress = (self.position - before).norm() / DT;
        self.turn_to(self.velocity);
        if progress < 0.25 * self.speed {
            self.stuck_s += DT;
        } else {
            self.stuck_s = (self.stuck_s - 2.0 * DT).max(0.0);
        }
        self.replan_s += DT;
        if self.stuck_s > SQUEEZE_AFTER_S && self.replan_s > 2.0 {
            let stuck_s = self.stuck_s;
            self.set_out(stage, goal);
            self.stuck_s = stuck_s;
        }
        false
    }

    /// Moves straight to a point, past everything (through a gate); true when there.
    pub fn step_straight(&mut self, to: Point2, speed: f64) -> bool {
        let left = to - self.position;
        let distance = left.norm();
        if distance < speed * DT {
            self.position = to;
            self.stand();
            return true;
        }
        self.velocity = left * (speed / distance);
        self.position = self.position + self.velocity * DT;
        self.turn_to(self.velocity);
        false
    }

    /// Stops.
    pub fn stand(&mut self) {
        self.velocity = Point2::default();
        self.wanted = Point2::default();
    }

    /// Turns a little towards a direction.
    pub fn turn_to(&mut self, direction: Point2) {
        if direction.norm() < 0.05 {
            return;
        }
        let wanted = direction.y.atan2(direction.x);
        let mut turn = wanted - self.heading;
        turn -= std::f64::consts::TAU * (turn / std::f64::consts::TAU).round();
        self.heading += turn.clamp(-6.0 * DT, 6.0 * DT);
    }

    fn skip_passed_corners(&mut self, stage: &Stage) {
        while self.corner + 1 < self.path.len() {
            let near = self.position.distance(self.path[self.corner]) < 0.15;
            let next = self.path[self.corner + 1];
            let look = (stage.tick).is_multiple_of(15) && stage.floor.sees(self.position, next);
            if !near && !look {
                break;
            }
            self.corner += 1;
        }
    }

    /// The velocity that makes most way at least risk of a collision, among a few (a sampled
    /// velocity obstacle, after Fiorini and Shiller 1998).
    fn choose(&self, stage: &Stage, me: u32) -> Point2 {
        let target = self.path[self.corner.min(self.path.len() - 1)];
        let to = target - self.position;
        let distance = to.norm().max(1e-6);
        let last = self.corner + 1 >= self.path.len();
        let speed = if last {
            self.speed.min(0.15 + 1.5 * distance)
        } else {
            self.speed
        };
        let ahead = to * (1.0 / distance);
        let squeeze = 1.0 - ((self.stuck_s - SQUEEZE_AFTER_S) / SQUEEZE_OVER_S).clamp(0.0, 1.0);
        let apart = APART_M * squeeze;
        let mut best = (f64::INFINITY, Point2::default());
        for turn in TURNS_DEG {
            let (s, c) = turn.to_radians().sin_cos();
            let direction = Point2::new(c * ahead.x - s * ahead.y, s * ahead.x + c * ahead.y);
            for share in [1.0, 0.5] {
                let velocity = direction * (speed * share);
                if !stage.floor.is_free(self.position + velocity * 0.25) {
                    continue;
                }
                let mut cost = turn.abs() / 60.0 + (1.0 - share) * 0.8;
                if turn > 0.0 {
                    cost += 0.05;
                }
                cost += risk(stage, me, self.position, velocity, apart);
                if cost < best.0 {
                    best = (cost, velocity);
                }
            }
        }
        if best.0.is_infinite() {
            return ahead * (0.3 * speed);
        }
        // Better to stand still than to run into somebody.
        let halt = 1.6 + risk(stage, me, self.position, Point2::default(), apart);
        if halt < best.0 {
            Point2::default()
        } else {
            best.1
        }
    }

    /// Moves by `step` as far as the floor is free, along a fixture's face if need be.
    fn advance(&mut self, stage: &Stage, step: Point2) {
        let free = |p| stage.floor.is_free(p);
        let here = self.position;
        let options = [
            here + step,
            here + Point2::new(step.x, 0.0),
            here + Point2::new(0.0, step.y),
        ];
        if let Some(&p) = options.iter().find(|&&p| free(p)) {
            self.position = p;
        } else if !free(here) {
            // Just inside a gate, or set down beside the free floor: back onto it.
            if let Some(p) = stage.floor.nearest_free(here, 1.5) {
                let back = p - here;
                self.position = here + back * (self.speed * DT / back.norm().max(0.01)).min(1.0);
            }
        }
    }
}

/// The risk of a velocity: over all near people, the inverse of the time until bodies touch.
fn risk(stage: &Stage, me: u32, position: Point2, velocity: Point2, apart: f64) -> f64 {
    let mut sum = 0.0;
    for other in &stage.crowd {
        if other.person == me {
            continue;
        }
        let between = other.position - position;
        let distance = between.norm();
        if distance > 2.5 {
            continue;
        }
        let closing = velocity - other.velocity;
        if distance < apart {
            sum += 4.0 * (closing.dot(between) / distance.max(0.05)).max(0.0);
            continue;
        }
        let speed2 = closing.dot(closing);
        if speed2 < 1e-6 {
            continue;
        }
        let towards = closing.dot(between);
        let miss2 = distance * distance - towards * towards / speed2;
        if towards <= 0.0 || miss2 > apart * apart {
            continue;
        }
        let way = towards / speed2.sqrt() - (apart * apart - miss2).max(0.0).sqrt();
        let seconds = way / speed2.sqrt();
        if seconds < 2.0 {
            sum += 0.7 / seconds.max(0.15);
        }
    }
    sum
}
