//! Which tracks everybody had, and who was nobody: what whoever tunes the tracker reads.

use super::ground::{Placed, ZERO_M};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use walkout_model::{Point2, StoreTime};
use walkout_perception::assignment::{Pair, assign};

/// Somebody was followed as one track, or as none, for a while.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    track: Option<i64>,
    from: StoreTime,
    to: StoreTime,
    /// Where it began, and how far the nearest other person was then.
    at: Point2,
    beside_m: f64,
}

/// The stretches of everybody in a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    begin: Option<StoreTime>,
    people: BTreeMap<i64, Vec<Stretch>>,
    /// Tracks of nobody, by number.
    nobody: BTreeMap<i64, Vec<Stretch>>,
}

impl Changes {
    /// Takes an instant in. A match within 0.5 m is kept as long as it holds.
    pub(super) fn add(&mut self, t: StoreTime, there: &[Placed], found: &[Placed]) {
        self.begin.get_or_insert(t);
        let mut pairs = Vec::new();
        for (row, a) in there.iter().enumerate() {
            let last = self.people.get(&a.id).and_then(|all| all.last());
            let last = last.and_then(|s| s.track);
            for (col, b) in found.iter().enumerate() {
                let d = a.position.distance(b.position);
                if d < 0.5 * ZERO_M {
                    let same = if last == Some(b.id) { 10.0 } else { 0.0 };
                    let cost = d - ZERO_M - same;
                    pairs.push(Pair { row, col, cost });
                }
            }
        }
        let matched = assign(there.len(), found.len(), &pairs, 0.0);
        let nearest = |p: Point2, but: Option<i64>| {
            let others = there.iter().filter(|o| Some(o.id) != but);
            others
                .map(|o| o.position.distance(p))
                .fold(f64::INFINITY, f64::min)
        };
        let note = |all: &mut Vec<Stretch>, track, at, beside_m| match all.last_mut() {
            Some(last) if last.track == track => last.to = t,
            _ => all.push(Stretch {
                track,
                from: t,
                to: t,
                at,
                beside_m,
            }),
        };
        for (p, col) in there.iter().zip(&matched).filter(|(p, _)| p.counts) {
            let track = col.map(|c| found[c].id);
            let beside = nearest(p.position, Some(p.id));
            note(
                self.people.entry(p.id).or_default(),
                track,
                p.position,
                beside,
            );
        }
        for (col, f) in found.iter().enumerate().filter(|(_, f)| f.counts) {
            if !matched.contains(&Some(col)) {
                let beside = nearest(f.position, None);
                note(
                    self.nobody.entry(f.id).or_default(),
                    None,
                    f.position,
                    beside,
                );
            }
        }
    }

    /// Lines of text: people whose track changed or who were missed, then tracks of nobody.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let begin = self.begin.unwrap_or_default();
        let s = |t: StoreTime| t.since(begin).as_secs_f64();
        for (person, all) in &self.people {
            if matches!(all.as_slice(), [one] if one.track.is_some()) {
                continue;
            }
            _ = write!(out, "person {person}:");
            for part in all {
                let who = part.track.map_or_else(|| "-".to_owned(), |t| t.to_string());
                _ = write!(
                    out,
                    " {who} {:.1}–{:.1} s from ({:.1}, {:.1}) beside {:.2};",
                    s(part.from),
                    s(part.to),
                    part.at.x,
                    part.at.y,
                    part.beside_m
                );
            }
            out.push('\n');
        }
        for (track, all) in &self.nobody {
            for part in all {
                _ = writeln!(
                    out,
                    "track {track} of nobody {:.1}–{:.1} s from ({:.1}, {:.1}), the nearest {:.2} m away",
                    s(part.from),
                    s(part.to),
                    part.at.x,
                    part.at.y,
                    part.beside_m
                );
            }
        }
        out
    }
}
