//! What people look like: by that two are told apart whom place and height leave in doubt, for as long as a session lasts.

/// Looks that count as many: a mean over more would not follow the light.
const LOOKS_MAX: f32 = 60.0;
/// Variance along each axis of the difference of two looks at one person, by the place and the light in which they were taken; the same of what
/// a single look is off by; and of the difference of two people.
const PLACE: f64 = 0.4;
const LOOK: f64 = 0.3;
const PEOPLE: f64 = 2.0;
/// A look of however many axes says as much as this many that have nothing to do with one another.
const AXES: f64 = 4.0;

/// Mean of what a track was seen to look like.
#[derive(Clone, Debug, Default)]
pub(super) struct Appearance {
    mean: Vec<f32>,
    looks: f32,
}

impl Appearance {
    pub(super) fn add(&mut self, look: &[f32]) {
        if look.is_empty() {
            return;
        }
        if self.mean.len() != look.len() {
            self.mean = look.to_vec();
            self.looks = 1.0;
            return;
        }
        self.looks = (self.looks + 1.0).min(LOOKS_MAX);
        for (m, x) in self.mean.iter_mut().zip(look) {
            *m += (x - *m) / self.looks;
        }
    }

    pub(super) fn joined(self, newer: Self) -> Self {
        if self.mean.len() != newer.mean.len() {
            return if newer.mean.is_empty() { self } else { newer };
        }
        let all = (self.looks + newer.looks).max(1.0);
        let mean = self.mean.iter().zip(&newer.mean);
        Self {
            mean: mean
                .map(|(a, b)| (a * self.looks + b * newer.looks) / all)
                .collect(),
            looks: all.min(LOOKS_MAX),
        }
    }

    /// Natural log of how much more probable two looks are of one person than of two; 0 if nothing can be said.
    pub(super) fn odds(&self, other: &Self) -> f64 {
        self.odds_of(&other.mean, other.looks)
    }

    /// The same of a single look.
    pub(super) fn likeness(&self, look: &[f32]) -> f64 {
        self.odds_of(look, 1.0)
    }

    fn odds_of(&self, look: &[f32], looks: f32) -> f64 {
        if look.is_empty() || look.len() != self.mean.len() {
            return 0.0;
        }
        let pairs = self.mean.iter().zip(look);
        let d2: f64 = pairs.map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let d2 = d2 / look.len() as f64;
        let single = 1.0 / f64::from(self.looks.max(1.0)) + 1.0 / f64::from(looks.max(1.0));
        let same = PLACE + LOOK * single;
        let two = same + PEOPLE;
        let odds = 0.5 * ((two / same).ln() - d2 * (1.0 / same - 1.0 / two));
        AXES * odds.max(-2.0)
    }

    /// This frame's look.
    pub(super) fn into_mean(self) -> Vec<f32> {
        self.mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(looks: &[[f32; 3]]) -> Appearance {
        let mut seen = Appearance::default();
        for look in looks {
            seen.add(look);
        }
        seen
    }

    #[test]
    fn alike_is_one_and_unlike_is_two_and_more_looks_say_more() {
        let (red, like_red, blue) = ([1.0, -0.5, 0.2], [0.8, -0.3, 0.1], [-1.0, 0.9, -0.6]);
        let known = seen(&[red; 20]);
        let (same, other) = (known.likeness(&like_red), known.likeness(&blue));
        assert!(same > 0.5 && other < -1.5, "{same} {other}");
        assert!(known.odds(&seen(&[like_red; 20])) > same);
        assert!(known.odds(&seen(&[blue; 20])) < other);
        assert!(seen(&[red]).likeness(&like_red) < same);
        // However unlike: light plays tricks.
        assert!(known.likeness(&[40.0, -40.0, 40.0]) >= -8.0);
        for nothing in [&[][..], &[1.0][..]] {
            assert_eq!(known.likeness(nothing), 0.0);
        }
    }
}
