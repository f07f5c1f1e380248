//! One camera's pictures: people, hands, clothes.

use super::backdrop::Backdrop;
use super::clothes::appearance;
use super::held::ItemEye;
use crate::nets::{
    Eyes, HeadSpot, NetError, Network, PersonConfig, PersonNetwork, PersonView, ReachConfig,
    ReachNetwork, RgbPicture, Spot, input_scale,
};
use std::sync::Arc;
use walkout_model::layout::Camera;
use walkout_model::{
    CameraIx, Pixel, Point2, Polygon, SeenHand, SeenPerson, Sighting, StoreTime, View,
};

/// What finds people in one camera's pictures.
pub enum Finder {
    /// The networks that ship, or others that give the same maps. Cameras of one thread share them.
    Maps(PeopleNetworks),
    /// A user's own networks, this camera's alone.
    Users(Box<Eyes>),
}

/// The networks that ship for people.
#[derive(Clone)]
pub struct PeopleNetworks {
    /// Heads, floor points and hands in a small picture.
    pub person: Arc<dyn Network>,
    /// Each person's hands in a cut of the whole one; without it, hands are those of `person`.
    pub reach: Option<Arc<dyn Network>>,
}

/// How a camera's pictures are looked at.
#[derive(Clone, Debug)]
pub struct EyeSettings {
    /// Height of somebody in the middle of what the camera sees, pixels of the network's input, in a
    /// view from the side and in one from straight above (where it is as if they lay in the picture).
    pub person_px: [f64; 2],
    /// Least scores of heads (after the backdrop was asked), floor points and hands of the person network that are told at all.
    pub least: [f32; 3],
    /// Least scores of hands that are seen from closer by, and how many cuts are.
    pub reach: ReachConfig,
    /// Score that a head keeps where the picture is as the backdrop, as a share.
    pub still: f64,
    /// Leave the network out where the whole picture is as the backdrop.
    pub skip_still: bool,
    /// Most pixels of the network's input.
    pub input_px_max: f64,
}

impl Default for EyeSettings {
    fn default() -> Self {
        Self {
            person_px: [130.0, 260.0],
            least: [0.3, 0.2, 0.1],
            reach: ReachConfig::default(),
            still: 0.4,
            skip_still: true,
            input_px_max: 640.0 * 384.0,
        }
    }
}

impl EyeSettings {
    /// Input pixels a calibration pixel, so that people on what is seen of the floor have the height asked for; and the radius
    /// of a usual head there, calibration pixels.
    pub fn scale(&self, view: &View, floor: &Polygon) -> (f64, f64) {
        let camera = view.camera();
        let (lo, hi) = floor.bounds();
        let steps = |a: f64, b: f64| ((b - a) / PITCH_M).ceil().clamp(1.0, 500.0) as usize;
        let mut sizes = Vec::new();
        for i in 0..steps(lo.x, hi.x) {
            for j in 0..steps(lo.y, hi.y) {
                let p = Point2::new(
                    lo.x + (i as f64 + 0.5) * PITCH_M,
                    lo.y + (j as f64 + 0.5) * PITCH_M,
                );
                let chest = p.at_height(1.2);
                let away = camera.position.distance(chest);
                let seen = floor.contains(p)
                    && away < FAR_M
                    && view.project(chest).is_some_and(|px| view.contains(px));
                if seen {
                    sizes.push(TALL_M * camera.focal_px[0] / away.max(0.3));
                }
            }
        }
        let (w, h) = (f64::from(camera.width_px), f64::from(camera.height_px));
        let most = (self.input_px_max / (w * h)).sqrt().min(1.0);
        if sizes.is_empty() {
            let scale = (INPUT_LEAST_PX / w).min(most);
            return (scale, 6.0 / scale);
        }
        let middle = sizes.len() / 2;
        let (_, usual, _) = sizes.select_nth_unstable_by(middle, f64::total_cmp);
        let [side, above] = self.person_px;
        let steep = ((camera.pitch.to_degrees() - 60.0) / 20.0).clamp(0.0, 1.0);
        let wanted = side + (above - side) * steep;
        // A small picture costs next to nothing, and what is near shows the more of its hands.
        let scale = (wanted / usual.max(1.0)).max(INPUT_LEAST_PX / w).min(most);
        (scale, *usual * HEAD_M / TALL_M)
    }
}

