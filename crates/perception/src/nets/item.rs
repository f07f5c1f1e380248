//! What an item looks like: vectors of the `item` network, and galleries to compare them with.

use super::picture::RgbPicture;
use super::{Area, Fit, NetError, Network, Preparation, Size};
use walkout_model::SkuIx;

/// Side of the network's input, pixels.
const SIDE: usize = 96;
/// Most vectors that are kept of a SKU.
const PER_SKU_MAX: usize = 64;

/// The network that turns a picture of an item into a vector of length 1.
pub struct ItemNetwork<N> {
    network: N,
}

impl<N: Network> ItemNetwork<N> {
    /// Wraps a network of pictures of 96 × 96 pixels.
    pub fn new(network: N) -> Self {
        Self { network }
    }

    /// The vector of what is in a box: left, top, right, bottom, pixels.
    ///
    /// # Errors
    /// The network fails or is another one.
    pub fn look(&self, picture: &RgbPicture<'_>, area: Area) -> Result<Vec<f32>, NetError> {
        let looks = self.look_at(&[(*picture, area)])?;
        Ok(looks.into_iter().next().unwrap_or_default())
    }

    /// The vectors of some boxes, in one run.
    ///
    /// # Errors
    /// As [`ItemNetwork::look`].
    pub fn look_at(&self, boxes: &[(RgbPicture<'_>, Area)]) -> Result<Vec<Vec<f32>>, NetError> {
        let how = Preparation {
            size: Size::Fixed([SIDE, SIDE]),
            fit: Fit::Stretch,
            ..Preparation::default()
        };
        let squares: Vec<_> = boxes.iter().map(|(p, a)| (*p, square(*a))).collect();
        let (input, _) = how.parts(&squares).map_err(|cause| NetError::Pictures {
            file: self.network.name().to_owned(),
            cause,
        })?;
        let outputs = self.network.run(&input)?;
        let wrong = |found: &[usize]| NetError::Output {
            file: self.network.name().to_owned(),
            found: found.to_vec(),
            expected: "one vector of length 1 a picture".to_owned(),
        };
        let [looks] = outputs.as_slice() else {
            return Err(wrong(&[]));
        };
        let vectors = looks.shape.iter().skip(2).all(|n| *n == 1);
        if looks.shape.first() != Some(&boxes.len()) || looks.shape.get(1) < Some(&2) || !vectors {
            return Err(wrong(&looks.shape));
        }
        (0..boxes.len())
            .map(|i| {
                let look = looks.of_batch(i).unwrap_or_default();
                let length = look.iter().map(|v| v * v).sum::<f32>().sqrt();
                if !(0.5..2.0).contains(&length) {
                    return Err(wrong(&looks.shape));
                }
                Ok(look.iter().map(|v| v / length).collect())
            })
            .collect()
    }
}

/// The square around a box.
fn square([left, top, right, bottom]: Area) -> Area {
    let half = ((right - left).max(bottom - top) / 2.0).max(0.5);
    let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
    [x - half, y - half, x + half, y + half]
}

/// How much a look is like a SKU's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// Which.
    pub sku: SkuIx,
    /// Cosine with the SKU's nearest vectors, −1 to 1.
    pub cosine: f32,
}

/// What SKUs look like: some vectors of each.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    looks: Vec<(SkuIx, Vec<f32>)>,
}

impl Gallery {
    /// Adds a look. Beyond 64 of one SKU nothing is added, and `false` comes back.
    pub fn enrol(&mut self, sku: SkuIx, look: Vec<f32>) -> bool {
        if self.looks.iter().filter(|(s, _)| *s == sku).count() >= PER_SKU_MAX {
            return false;
        }
        self.looks.push((sku, look));
        true
    }

    /// The candidates by likeness, the most alike first: for each the mean of the two highest
    /// cosines with its looks. SKUs without a look are left out.
    pub fn rank(&self, look: &[f32], candidates: &[SkuIx]) -> Vec<Likeness> {
        let mut ranked: Vec<Likeness> = candidates
            .iter()
            .filter_map(|&sku| {
                let mut best = [f32::NEG_INFINITY; 2];
                for (_, own) in self.looks.iter().filter(|(s, _)| *s == sku) {
                    let cosine: f32 = own.iter().zip(look).map(|(a, b)| a * b).sum();
                    if cosine > best[0] {
                        best = [cosine, best[0]];
                    } else if cosine > best[1] {
                        best[1] = cosine;
                    }
                }
                let cosine = if best[1].is_finite() {
                    (best[0] + best[1]) / 2.0
                } else {
                    best[0]
                };
                cosine.is_finite().then_some(Likeness { sku, cosine })
            })
            .collect();
        ranked.sort_by(|a, b| b.cosine.total_cmp(&a.cosine).then(a.sku.cmp(&b.sku)));
        ranked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_alike_comes_first_and_the_unknown_not_at_all() {
        let mut gallery = Gallery::default();
        assert!(gallery.enrol(SkuIx(1), vec![1.0, 0.0]));
        assert!(gallery.enrol(SkuIx(2), vec![0.0, 1.0]));
        let ranked = gallery.rank(&[0.6, 0.8], &[SkuIx(1), SkuIx(2), SkuIx(3)]);
        assert_eq!(
            ranked.iter().map(|l| l.sku).collect::<Vec<_>>(),
            [SkuIx(2), SkuIx(1)]
        );
        for _ in 0..100 {
            gallery.enrol(SkuIx(1), vec![1.0, 0.0]);
        }
        assert!(!gallery.enrol(SkuIx(1), vec![1.0, 0.0]));
    }
}
