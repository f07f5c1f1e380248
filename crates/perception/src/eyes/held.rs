//! What hands near shelves hold: a square around each, through the item network, against the shop's gallery.

use crate::nets::{Gallery, ItemNetwork, Look, NetError, Network, RgbPicture};
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
    /// Cosines are divided by this in the posterior; larger is more doubtful.
    pub temperature: f32,
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
            temperature: 0.1,
            told: 8,
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
        skus: Vec<SkuIx>,
        layout: &Layout,
        settings: HeldSettings,
    ) -> Self {
        let shelves = layout.fixtures.iter().map(|f| Front {
            pose: f.pose,
            size_m: [f.width_m, f.depth_m, f.height_m],
        });
        Self {
            network: ItemNetwork::new(network),
            gallery,
            skus,
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
        let mut out = Vec::new();
        for (pixel, px_per_m) in self.spots(view, sighting) {
            if px_per_m / per_px < self.settings.px_per_m_min {
                continue;
            }
            let half = 0.5 * self.settings.side_m * px_per_m / per_px;
            let (x, y) = (pixel.u / per_px, pixel.v / per_px);
            let area = [x - half, y - half, x + half, y + half];
            let look = self.network.look(picture, area)?;
            out.push(SeenItem {
                at: pixel,
                px_per_m: px_per_m as f32,
                skus: self.posterior(&look),
            });
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

    /// Softmax of the cosines over the temperature. Not the gallery's own posterior, which is fitted to
    /// photos of items alone: a hand and what is behind it have colours of their own.
    fn posterior(&self, look: &Look) -> Vec<(SkuIx, f32)> {
        let mut ranked = self.gallery.likenesses(look, &self.skus);
        ranked.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.sku.cmp(&b.sku)));
        let Some(best) = ranked.first() else {
            return Vec::new();
        };
        let t = self.settings.temperature.max(1e-3);
        let weights: Vec<f32> = ranked
            .iter()
            .map(|l| ((l.cosine - best.cosine) / t).exp())
            .collect();
        let sum: f32 = weights.iter().sum::<f32>().max(1e-9);
        ranked
            .iter()
            .zip(weights)
            .take(self.settings.told)
            .map(|(l, w)| (l.sku, w / sum))
            .collect()
    }
}
