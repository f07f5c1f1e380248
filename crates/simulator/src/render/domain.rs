//! How far rooms, people and cameras that are drawn at random may differ.

use super::dice::Dice;
use super::sensor::SensorConfig;

/// From where a camera looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewpoint {
    /// Under the ceiling, 18–70° below the horizon.
    Oblique,
    /// Under the ceiling, 70–90° below the horizon.
    Down,
    /// At a shelf, 0.3–1.5 m from hands and goods.
    Shelf,
}

/// The ranges that everything random is drawn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Domain {
    /// Weights of oblique, straight-down and shelf views.
    pub views: [f32; 3],
    /// Fewest and most people in a room.
    pub people: [u32; 2],
    /// Camera heights, metres.
    pub camera_m: [f32; 2],
    /// Horizontal angles of view, degrees.
    pub view_deg: [f32; 2],
    /// Strongest barrel distortion (k1).
    pub barrel: f32,
    /// Share of frames with motion blur.
    pub motion: f32,
    /// Things on the floor and in the air that are nobody, at most.
    pub clutter: u32,
    /// How far sensors differ: 0 all alike, 1 widely.
    pub sensor: f32,
    /// Brands that packages come from.
    pub brands: u32,
    /// Width and height, pixels.
    pub size_px: [u32; 2],
    /// Samples a pixel each way.
    pub oversampling: u32,
}

impl Default for Domain {
    fn default() -> Self {
        Self {
            views: [0.56, 0.26, 0.18],
            people: [0, 10],
            camera_m: [2.2, 3.7],
            view_deg: [60.0, 112.0],
            barrel: 0.32,
            motion: 0.3,
            clutter: 9,
            sensor: 1.0,
            brands: 40,
            size_px: [320, 240],
            oversampling: 2,
        }
    }
}

impl Domain {
    /// One viewpoint only.
    pub fn only(view: Viewpoint) -> Self {
        let mut views = [0.0; 3];
        views[view as usize] = 1.0;
        Self {
            views,
            ..Self::default()
        }
    }

    pub(crate) fn viewpoint(&self, dice: &mut Dice) -> Viewpoint {
        let [a, b, c] = self.views.map(|w| w.max(0.0));
        let u = dice.unit() * (a + b + c);
        match () {
            () if u < a => Viewpoint::Oblique,
            () if u < a + b => Viewpoint::Down,
            () => Viewpoint::Shelf,
        }
    }

    pub(crate) fn sensor(&self, dice: &mut Dice) -> SensorConfig {
        let s = self.sensor.clamp(0.0, 1.0);
        let d = SensorConfig::default();
        let mut about =
            |middle: f32, low: f32, high: f32| middle + (dice.between(low, high) - middle) * s;
        SensorConfig {
            exposure: about(d.exposure, 0.28, 0.64),
            auto_exposure: about(d.auto_exposure, 0.6, 1.0),
            white_balance: [about(1.0, 0.86, 1.15), about(1.0, 0.84, 1.15)],
            vignette: about(d.vignette, 0.0, 0.45),
            noise: about(d.noise, 0.3, 7.0),
            blur_px: about(d.blur_px, 0.0, 1.1),
            contrast: about(d.contrast, 0.8, 1.3),
            saturation: about(d.saturation, 0.35, 1.3),
            quality: about(f32::from(d.quality), 25.0, 100.0) as u8,
        }
    }
}
