//! What somebody wears, as a short vector: colours of trunk and legs. For breaking ties between people for as long as
//! their session lasts, and for nothing else.

use super::backdrop::Backdrop;
use walkout_model::Pixel;

/// Mean and spread among dressed people of lightness (0–1), red over green and blue over green (natural
/// logarithms): round figures for plain clothes of all colours.
const MEANS: [f32; 3] = [0.45, 0.02, -0.03];
const SPREADS: [f32; 3] = [0.2, 0.25, 0.25];
/// How far down from head to foot trunk and legs are.
const PARTS: [f64; 2] = [0.35, 0.7];

/// Six numbers, whitened; empty if no part shows.
pub(super) fn appearance(
    backdrop: &Backdrop,
    head: Pixel,
    foot: Pixel,
    radius_px: f64,
) -> Vec<f32> {
    let tall = (foot.u - head.u).hypot(foot.v - head.v);
    // From straight above only shoulders show around the head.
    if tall < 4.0 * radius_px {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(6);
    for part in PARTS {
        let at = Pixel {
            u: head.u + part * (foot.u - head.u),
            v: head.v + part * (foot.v - head.v),
        };
        let Some(c) = backdrop.colour(at, 0.9 * radius_px) else {
            return Vec::new();
        };
        let c = c.map(|v| v.clamp(0.02, 1.0));
        let seen = [
            (c[0] + c[1] + c[2]) / 3.0,
            (c[0] / c[1]).ln(),
            (c[2] / c[1]).ln(),
        ];
        out.extend((0..3).map(|k| ((seen[k] - MEANS[k]) / SPREADS[k]).clamp(-4.0, 4.0)));
    }
    out
}
