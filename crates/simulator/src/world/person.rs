//! A person: a body, two hands, a bag, and tasks done one after another.

use super::aim::Aim;
use super::goods::{Goods, UnitId};
use super::mind::Mind;
use super::reach::{Kind, Reach, Reacher, ease};
use super::stage::{Neighbour, PATIENCE_S, Stage};
use super::task::Task;
use super::walk::{DT, Walker};
use crate::draw::Draw;
use crate::scene::{Body, Hand, Scan};
use std::collections::VecDeque;
use walkout_model::{GateDirection, GateIx, Point2, Point3, ShelfIx, StoreTime};

/// Somebody in the shop.
#[derive(Debug)]
pub(crate) struct Person {
    pub id: u32,
    pub party: usize,
    pub walker: Walker,
    pub height_m: f64,
    pub arms: [Arm; 2],
    pub bag: Vec<UnitId>,
    pub queue: VecDeque<Task>,
    task: Option<Doing>,
    pub mind: Mind,
    pub draw: Draw,
    /// Has come through the gate.
    inside: bool,
    /// Has crossed the exit.
    pub gone: bool,
    /// The units that the last reach took; empty if it found none.
    pub last_taken: Vec<UnitId>,
    /// Where the last take was.
    pub last_place: Option<(ShelfIx, f64)>,
    /// Something could not be done since this was last looked at.
    pub failed: bool,
}

/// A hand and what it holds.
#[derive(Debug, Default)]
pub(crate) struct Arm {
    pub wrist: Point3,
    pub holds: Vec<UnitId>,
    at_shelf: bool,
}

/// A task under way.
#[derive(Debug)]
pub(super) struct Doing {
    pub task: Task,
    pub seconds: f64,
    reach: Option<Box<Reach>>,
    /// Where a walk leads, once known.
    pub to: Option<Point2>,
    /// The hand-over's own progress.
    given: bool,
}

impl Person {
    /// Somebody who stands there with empty hands.
    pub fn new(
        id: u32,
        party: usize,
        at: Point2,
        heading: f64,
        mind: Mind,
        mut draw: Draw,
    ) -> Self {
        let speed = draw.between(0.75, 1.35);
        let mut person = Self {
            id,
            party,
            walker: Walker::new(at, heading, speed),
            height_m: draw.between(1.55, 1.88),
            arms: Default::default(),
            bag: Vec::new(),
            queue: VecDeque::new(),
            task: None,
            mind,
            draw,
            inside: false,
            gone: false,
            last_taken: Vec::new(),
            last_place: None,
            failed: false,
        };
        for hand in 0..2 {
            person.arms[hand].wrist = person.rest(hand);
        }
        person
    }

    /// Makes a child of somebody.
    pub fn shrink(&mut self) {
        self.height_m = self.draw.between(1.0, 1.4);
        self.walker.speed = self.walker.speed.min(1.0);
    }

    /// One tick.
    pub fn step(&mut self, stage: &mut Stage) {
        if self.task.is_none() {
            if self.queue.is_empty() {
                Mind::decide(self, stage);
            }
            if let Some(task) = self.queue.pop_front() {
                self.start(task, stage);
            }
        }
        let mut reaching = None;
        if let Some(mut doing) = self.task.take() {
            doing.seconds += DT;
            let done = self.go_on(&mut doing, stage);
            reaching = doing.reach.as_ref().map(|r| r.hand);
            if !done {
                self.task = Some(doing);
            }
        }
        for hand in 0..2 {
            if reaching != Some(hand) {
                let rest = self.rest(hand);
                let arm = &mut self.arms[hand];
                ease(&mut arm.wrist, rest);
                arm.at_shelf = false;
            }
        }
    }

    /// Whether a scenario has nothing more for this person.
    pub fn is_done(&self) -> bool {
        let idle = self.task.is_none() && self.queue.is_empty();
        idle && matches!(&self.mind, Mind::Part(part) if part.is_done())
    }

    /// Asked by another to do something: at once if walking or standing about, else next; who is
    /// still before the gate comes in first.
    pub fn ask(&mut self, tasks: Vec<Task>) {
        if !self.inside {
            self.queue.extend(tasks);
            return;
        }
        let idle = matches!(
            self.task.as_ref().map(|d| &d.task),
            Some(
                Task::Walk(_)
                    | Task::Wait(_)
                    | Task::WaitUntil(_)
                    | Task::Approach { .. }
                    | Task::Follow { .. }
            )
        );
        if idle && let Some(doing) = self.task.take() {
            self.queue.push_front(doing.task);
            self.walker.stand();
        }
        for task in tasks.into_iter().rev() {
            self.queue.push_front(task);
        }
    }

    /// Is given something by another.
    pub fn be_given(&mut self, units: Vec<UnitId>) {
        let hand = self.receiving_hand();
        self.arms[hand].holds.extend(units);
        if let Some(doing) = &mut self.task
            && matches!(doing.task, Task::Receive { .. })
        {
            doing.given = true;
        }
    }

