//! Pictures made ready for a network: cut, scaled, padded, normalised and laid out in one pass.

use super::picture::RgbPicture;
use super::resample::{resample, taps};
use super::tensor::{Element, Input, Numbers};

/// Longest side of an input, pixels.
const SIDE_MAX: f64 = 8192.0;
/// Most numbers of one input (1 GiB of floats).
const NUMBERS_MAX: usize = 1 << 28;

/// How large the input is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// Width and height, whatever the picture is.
    Fixed([usize; 2]),
    /// The picture's size times a factor, padded on the right and below to multiples.
    Scaled {
        /// The factor.
        scale: f64,
        /// Both sides are multiples of this.
        multiple: usize,
    },
}

/// How a picture of another shape is made to fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Each axis is scaled by itself.
    Stretch,
    /// One scale for both axes; what is left on the right and below is padded.
    #[default]
    Letterbox,
    /// One scale for both axes; what is left is padded on both sides alike.
    LetterboxCentred,
}

/// The order of a pixel's three numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// Red, green, blue.
    #[default]
    Rgb,
    /// Blue, green, red, as OpenCV has them.
    Bgr,
}

/// The order of the axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Axes {
    /// Batch, channels, height, width.
    #[default]
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

/// How a network wants its pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Preparation {
    /// The input's size.
    pub size: Size,
    /// How pictures of another shape are made to fit.
    pub fit: Fit,
    /// The order of a pixel's numbers.
    pub channels: Channels,
    /// The order of the axes.
    pub axes: Axes,
    /// Taken from each value of 0–255, in the network's own order of channels.
    pub mean: [f32; 3],
    /// What is left is divided by this, in the network's own order of channels.
    pub deviation: [f32; 3],
    /// What lies outside the picture: a value of 0–255 for red, green and blue alike.
    pub pad: f32,
    /// Floats, or bytes (which `mean` and `deviation` change as well).
    pub element: Element,
}

impl Default for Preparation {
    /// Red, green, blue in 0–1, at the picture's own size, as the networks that ship want it.
    fn default() -> Self {
        Self {
            size: Size::Scaled {
                scale: 1.0,
                multiple: 32,
            },
            fit: Fit::Letterbox,
            channels: Channels::Rgb,
            axes: Axes::Nchw,
            mean: [0.0; 3],
            deviation: [255.0; 3],
            pad: 0.45 * 255.0,
            element: Element::F32,
        }
    }
}

/// A part of a picture: left, top, right, bottom, pixels; it may reach beyond the picture.
pub type Area = [f64; 4];

/// Where a part of a picture came to lie in an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Input pixels a picture pixel, along and down.
    pub scale: [f64; 2],
    /// The input's pixel at which the picture's origin lies.
    pub origin: [f64; 2],
}

impl Placement {
    /// A point of the input in pixels of the picture.
    pub fn picture_from_input(&self, x: f64, y: f64) -> [f64; 2] {
        [
            (x - self.origin[0]) / self.scale[0],
            (y - self.origin[1]) / self.scale[1],
        ]
    }
}

/// Why pictures do not make an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// Nothing to look at.
    #[error("no picture was given")]
    Empty,
    /// Pictures of one batch differ, where the input's size follows from theirs.
    #[error("pictures of one batch must have one size: {first:?} and {other:?} were given")]
    Sizes {
        /// Width and height that the first gives.
        first: [usize; 2],
        /// Those of another.
        other: [usize; 2],
    },
    /// An area without extent, or not finite, or far too large.
    #[error(
        "the area {0} has no pixels, or far too many: left < right and top < bottom, in pixels"
    )]
    Area(String),
    /// The input would be too large.
    #[error("an input of {0:?} pixels is too large: choose a smaller size or scale")]
    Large([usize; 2]),
}

