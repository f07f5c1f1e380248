//! What hands near shelves hold: a square around each, through the item network, against the shop's gallery.

use crate::nets::{
    Calibration, Gallery, ItemNetwork, Likeness, Look, NetError, Network, RgbPicture,
};
use std::sync::Arc;
use walkout_model::{Layout, Pixel, Point2, Point3, SeenItem, Sighting, SkuIx, View};

/// How hands are looked at.
#[derive(Clone, Debug)]
pub struct HeldSettings {
    /// Least score of a hand that is looked at.
    pub hand: f32,
    /// Most hands a picture.
    pub hands_max: usize,
    /// Side of the square around a hand, metres.
    pub side_m: f64,
    /// Fewer picture pixels than this a metre show nothing, whatever the network says.
    pub px_per_m_min: f64,
    /// A hand so near to a shelf is looked at, metres. One camera alone knows its distance by the owner's
    /// head only.
    pub near_m: f64,
    /// How likenesses of a hand and what is about it become probabilities. Not the gallery's own calibration, which is fitted
    /// to pictures of items alone.
    pub calibration: Calibration,
    /// Where the likeliest SKU's logit is this, the look is as probably of nothing that the gallery knows.
    pub doubt: f32,
    /// Of a look that shows nothing known with more than this probability, nothing is told.
    pub doubt_max: f32,
    /// SKUs that are told, at most.
    pub told: usize,
}

impl Default for HeldSettings {
    fn default() -> Self {
        Self {
            hand: 0.25,
            hands_max: 6,
            side_m: 0.26,
            px_per_m_min: 60.0,
            near_m: 0.45,
            calibration: Calibration {
                cosine: 10.0,
                colours: 0.0,
                ..Calibration::default()
            },
            // The likeliest's own likeness tells nothing of hands with the network that ships: no doubt.
            doubt: -20.0,
            doubt_max: 0.95,
            told: 16,
        }
    }
}

/// Radius of a head, metres, as the network's radius means it.
const HEAD_M: f64 = 0.1;

/// The item network, what the shop's goods look like, and where its shelves are.
pub struct ItemEye {
    network: ItemNetwork<Arc<dyn Network>>,
    gallery: Gallery,
    skus: Vec<SkuIx>,
    shelves: Vec<Front>,
    settings: HeldSettings,
}

/// A fixture as a box.
struct Front {
    pose: walkout_model::Pose2,
    size_m: [f64; 3],
}

impl ItemEye {
    /// An eye for the SKUs that the gallery knows.
    pub fn new(
        network: Arc<dyn Network>,
        gallery: Gallery,
        layout: &Layout,
        settings: HeldSettings,
    ) -> Self {
        let shelves = layout.fixtures.iter().map(|f| Front {
            pose: f.pose,
            size_m: [f.width_m, f.depth_m, f.height_m],
        });
        Self {
            network: ItemNetwork::new(network),
            skus: gallery.skus().collect(),
            gallery,
            shelves: shelves.collect(),
            settings,
        }
    }

    /// Whether any hand of a sighting is worth a large picture.
    pub fn wants(&self, view: &View, sighting: &Sighting) -> bool {
        self.spots(view, sighting).next().is_some()
    }

    pub(super) fn held(
        &self,
        view: &View,
        sighting: &Sighting,
        picture: &RgbPicture<'_>,
        per_px: f64,
    ) -> Result<Vec<SeenItem>, NetError> {
        let looks = self.looks(view, sighting, picture, per_px)?;
        let told = looks.into_iter().filter_map(|(at, px_per_m, look)| {
            let skus = self.posterior(&look);
            (!skus.is_empty()).then_some(SeenItem { at, px_per_m, skus })
        });
        Ok(told.collect())
    }

    /// What hands near shelves look like, with where they are (calibration pixels) and how large a metre is there.
    /// `per_px`: calibration pixels a pixel of the picture.
    ///
    /// # Errors
    /// The network fails.
    pub fn looks(
        &self,
        view: &View,
        sighting: &Sighting,
        picture: &RgbPicture<'_>,
        per_px: f64,
    ) -> Result<Vec<(Pixel, f32, Look)>, NetError> {
        let mut out = Vec::new();
        for (pixel, px_per_m) in self.spots(view, sighting) {
            if px_per_m / per_px < self.settings.px_per_m_min {
                continue;
            }
            let half = 0.5 * self.settings.side_m * px_per_m / per_px;
            let (x, y) = (pixel.u / per_px, pixel.v / per_px);
            let area = [x - half, y - half, x + half, y + half];
            out.push((pixel, px_per_m as f32, self.network.glance(picture, area)?));
        }
        Ok(out)
    }