/// Why a picture could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum EyeError {
    /// The network failed.
    #[error("camera {camera}: {cause}")]
    Network {
        /// The camera's name.
        camera: String,
        /// What the network says.
        cause: NetError,
    },
    /// The picture is not of the camera's shape.
    #[error(
        "camera {camera}: pictures of {found:?} pixels do not have the shape of the calibration's {expected:?}: \
         calibrate the camera again or send whole pictures"
    )]
    Shape {
        /// The camera's name.
        camera: String,
        /// Width and height.
        found: [u32; 2],
        /// Width and height.
        expected: [u32; 2],
    },
}

/// Width of the network's input at least, pixels, where the picture has so many.
const INPUT_LEAST_PX: f64 = 320.0;
/// Height of a usual person, metres.
const TALL_M: f64 = 1.65;
/// Radius of a head, metres, as the network's radius means it.
const HEAD_M: f64 = 0.1;
/// Pitch of the floor's points at which people are imagined, metres.
const PITCH_M: f64 = 0.4;
/// Nobody farther than this matters for the scale.
const FAR_M: f64 = 8.0;

/// One camera with its backdrop. The network is shared with others.
#[derive(Debug)]
pub struct CameraEye {
    camera: CameraIx,
    view: View,
    settings: EyeSettings,
    /// Input pixels a calibration pixel.
    scale: f64,
    /// The same for networks that a user brings.
    users_scale: f64,
    /// Radius of somebody's head in the middle of what the camera sees, calibration pixels.
    usual_radius_px: f64,
    backdrop: Backdrop,
    people: People,
    skipped: u64,
    looked: u64,
}

impl CameraEye {
    /// The eye of a camera over this floor.
    pub fn new(
        camera: CameraIx,
        description: &Camera,
        floor: &Polygon,
        settings: EyeSettings,
    ) -> Self {
        let view = View::new(description);
        let (scale, usual_radius_px) = settings.scale(&view, floor);
        Self {
            users_scale: input_scale(&view, floor).map_or(scale, |s| s.scale),
            usual_radius_px,
            scale,
            camera,
            view,
            settings,
            backdrop: Backdrop::default(),
            people: People::default(),
            skipped: 0,
            looked: 0,
        }
    }

    /// Which camera.
    pub fn camera(&self) -> CameraIx {
        self.camera
    }

    /// How it projects.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Width and height of what the network is shown.
    pub fn input_px(&self) -> [u32; 2] {
        let camera = self.view.camera();
        [camera.width_px, camera.height_px].map(|s| (f64::from(s) * self.scale).round() as u32)
    }

    /// Pictures that the network looked at, and those where nothing was new.
    pub fn looked_and_skipped(&self) -> (u64, u64) {
        (self.looked, self.skipped)
    }

    /// Looks at a picture of any size with the calibration's shape. What hands hold is added by
    /// [`CameraEye::inspect`].
    ///
    /// # Errors
    /// The network fails, or the picture has another shape.
    pub fn look(
        &mut self,
        t: StoreTime,
        picture: &RgbPicture<'_>,
        networks: &PeopleNetworks,
    ) -> Result<Sighting, EyeError> {
        let Some(per_px) = self.compare(t, picture)? else {
            return Ok(Sighting::empty(self.camera, t));
        };
        let [head, floor, hand] = self.settings.least;
        let config = PersonConfig {
            head,
            floor,
            hand,
            scale: self.scale * per_px,
            ..PersonConfig::default()
        };
        let network = PersonNetwork::new(Arc::clone(&networks.person), config);
        let mut seen = network.look(picture).map_err(|cause| self.failed(cause))?;
        if let Some(reach) = &networks.reach {
            let network = ReachNetwork::new(Arc::clone(reach), self.settings.reach.clone());
            network
                .reach(picture, &mut seen, self.usual_radius_px / per_px)
                .map_err(|cause| self.failed(cause))?;
        }
        Ok(self.conclude(t, per_px, &seen, &[]))
    }