impl Preparation {
    /// The input for whole pictures, and where each of them lies in it.
    ///
    /// # Errors
    /// See [`PrepareError`].
    pub fn whole(
        &self,
        pictures: &[RgbPicture<'_>],
    ) -> Result<(Input, Vec<Placement>), PrepareError> {
        let parts: Vec<_> = pictures.iter().map(|p| (*p, p.area())).collect();
        self.parts(&parts)
    }

    /// The input for parts of pictures, and where each of them lies in it.
    ///
    /// # Errors
    /// See [`PrepareError`].
    pub fn parts(
        &self,
        parts: &[(RgbPicture<'_>, Area)],
    ) -> Result<(Input, Vec<Placement>), PrepareError> {
        let mut size = None;
        for (_, area) in parts {
            let this = self.input_size(*area)?;
            let first = *size.get_or_insert(this);
            if first != this {
                return Err(PrepareError::Sizes { first, other: this });
            }
        }
        let [w, h] = size.ok_or(PrepareError::Empty)?;
        let each = w * h * 3;
        if each.saturating_mul(parts.len()) > NUMBERS_MAX {
            return Err(PrepareError::Large([w, h]));
        }
        let shape = match self.axes {
            Axes::Nchw => vec![parts.len(), 3, h, w],
            Axes::Nhwc => vec![parts.len(), h, w, 3],
        };
        let mut placements = Vec::with_capacity(parts.len());
        let numbers = match self.element {
            Element::F32 => {
                let mut data = vec![0.0_f32; each * parts.len()];
                for ((picture, area), out) in parts.iter().zip(data.chunks_exact_mut(each)) {
                    placements.push(self.lay(picture, *area, [w, h], out, |v| v));
                }
                Numbers::F32(data)
            }
            Element::U8 => {
                let mut data = vec![0_u8; each * parts.len()];
                for ((picture, area), out) in parts.iter().zip(data.chunks_exact_mut(each)) {
                    placements.push(self.lay(picture, *area, [w, h], out, |v| v.round() as u8));
                }
                Numbers::U8(data)
            }
        };
        Ok((Input { shape, numbers }, placements))
    }

    /// Width and height of the input that an area makes.
    fn input_size(&self, area: Area) -> Result<[usize; 2], PrepareError> {
        let [left, top, right, bottom] = area;
        let (w, h) = (right - left, bottom - top);
        let sane = |v: f64| v > 0.0 && v <= 1e6;
        if !area.iter().all(|v| v.is_finite()) || !sane(w) || !sane(h) {
            return Err(PrepareError::Area(format!("{area:?}")));
        }
        let size = match self.size {
            Size::Fixed(size) => size,
            Size::Scaled { scale, multiple } => {
                let multiple = multiple.max(1);
                [w, h].map(|v| (scaled(v, scale)).div_ceil(multiple) * multiple)
            }
        };
        if size.iter().any(|s| *s == 0 || *s as f64 > SIDE_MAX) {
            return Err(PrepareError::Large(size));
        }
        Ok(size)
    }

    /// Lays a part of a picture into its share of the input.
    pub(super) fn lay<T: Copy>(
        &self,
        picture: &RgbPicture<'_>,
        area: Area,
        [w, h]: [usize; 2],
        out: &mut [T],
        number: impl Fn(f32) -> T,
    ) -> Placement {
        let [left, top, right, bottom] = area;
        // The input pixels that the area fills.
        let (x0, y0, inner) = self.inner([right - left, bottom - top], [w, h]);
        let across = taps(left, right, inner[0], picture.width() as usize);
        let down = taps(top, bottom, inner[1], picture.height() as usize);
        let factor = self.deviation.map(|d| 1.0 / if d == 0.0 { 1.0 } else { d });
        // Input channel `c` is made of the picture's channel `from[c]`.
        let from = match self.channels {
            Channels::Rgb => [0, 1, 2],
            Channels::Bgr => [2, 1, 0],
        };
        let fill: [T; 3] = std::array::from_fn(|c| number((self.pad - self.mean[c]) * factor[c]));
        match self.axes {
            Axes::Nchw => {
                for (plane, value) in out.chunks_exact_mut(w * h).zip(fill) {
                    plane.fill(value);
                }
                resample(picture, &across, &down, [self.pad; 3], |y, row| {
                    for c in 0..3 {
                        let start = (c * h + y0 + y) * w + x0;
                        let line = out.get_mut(start..start + inner[0]).unwrap_or_default();
                        let (mean, factor) = (self.mean[c], factor[c]);
                        for (o, rgb) in line.iter_mut().zip(row.chunks_exact(3)) {
                            *o = number((rgb[from[c]] - mean) * factor);
                        }
                    }
                });
            }
            Axes::Nhwc => {
                for pixel in out.chunks_exact_mut(3) {
                    pixel.copy_from_slice(&fill);
                }
                resample(picture, &across, &down, [self.pad; 3], |y, row| {
                    let start = ((y0 + y) * w + x0) * 3;
                    let line = out.get_mut(start..start + inner[0] * 3).unwrap_or_default();
                    for (o, rgb) in line.chunks_exact_mut(3).zip(row.chunks_exact(3)) {
                        for c in 0..3 {
                            o[c] = number((rgb[from[c]] - self.mean[c]) * factor[c]);
                        }
                    }
                });
            }
        }
        let scale = [
            inner[0] as f64 / (right - left),
            inner[1] as f64 / (bottom - top),
        ];
        Placement {
            scale,
            origin: [x0 as f64 - left * scale[0], y0 as f64 - top * scale[1]],
        }
    }

    /// Where in an input of this size an area of that size lies: left, top, and width and height.
    fn inner(&self, [aw, ah]: [f64; 2], [w, h]: [usize; 2]) -> (usize, usize, [usize; 2]) {
        if let Size::Scaled { scale, .. } = self.size {
            return (0, 0, [scaled(aw, scale).min(w), scaled(ah, scale).min(h)]);
        }
        if self.fit == Fit::Stretch {
            return (0, 0, [w, h]);
        }
        let scale = (w as f64 / aw).min(h as f64 / ah);
        let inner = [
            ((aw * scale).round() as usize).clamp(1, w),
            ((ah * scale).round() as usize).clamp(1, h),
        ];
        match self.fit {
            Fit::LetterboxCentred => ((w - inner[0]) / 2, (h - inner[1]) / 2, inner),
            Fit::Stretch | Fit::Letterbox => (0, 0, inner),
        }
    }
}

fn scaled(length: f64, scale: f64) -> usize {
    ((length * scale).round() as usize).clamp(1, SIDE_MAX as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn floats(input: &Input) -> &[f32] {
        match &input.numbers {
            Numbers::F32(v) => v,
            Numbers::U8(_) => panic!("floats were asked for"),
        }
    }

    #[test]
    fn a_picture_of_the_networks_size_is_only_laid_out() {
        let rgb: Vec<u8> = (0..32 * 32 * 3).map(|i| (i % 251) as u8).collect();
        let picture = RgbPicture::new(32, 32, &rgb).unwrap();
        let (input, placed) = Preparation::default().whole(&[picture]).unwrap();
        assert_eq!(input.shape, [1, 3, 32, 32]);
        let at = |c: usize, y: usize, x: usize| floats(&input)[(c * 32 + y) * 32 + x];
        for (c, y, x) in [(0, 0, 0), (1, 3, 7), (2, 31, 31)] {
            let expected = f32::from(rgb[(y * 32 + x) * 3 + c]) / 255.0;
            assert!((at(c, y, x) - expected).abs() < 1e-6);
        }
        assert_eq!(placed[0].picture_from_input(5.0, 6.0), [5.0, 6.0]);
    }

    #[test]
    fn letterboxes_pad_where_they_should_and_lead_back() {
        // 40 × 20, left half red, right half blue, into 16 × 16.
        let rgb: Vec<u8> = (0..20)
            .flat_map(|_| (0..40).flat_map(|x| if x < 20 { [200, 0, 0] } else { [0, 0, 100] }))
            .collect();
        let picture = RgbPicture::new(40, 20, &rgb).unwrap();
        let mut how = Preparation {
            size: Size::Fixed([16, 16]),
            fit: Fit::Letterbox,
            channels: Channels::Bgr,
            axes: Axes::Nhwc,
            mean: [0.0; 3],
            deviation: [1.0; 3],
            pad: 114.0,
            element: Element::U8,
        };
        let (input, placed) = how.whole(&[picture]).unwrap();
        assert_eq!(input.shape, [1, 16, 16, 3]);
        let Numbers::U8(bytes) = &input.numbers else {
            panic!("bytes were asked for")
        };
        let at = |x: usize, y: usize| &bytes[(y * 16 + x) * 3..][..3];
        assert_eq!(at(2, 2), [0, 0, 200]);
        assert_eq!(at(13, 7), [100, 0, 0]);
        assert_eq!(at(13, 8), [114, 114, 114]);
        assert_eq!(placed[0].picture_from_input(16.0, 8.0), [40.0, 20.0]);
        how.fit = Fit::LetterboxCentred;
        let (input, placed) = how.whole(&[picture]).unwrap();
        let Numbers::U8(bytes) = &input.numbers else {
            panic!("bytes were asked for")
        };
        let at = |x: usize, y: usize| &bytes[(y * 16 + x) * 3..][..3];
        assert_eq!(
            [at(2, 3), at(2, 4), at(2, 12)],
            [[114, 114, 114], [0, 0, 200], [114, 114, 114]]
        );
        assert_eq!(placed[0].picture_from_input(16.0, 12.0), [40.0, 20.0]);
        how.fit = Fit::Stretch;
        let (_, placed) = how.whole(&[picture]).unwrap();
        assert_eq!(placed[0].picture_from_input(16.0, 16.0), [40.0, 20.0]);
    }

    #[test]
    fn a_part_beyond_the_edge_is_padded() {
        let rgb = vec![255; 10 * 10 * 3];
        let picture = RgbPicture::new(10, 10, &rgb).unwrap();
        let how = Preparation {
            size: Size::Fixed([4, 4]),
            fit: Fit::Stretch,
            pad: 0.0,
            ..Preparation::default()
        };
        let (input, placed) = how.parts(&[(picture, [-10.0, 0.0, 10.0, 20.0])]).unwrap();
        assert_eq!(&floats(&input)[..4], [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(&floats(&input)[8..12], [0.0; 4]);
        assert_eq!(placed[0].picture_from_input(2.0, 0.0), [0.0, 0.0]);
    }

    #[test]
    fn odd_areas_and_batches_are_refused_in_words() {
        let rgb = vec![0; 96 * 32 * 3];
        let (a, b) = (
            RgbPicture::new(96, 32, &rgb).unwrap(),
            RgbPicture::new(32, 96, &rgb).unwrap(),
        );
        let how = Preparation::default();
        assert_eq!(how.whole(&[]).unwrap_err(), PrepareError::Empty);
        let (first, other) = ([96, 32], [32, 96]);
        assert_eq!(
            how.whole(&[a, b]).map(|_| ()),
            Err(PrepareError::Sizes { first, other })
        );
        for area in [
            [0.0, 0.0, 0.0, 5.0],
            [f64::NAN, 0.0, 1.0, 1.0],
            [0.0, 0.0, 1e9, 5.0],
        ] {
            assert!(matches!(
                how.parts(&[(a, area)]),
                Err(PrepareError::Area(_))
            ));
        }
    }

    proptest! {
        /// A picture of one colour stays that colour whatever is done to it, and a gradient keeps its
        /// mean when the whole of it is scaled down.
        #[test]
        fn scaling_keeps_light(w in 1_u32..90, h in 1_u32..70, to in 1_usize..60, value in 0_u8..=255) {
            let rgb = vec![value; (w * h * 3) as usize];
            let picture = RgbPicture::new(w, h, &rgb).unwrap();
            let how = Preparation {
                size: Size::Fixed([to, to]),
                fit: Fit::Stretch,
                ..Preparation::default()
            };
            let (input, _) = how.whole(&[picture]).unwrap();
            for v in floats(&input) {
                prop_assert!((v - f32::from(value) / 255.0).abs() < 1e-4);
            }
            let ramp: Vec<u8> = (0..w * h).flat_map(|i| [(i % w) as u8; 3]).collect();
            let picture = RgbPicture::new(w, h, &ramp).unwrap();
            if to <= w.min(h) as usize {
                let (input, _) = how.whole(&[picture]).unwrap();
                let mean = floats(&input).iter().sum::<f32>() / floats(&input).len() as f32 * 255.0;
                prop_assert!((mean - (w as f32 - 1.0) / 2.0).abs() < 0.01, "{mean} of {w}");
            }
        }
    }
}
