//! What an item looks like: vectors of the `item` network with its colours, and galleries to
//! compare them with.

use super::colours::colours;
use super::picture::RgbPicture;
use super::resample::{resample, taps};
use super::{Area, Fit, NetError, Network, Numbers, Preparation, Size};
use std::collections::BTreeMap;
use walkout_model::SkuIx;

/// Side of the network's input, pixels.
const SIDE: usize = 96;
/// Side of the small picture that an item is taught by, too.
const SMALL: usize = 36;
/// How large an item may be taken to be, against what is said of it: nobody knows just how much of a picture it takes.
const SIZES: [f64; 3] = [1.0, 0.8, 1.25];
/// What a square is filled with beyond the picture's edge, 0–255.
const PAD: f32 = 0.45 * 255.0;
/// Most looks that are kept of a SKU.
const PER_SKU_MAX: usize = 64;

/// The network that turns a picture of an item into a vector of length 1.
pub struct ItemNetwork<N> {
    network: N,
}

/// What an item looks like in one picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// The network's vector, of length 1.
    pub vector: Vec<f32>,
    /// Square roots of the shares of its colours, of length 1 (`docs/reference/networks.md`).
    pub colours: Vec<f32>,
}

impl<N: Network> ItemNetwork<N> {
    /// Wraps a network of pictures of 96 × 96 pixels.
    pub fn new(network: N) -> Self {
        Self { network }
    }

    /// The look of what is in a box: left, top, right, bottom, pixels. The item should fill it. One run of the network, where many are
    /// asked about.
    ///
    /// # Errors
    /// The network fails or is another one.
    pub fn glance(&self, picture: &RgbPicture<'_>, area: Area) -> Result<Look, NetError> {
        let looks = self.look_at(&[(*picture, area)])?;
        Ok(looks.into_iter().next().unwrap_or_default())
    }

    /// The same with more care, for a photo: the mean of what it looks like as large as that, larger and smaller.
    ///
    /// # Errors
    /// As [`ItemNetwork::glance`].
    pub fn look(&self, picture: &RgbPicture<'_>, area: Area) -> Result<Look, NetError> {
        let looks = self.look_at(&sizes(picture, area))?;
        Ok(Look {
            vector: mean(looks.iter().map(|l| &l.vector)),
            colours: mean(looks.iter().map(|l| &l.colours)),
        })
    }

    /// The looks by which a picture of one item teaches what it looks like: as large as that, larger, smaller, and as small as a
    /// hand's surroundings are in a ceiling camera's picture.
    ///
    /// # Errors
    /// As [`ItemNetwork::glance`].
    pub fn teach(&self, picture: &RgbPicture<'_>, area: Area) -> Result<Vec<Look>, NetError> {
        let (small, bytes) = (SMALL as u32, shrunk(picture, square(area)));
        let far = RgbPicture::new(small, small, &bytes).ok();
        let mut boxes = sizes(picture, area).to_vec();
        boxes.extend(far.map(|f| (f, f.area())));
        self.look_at(&boxes)
    }

    /// The looks of some boxes, in one run.
    ///
    /// # Errors
    /// As [`ItemNetwork::glance`].
    pub fn look_at(&self, boxes: &[(RgbPicture<'_>, Area)]) -> Result<Vec<Look>, NetError> {
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
        let Numbers::F32(pixels) = &input.numbers else {
            return Ok(Vec::new());
        };
        let colours: Vec<_> = pixels
            .chunks_exact(3 * SIDE * SIDE)
            .map(|planes| colours(planes, [SIDE, SIDE]))
            .collect();
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
        let look = |(i, colours)| {
            let vector = looks.of_batch(i).unwrap_or_default();
            let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            if !(0.5..2.0).contains(&length) {
                return Err(wrong(&looks.shape));
            }
            let vector = vector.iter().map(|v| v / length).collect();
            Ok(Look { vector, colours })
        };
        colours.into_iter().enumerate().map(look).collect()
    }
}

/// A square of a picture at [`SMALL`] pixels a side.
fn shrunk(picture: &RgbPicture<'_>, [left, top, right, bottom]: Area) -> Vec<u8> {
    let across = taps(left, right, SMALL, picture.width() as usize);
    let down = taps(top, bottom, SMALL, picture.height() as usize);
    let mut bytes = Vec::with_capacity(SMALL * SMALL * 3);
    resample(picture, &across, &down, [PAD; 3], |_, row| {
        bytes.extend(row.iter().map(|v| v.round().clamp(0.0, 255.0) as u8));
    });
    bytes
}

/// A box as large as it is said to be, larger and smaller.
fn sizes<'a>(picture: &RgbPicture<'a>, area: Area) -> [(RgbPicture<'a>, Area); SIZES.len()] {
    let [left, top, right, bottom] = area;
    let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
    SIZES.map(|by| {
        let (w, h) = ((right - left) / 2.0 * by, (bottom - top) / 2.0 * by);
        (*picture, [x - w, y - h, x + w, y + h])
    })
}

/// The mean of vectors of length 1, of length 1 again.
fn mean<'a>(all: impl Iterator<Item = &'a Vec<f32>>) -> Vec<f32> {
    let mut sum: Vec<f32> = Vec::new();
    for v in all {
        sum.resize(v.len(), 0.0);
        sum.iter_mut().zip(v).for_each(|(s, v)| *s += v);
    }
    let length = sum.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-9);
    sum.iter().map(|v| v / length).collect()
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
    /// Cosine with the SKU's nearest colours, 0 to 1.
    pub colours: f32,
}

