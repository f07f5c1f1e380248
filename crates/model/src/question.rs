//! What one look settles.

use crate::{AttributedMovement, Evidence, MovementId, StoreTime, Who};

/// What a person is asked when a movement is in doubt. Movements of one question are settled by one look at one moment
/// of the recordings, and are asked about together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Who somebody was whom no code let in, by when they came in.
    Visit(StoreTime),
    /// Whether something passed from one to the other, and which thing.
    HandOver {
        /// When their hands met.
        t: StoreTime,
        /// Who may have given it.
        from: Who,
        /// Who may have been given it.
        to: Who,
    },
    /// What came and went while a shelf was disturbed, by the disturbance's number.
    Exchange(u64),
    /// Who did what in a step, by its number.
    Step(u64),
    /// The movement alone.
    Movement(MovementId),
}

/// Explanations that are less probable are no reason to look elsewhere.
const HARDLY: f32 = 0.02;

impl Question {
    /// The question of a movement with this evidence. `said` are its explanations, the chosen one first: who, which goods and how
    /// many, and how probably.
    pub fn of<G: PartialEq + Copy>(
        id: MovementId,
        evidence: &Evidence,
        said: impl Iterator<Item = (Who, G, f32)> + Clone,
    ) -> Self {
        if let Some(came) = evidence.stranger {
            return Self::Visit(came);
        }
        // A meeting of hands is the question where all doubt is which of the two has the goods.
        let goods = said.clone().next().map(|first| first.1);
        let between = |from: Who, to: Who| {
            let those = || said.clone().filter(|(.., p)| *p > HARDLY);
            let has = |who: Who| those().any(|(w, g, _)| w == who && Some(g) == goods);
            let all = those().all(|(w, g, _)| (w == from || w == to) && Some(g) == goods);
            all && has(from) && has(to)
        };
        let doubt = |p: f32| (p - 0.5).abs();
        let met = evidence.handed.iter().filter(|h| between(h.from, h.to));
        if let Some(met) = met.min_by(|a, b| doubt(a.probability).total_cmp(&doubt(b.probability)))
        {
            return Self::HandOver {
                t: met.t,
                from: met.from,
                to: met.to,
            };
        }
        match (evidence.steps.first(), evidence.came_and_went) {
            (Some(&number), Some(_)) => Self::Exchange(number),
            (Some(&number), None) => Self::Step(number),
            (None, _) => Self::Movement(id),
        }
    }
}

impl AttributedMovement {
    /// What a person is asked if it is in doubt.
    pub fn question(&self) -> Question {
        let all = std::iter::once(&self.best).chain(&self.alternatives);
        let said = all.map(|a| (a.who, (a.sku, a.quantity), a.probability));
        Question::of(self.id, &self.evidence, said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Passed, SessionId};

    fn who(n: u64) -> Who {
        Who::Session(SessionId(n))
    }

    fn question(evidence: &Evidence, whose: &[(Who, f32)]) -> Question {
        let said = whose.iter().map(|&(who, p)| (who, 1, p));
        Question::of(MovementId(7), evidence, said)
    }

    #[test]
    fn a_meeting_of_hands_is_asked_about_where_the_doubt_is_between_the_two() {
        let met = |s: i64, probability| Passed {
            t: StoreTime(s * 1_000_000),
            from: who(1),
            to: who(2),
            probability,
        };
        let evidence = Evidence {
            steps: vec![3],
            handed: vec![met(10, 0.02), met(20, 0.4), met(30, 0.03)],
            ..Evidence::default()
        };
        let t = StoreTime(20_000_000);
        let (from, to) = (who(1), who(2));
        assert_eq!(
            question(&evidence, &[(who(1), 0.6), (who(2), 0.39), (who(3), 0.01)]),
            Question::HandOver { t, from, to }
        );
        // Whether it was this or something else is told by the step.
        let said = [(who(1), 1, 0.6), (who(2), 2, 0.39)].into_iter();
        assert_eq!(
            Question::of(MovementId(7), &evidence, said),
            Question::Step(3)
        );
        // A third may have taken it: so is that.
        assert_eq!(
            question(&evidence, &[(who(1), 0.5), (who(2), 0.3), (who(3), 0.19)]),
            Question::Step(3)
        );
        assert_eq!(
            question(&evidence, &[(who(1), 0.7), (who(3), 0.29)]),
            Question::Step(3)
        );
    }

    #[test]
    fn what_is_of_no_step_is_asked_alone_and_of_a_visit_with_it() {
        let nobody = [(Who::Unknown, 0.99)];
        let alone = question(&Evidence::default(), &nobody);
        assert_eq!(alone, Question::Movement(MovementId(7)));
        let evidence = Evidence {
            steps: vec![3],
            stranger: Some(StoreTime(5)),
            ..Evidence::default()
        };
        assert_eq!(question(&evidence, &nobody), Question::Visit(StoreTime(5)));
        let evidence = Evidence {
            steps: vec![3],
            came_and_went: Some((StoreTime(5), StoreTime(6))),
            ..Evidence::default()
        };
        assert_eq!(question(&evidence, &nobody), Question::Exchange(3));
    }
}
