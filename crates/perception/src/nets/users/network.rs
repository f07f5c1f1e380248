//! One network that a user brings, with how it is asked and read.

use super::boxes::{self, BoxSpot, Raw, in_picture, suppress};
use super::config::{InputConfig, Kind, NetworkConfig};
use super::{pose, vector};
use crate::nets::{
    Area, Axes, Channels, Element, Fit, Input, NetError, Network, Numbers, Placement, Preparation,
    RgbPicture, Size, Spot, Tensor,
};

/// What a network says about a picture or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A detector's boxes, the surest first, in pixels of the picture.
    Boxes(Vec<BoxSpot>),
    /// The seventeen points of COCO, in pixels of the picture; those that were not found have score 0.
    Pose(Vec<Spot>),
    /// A look, of length 1.
    Vector(Vec<f32>),
}

/// A network that a user brings.
pub struct UserNetwork {
    network: Box<dyn Network>,
    kind: Kind,
    how: Preparation,
    /// Width and height of its input, pixels.
    size: [usize; 2],
    /// How many pictures a run takes, where the file fixes it.
    batch: Option<usize>,
    classes: usize,
    score: f32,
    overlap: f64,
    margin: f64,
}

impl std::fmt::Debug for UserNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserNetwork")
            .field("name", &self.network.name())
            .field("kind", &self.kind)
            .field("how", &self.how)
            .finish_non_exhaustive()
    }
}

impl UserNetwork {
    /// Wraps a loaded network and runs it once, so that a wrong file is found now and not in the shop.
    ///
    /// # Errors
    /// It takes no pictures, its kind is another one than the configuration says, or it fails to run.
    pub fn new(network: Box<dyn Network>, config: &NetworkConfig) -> Result<Self, NetError> {
        let (size, axes) = picture_of(network.as_ref(), &config.input)?;
        let how = preparation(config, network.ports().element, size, axes);
        let this = Self {
            kind: config.kind,
            how,
            size,
            batch: network.ports().input.shape.first().copied().flatten(),
            classes: config.classes.count(),
            score: config.score,
            overlap: config.overlap,
            margin: config.margin.unwrap_or(match config.kind {
                Kind::Movenet | Kind::Rtmpose => 1.25,
                _ => 1.0,
            }),
            network,
        };
        this.try_out()?;
        Ok(this)
    }

    /// Its file, for messages.
    pub fn name(&self) -> &str {
        self.network.name()
    }

    /// What it is asked with.
    pub fn preparation(&self) -> &Preparation {
        &self.how
    }

    /// Least score of a box or point.
    pub fn score(&self) -> f32 {
        self.score
    }

    /// The same network with a thread of its own, for another worker.
    ///
    /// # Errors
    /// The runtime has no room for another.
    pub fn session(&self) -> Result<Self, NetError> {
        Ok(Self {
            network: self.network.session()?,
            kind: self.kind,
            how: self.how.clone(),
            size: self.size,
            batch: self.batch,
            classes: self.classes,
            score: self.score,
            overlap: self.overlap,
            margin: self.margin,
        })
    }

    /// The area that is asked about where a person's or item's box is this: larger by the margin, and of
    /// the input's proportions, so that more of the picture and not padding is seen beside it.
    pub fn around(&self, [left, top, right, bottom]: Area) -> Area {
        if self.how.fit == Fit::Stretch && self.margin == 1.0 {
            return [left, top, right, bottom];
        }
        let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
        let (mut w, mut h) = ((right - left) * self.margin, (bottom - top) * self.margin);
        if self.how.fit != Fit::Stretch {
            let aspect = self.size[0] as f64 / self.size[1] as f64;
            (w, h) = (w.max(h * aspect), h.max(w / aspect));
        }
        [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]
    }