/// How likenesses become probabilities: a softmax over the candidates of
/// `cosine · likeness + colours · likeness of colours`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Weight of the cosine.
    pub cosine: f32,
    /// Weight of the colours' cosine.
    pub colours: f32,
    /// A posterior whose best candidate has less is no answer.
    pub answer: f32,
}

/// Fitted by maximum likelihood for the `item.onnx` that ships; how is in its card.
impl Default for Calibration {
    fn default() -> Self {
        Self {
            cosine: 18.0,
            colours: 5.0,
            answer: 0.8,
        }
    }
}

/// Probabilities of candidates, given that the item is one of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemPosterior {
    /// The likeliest first. Candidates without a look are left out.
    pub ranked: Vec<(SkuIx, f32)>,
    answer: f32,
}

impl ItemPosterior {
    /// The likeliest, if it is likely enough to be an answer.
    pub fn answer(&self) -> Option<SkuIx> {
        let first = self.ranked.first()?;
        (first.1 >= self.answer).then_some(first.0)
    }
}

/// What SKUs look like: some looks of each.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    looks: BTreeMap<SkuIx, Vec<Look>>,
    calibration: Calibration,
}

impl Gallery {
    /// An empty gallery for a network that was calibrated otherwise.
    pub fn new(calibration: Calibration) -> Self {
        Self {
            looks: BTreeMap::new(),
            calibration,
        }
    }

    /// Adds a look. Beyond 64 of one SKU nothing is added, and `false` comes back.
    pub fn enrol(&mut self, sku: SkuIx, look: Look) -> bool {
        let own = self.looks.entry(sku).or_default();
        let fits = own.len() < PER_SKU_MAX;
        if fits {
            own.push(look);
        }
        fits
    }

    /// The SKUs that have a look, in order.
    pub fn skus(&self) -> impl Iterator<Item = SkuIx> + '_ {
        self.looks.keys().copied()
    }

    /// The looks of a SKU, in the order in which they were added.
    pub fn looks(&self, sku: SkuIx) -> &[Look] {
        self.looks.get(&sku).map_or(&[], Vec::as_slice)
    }

    /// How alike both are together, −1 to 1: the cosines' mean by the weights of the calibration.
    pub fn joint(&self, alike: &Likeness) -> f32 {
        let c = &self.calibration;
        c.logit(alike) / (c.cosine + c.colours).max(1e-6)
    }

    /// How alike each candidate is, in the order given: for each the mean of the two highest cosines
    /// with its looks. SKUs without a look are left out.
    pub fn likenesses(&self, look: &Look, candidates: &[SkuIx]) -> Vec<Likeness> {
        let of = |&sku: &SkuIx| {
            let own = self.looks.get(&sku)?.iter();
            let cosine = best_two(own.clone().map(|l| dot(&l.vector, &look.vector)))?;
            let colours = best_two(own.map(|l| dot(&l.colours, &look.colours)))?;
            Some(Likeness {
                sku,
                cosine,
                colours,
            })
        };
        candidates.iter().filter_map(of).collect()
    }

    /// Probabilities of the candidates, given that the item is one of them.
    pub fn posterior(&self, look: &Look, candidates: &[SkuIx]) -> ItemPosterior {
        self.calibration
            .posterior(&self.likenesses(look, candidates))
    }
}