    /// Hands near shelves with the pixels a metre there.
    fn spots<'a>(
        &'a self,
        view: &'a View,
        sighting: &'a Sighting,
    ) -> impl Iterator<Item = (Pixel, f64)> + 'a {
        let sure = sighting
            .hands
            .iter()
            .filter(|h| h.score >= self.settings.hand);
        let placed = sure.filter_map(move |hand| {
            hand.owner?;
            let radius = hand.owner_radius_px.max(1e-3);
            let focal = view.camera().focal_px[0];
            // The head's size tells how far its owner is; the hand is about as far.
            let away = focal * HEAD_M / radius;
            let ray = view.ray(hand.at)?;
            let near = [0.8, 0.9, 1.0, 1.1, 1.2]
                .iter()
                .any(|k| self.is_near(ray.at(k * away)));
            near.then_some((hand.at, focal / away))
        });
        placed.take(self.settings.hands_max)
    }

    fn is_near(&self, p: Point3) -> bool {
        self.shelves.iter().any(|s| {
            let local = s.pose.local_from_floor(Point2::new(p.x, p.y));
            let out = |v: f64, hi: f64| (-v).max(v - hi).max(0.0);
            let [w, d, h] = s.size_m;
            let (dx, dy, dz) = (out(local.x, w), out(local.y, d), out(p.z, h + 0.2));
            (dx * dx + dy * dy + dz * dz).sqrt() < self.settings.near_m
        })
    }

    /// What the eye knows of the goods.
    pub fn gallery(&self) -> &Gallery {
        &self.gallery
    }

    /// Probabilities of what a hand that looks so holds, if it holds any of the goods: the likeliest first, as many as are told. Empty
    /// where the look is like nothing known. Of the candidates that mass and place leave, each is as probable as these
    /// numbers are to one another.
    pub fn posterior(&self, look: &Look) -> Vec<(SkuIx, f32)> {
        let alike = self.gallery.likenesses(look, &self.skus);
        let told = doubted(&alike, &self.settings);
        told.map_or_else(Vec::new, |mut ranked| {
            ranked.truncate(self.settings.told);
            ranked
        })
    }
}

/// The softmax mixed with knowing nothing, as far as the likeliest is unlike what it is taken for. `None`: the look shows
/// nothing known.
fn doubted(alike: &[Likeness], s: &HeldSettings) -> Option<Vec<(SkuIx, f32)>> {
    let logits = alike.iter().map(|l| s.calibration.logit(l));
    let best = logits.fold(f32::NEG_INFINITY, f32::max);
    let doubt = 1.0 / (1.0 + (best - s.doubt).exp());
    if alike.is_empty() || doubt > s.doubt_max {
        return None;
    }
    let mut ranked = s.calibration.posterior(alike).ranked;
    let even = 1.0 / ranked.len().max(1) as f32;
    for (_, p) in &mut ranked {
        *p = (1.0 - doubt) * *p + doubt * even;
    }
    Some(ranked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(values: &[f32]) -> Vec<Likeness> {
        let of = |(i, v): (usize, &f32)| Likeness {
            sku: SkuIx::from(i),
            cosine: *v,
            colours: 0.5,
        };
        values.iter().enumerate().map(of).collect()
    }

    fn settings() -> HeldSettings {
        HeldSettings {
            calibration: Calibration {
                cosine: 20.0,
                colours: 4.0,
                ..Calibration::default()
            },
            doubt: 10.0,
            ..HeldSettings::default()
        }
    }

    #[test]
    fn what_is_like_one_is_told_and_what_is_like_none_is_not() {
        let clear = doubted(&alike(&[0.9, 0.3, 0.1]), &settings()).unwrap();
        assert_eq!(clear[0].0, SkuIx(0));
        assert!(clear[0].1 > 0.95, "{clear:?}");
        assert_eq!(doubted(&alike(&[0.2, 0.1, 0.0]), &settings()), None);
        assert_eq!(doubted(&[], &settings()), None);
    }

    #[test]
    fn probabilities_sum_to_one_and_doubt_makes_them_even() {
        let spread = |first: f32| {
            let all = doubted(&alike(&[first, first - 0.1, first - 0.3]), &settings()).unwrap();
            let sum: f32 = all.iter().map(|(_, p)| p).sum();
            assert!((sum - 1.0).abs() < 1e-5);
            all[0].1 / all[2].1
        };
        assert!(spread(0.4) < spread(0.5) && spread(0.5) < spread(0.8));
    }
}