    /// Asks about whole pictures.
    ///
    /// # Errors
    /// The network fails or gives something that its kind does not.
    pub fn look(&self, pictures: &[RgbPicture<'_>]) -> Result<Vec<Answer>, NetError> {
        let parts: Vec<_> = pictures.iter().map(|p| (*p, p.area())).collect();
        self.look_at(&parts)
    }

    /// Asks about parts of pictures, as many in one run as the file takes.
    ///
    /// # Errors
    /// As [`UserNetwork::look`].
    pub fn look_at(&self, parts: &[(RgbPicture<'_>, Area)]) -> Result<Vec<Answer>, NetError> {
        let mut answers = Vec::with_capacity(parts.len());
        for some in parts.chunks(self.batch.unwrap_or(parts.len()).max(1)) {
            // A file of fixed batch size gets its last pictures again until it is full.
            let mut some = some.to_vec();
            let asked = some.len();
            if let (Some(batch), Some(last)) = (self.batch, some.last().copied()) {
                some.resize(batch.max(asked), last);
            }
            let (input, placed) = self.how.parts(&some).map_err(|cause| NetError::Pictures {
                file: self.network.name().to_owned(),
                cause,
            })?;
            let outputs = self.network.run(&input)?;
            for (i, (placed, (picture, _))) in placed.iter().zip(&some).enumerate().take(asked) {
                answers.push(self.read(&outputs, i, placed, picture)?);
            }
        }
        Ok(answers)
    }

    fn read(
        &self,
        outputs: &[Tensor],
        index: usize,
        placed: &Placement,
        picture: &RgbPicture<'_>,
    ) -> Result<Answer, NetError> {
        let raw = Raw {
            outputs,
            index,
            input: self.size,
            classes: self.classes,
            score: self.score,
        };
        let size = [f64::from(picture.width()), f64::from(picture.height())];
        let boxes = |found: Vec<BoxSpot>| {
            let kept = suppress(found, self.overlap);
            let seen = kept.into_iter().filter_map(|b| in_picture(b, placed, size));
            Answer::Boxes(seen.collect())
        };
        let points = |found: Vec<Spot>| {
            let back = |p: Spot| {
                let [x, y] = placed.picture_from_input(p.x, p.y);
                Spot { x, y, ..p }
            };
            Answer::Pose(found.into_iter().map(back).collect())
        };
        let answer = match self.kind {
            Kind::Yolox => boxes::yolox(&raw).map(boxes),
            Kind::Yolov8 => boxes::yolov8(&raw).map(boxes),
            Kind::Nanodet => boxes::nanodet(&raw).map(boxes),
            Kind::Movenet => pose::movenet(outputs, index, self.size).map(points),
            Kind::Rtmpose => pose::simcc(outputs, index, self.size).map(points),
            Kind::Vector => vector::vector(outputs, index).map(Answer::Vector),
            Kind::PersonMaps => Err("another kind: `person-maps` has its own decoder".to_owned()),
        };
        answer.map_err(|expected| NetError::Output {
            file: self.network.name().to_owned(),
            found: outputs.iter().flat_map(|t| t.shape.clone()).collect(),
            expected: format!("{expected} for kind \"{}\"", self.kind),
        })
    }

    /// One run on a picture of stripes.
    fn try_out(&self) -> Result<(), NetError> {
        let shape = match self.how.axes {
            Axes::Nchw => vec![self.batch.unwrap_or(1), 3, self.size[1], self.size[0]],
            Axes::Nhwc => vec![self.batch.unwrap_or(1), self.size[1], self.size[0], 3],
        };
        let count: usize = shape.iter().product();
        let byte = |i: usize| ((i / 8) * 37 % 251) as u8;
        let numbers = match self.how.element {
            Element::U8 => Numbers::U8((0..count).map(byte).collect()),
            Element::F32 => {
                let (m, d) = (self.how.mean[0], self.how.deviation[0]);
                Numbers::F32((0..count).map(|i| (f32::from(byte(i)) - m) / d).collect())
            }
        };
        let outputs = self.network.run(&Input { shape, numbers })?;
        let rgb = [0; 3];
        let Ok(pixel) = RgbPicture::new(1, 1, &rgb) else {
            return Ok(());
        };
        let placed = Placement {
            scale: [1.0; 2],
            origin: [0.0; 2],
        };
        self.read(&outputs, 0, &placed, &pixel).map(|_| ())
    }
}

/// Width and height of a network's input, and the order of its axes.
fn picture_of(network: &dyn Network, input: &InputConfig) -> Result<([usize; 2], Axes), NetError> {
    let ports = network.ports();
    let wrong = |expected: &str| NetError::Ports {
        file: network.name().to_owned(),
        found: format!("its input is {}", ports.input),
        expected: expected.to_owned(),
    };
    let shape: Option<[Option<usize>; 4]> = ports.input.shape.as_slice().try_into().ok();
    let (axes, declared) = match (shape, input.axes) {
        (Some([_, Some(3), h, w]), None | Some(Axes::Nchw)) => (Axes::Nchw, [w, h]),
        (Some([_, h, w, Some(3)]), None | Some(Axes::Nhwc)) => (Axes::Nhwc, [w, h]),
        (Some([_, None, h, w]), Some(Axes::Nchw)) => (Axes::Nchw, [w, h]),
        (Some([_, h, w, None]), Some(Axes::Nhwc)) => (Axes::Nhwc, [w, h]),
        (None, Some(axes)) if ports.input.shape.is_empty() => (axes, [None, None]),
        (Some([_, Some(3) | None, _, _] | [_, _, _, Some(3) | None]), Some(_)) => {
            return Err(wrong("input.axes in the configuration says something else"));
        }
        (Some([_, None, _, _] | [_, _, _, None]), None) => {
            return Err(wrong(
                "it does not tell its axes: write axes = \"nchw\" or \"nhwc\" under input",
            ));
        }
        (None, None) if ports.input.shape.is_empty() => {
            return Err(wrong(
                "it does not tell its axes: write axes = \"nchw\" or \"nhwc\" under input",
            ));
        }
        _ => {
            return Err(wrong(
                "pictures are [batch, 3, height, width] or [batch, height, width, 3]: is it the right network?",
            ));
        }
    };
    let mut size = [0; 2];
    for ((side, declared), wanted) in size.iter_mut().zip(declared).zip([0, 1]) {
        let wanted = input.size.and_then(|s| s.get(wanted).copied());
        *side = match (declared, wanted) {
            (Some(n), Some(w)) if n != w => {
                return Err(wrong("input.size in the configuration says something else"));
            }
            (Some(n), _) => n,
            (None, Some(w)) => w,
            (None, None) => {
                return Err(wrong(
                    "it leaves its size open: write size = [width, height] under input",
                ));
            }
        };
    }
    Ok((size, axes))
}

/// What the kind usually wants, and what the configuration says instead.
fn preparation(
    config: &NetworkConfig,
    element: Element,
    size: [usize; 2],
    axes: Axes,
) -> Preparation {
    const IMAGENET: ([f32; 3], [f32; 3]) = ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375]);
    let raw = ([0.0; 3], [1.0; 3]);
    let unit = ([0.0; 3], [255.0; 3]);
    let (fit, channels, (mean, deviation), pad) = match config.kind {
        Kind::Yolox => (Fit::Letterbox, Channels::Bgr, raw, 114.0),
        Kind::Yolov8 => (Fit::LetterboxCentred, Channels::Rgb, unit, 114.0),
        Kind::Nanodet => {
            let (mut mean, mut deviation) = IMAGENET;
            mean.reverse();
            deviation.reverse();
            (Fit::LetterboxCentred, Channels::Bgr, (mean, deviation), 0.0)
        }
        Kind::Movenet => (Fit::LetterboxCentred, Channels::Rgb, raw, 0.0),
        Kind::Rtmpose => (Fit::LetterboxCentred, Channels::Rgb, IMAGENET, 0.0),
        Kind::Vector | Kind::PersonMaps if element == Element::U8 => {
            (Fit::Stretch, Channels::Rgb, raw, 114.0)
        }
        Kind::Vector | Kind::PersonMaps => (Fit::Stretch, Channels::Rgb, unit, 114.0),
    };
    let input = &config.input;
    Preparation {
        size: Size::Fixed(size),
        fit: input.fit.unwrap_or(fit),
        channels: input.channels.unwrap_or(channels),
        axes,
        mean: input.mean.unwrap_or(mean),
        deviation: input.deviation.unwrap_or(deviation),
        pad: input.pad.unwrap_or(pad),
        element,
    }
}
