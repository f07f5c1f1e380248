//! The `person` network's maps, decoded: heads with where they stand, and hands with whose they are.

use super::heat::{Maps, STRIDE};
use super::picture::RgbPicture;
use super::{NetError, Network, Preparation, Size};

/// Input pixels per unit of a vector.
const VECTOR: f64 = 32.0;
/// The radius that a log radius of 0 means, input pixels.
const RADIUS: f64 = 8.0;
/// Channels of the maps.
const CHANNELS: usize = 8;

/// How sure a spot must be.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonConfig {
    /// Least score of a head, 0–1.
    pub head: f32,
    /// Least score of a floor point.
    pub floor: f32,
    /// Least score of a hand.
    pub hand: f32,
    /// A hand belongs to the head that its vector points to within this many head radii.
    pub owner_radii: f64,
    /// Pictures are scaled by this before the network sees them; chosen per camera so that people
    /// are 40 to 110 pixels tall.
    pub scale: f64,
}

impl Default for PersonConfig {
    fn default() -> Self {
        Self {
            head: 0.4,
            floor: 0.3,
            hand: 0.3,
            owner_radii: 3.5,
            scale: 1.0,
        }
    }
}

/// A point that the network found, in pixels of the picture given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spot {
    /// From the left edge.
    pub x: f64,
    /// From the top edge.
    pub y: f64,
    /// 0–1.
    pub score: f32,
}

/// A head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadSpot {
    /// Its middle.
    pub at: Spot,
    /// Its radius, pixels.
    pub radius_px: f64,
    /// Where its person stands, by the head's own vector; the score is the floor map's there.
    pub foot: Spot,
}

/// A hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HandSpot {
    /// Its middle.
    pub at: Spot,
    /// The head it belongs to, an index into [`PersonView::heads`].
    pub owner: Option<usize>,
}

/// Who is on a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersonView {
    /// Heads, the surest first.
    pub heads: Vec<HeadSpot>,
    /// Points on the floor where somebody stands, the surest first.
    pub floors: Vec<Spot>,
    /// Hands, the surest first.
    pub hands: Vec<HandSpot>,
}

/// The network with its decoder.
pub struct PersonNetwork<N> {
    network: N,
    config: PersonConfig,
}

impl<N: Network> PersonNetwork<N> {
    /// Wraps a network that gives eight maps at a quarter of its input's size.
    pub fn new(network: N, config: PersonConfig) -> Self {
        Self { network, config }
    }

    /// The same with a thread of its own, for another worker.
    ///
    /// # Errors
    /// The runtime has no room for another.
    pub fn session(&self) -> Result<PersonNetwork<Box<dyn Network>>, NetError> {
        Ok(PersonNetwork::new(
            self.network.session()?,
            self.config.clone(),
        ))
    }

    /// What pictures are scaled by.
    pub fn scale(&self) -> f64 {
        self.config.scale
    }

    /// Scales pictures by this from now on.
    pub fn rescale(&mut self, scale: f64) {
        self.config.scale = scale;
    }

    /// Finds people.
    ///
    /// # Errors
    /// The network fails or is another one.
    pub fn look(&self, picture: &RgbPicture<'_>) -> Result<PersonView, NetError> {
        let views = self.look_at(std::slice::from_ref(picture))?;
        Ok(views.into_iter().next().unwrap_or_default())
    }

