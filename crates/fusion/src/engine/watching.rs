//! What is told without a step: things that came and went where plates were disturbed, and what passed between hands that met.

use super::{Engine, EngineEvent};
use crate::belief::Belief;
use crate::deeds::{Entry, Handed, assign, untold};
use crate::exchange::{Exchange, Scene};
use crate::handing::{self, Meeting};
use crate::identity::STRANGER;
use crate::meeting;
use std::collections::BTreeMap;
use walkout_model::{StoreTime, TimeDelta, TrackId, Who};

/// How probably a track that no gate saw come in is of somebody, and no double of whoever stands there, where hands meet.
const HARDLY_REAL: f64 = 0.2;
/// How often hands that met are looked for.
const LOOK_FOR_HANDS: TimeDelta = TimeDelta::from_millis(200);

impl Engine {
    /// Weighs whether something came and went where plates were disturbed.
    pub(super) fn watch_plates(&mut self, now: StoreTime, out: &mut Vec<EngineEvent>) {
        let settle = self.config.settle_again;
        while let Some(at) = self.disturbed.iter().position(|d| d.t_end + settle <= now) {
            let disturbance = self.disturbed.remove(at);
            let missing = self.missing_at(disturbance.t_end);
            let scene = Scene {
                shop: &self.shop,
                config: &self.config,
                tracks: &self.tracks,
                looks: &self.looks,
            };
            let Some(mut exchange) = Exchange::new(disturbance, &scene, &self.belief, &missing)
            else {
                continue;
            };
            let untold = untold(&self.log, &[], &exchange);
            self.weigh_exchange(&mut exchange, &self.belief, untold);
            self.known.insert(exchange.serial());
            out.push(self.answer_exchange(&exchange, now));
            let entry = Entry::Exchange(Box::new(exchange));
            entry.learn(&mut self.belief);
            self.log.push(entry);
        }
    }

    pub(super) fn weigh_exchange(&self, exchange: &mut Exchange, belief: &Belief, untold: f64) {
        let known = (&self.tracks.lineage, &self.gates.people);
        exchange.weigh(&self.config, belief, known, untold);
    }

    pub(super) fn answer_exchange(&self, exchange: &Exchange, now: StoreTime) -> EngineEvent {
        let (lineage, people) = (&self.tracks.lineage, &self.gates.people);
        EngineEvent::Explained {
            serial: exchange.serial(),
            part: 0,
            movements: exchange.movements(&self.config, lineage, people, now),
        }
    }

    /// Weighs what may have passed between hands that met.
    pub(super) fn watch_hands(&mut self, now: StoreTime, out: &mut Vec<EngineEvent>) {
        let to = now - handing::WEIGHED_AFTER;
        let from = self.met_until.unwrap_or(to);
        if to.since(from) < LOOK_FOR_HANDS {
            self.met_until = Some(from);
            return;
        }
        self.met_until = Some(to);
        let skus = self.shop.catalogue.len();
        let met: Vec<Meeting> = meeting::meetings(&self.tracks, from, to)
            .iter()
            .map(|met| Meeting::new(met, &self.looks, skus))
            .collect();
        for meeting in met {
            let live = self.tracks.live(meeting.t);
            let segment = |id: TrackId| live.iter().find(|l| l.0 == id).map(|l| l.1);
            let (Some(a), Some(b)) = (segment(meeting.a), segment(meeting.b)) else {
                continue;
            };
            let mut handed = Handed {
                meeting,
                segments: [a, b],
                overs: Vec::new(),
            };
            self.weigh_meeting(&mut handed, &self.belief);
            self.habit.learn(&handed.overs);
            if handed.overs.is_empty() {
                continue;
            }
            for at in assign(&mut self.log, &handed) {
                if let Some(Entry::Deed(deed)) = self.log.get(at) {
                    out.push(self.answer(deed, now));
                }
            }
            let entry = Entry::Handed(Box::new(handed));
            entry.learn(&mut self.belief);
            self.log.push(entry);
        }
    }

    pub(super) fn weigh_meeting(&self, handed: &mut Handed, belief: &Belief) {
        let [a, b] = handed.segments.map(|segment| {
            let mut parties: BTreeMap<Who, f64> = BTreeMap::new();
            for (person, p) in self.tracks.lineage.identity(segment).iter() {
                let real = if person == STRANGER { HARDLY_REAL } else { 1.0 };
                *parties.entry(self.gates.people.who(person)).or_default() += p * real;
            }
            parties.into_iter().collect::<Vec<_>>()
        });
        handed.overs = handed.meeting.weigh(&a, &b, belief, &self.habit);
    }
}