    /// The same with whatever finds people. A user's network for looks of people takes the place of their clothes.
    ///
    /// # Errors
    /// As [`CameraEye::look`].
    pub fn look_by(
        &mut self,
        t: StoreTime,
        picture: &RgbPicture<'_>,
        finder: &mut Finder,
    ) -> Result<Sighting, EyeError> {
        let eyes = match finder {
            Finder::Maps(networks) => return self.look(t, picture, networks),
            Finder::Users(eyes) => eyes,
        };
        let Some(per_px) = self.compare(t, picture)? else {
            return Ok(Sighting::empty(self.camera, t));
        };
        eyes.rescale(self.users_scale * per_px);
        let sights = eyes.look(std::slice::from_ref(picture));
        let sight = sights
            .map_err(|cause| self.failed(cause))?
            .into_iter()
            .next();
        let sight = sight.unwrap_or_default();
        let people = &mut self.people;
        let look = |p: &crate::nets::SeenPerson| {
            let look = p.look.as_deref()?;
            Some(people.centred(eyes.appearance(look)))
        };
        let looks: Vec<Option<Vec<f32>>> = sight.people.iter().map(look).collect();
        Ok(self.conclude(t, per_px, &sight.view, &looks))
    }

    /// Holds the picture against the backdrop. Calibration pixels a pixel of it; `None` if nothing is to be seen.
    fn compare(&mut self, t: StoreTime, picture: &RgbPicture<'_>) -> Result<Option<f64>, EyeError> {
        let camera = self.view.camera();
        let per_px = per_px(camera, picture)?;
        let size = [camera.width_px, camera.height_px].map(f64::from);
        self.backdrop.compare(picture, size);
        if self.settings.skip_still && !self.backdrop.shows_something() {
            self.skipped += 1;
            self.backdrop.learn(t, &[]);
            return Ok(None);
        }
        self.looked += 1;
        Ok(Some(per_px))
    }

    /// What was found, in the calibration's pixels and held against the backdrop. `looks` are the heads', where a
    /// network gives them.
    fn conclude(
        &mut self,
        t: StoreTime,
        per_px: f64,
        seen: &PersonView,
        looks: &[Option<Vec<f32>>],
    ) -> Sighting {
        let mut sighting = Sighting::empty(self.camera, t);
        let to_px = |s: Spot| Pixel {
            u: s.x * per_px,
            v: s.y * per_px,
        };
        for (i, h) in seen.heads.iter().enumerate() {
            let mut person = self.person(h, per_px);
            if person.score >= self.settings.least[0] {
                if let Some(Some(look)) = looks.get(i) {
                    person.look.clone_from(look);
                }
                sighting.people.push(person);
            }
        }
        for h in &seen.hands {
            let owner = h.owner.and_then(|i| seen.heads.get(i));
            let radius = owner.map_or(6.0 / self.scale, |o| o.radius_px * per_px);
            sighting.hands.push(SeenHand {
                at: to_px(h.at),
                sigma_px: 0.5 * radius + 1.0 / self.scale,
                owner: owner.map(|o| to_px(o.at)),
                owner_radius_px: radius,
                score: h.at.score,
            });
        }
        let people: Vec<(Pixel, f64)> = sighting.people.iter().flat_map(spots_of).collect();
        self.backdrop.learn(t, &people);
        sighting
    }

    fn failed(&self, cause: NetError) -> EyeError {
        EyeError::Network {
            camera: self.view.camera().name.clone(),
            cause,
        }
    }

