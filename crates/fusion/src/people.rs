//! Who could have made a step: the tracks within reach, the people they may be, and what was seen in
//! their hands.

use crate::FusionConfig;
use crate::evidence::{self, Sighting};
use crate::hands::{self, Near};
use crate::identity::{Identity, People, PersonIx, exclusive};
use crate::lineage::{Lineage, SegmentIx};
use crate::looks::{Held, LookRatio, LookStore};
use crate::place::{SeenShares, edges_of};
use crate::reach::Target;
use crate::together::{self, Made};
use crate::tracks::TrackStore;
use std::collections::BTreeMap;
use walkout_model::{Hand, Look, PartyKind, Shop, StoreTime, TimeDelta, TrackId, WeightStep, Who};

/// Reach below which a track is not a candidate.
const OUT_OF_REACH: f64 = 1e-6;

/// Somebody farther away neither made a step nor can be taken for who did, metres.
const NEAR_M: f64 = 6.0;

/// Share of all reach from which on a party may have made the step.
const CONCERNS: f64 = 1e-3;

/// A party that may have made the step.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub who: Who,
    pub kind: Option<PartyKind>,
    /// The tracks that may be of the party.
    tracks: Vec<OfParty>,
    /// All that its looks say, by its reach times the probability.
    shown: Vec<(f64, LookRatio)>,
    /// Weight without any track.
    unseen: f64,
    /// Log odds that a hand still rests on the goods, of the likeliest track.
    pub lingers: f64,
}

/// A track that may be of a party.
#[derive(Clone, Debug)]
struct OfParty {
    /// Its place among those seen, and its number.
    at: usize,
    track: TrackId,
    /// Its reach times the probability that it is.
    reach: f64,
    /// Its looks, as far as they say whose hand it was.
    looks: LookRatio,
}

impl Candidate {
    /// Log weight by reach alone.
    pub(crate) fn reach(&self) -> f64 {
        self.total(&|_| 1.0).ln()
    }

    /// Log weight by reach and by looks at what was in the hand.
    pub(crate) fn with_look(&self, held: Held) -> f64 {
        self.total(&|looks| looks.of(held)).ln()
    }

    /// What the looks at all hands within reach say that was in the one that made the step, natural log.
    /// It tells goods from goods; whose hand it was is told by [`Self::with_look`].
    pub(crate) fn shown(all: &[Self], held: Held) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for candidate in all {
            total += candidate.unseen;
            for (w, looks) in &candidate.shown {
                sum += w * looks.of(held).ln();
                total += w;
            }
        }
        if total > 0.0 { sum / total } else { 0.0 }
    }

    /// Log weight by reach and looks of two parties acting at once or one soon after the other, and the same by reach
    /// alone: nobody's hands are two people's, so that the two are different tracks.
    pub(crate) fn both(&self, held: Held, other: &Self, others: Held) -> (f64, f64) {
        let joint = |a: &dyn Fn(&LookRatio) -> f64, b: &dyn Fn(&LookRatio) -> f64| {
            let one: f64 = self
                .tracks
                .iter()
                .filter_map(|own| {
                    let theirs = other.tracks.iter().find(|t| t.track == own.track)?;
                    Some(own.reach * a(&own.looks) * theirs.reach * b(&theirs.looks))
                })
                .sum();
            (self.total(a) * other.total(b) - one).max(1e-30).ln()
        };
        let told = joint(&|l| l.of(held), &|l| l.of(others));
        (told, joint(&|_| 1.0, &|_| 1.0))
    }

    /// Each track's share of the weight, by reach and by looks at what was in the hand.
    pub(crate) fn shares(&self, held: Held) -> impl Iterator<Item = (usize, f64)> {
        let total = self.total(&|looks| looks.of(held)).max(1e-30);
        let tracks = self.tracks.iter();
        tracks.map(move |t| (t.at, t.reach * t.looks.of(held) / total))
    }

    fn total(&self, of: &dyn Fn(&LookRatio) -> f64) -> f64 {
        let seen = self.tracks.iter().map(|t| t.reach * of(&t.looks));
        self.unseen + seen.sum::<f64>()
    }
}

/// A track within reach of a step.
#[derive(Clone, Debug)]
struct Reaching {
    /// Which of the tracks that were seen at that instant, and its number.
    at: usize,
    track: TrackId,
    reach: f64,
    looks: LookRatio,
    shown: LookRatio,
    lingers: f64,
}

/// When looks at hands bear on a step: what was taken is in the hand after the change, what was put back
/// before it.
pub(crate) fn looked_at(step: &WeightStep) -> (StoreTime, StoreTime) {
    let (from, to) = if step.delta_g < 0.0 {
        (-150, 1_500)
    } else {
        (-1_500, 150)
    };
    let at = |ms: i64| step.t_change + TimeDelta::from_millis(ms);
    (at(from), at(to))
}