impl Calibration {
    /// What the softmax is taken of.
    pub fn logit(&self, alike: &Likeness) -> f32 {
        self.cosine * alike.cosine + self.colours * alike.colours
    }

    /// Probabilities of candidates that are so alike.
    pub fn posterior(&self, alike: &[Likeness]) -> ItemPosterior {
        let logit = |l: &Likeness| self.logit(l);
        let highest = alike.iter().map(logit).fold(f32::NEG_INFINITY, f32::max);
        let mut ranked: Vec<(SkuIx, f32)> = alike
            .iter()
            .map(|l| (l.sku, (logit(l) - highest).exp()))
            .collect();
        let sum: f32 = ranked.iter().map(|(_, p)| p).sum();
        ranked.iter_mut().for_each(|(_, p)| *p /= sum);
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        ItemPosterior {
            ranked,
            answer: self.answer,
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The mean of the two highest, or the only one; `None` of none.
fn best_two(values: impl Iterator<Item = f32>) -> Option<f32> {
    let mut best = [f32::NEG_INFINITY; 2];
    for v in values {
        if v > best[0] {
            best = [v, best[0]];
        } else if v > best[1] {
            best[1] = v;
        }
    }
    let mean = if best[1].is_finite() {
        (best[0] + best[1]) / 2.0
    } else {
        best[0]
    };
    mean.is_finite().then_some(mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn look(vector: [f32; 2], colours: [f32; 2]) -> Look {
        Look {
            vector: vector.to_vec(),
            colours: colours.to_vec(),
        }
    }

    fn gallery() -> Gallery {
        let mut gallery = Gallery::default();
        assert!(gallery.enrol(SkuIx(1), look([1.0, 0.0], [1.0, 0.0])));
        assert!(gallery.enrol(SkuIx(2), look([0.0, 1.0], [0.0, 1.0])));
        gallery
    }

    #[test]
    fn the_most_alike_comes_first_and_the_unknown_not_at_all() {
        let mut gallery = gallery();
        let asked = look([0.6, 0.8], [0.6, 0.8]);
        let posterior = gallery.posterior(&asked, &[SkuIx(1), SkuIx(2), SkuIx(3)]);
        let order: Vec<SkuIx> = posterior.ranked.iter().map(|(s, _)| *s).collect();
        assert_eq!(order, [SkuIx(2), SkuIx(1)]);
        for _ in 0..100 {
            gallery.enrol(SkuIx(1), look([1.0, 0.0], [1.0, 0.0]));
        }
        assert!(!gallery.enrol(SkuIx(1), look([1.0, 0.0], [1.0, 0.0])));
    }

    #[test]
    fn who_looks_like_both_is_no_answer_and_who_looks_like_one_is() {
        let gallery = gallery();
        let both = gallery.posterior(&look([0.7, 0.71], [0.71, 0.7]), &[SkuIx(1), SkuIx(2)]);
        assert_eq!(both.answer(), None, "{both:?}");
        let one = gallery.posterior(&look([1.0, 0.0], [1.0, 0.0]), &[SkuIx(1), SkuIx(2)]);
        assert_eq!(one.answer(), Some(SkuIx(1)), "{one:?}");
        assert_eq!(gallery.posterior(&Look::default(), &[]).answer(), None);
    }

    proptest! {
        #[test]
        fn probabilities_sum_to_one_and_a_candidate_more_takes_from_the_others(
            angle in 0.0_f32..1.57, hue in 0.0_f32..1.57,
        ) {
            let mut gallery = gallery();
            gallery.enrol(SkuIx(3), look([0.8, 0.6], [0.6, 0.8]));
            let asked = look([angle.cos(), angle.sin()], [hue.cos(), hue.sin()]);
            let two = gallery.posterior(&asked, &[SkuIx(1), SkuIx(2)]);
            let three = gallery.posterior(&asked, &[SkuIx(1), SkuIx(2), SkuIx(3)]);
            for p in [&two, &three] {
                let sum: f32 = p.ranked.iter().map(|(_, p)| p).sum();
                prop_assert!((sum - 1.0).abs() < 1e-5);
            }
            let of = |p: &ItemPosterior, s: SkuIx| p.ranked.iter().find(|(k, _)| *k == s).map(|(_, p)| *p);
            prop_assert!(of(&three, SkuIx(1)) <= of(&two, SkuIx(1)));
        }
    }
}
