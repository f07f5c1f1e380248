//! What can be tuned, with the reason for each value.

use walkout_model::TimeDelta;

/// Settings of the detector. The defaults suit 60 Hz plates of ±10 g class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerceptionConfig {
    /// Width of a bin. 50 ms holds three samples at 60 Hz and resolves a hand's movements.
    pub bin: TimeDelta,
    /// How long a bin stays open for late samples. Adds to the delay of every step; samples later
    /// than this are counted and dropped, the ones that came in time stand for their bin.
    pub delay: TimeDelta,
    /// Samples that claim to be from further ahead than this are refused.
    pub future_max: TimeDelta,
    /// A sample behind by more than this is stale rather than late, and hints at a clock that jumped.
    pub clock_jump: TimeDelta,
    /// No sample for this long: the plate is dead.
    pub dead_after: TimeDelta,
    /// The very same reading for this long while neighbours vary: the plate is stuck. At rest, noise of
    /// 0.4 g and more moves a converter of 1 g resolution every few samples.
    pub stuck_after: TimeDelta,
    /// Longest pause of the shop's clock that is walked through bin by bin.
    pub catch_up_bins: i64,
    /// Bins that a rise must be at rest where its stillness tells goods from a hand.
    pub window_bins: usize,
    /// The same where the rise is so light that a hand would be as still.
    pub rise_bins: usize,
    /// Smallest change that is told as soon as its direction is plain, before it can be read, grams.
    pub plain_g: f32,
    /// A hand that presses has reached its full force after so many bins, half of the longest press that is published;
    /// what rises for longer is goods.
    pub press_rise_bins: i64,
    /// How much a hand's force wavers within a few tenths of a second, as a share of it.
    pub waver: f32,
    /// A plate has left its rest when the mean of three bins is off by this many grams (or three
    /// standard deviations of a bin, whichever is more).
    pub onset_g: f32,
    /// A rest after a fall that lasts no longer than this was part of the movement.
    pub pause_bins: i64,
    /// So long after a fall was found, one that goes on without a press is the same fall.
    pub fall_goes_on_bins: i64,
    /// The same as `pause_bins` after a rise: a hand may have held still.
    pub pause_rise_bins: i64,
    /// So long after a step its plates are looked at again for the first time: what was told in the midst of a
    /// movement is put right.
    pub soon_bins: i64,
    /// So long after a step its plates are looked at again for the last time.
    pub refine_bins: i64,
    /// What a cell's friction makes of a change, grams.
    pub friction_g: f32,
    /// Share of a change that a cell shows only within the next half minute.
    pub creep: f32,
    /// Smallest change of a shelf that is worth a step, grams: less than the lightest goods.
    pub least_g: f32,
    /// What falls without a press within so many bins after it rose is a hand that lets go.
    pub lean_bins: i64,
    /// The mass of an empty plate, grams: it swings with the board as goods do.
    pub plate_g: f32,
    /// Smallest change of one plate that counts, grams.
    pub step_g: f32,
    /// Plates whose halfway instants lie within this many bins changed together.
    pub together_bins: i64,
    /// Plates that much changed on, pressed together, are one goods' if these instants lie no further apart: a hand that
    /// draws goods off slowly clears one plate before the other.
    pub same_goods_bins: i64,
    /// A disturbance that begins so soon after one that left no change goes on with it.
    pub one_action_bins: i64,
    /// From when on a finished plate's neighbour is read although it rings.
    pub hurry_bins: i64,
    /// How long a finished plate waits for an unsettled neighbour.
    pub wait_bins: i64,
    /// Share of a load that its plate's neighbours show at most, through board and frame.
    pub leak: f32,
    /// A change of less on a plate beside a step's may be a share of its goods that was too slight to be noticed
    /// there, grams.
    pub share_g: f32,
    /// Smallest departure from rest that is worth a touch, grams.
    pub touch_g: f32,
}

impl Default for PerceptionConfig {
    fn default() -> Self {
        Self {
            bin: TimeDelta::from_millis(50),
            delay: TimeDelta::from_millis(150),
            future_max: TimeDelta::from_millis(500),
            clock_jump: TimeDelta::from_secs(2),
            dead_after: TimeDelta::from_secs(2),
            stuck_after: TimeDelta::from_secs(5),
            catch_up_bins: 600,
            window_bins: 6,
            rise_bins: 16,
            plain_g: 15.0,
            press_rise_bins: 15,
            waver: 0.05,
            onset_g: 1.5,
            pause_bins: 9,
            fall_goes_on_bins: 20,
            pause_rise_bins: 12,
            soon_bins: 4,
            refine_bins: 14,
            friction_g: 0.3,
            creep: 0.002,
            least_g: 5.0,
            lean_bins: 100,
            plate_g: 300.0,
            step_g: 2.5,
            together_bins: 5,
            same_goods_bins: 12,
            one_action_bins: 20,
            hurry_bins: 4,
            wait_bins: 50,
            leak: 0.08,
            share_g: 12.0,
            touch_g: 10.0,
        }
    }
}
