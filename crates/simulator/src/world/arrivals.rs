//! Who comes in, and when.

use super::mind::{After, Mind, Shopping};
use super::person::Person;
use super::script::Part;
use super::staff::{Work, low_lanes};
use super::stage::Party;
use super::task::Task;
use super::{World, stream};
use crate::draw::Draw;
use crate::scenario::{Role, Script, ScriptFault};
use crate::scene::TrackFault;
use std::collections::BTreeMap;
use walkout_model::{PartyKind, TimeDelta};

/// Staff come no sooner again than this, seconds.
const STAFF_GAP_S: f64 = 60.0;
/// So many lanes to fill, or units to bring home, call for staff.
const STAFF_CALL: usize = 3;

impl World {
    pub(super) fn admit_people(&mut self) {
        let now = self.stage.now();
        let inside = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        let gate = self.stage.gates[self.entry.usize()];
        if self.admit == 0
            || now >= self.doors_close
            || now < self.next_arrival
            || inside >= self.habits.at_once
            || gate.passing.is_some()
            || now < gate.closed_until
        {
            return;
        }
        if self.habits.staff && self.call_staff() {
            return;
        }
        let gap_s = self.arrivals.exponential(self.habits.gap_s).min(60.0);
        self.next_arrival = now + TimeDelta::from_secs_f64(gap_s);
        self.admit -= 1;
        let room = self.habits.at_once - inside;
        let mut people = 1;
        if self.arrivals.chance(self.habits.groups) {
            people = self.arrivals.whole(2, 3).min(room).max(1);
        }
        self.bring_in(people);
    }

    /// Brings in staff if there is work for them; they carry what the lanes need.
    fn call_staff(&mut self) -> bool {
        let now = self.stage.now();
        let inside = |p: &Person| matches!(p.mind, Mind::Staff(_));
        if now < self.next_staff || self.people.iter().any(inside) {
            return false;
        }
        self.next_staff = now + TimeDelta::from_secs_f64(STAFF_GAP_S);
        let low = low_lanes(&self.stage).len();
        let misplaced = self.stage.goods.misplaced(&self.stage.shop).len();
        if low + misplaced < STAFF_CALL {
            return false;
        }
        let party = self.open_party(PartyKind::Staff, 1, true);
        let work = Work {
            left: self.arrivals.whole(4, 8),
            exit: self.exit,
            carrying: None,
            leaving: false,
        };
        let person = self.at_gate(party, party, 0, Mind::Staff(work));
        self.people.push(person);
        true
    }

    /// A new party, with a phone if it has a code.
    pub(super) fn open_party(&mut self, kind: PartyKind, people: u8, has_code: bool) -> usize {
        let phone = has_code.then_some(self.next_phone);
        self.next_phone += u32::from(has_code);
        self.stage.parties.push(Party {
            phone,
            kind,
            people,
            inside: people,
            ready: 0,
            t_in: None,
            t_out: None,
            basket: BTreeMap::new(),
        });
        self.stage.parties.len() - 1
    }

    /// A party at the gate: the first shows the code, the others follow.
    fn bring_in(&mut self, people: u32) {
        let size = u8::try_from(people).unwrap_or(u8::MAX);
        let party = self.open_party(PartyKind::Shopper, size, true);
        let leader = self.next_person;
        for place in 0..people {
            let child = place == 1 && self.arrivals.chance(self.habits.child);
            let errand = self.errand(child.then_some(leader));
            let mut person = self.at_gate(party, party, place, Mind::Shopper(errand));
            if child {
                person.shrink();
            }
            self.people.push(person);
        }
        if self.arrivals.chance(self.habits.tailgater) {
            let alone = self.open_party(PartyKind::Shopper, 1, false);
            let errand = self.errand(None);
            let person = self.at_gate(alone, party, people, Mind::Shopper(errand));
            self.people.push(person);
        }
    }