    /// The hand that is held out to be given something: the right one unless only the left is free.
    pub(super) fn receiving_hand(&self) -> usize {
        usize::from(self.arms[1].holds.is_empty() || !self.arms[0].holds.is_empty())
    }

    /// Everything the person has, hands first.
    pub fn belongings(&self) -> impl Iterator<Item = UnitId> + '_ {
        let hands = self.arms.iter().flat_map(|a| a.holds.iter());
        hands.chain(self.bag.iter()).copied()
    }

    /// As the others see them.
    pub fn neighbour(&self) -> Neighbour {
        let task = self.task.as_ref().map(|d| &d.task);
        let claims = match task {
            Some(Task::Walk(_) | Task::Approach { .. }) => self.task.as_ref().and_then(|d| d.to),
            Some(Task::Pass { .. } | Task::Give(_) | Task::Follow { .. }) => None,
            _ => Some(self.walker.position),
        };
        Neighbour {
            person: self.id,
            party: self.party,
            position: self.walker.position,
            velocity: self.walker.velocity,
            claims,
            free: self.inside
                && self.mind.is_sociable()
                && matches!(
                    task,
                    Some(Task::Walk(_) | Task::Wait(_) | Task::Approach { .. })
                ),
            receives_from: match task {
                Some(Task::Receive { from }) => Some(*from),
                _ => None,
            },
        }
    }

    /// As a camera sees them.
    pub fn body(&self, goods: &Goods) -> Body {
        let reach = self.task.as_ref().and_then(|d| d.reach.as_ref());
        Body {
            person: self.id,
            position: self.walker.position,
            velocity: self.walker.velocity,
            heading: self.walker.heading,
            height_m: self.height_m,
            uniform: false,
            hands: [0, 1].map(|hand| {
                let arm = &self.arms[hand];
                let lifted = reach.filter(|r| r.hand == hand);
                let carried = match lifted {
                    Some(r) if r.carries() => r.goods.first().map(|(id, _)| *id),
                    _ => None,
                };
                let unit = carried.or_else(|| arm.holds.last().copied());
                Hand {
                    wrist: arm.wrist,
                    holds: unit.map(|id| goods.get(id).looks_like),
                    at_shelf: arm.at_shelf,
                }
            }),
        }
    }

    /// Where a hand rests: beside the hip, or before the chest when it holds something.
    fn rest(&self, hand: usize) -> Point3 {
        let side = if hand == 0 { 1.0 } else { -1.0 };
        let (forward, left, up) = if self.arms[hand].holds.is_empty() {
            (0.06, 0.24 * side, 0.47)
        } else {
            (0.30, 0.13 * side, 0.63)
        };
        let (s, c) = self.walker.heading.sin_cos();
        (self.walker.position + Point2::new(c * forward - s * left, s * forward + c * left))
            .at_height(up * self.height_m)
    }

    fn start(&mut self, task: Task, stage: &mut Stage) {
        let mut doing = Doing {
            task,
            seconds: 0.0,
            reach: None,
            to: None,
            given: false,
        };
        match &doing.task {
            Task::Walk(to) => doing.to = Some(*to),
            Task::Approach { shelf, x_m } => doing.to = stage.stance(self.id, *shelf, *x_m),
            Task::Pass { gate, inward } => doing.to = Some(self.beyond(stage, *gate, *inward)),
            Task::Meet { meeting } => stage.meetings.arrive(*meeting),
            Task::Ready => stage.parties[self.party].ready += 1,
            Task::Stow if self.arms.iter().all(|a| a.holds.is_empty()) => return,
            Task::Reach(job) => {
                let job = job.clone();
                match self.take_aim(job, stage) {
                    Aim::Reach(reach) => doing.reach = Some(reach),
                    Aim::First(tasks) => {
                        for task in tasks.into_iter().rev() {
                            self.queue.push_front(task);
                        }
                        return;
                    }
                    Aim::Never => {
                        self.failed = true;
                        self.last_taken.clear();
                        return;
                    }
                }
            }
            _ => {}
        }
        if let Some(to) = doing.to
            && !matches!(doing.task, Task::Pass { .. })
        {
            self.walker.set_out(stage, to);
        }
        self.task = Some(doing);
    }

    /// One tick of a task; true when it is done.
    fn go_on(&mut self, doing: &mut Doing, stage: &mut Stage) -> bool {
        let waited = doing.seconds >= PATIENCE_S;
        match &doing.task {
            Task::Wait(seconds) => doing.seconds >= *seconds,
            Task::WaitUntil(t) => stage.now() >= *t,
            Task::Walk(_) => doing.to.is_none() || self.walker.step(stage, self.id),
            Task::Approach { shelf, x_m } => {
                let there = doing.to.is_none() || self.walker.step(stage, self.id);
                if there {
                    let face = stage.shop.layout.floor_from_shelf(*shelf, *x_m, 0.2, 0.0);
                    self.walker.turn_to(face.floor() - self.walker.position);
                }
                there && doing.seconds > 0.3
            }
            Task::Follow { person, seconds } => {
                self.follow(*person, stage, doing.seconds);
                doing.seconds >= *seconds
            }
            Task::Queue { gate, token } => stage.acquire(*gate, *token),
            Task::Scan { gate } => {
                let party = &stage.parties[self.party];
                if let Some(phone) = party.phone {
                    stage.scene.scans.push(Scan {
                        gate: *gate,
                        phone,
                        people: party.people,
                        kind: party.kind,
                    });
                }
                true
            }
            Task::Pass { gate, inward } => self.pass(*gate, *inward, doing.to, stage),
            Task::Meet { meeting } => waited || stage.meetings.is_complete(*meeting),
            Task::Reach(_) => self.reach(doing, stage),
            Task::Stow => {
                let done = doing.seconds >= 0.6;
                if done {
                    for arm in &mut self.arms {
                        self.bag.append(&mut arm.holds);
                    }
                }
                done
            }
            Task::Give(gift) => {
                let gift = *gift;
                let done = self.give(doing, gift, stage);
                self.failed |= waited && !done;
                done || waited
            }
            Task::Receive { from } => {
                if let Some(giver) = stage.neighbour(*from) {
                    self.walker.turn_to(giver.position - self.walker.position);
                    self.hold_out(giver);
                }
                // The hand comes back with what it was given.
                doing.given || waited
            }
            Task::Ready => true,
            Task::AwaitParty => {
                let party = &stage.parties[self.party];
                party.ready >= party.inside || doing.seconds >= 600.0
            }
        }
    }

    fn follow(&mut self, person: u32, stage: &Stage, seconds: f64) {
        let Some(leader) = stage.neighbour(person).copied() else {
            return;
        };
        let far = self.walker.position.distance(leader.position) > 1.1;
        let ticks = (seconds / DT).round() as u64;
        if far && ticks % 30 == 1 {
            let near = leader.position + (self.walker.position - leader.position) * 0.3;
            if let Some(to) = stage.floor.nearest_free(near, 0.8) {
                self.walker.set_out(stage, to);
            }
        }
        self.walker.step(stage, self.id);
    }

    fn beyond(&mut self, stage: &Stage, gate: GateIx, inward: bool) -> Point2 {
        if inward {
            return stage.inside_of(gate);
        }
        let g = &stage.shop.layout.gates[gate.usize()];
        let aside = (g.b - g.a) * self.draw.between(-0.15, 0.15);
        g.middle() + aside - g.inward() * 0.8
    }

    fn pass(&mut self, gate: GateIx, inward: bool, to: Option<Point2>, stage: &mut Stage) -> bool {
        let Some(to) = to else { return true };
        let before = self.walker.position;
        let there = self.walker.step_straight(to, 0.9);
        let (middle, inside) = {
            let g = &stage.shop.layout.gates[gate.usize()];
            (g.middle(), g.inward())
        };
        let side = |p: Point2| (p - middle).dot(inside) >= 0.0;
        if side(before) != side(self.walker.position) {
            let direction = if inward {
                GateDirection::In
            } else {
                GateDirection::Out
            };
            stage.scene.crossings.push((gate, direction));
            let now = stage.now();
            let party = &mut stage.parties[self.party];
            if inward {
                party.t_in.get_or_insert(now);
            } else {
                party.t_out = Some(now);
            }
        }
        if there {
            stage.release(gate);
            self.inside = inward;
            self.gone |= !inward;
        }
        there
    }

    fn reach(&mut self, doing: &mut Doing, stage: &mut Stage) -> bool {
        let Some(reach) = &mut doing.reach else {
            return true;
        };
        let hand = reach.hand;
        self.walker
            .turn_to(reach.target().floor() - self.walker.position);
        let rest = self.rest(hand);
        let was_moved = reach.t_end() != StoreTime::default();
        let mut reacher = Reacher {
            wrist: &mut self.arms[hand].wrist,
            rest,
            draw: &mut self.draw,
        };
        let done = reach.step(&mut reacher, stage);
        self.arms[hand].at_shelf = reach.at_shelf(self.arms[hand].wrist);
        if !was_moved && reach.t_end() != StoreTime::default() {
            reach.record(self.id, self.party, stage);
            let units: Vec<UnitId> = reach.goods.iter().map(|(id, _)| *id).collect();
            match reach.kind() {
                Kind::Take => {
                    self.arms[hand].holds.extend(&units);
                    self.last_taken = units;
                    self.last_place = reach.goods.first().map(|(_, s)| (s.shelf, s.x_m));
                }
                Kind::Put => self.arms[hand].holds.retain(|id| !units.contains(id)),
                Kind::Press => {}
            }
        }
        done
    }
}