    /// Looks at what the sighting's hands hold, in a picture of the same instant, as large as there is. Hands that are not
    /// worth a look ([`ItemEye::wants`]) cost nothing.
    ///
    /// # Errors
    /// The network fails, or the picture has another shape.
    pub fn inspect(
        &self,
        sighting: &mut Sighting,
        picture: &RgbPicture<'_>,
        items: &ItemEye,
    ) -> Result<(), EyeError> {
        if !items.wants(&self.view, sighting) {
            return Ok(());
        }
        let per_px = per_px(self.view.camera(), picture)?;
        let held = items.held(&self.view, sighting, picture, per_px);
        sighting.held = held.map_err(|cause| EyeError::Network {
            camera: self.view.camera().name.clone(),
            cause,
        })?;
        Ok(())
    }

    fn person(&self, h: &HeadSpot, per_px: f64) -> SeenPerson {
        let to_px = |s: Spot| Pixel {
            u: s.x * per_px,
            v: s.y * per_px,
        };
        let (head, foot) = (to_px(h.at), to_px(h.foot));
        let radius = h.radius_px * per_px;
        let px_per_m = radius / HEAD_M;
        let cell = 1.0 / self.scale;
        let before = self.backdrop.share(head, 1.2 * radius);
        let score = f64::from(h.at.score).clamp(0.0, 1.0);
        // Between what the backdrop shows and somebody in front of it.
        let moved = (before / 0.4).min(1.0);
        let kept = self.settings.still + (1.0 - self.settings.still) * moved;
        let score = score * kept;
        SeenPerson {
            head,
            head_sigma_px: 0.05 * px_per_m + cell,
            foot: (h.foot.score >= self.settings.least[1]).then_some(foot),
            foot_sigma_px: 0.12 * px_per_m + cell,
            score: score as f32,
            look: appearance(&self.backdrop, head, foot, radius),
        }
    }
}

/// What everybody whom a camera has seen has in common, by a user's network: its light, its angle, and that they are people.
/// It tells nobody from anybody and is taken off.
#[derive(Clone, Debug, Default)]
struct People {
    mean: Vec<f32>,
    looks: u16,
}

/// Looks before which the mean is one person's.
const LOOKS_MIN: u16 = 20;
/// Looks over which the mean is taken.
const LOOKS_MAX: u16 = 2_000;

impl People {
    /// A look without what all have in common; empty while that is not known.
    fn centred(&mut self, look: Vec<f32>) -> Vec<f32> {
        if self.mean.len() != look.len() {
            self.mean = vec![0.0; look.len()];
            self.looks = 0;
        }
        self.looks = (self.looks + 1).min(LOOKS_MAX);
        let step = 1.0 / f32::from(self.looks);
        for (mean, x) in self.mean.iter_mut().zip(&look) {
            *mean += step * (x - *mean);
        }
        if self.looks < LOOKS_MIN {
            return Vec::new();
        }
        let own = look.iter().zip(&self.mean);
        own.map(|(x, mean)| (x - mean).clamp(-4.0, 4.0)).collect()
    }
}

/// Calibration pixels a pixel of the picture.
pub(super) fn per_px(camera: &Camera, picture: &RgbPicture<'_>) -> Result<f64, EyeError> {
    let across = f64::from(camera.width_px) / f64::from(picture.width());
    let down = f64::from(camera.height_px) / f64::from(picture.height());
    // A pixel of rounding is no other shape.
    let off = (across / down - 1.0).abs() * f64::from(picture.width().min(picture.height()));
    if off > 1.01 {
        return Err(EyeError::Shape {
            camera: camera.name.clone(),
            found: [picture.width(), picture.height()],
            expected: [camera.width_px, camera.height_px],
        });
    }
    Ok(across)
}

/// Spots that cover somebody, for the backdrop to leave out.
fn spots_of(p: &SeenPerson) -> impl Iterator<Item = (Pixel, f64)> + use<> {
    let (head, foot) = (p.head, p.foot.unwrap_or(p.head));
    let radius = 5.0 * p.head_sigma_px;
    let counts = p.score >= 0.25;
    (0..6).filter(move |_| counts).map(move |k| {
        let part = f64::from(k) / 5.0;
        let at = Pixel {
            u: head.u + part * (foot.u - head.u),
            v: head.v + part * (foot.v - head.v),
        };
        (at, radius)
    })
}