    /// Finds people in some pictures of one size, in one run.
    ///
    /// # Errors
    /// As [`PersonNetwork::look`]; or the pictures differ in size.
    pub fn look_at(&self, pictures: &[RgbPicture<'_>]) -> Result<Vec<PersonView>, NetError> {
        let how = Preparation {
            size: Size::Scaled {
                scale: self.config.scale,
                multiple: 32,
            },
            ..Preparation::default()
        };
        let (input, _) = how.whole(pictures).map_err(|cause| NetError::Pictures {
            file: self.network.name().to_owned(),
            cause,
        })?;
        let [n, _, h, w] = *input.shape.as_slice() else {
            return Ok(Vec::new());
        };
        let outputs = self.network.run(&input)?;
        let expected = [n, CHANNELS, h / 4, w / 4];
        let maps = match outputs.as_slice() {
            [maps] if maps.shape == expected => maps,
            _ => {
                return Err(NetError::Output {
                    file: self.network.name().to_owned(),
                    found: outputs.first().map(|t| t.shape.clone()).unwrap_or_default(),
                    expected: format!("{expected:?}"),
                });
            }
        };
        let size = [w / 4, h / 4];
        let view = |(i, picture): (usize, &RgbPicture<'_>)| {
            let data = maps.of_batch(i).unwrap_or_default();
            let limits = [f64::from(picture.width()), f64::from(picture.height())];
            decode(&Maps { data, size }, limits, &self.config)
        };
        Ok(pictures.iter().enumerate().map(view).collect())
    }
}

/// The point that the vector in a cell leads to, input pixels.
fn follow(maps: &Maps<'_>, channel: usize, x: usize, y: usize) -> (f64, f64) {
    (
        (x as f64 + 0.5) * STRIDE + f64::from(maps.at(channel, x, y)) * VECTOR,
        (y as f64 + 0.5) * STRIDE + f64::from(maps.at(channel + 1, x, y)) * VECTOR,
    )
}

/// `limits` are the picture's width and height, pixels.
fn decode(maps: &Maps<'_>, limits: [f64; 2], config: &PersonConfig) -> PersonView {
    let scale = config.scale.max(1e-6);
    let back = |s: Spot| Spot {
        x: s.x / scale,
        y: s.y / scale,
        score: s.score,
    };
    let inside = |s: &Spot| s.x / scale <= limits[0] && s.y / scale <= limits[1];
    // In input pixels until the end.
    let mut heads: Vec<HeadSpot> = Vec::new();
    for (at, x, y) in maps.peaks(0, config.head) {
        let radius_px = (RADIUS * f64::from(maps.at(7, x, y)).exp()).clamp(1.0, 200.0);
        let apart =
            |h: &HeadSpot| (h.at.x - at.x).hypot(h.at.y - at.y) > 0.8 * radius_px.max(h.radius_px);
        if !inside(&at) || !radius_px.is_finite() || !heads.iter().all(apart) {
            continue;
        }
        let (fx, fy) = follow(maps, 3, x, y);
        let (w, h) = maps.size();
        let cell = (fx / STRIDE, fy / STRIDE);
        let on_map = cell.0 >= 0.0 && cell.1 >= 0.0 && cell.0 < w as f64 && cell.1 < h as f64;
        let score = if on_map {
            maps.at(1, cell.0 as usize, cell.1 as usize)
        } else {
            0.0
        };
        heads.push(HeadSpot {
            at,
            radius_px,
            foot: Spot {
                x: fx,
                y: fy,
                score,
            },
        });
    }
    let mut floors: Vec<Spot> = Vec::new();
    for (at, ..) in maps.peaks(1, config.floor) {
        if inside(&at) && floors.iter().all(|f| (f.x - at.x).hypot(f.y - at.y) > 6.0) {
            floors.push(at);
        }
    }
    let mut hands: Vec<HandSpot> = Vec::new();
    for (at, x, y) in maps.peaks(2, config.hand) {
        if !inside(&at)
            || hands
                .iter()
                .any(|h| (h.at.x - at.x).hypot(h.at.y - at.y) < 6.0)
        {
            continue;
        }
        let (hx, hy) = follow(maps, 5, x, y);
        let nearest = heads
            .iter()
            .enumerate()
            .map(|(i, h)| (i, (h.at.x - hx).hypot(h.at.y - hy) / h.radius_px.max(3.0)))
            .filter(|(_, radii)| *radii <= config.owner_radii)
            .min_by(|a, b| a.1.total_cmp(&b.1));
        hands.push(HandSpot {
            at,
            owner: nearest.map(|(i, _)| i),
        });
    }
    PersonView {
        heads: heads
            .into_iter()
            .map(|h| HeadSpot {
                at: back(h.at),
                radius_px: h.radius_px / scale,
                foot: back(h.foot),
            })
            .collect(),
        floors: floors.into_iter().map(back).collect(),
        hands: hands
            .into_iter()
            .map(|h| HandSpot {
                at: back(h.at),
                ..h
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Element, Input, Port, Ports, Tensor};
    use super::*;

    /// Gives the same maps whatever it is shown.
    struct Drawn(Tensor, Ports);

    fn drawn(maps: Tensor) -> Drawn {
        let port = |name: &str| Port {
            name: name.into(),
            shape: Vec::new(),
        };
        Drawn(
            maps,
            Ports {
                input: port("image"),
                element: Element::F32,
                outputs: vec![port("maps")],
            },
        )
    }

    impl Network for Drawn {
        fn run(&self, _: &Input) -> Result<Vec<Tensor>, NetError> {
            Ok(vec![self.0.clone()])
        }

        fn ports(&self) -> &Ports {
            &self.1
        }

        fn name(&self) -> &str {
            "drawn"
        }

        fn session(&self) -> Result<Box<dyn Network>, NetError> {
            Ok(Box::new(drawn(self.0.clone())))
        }
    }

    fn maps(paint: impl Fn(usize, f64, f64) -> f32) -> Tensor {
        let (w, h) = (24, 16);
        let mut data = Vec::new();
        for c in 0..CHANNELS {
            for y in 0..h {
                for x in 0..w {
                    data.push(paint(c, (x as f64 + 0.5) * 4.0, (y as f64 + 0.5) * 4.0));
                }
            }
        }
        Tensor {
            shape: vec![1, CHANNELS, h, w],
            data,
        }
    }

    fn bump(x: f64, y: f64, at: (f64, f64)) -> f32 {
        let d2 = (x - at.0).powi(2) + (y - at.1).powi(2);
        (0.9 * (-d2 / 50.0).exp()) as f32
    }

    #[test]
    fn a_person_is_read_off_the_maps() {
        let (head, foot, hand) = ((30.5, 20.0), (33.0, 55.0), (47.0, 31.0));
        let tensor = maps(|c, x, y| match c {
            0 => bump(x, y, head),
            1 => bump(x, y, foot),
            2 => bump(x, y, hand),
            3 => ((foot.0 - x) / 32.0) as f32,
            4 => ((foot.1 - y) / 32.0) as f32,
            5 => ((head.0 - x) / 32.0) as f32,
            6 => ((head.1 - y) / 32.0) as f32,
            _ => (6.0_f32 / 8.0).ln(),
        });
        let rgb = vec![0; 90 * 60 * 3];
        let net = PersonNetwork::new(drawn(tensor), PersonConfig::default());
        let view = net.look(&RgbPicture::new(90, 60, &rgb).unwrap()).unwrap();
        assert_eq!(
            (view.heads.len(), view.floors.len(), view.hands.len()),
            (1, 1, 1)
        );
        let near = |s: Spot, p: (f64, f64)| (s.x - p.0).hypot(s.y - p.1) < 0.8;
        assert!(
            near(view.heads[0].at, head) && near(view.heads[0].foot, foot),
            "{view:?}"
        );
        assert!((view.heads[0].radius_px - 6.0).abs() < 0.01);
        assert!(
            near(view.hands[0].at, hand) && view.hands[0].owner == Some(0),
            "{view:?}"
        );
    }

    #[test]
    fn flat_broken_and_foreign_maps_give_nothing_or_an_error() {
        let rgb = vec![0; 90 * 60 * 3];
        let picture = RgbPicture::new(90, 60, &rgb).unwrap();
        for value in [0.0, f32::NAN] {
            let net = PersonNetwork::new(drawn(maps(|_, _, _| value)), PersonConfig::default());
            assert_eq!(net.look(&picture).unwrap(), PersonView::default());
        }
        let foreign = Tensor {
            shape: vec![1, 3, 16, 24],
            data: vec![0.0; 3 * 16 * 24],
        };
        let net = PersonNetwork::new(drawn(foreign), PersonConfig::default());
        let error = net.look(&picture).unwrap_err().to_string();
        assert!(
            error.contains("drawn") && error.contains("[1, 8, 16, 24]"),
            "{error}"
        );
    }
}