    fn errand(&mut self, leader: Option<u32>) -> Shopping {
        let (few, many) = self.habits.actions;
        let actions = self.arrivals.whole(few, many);
        Shopping {
            habits: self.habits.clone(),
            demand: self.demand.clone(),
            left: if leader.is_some() {
                actions.min(3)
            } else {
                actions
            },
            leader,
            exit: self.exit,
            after: After::Usual,
            lying: Vec::new(),
            leaving: false,
        }
    }

    /// Somebody in line before the entry; the first of a party scans. The gate stays open for all
    /// with the same token: a tailgater has the one of the party before.
    pub(super) fn at_gate(&mut self, party: usize, token: usize, place: u32, mind: Mind) -> Person {
        let id = self.next_person;
        self.next_person += 1;
        let mut draw = Draw::new(self.seed, stream::PEOPLE + u64::from(id));
        let gate = &self.stage.shop.layout.gates[self.entry.usize()];
        let inward = gate.inward();
        let aside = (gate.b - gate.a) * draw.between(-0.15, 0.15);
        let back = 0.6 + 0.6 * f64::from(place);
        let at = gate.middle() + aside - inward * back;
        let heading = inward.y.atan2(inward.x);
        let gate = self.entry;
        let mut person = Person::new(id, party, at, heading, mind, draw);
        person.queue.push_back(Task::Queue { gate, token });
        if place == 0 {
            person.queue.push_back(Task::Scan { gate });
            let seconds = person.draw.between(0.6, 1.4);
            person.queue.push_back(Task::Wait(seconds));
        } else {
            let seconds = 1.4 + 1.2 * f64::from(place) + person.draw.between(0.0, 0.4);
            person.queue.push_back(Task::Wait(seconds));
        }
        person.queue.push_back(Task::Pass { gate, inward: true });
        person
    }

    /// Brings in the people of a scenario and begins the tracker's mistakes that are due.
    pub(super) fn admit_cast(&mut self) {
        let Some(mut script) = self.script.take() else {
            return;
        };
        self.begin_track_faults(&script);
        // A party is at the gate a moment before it crosses.
        let soon = self.stage.now() + TimeDelta::from_millis(2_000);
        let gate = self.stage.gates[self.entry.usize()];
        let open = gate.passing.is_none() && self.stage.now() >= gate.closed_until;
        if open
            && script.parties.front().is_some_and(|p| p.t <= soon)
            && let Some(party) = script.parties.pop_front()
        {
            let people = u8::try_from(party.members.len()).unwrap_or(u8::MAX);
            let (kind, has_code) = match party.role {
                Role::Shopper => (PartyKind::Shopper, true),
                Role::Staff => (PartyKind::Staff, true),
                Role::Stranger => (PartyKind::Shopper, false),
            };
            let ix = self.open_party(kind, people, has_code);
            for (place, member) in (0..).zip(party.members) {
                let part = Part {
                    acts: member.acts,
                    exit: self.exit,
                    line: 0,
                    bag: None,
                };
                let mut person = self.at_gate(ix, ix, place, Mind::Part(part));
                if member.child {
                    person.shrink();
                }
                if self.stage.cast.len() <= member.index {
                    self.stage.cast.resize(member.index + 1, None);
                }
                self.stage.cast[member.index] = Some(person.id);
                self.people.push(person);
            }
        }
        self.script = Some(script);
    }

    fn begin_track_faults(&mut self, script: &Script) {
        let now = self.stage.now();
        let before = self.time_of(self.stage.tick.saturating_sub(1));
        let id = |who: usize| self.stage.cast.get(who).copied().flatten();
        for fault in &script.track_faults {
            let (at, begun) = match *fault {
                ScriptFault::Swap { at, a, b } => {
                    (at, id(a).zip(id(b)).map(|(a, b)| TrackFault::Swap { a, b }))
                }
                ScriptFault::Lost { from, to, who } => {
                    let until = to;
                    (
                        from,
                        id(who).map(|person| TrackFault::Lost { person, until }),
                    )
                }
            };
            if at > before && at <= now {
                self.stage.scene.track_faults.extend(begun);
            }
        }
    }
}