/// What was seen of people at the instant of a step. It does not change any more; who they were may.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    reaching: Vec<Reaching>,
    /// Everybody near, for whoever asks why.
    sightings: Vec<Sighting>,
    /// The stretches of all tracks that were seen near by.
    live: Vec<SegmentIx>,
    /// People inside whom no track accounted for, and to what extent.
    untracked: Vec<(PersonIx, f64)>,
    /// What the step said of who somebody is, natural logs.
    told: Vec<(SegmentIx, Vec<(PersonIx, f64)>)>,
    /// Which track made it, as far as it says itself.
    pub made: Made,
}

impl Witness {
    pub(crate) fn new(
        shop: &Shop,
        step: &WeightStep,
        config: &FusionConfig,
        tracks: &TrackStore,
        looks: &LookStore,
        untracked: Vec<(PersonIx, f64)>,
    ) -> Self {
        let edges = edges_of(&shop.layout, step);
        let seen = SeenShares::new(shop, step, &edges, config.share_sigma);
        let target = Target::new(shop, step, &seen);
        let (from, to) = looked_at(step);
        let mut live = tracks.live(step.t_change);
        let place = target.place();
        live.retain(|(id, _)| {
            let track = tracks.tracks.get(id);
            track
                .and_then(|t| t.nearest(step.t_change))
                .is_some_and(|p| p.position.distance(place) < NEAR_M)
        });
        let all = live.iter().map(|(id, _)| tracks.tracks.get(id));
        let near = Near::new(&target, step, all);
        let mut reaching = Vec::new();
        let mut sightings = Vec::new();
        for (at, (id, _)) in live.iter().enumerate() {
            let Some(track) = tracks.tracks.get(id) else {
                continue;
            };
            sightings.extend(Sighting::new(at, (*id, track), &target, looks, shop));
            let reach = hands::ratio(&target, step, track, &near, at);
            if reach < OUT_OF_REACH {
                continue;
            }
            let shown = looks.ratio((*id, track), &target, from, to, shop.catalogue.len());
            reaching.push(Reaching {
                at,
                track: *id,
                reach,
                looks: shown.clone().weighed(&hands::look_weights(step)),
                shown,
                lingers: target.lingers(track),
            });
        }
        Self {
            reaching,
            sightings,
            live: live.into_iter().map(|(_, segment)| segment).collect(),
            untracked,
            told: Vec::new(),
            made: Made {
                t: step.t_change,
                place: target.middle(),
                by: Vec::new(),
                // Until it is weighed, as every fall.
                took: if step.delta_g < 0.0 { 1.0 } else { 0.0 },
            },
        }
    }

