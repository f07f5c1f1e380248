//! How the floor tracker behaves.

use super::state::Motion;

/// Settings of [`super::FloorTracker`]; the default is meant for any shop. Metres, seconds, shares. Gates are
/// squares of Mahalanobis distances of two degrees of freedom.
#[derive(Clone, Debug)]
pub struct FloorSettings {
    /// How people move.
    pub motion: Motion,
    /// Standard deviation of the head's middle about the body's axis.
    pub sway_m: f64,
    /// Standard deviation of a floor point about it.
    pub step_m: f64,
    /// Largest square of a distance that is looked at.
    pub gate: f64,
    /// A view that is off by more, against all views together, is given back.
    pub outlier: f64,
    /// A floor point off by more counts as off by so much: feet are often hidden.
    pub foot_cap: f64,
    /// False detections a picture.
    pub clutter: f64,
    /// How far the log odds of a look are believed in one picture: several cameras' looks in one light err together.
    pub look_weight: f64,
    /// The same of the mean of looks, of somebody who may have been found again.
    pub look_weight_again: f64,
    /// The head's height above the floor that is usual, and how it spreads.
    pub usual_m: f64,
    /// See `usual_m`.
    pub usual_sd_m: f64,
    /// Heights that heads may have.
    pub head_m: [f64; 2],
    /// People may stand so far outside the floor, at a gate.
    pub margin_m: f64,
    /// Two head rays meet if they pass so near.
    pub meet_m: f64,
    /// What each camera that frames a place and sees nobody takes from a cluster there.
    pub silence: f64,
    /// Farther than this a camera that sees nobody proves nothing.
    pub far_m: f64,
    /// Least score of a detection that begins a track with others.
    pub birth_score: f64,
    /// The same of one camera alone.
    pub birth_score_single: f64,
    /// Nobody new is found within this distance of somebody who is seen, unless one camera sees both.
    pub crowd_m: f64,
    /// Frames with two views that make a track somebody; one with three does.
    pub confirm_many: f64,
    /// The same with one view, where no other camera looks.
    pub confirm_single: f64,
    /// The same with one view, where others look and see nobody.
    pub confirm_contradicted: f64,
    /// Somebody is seen by this share of the cameras that could see their head, over the last frames.
    pub seen_share: f64,
    /// Score of a head that is as often nobody as somebody, and natural log odds that a score of 1 more is worth.
    pub score_even: f64,
    /// See `score_even`.
    pub score_slope: f64,
    /// What each camera that could see a head and does not takes from these log odds.
    pub blank: f64,
    /// Time constant of their running mean, seconds.
    pub evidence_s: f64,
    /// Whose log odds are less is neither confirmed nor reported, where four cameras or more could see the head; where fewer could, so much less, and nothing of one alone.
    pub doubtful: f64,
    /// With less than this somebody is not followed any more, and may be found again.
    pub nobody: f64,
    /// Of two within `crowd_m`, one that is seen by less than this share of the cameras that could see its head, and by less than so many times the
    /// other's share, is a second sight of the other.
    pub shadow_share: f64,
    /// See `shadow_share`.
    pub shadow_ratio: f64,
    /// A track that nobody believes yet ends after so long unseen.
    pub tentative_s: f64,
    /// An unseen person is reported where expected for so long.
    pub coast_s: f64,
    /// An unseen person is remembered for so long.
    pub keep_s: f64,
    /// The same outside the floor: they have left.
    pub outside_s: f64,
    /// Density per square metre of people who are new, not found again, away from gates.
    pub new_per_m2: f64,
    /// The same at a gate or the floor's edge.
    pub new_at_edge_per_m2: f64,
    /// Tracks so near may exchange people.
    pub swap_m: f64,
    /// Tracks so near to each other, and for so long, without a camera that sees both, are one.
    pub double_m: f64,
    /// See `double_m`.
    pub double_s: f64,
    /// Rays of a hand meet if they pass so near.
    pub hand_meet_m: f64,
    /// Farthest hand from where the arms begin.
    pub reach_m: f64,
    /// Standard deviation of a hand's middle between cameras.
    pub hand_sway_m: f64,
    /// A hand that one camera alone sees needs this score.
    pub hand_single_score: f64,
    /// A hand's owner is looked for within so many standard deviations.
    pub owner_sigmas: f64,
}

impl Default for FloorSettings {
    fn default() -> Self {
        Self {
            motion: Motion {
                pace: 0.6,
                keeps_s: 0.9,
                wobble: 0.10,
                bend: 0.15,
                lean: 0.45,
                upright: 0.04,
                lean_s: 0.6,
            },
            sway_m: 0.05,
            step_m: 0.2,
            gate: 18.0,
            outlier: 16.0,
            foot_cap: 6.0,
            clutter: 0.3,
            look_weight: 0.5,
            look_weight_again: 1.0,
            usual_m: 1.62,
            usual_sd_m: 0.16,
            head_m: [0.6, 2.15],
            margin_m: 1.5,
            meet_m: 0.30,
            silence: 0.12,
            far_m: 10.0,
            birth_score: 0.3,
            birth_score_single: 0.6,
            crowd_m: 0.5,
            confirm_many: 2.0,
            confirm_single: 6.0,
            confirm_contradicted: 15.0,
            seen_share: 0.2,
            score_even: 0.37,
            score_slope: 8.0,
            blank: 0.2,
            evidence_s: 0.8,
            doubtful: 0.8,
            nobody: 0.5,
            shadow_share: 0.3,
            shadow_ratio: 0.45,
            tentative_s: 0.3,
            coast_s: 0.6,
            keep_s: 12.0,
            outside_s: 0.7,
            new_per_m2: 2e-3,
            new_at_edge_per_m2: 0.3,
            swap_m: 1.2,
            double_m: 0.25,
            double_s: 0.8,
            hand_meet_m: 0.12,
            reach_m: 0.95,
            hand_sway_m: 0.03,
            hand_single_score: 0.5,
            owner_sigmas: 4.0,
        }
    }
}
