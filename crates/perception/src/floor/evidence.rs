//! Whether anybody is there: what the scores of a track's views, and the cameras that see nobody, say of it.
//!
//! A network is sure of most heads that are one and unsure of most that are none, and where many cameras look some of them are unsure of the same
//! place again and again. How many views a track has does not tell the two apart; their scores do.

use super::{CameraFrame, FloorSettings};

/// A view says no more than this, natural log odds, however it scores: for nobody (as much as a camera that sees nobody, by default), and for somebody.
const VIEW: [f64; 2] = [-0.2, 3.0];
/// So many cameras that could see a head make a full quorum; of those that are fewer less is asked, and of one alone nothing.
const WITNESSES: [f64; 2] = [1.5, 4.0];

/// A running mean of what frames said, natural log odds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence(Option<f64>);

impl Evidence {
    /// Takes in a frame `dt` seconds after the last.
    pub(super) fn add(&mut self, frame: f64, dt: f64, s: &FloorSettings) {
        let fresh = 1.0 - (-dt / s.evidence_s).exp();
        let mean = self.0.get_or_insert(frame);
        *mean += fresh * (frame - *mean);
    }

    /// Whether it is less than this, where so many cameras could see the head on average.
    pub(super) fn is_below(self, least: f64, framed: f64) -> bool {
        let [few, enough] = WITNESSES;
        let least = least * (framed / enough).min(1.0);
        framed >= few && self.0.is_some_and(|e| e < least)
    }
}

/// What a frame says: the views, and as many cameras that could see the head and do not.
pub(super) fn of_frame(
    views: &[(usize, usize)],
    silent: usize,
    frames: &[CameraFrame],
    s: &FloorSettings,
) -> f64 {
    let scores = views
        .iter()
        .map(|&(f, d)| f64::from(frames[f].detections[d].score));
    let seen = scores.map(|score| (s.score_slope * (score - s.score_even)).clamp(VIEW[0], VIEW[1]));
    seen.sum::<f64>() - s.blank * silent as f64
}

#[cfg(test)]
mod tests {
    use super::super::{PersonDetection, PixelPoint};
    use super::*;
    use walkout_model::{CameraIx, Pixel};

    #[test]
    fn one_that_is_sure_says_more_than_three_that_are_not() {
        let s = FloorSettings::default();
        let frame = |camera: usize, score: f32| CameraFrame {
            camera: CameraIx::from(camera),
            detections: vec![PersonDetection {
                head: Some(PixelPoint::new(Pixel { u: 10.0, v: 10.0 }, 2.0)),
                score,
                ..PersonDetection::default()
            }],
            hands: Vec::new(),
        };
        let frames = [frame(0, 0.9), frame(1, 0.4), frame(2, 0.38), frame(3, 0.33)];
        let sure = of_frame(&[(0, 0)], 2, &frames, &s);
        let unsure = of_frame(&[(1, 0), (2, 0), (3, 0)], 0, &frames, &s);
        assert!(sure > 2.0 && unsure < 0.5, "{sure} {unsure}");
        let mut evidence = Evidence::default();
        assert!(!evidence.is_below(0.8, 6.0));
        for _ in 0..20 {
            evidence.add(unsure - 0.2, 0.1, &s);
        }
        assert!(evidence.is_below(0.8, 6.0) && !evidence.is_below(0.8, 1.0));
        for _ in 0..20 {
            evidence.add(sure, 0.1, &s);
        }
        assert!(!evidence.is_below(0.8, 6.0));
    }
}
