//! The light in a shop: ceiling lamps, what walls and floor throw back, and what shelves keep out.

use super::space::{Rgb, V3};

/// Lamps under the ceiling and light from everywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Light {
    /// From above and from below, linear.
    pub ambient: [Rgb; 2],
    /// Where lamps hang, with their colour and strength (linear, at one metre).
    pub lamps: Vec<(V3, Rgb)>,
}

/// Lamps do not become brighter than at this distance, metres squared.
const LAMP_SIZE2: f32 = 0.8;

impl Light {
    /// What falls on a surface, as a square root of linear light.
    pub fn at(&self, p: V3, normal: V3) -> Rgb {
        let up = normal.z * 0.5 + 0.5;
        let mut sum =
            [0, 1, 2].map(|i| self.ambient[1][i] + (self.ambient[0][i] - self.ambient[1][i]) * up);
        for (lamp, colour) in &self.lamps {
            let d = *lamp - p;
            let d2 = d.dot(d);
            let facing = d.dot(normal);
            if facing > 0.0 {
                let k = facing / (d2.sqrt() * (d2 + LAMP_SIZE2));
                for i in 0..3 {
                    sum[i] += colour[i] * k;
                }
            }
        }
        sum.map(|c| c.max(0.0).sqrt())
    }
}