    /// Which tracks were free to make it, given other steps of the time.
    pub(crate) fn free<'a>(&self, others: impl Iterator<Item = &'a Made>) -> Vec<(TrackId, f64)> {
        together::free(self.made.t, self.made.place, self.made.took, others)
    }

    /// Remembers which track made it, by the tracks' places among those seen, given which were free, and how probably goods
    /// went.
    pub(crate) fn note(
        &mut self,
        makers: &BTreeMap<usize, f64>,
        free: &[(TrackId, f64)],
        took: f64,
    ) {
        let made = self.reaching.iter().filter_map(|r| {
            let p = makers.get(&r.at).copied()?;
            Some((r.track, p))
        });
        self.made.by = together::alone(made.collect(), free);
        self.made.took = took;
    }

    /// What another witness of the same step said of who somebody is is what this one said.
    pub(crate) fn said_as(&mut self, other: &Self) {
        self.told.clone_from(&other.told);
    }

    /// Who each track was, without what this step itself said of it.
    fn identities(&self, lineage: &Lineage) -> Vec<Identity> {
        let all = self.live.iter().map(|segment| {
            let who = lineage.identity(*segment);
            match self.told.iter().find(|(s, _)| s == segment) {
                Some((_, told)) => {
                    let back: Vec<_> = told.iter().map(|(p, log)| (*p, -log)).collect();
                    who.times(&back)
                }
                None => who,
            }
        });
        exclusive(all.collect())
    }

    /// Hands and looks around the step, by what is known of who they were.
    pub(crate) fn seen(&self, lineage: &Lineage, people: &People) -> (Vec<Hand>, Vec<Look>) {
        evidence::told(&self.sightings, &self.identities(lineage), people)
    }

    /// When the one came in who most probably did it, of those whom no code let in; none if nobody saw them come.
    pub(crate) fn stranger(&self, lineage: &Lineage, people: &People) -> Option<StoreTime> {
        let identities = self.identities(lineage);
        let mut strangers: BTreeMap<Option<StoreTime>, f64> = BTreeMap::new();
        for r in &self.reaching {
            for (person, p) in identities[r.at].iter() {
                if people.who(person) == Who::Unknown {
                    *strangers.entry(people.stranger(person)).or_default() += r.reach * p;
                }
            }
        }
        let likeliest = strangers.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        likeliest?.0
    }

    /// All candidates, unknown included, in the order of [`Who`], by which tracks were free to do it.
    pub(crate) fn candidates(
        &self,
        lineage: &Lineage,
        people: &People,
        config: &FusionConfig,
        free: &[(TrackId, f64)],
    ) -> Vec<Candidate> {
        let identities = self.identities(lineage);
        let mut by_who: BTreeMap<Who, Candidate> = BTreeMap::new();
        let new = |who: Who| Candidate {
            who,
            kind: people.kind(who),
            tracks: Vec::new(),
            shown: Vec::new(),
            unseen: 0.0,
            lingers: 0.0,
        };
        let mut likeliest: BTreeMap<Who, f64> = BTreeMap::new();
        for r in &self.reaching {
            let mut parties: BTreeMap<Who, f64> = BTreeMap::new();
            for (person, p) in identities[r.at].iter() {
                *parties.entry(people.who(person)).or_default() += p;
            }
            let free = free.iter().find(|f| f.0 == r.track).map_or(1.0, |f| f.1);
            for (who, p) in parties {
                let candidate = by_who.entry(who).or_insert_with(|| new(who));
                let reach = r.reach * free * p;
                candidate.tracks.push(OfParty {
                    at: r.at,
                    track: r.track,
                    reach,
                    looks: r.looks.clone(),
                });
                candidate.shown.push((reach, r.shown.clone()));
                let most = likeliest.entry(who).or_default();
                if reach > *most {
                    *most = reach;
                    candidate.lingers = r.lingers;
                }
            }
        }
        by_who
            .entry(Who::Unknown)
            .or_insert_with(|| new(Who::Unknown))
            .unseen = config.unseen;
        // Who had left by then, as is known by now, did nothing.
        let inside = |(person, _): &&(PersonIx, f64)| !people.had_left(*person, self.made.t);
        for (person, n) in self.untracked.iter().filter(inside) {
            let who = people.who(*person);
            by_who.entry(who).or_insert_with(|| new(who)).unseen += config.lost * n;
        }
        by_who.into_values().collect()
    }

    /// What the step says of who its maker is, told to the tracks that may have made it: staff
    /// restock and shoppers do not, and a put-back comes from the cart that holds it. `posterior` is
    /// what the parties came to.
    pub(crate) fn tell(
        &mut self,
        posterior: &[(Who, f64)],
        lineage: &mut Lineage,
        people: &People,
    ) {
        let identities = self.identities(lineage);
        let total: f64 = self.reaching.iter().map(|r| r.reach).sum();
        let mut told: Vec<(SegmentIx, Vec<(PersonIx, f64)>)> = Vec::new();
        if total > 0.0 {
            let mut before: BTreeMap<Who, f64> = BTreeMap::new();
            for r in &self.reaching {
                for (person, p) in identities[r.at].iter() {
                    *before.entry(people.who(person)).or_default() += p * r.reach / total;
                }
            }
            for r in &self.reaching {
                let share = r.reach / total;
                if share < 0.3 {
                    continue;
                }
                let logs = identities[r.at].iter().map(|(person, _)| {
                    let who = people.who(person);
                    let prior = before.get(&who).copied().unwrap_or(0.0).max(1e-6);
                    let after = posterior.iter().find(|x| x.0 == who).map_or(0.0, |x| x.1);
                    let ratio = (after / prior).clamp(0.02, 50.0);
                    (person, (1.0 - share + share * ratio).ln())
                });
                told.push((self.live[r.at], logs.collect()));
            }
        }
        self.untell(lineage);
        for (segment, logs) in &told {
            for (person, log) in logs {
                lineage.tell(*segment, *person, *log);
            }
        }
        self.told = told;
    }

    /// Takes back what the step said of who its maker is.
    pub(crate) fn untell(&mut self, lineage: &mut Lineage) {
        for (segment, logs) in std::mem::take(&mut self.told) {
            for (person, log) in logs {
                lineage.tell(segment, person, -log);
            }
        }
    }

    /// Whether nothing to come can change who those within reach were.
    pub(crate) fn stands(&self, lineage: &Lineage) -> bool {
        self.reaching
            .iter()
            .all(|r| lineage.stands(self.live[r.at]))
    }

    /// Whether one of these parties may have made it.
    pub(crate) fn concerns(&self, parties: &[Who], lineage: &Lineage, people: &People) -> bool {
        let total: f64 = self.reaching.iter().map(|r| r.reach).sum();
        let by_track = self.reaching.iter().any(|r| {
            let who = lineage.identity(self.live[r.at]);
            let p: f64 = who
                .iter()
                .filter(|(person, _)| parties.contains(&people.who(*person)))
                .map(|(_, p)| p)
                .sum();
            r.reach * p > CONCERNS * total
        });
        // Somebody may have done it whom no track shows.
        let unseen = total < 0.1
            && self
                .untracked
                .iter()
                .any(|(person, _)| parties.contains(&people.who(*person)));
        by_track || unseen
    }
}
