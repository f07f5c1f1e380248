//! What the scores at a spot say together: how probably there is a hand.

/// What is said of a spot that may be a hand, each from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HandScores {
    /// The map of whom the cut marks, the highest of all cuts.
    pub own: f32,
    /// The map of others, the highest of all cuts.
    pub others: f32,
    /// The `person` network.
    pub person: f32,
    /// The head of whom it would be a hand.
    pub head: f32,
}

/// How many numbers [`HandScores::terms`] are.
pub const HAND_TERMS: usize = 11;

impl HandScores {
    /// What [`HandOdds`] weigh: `own`, `others` and `person`, each followed by its square; `head`; `own` times `person`, `others` and
    /// `head`; `others` times `person`.
    pub fn terms(&self) -> [f32; HAND_TERMS] {
        let Self {
            own,
            others,
            person,
            head,
        } = *self;
        [
            own,
            own * own,
            others,
            others * others,
            person,
            person * person,
            head,
            own * person,
            own * others,
            own * head,
            others * person,
        ]
    }
}

/// The logarithm of the odds that there is a hand at a spot: a sum over what is said there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HandOdds {
    /// Where all scores are 0.
    pub none: f32,
    /// What each of the [`HandScores::terms`] is worth at 1.
    pub worth: [f32; HAND_TERMS],
}

impl Default for HandOdds {
    /// Fitted by maximum likelihood to rooms that neither training nor marks have; how is in the network's card.
    fn default() -> Self {
        Self {
            none: -6.19,
            worth: [
                7.06, 2.53, 1.99, 2.87, 14.25, -9.63, -1.66, -7.12, -10.56, 5.0, 6.48,
            ],
        }
    }
}

impl HandOdds {
    /// The probability of a hand.
    pub fn probability(&self, said: &HandScores) -> f32 {
        let terms = said.terms().into_iter().zip(self.worth);
        let odds = self.none + terms.map(|(x, worth)| x * worth).sum::<f32>();
        1.0 / (1.0 + (-odds).exp())
    }
}
