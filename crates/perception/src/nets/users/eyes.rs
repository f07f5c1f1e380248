//! All networks of a configuration at work on pictures, with one kind of answer whoever made them.

use super::boxes::BoxSpot;
use super::config::{Kind, NetworkConfig, NetworksConfig, Role};
use super::network::{Answer, UserNetwork};
use super::pose::person_view;
use crate::nets::{
    Area, NetError, Network, PersonConfig, PersonNetwork, PersonView, ReachConfig, ReachNetwork,
    RgbPicture, Spot,
};

/// What was seen in a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// Heads, floor points and hands.
    pub view: PersonView,
    /// The people that the heads belong to, in the heads' order.
    pub people: Vec<SeenPerson>,
    /// Whatever else a detector found.
    pub others: Vec<BoxSpot>,
}

/// One person in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct SeenPerson {
    /// Left, top, right, bottom, pixels.
    pub area: Area,
    /// Their seventeen points, where a network finds them.
    pub points: Option<Vec<Spot>>,
    /// What they look like, where a network says so.
    pub look: Option<Vec<f32>>,
}

/// Radius of a usual head in the person network's input, pixels.
const USUAL_RADIUS_PX: f64 = 6.5;

enum People {
    Maps {
        network: PersonNetwork<Box<dyn Network>>,
        /// What sees hands from closer by, if there is one.
        reach: Option<ReachNetwork<Box<dyn Network>>>,
    },
    Boxes {
        network: UserNetwork,
        /// Which classes are people.
        classes: Vec<usize>,
    },
}

/// All networks that look for people.
pub struct Eyes {
    people: People,
    pose: Option<UserNetwork>,
    appearance: Option<UserNetwork>,
    /// Mean cosine of two people's looks.
    alike: f64,
    /// The configuration says how much pictures are scaled.
    scaled: bool,
}

impl std::fmt::Debug for Eyes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Eyes")
            .field("pose", &self.pose)
            .field("appearance", &self.appearance)
            .finish_non_exhaustive()
    }
}

impl Eyes {
    /// The networks of a configuration; `load` gives the network of a role. `scale` is the camera's
    /// ([`input_scale`](crate::nets::input_scale)), for networks that take pictures of any size.
    ///
    /// # Errors
    /// A network cannot be loaded, or is of another kind than the configuration says. None for people.
    pub fn new<E: From<NetError>>(
        config: &NetworksConfig,
        scale: f64,
        mut load: impl FnMut(Role, &NetworkConfig) -> Result<Box<dyn Network>, E>,
    ) -> Result<Self, E> {
        let Some(people) = &config.people else {
            return Err(E::from(NetError::Ports {
                file: "the configuration".to_owned(),
                found: "it has no [people]".to_owned(),
                expected: "people are looked for with a network of that name: add one".to_owned(),
            }));
        };
        let network = load(Role::People, people)?;
        let people = if people.kind == Kind::PersonMaps {
            let config = PersonConfig {
                scale: people.scale.unwrap_or(scale),
                ..PersonConfig::default()
            };
            People::Maps {
                network: PersonNetwork::new(network, config),
                reach: None,
            }
        } else {
            let names = people.people.iter();
            People::Boxes {
                classes: names.filter_map(|n| people.classes.index(n)).collect(),
                network: UserNetwork::new(network, people)?,
            }
        };
        let mut further = |role: Role, config: &Option<NetworkConfig>| match config {
            Some(config) => Ok::<_, E>(Some(UserNetwork::new(load(role, config)?, config)?)),
            None => Ok(None),
        };
        Ok(Self {
            pose: further(Role::Pose, &config.pose)?,
            appearance: further(Role::Appearance, &config.appearance)?,
            alike: config.appearance.as_ref().map_or(0.0, |a| a.alike),
            scaled: config.people.as_ref().is_some_and(|p| p.scale.is_some()),
            people,
        })
    }

    /// The networks that ship: for people, and for their hands from closer by.
    pub fn of_maps(
        network: Box<dyn Network>,
        config: PersonConfig,
        reach: Option<(Box<dyn Network>, ReachConfig)>,
    ) -> Self {
        Self {
            people: People::Maps {
                network: PersonNetwork::new(network, config),
                reach: reach.map(|(network, config)| ReachNetwork::new(network, config)),
            },
            pose: None,
            appearance: None,
            alike: 0.0,
            scaled: false,
        }
    }

    /// The same networks with threads of their own, for another camera.
    ///
    /// # Errors
    /// The runtime has no room for another.
    pub fn session(&self) -> Result<Self, NetError> {
        let further = |network: &Option<UserNetwork>| network.as_ref().map(UserNetwork::session);
        Ok(Self {
            people: match &self.people {
                People::Maps { network, reach } => People::Maps {
                    network: network.session()?,
                    reach: reach.as_ref().map(ReachNetwork::session).transpose()?,
                },
                People::Boxes { network, classes } => People::Boxes {
                    network: network.session()?,
                    classes: classes.clone(),
                },
            },
            pose: further(&self.pose).transpose()?,
            appearance: further(&self.appearance).transpose()?,
            alike: self.alike,
            scaled: self.scaled,
        })
    }

    /// Scales pictures of this size by something else from now on, unless the configuration says by what. Networks whose
    /// input has a fixed size take no notice.
    pub fn rescale(&mut self, scale: f64) {
        if let People::Maps { network, .. } = &mut self.people
            && !self.scaled
        {
            network.rescale(scale);
        }
    }

    /// A person's look as trackers take it ([`TrackPoint::appearance`](walkout_model::TrackPoint::appearance)): few
    /// numbers, whitened.
    pub fn appearance(&self, look: &[f32]) -> Vec<f32> {
        super::vector::appearance(look, self.alike)
    }

    /// Looks for people in pictures, as many in one run as the networks take.
    ///
    /// # Errors
    /// A network fails, or gives something that its kind does not.
    pub fn look(&self, pictures: &[RgbPicture<'_>]) -> Result<Vec<Sight>, NetError> {
        let mut sights = match &self.people {
            People::Maps { network, reach } => {
                let mut views = network.look_at(pictures)?;
                if let Some(reach) = reach {
                    for (view, picture) in views.iter_mut().zip(pictures) {
                        reach.reach(picture, view, USUAL_RADIUS_PX / network.scale())?;
                    }
                }
                views.into_iter().map(sight_of_maps).collect()
            }
            People::Boxes { network, classes } => sights_of_boxes(network, classes, pictures)?,
        };
        if let Some(pose) = &self.pose {
            self.add_points(pose, pictures, &mut sights)?;
        }
        if let Some(appearance) = &self.appearance {
            let answers = ask(appearance, pictures, &sights)?;
            let people = sights.iter_mut().flat_map(|s| &mut s.people);
            for (person, answer) in people.zip(answers) {
                if let Answer::Vector(look) = answer {
                    person.look = Some(look);
                }
            }
        }
        Ok(sights)
    }

    fn add_points(
        &self,
        pose: &UserNetwork,
        pictures: &[RgbPicture<'_>],
        sights: &mut [Sight],
    ) -> Result<(), NetError> {
        let answers = ask(pose, pictures, sights)?;
        let people = sights.iter_mut().flat_map(|s| &mut s.people);
        for (person, answer) in people.zip(answers) {
            if let Answer::Pose(points) = answer {
                person.points = Some(points);
            }
        }
        let found_boxes = matches!(self.people, People::Boxes { .. });
        for (sight, picture) in sights.iter_mut().zip(pictures) {
            let heads = std::mem::take(&mut sight.view.heads);
            let scored = sight.people.iter().zip(&heads);
            let people: Vec<_> = scored
                .map(|(p, h)| (p.area, h.at.score, p.points.as_deref()))
                .collect();
            let size = [f64::from(picture.width()), f64::from(picture.height())];
            let view = person_view(&people, pose.score(), size);
            if found_boxes {
                sight.view = view;
            } else {
                // Maps know heads and feet themselves; hands are taken from the points.
                sight.view.heads = heads;
                sight.view.hands = view.hands;
            }
        }
        Ok(())
    }
}

/// Asks about every person of every picture.
fn ask(
    network: &UserNetwork,
    pictures: &[RgbPicture<'_>],
    sights: &[Sight],
) -> Result<Vec<Answer>, NetError> {
    let parts: Vec<_> = sights
        .iter()
        .zip(pictures)
        .flat_map(|(s, picture)| {
            let areas = s.people.iter().map(|p| network.around(p.area));
            areas.map(|a| (*picture, a))
        })
        .collect();
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    network.look_at(&parts)
}

fn sight_of_maps(view: PersonView) -> Sight {
    // A person reaches from the top of the head to the foot, and a third of that is their width.
    let area = |h: &crate::nets::HeadSpot| {
        let (top, bottom) = (h.at.y - h.radius_px, h.foot.y);
        let tall = (bottom - top).abs().max(2.0 * h.radius_px);
        let half = (tall / 6.0).max(1.5 * h.radius_px);
        [
            h.at.x.min(h.foot.x) - half,
            top.min(bottom),
            h.at.x.max(h.foot.x) + half,
            top.min(bottom) + tall,
        ]
    };
    Sight {
        people: view
            .heads
            .iter()
            .map(|h| SeenPerson {
                area: area(h),
                points: None,
                look: None,
            })
            .collect(),
        view,
        others: Vec::new(),
    }
}

fn sights_of_boxes(
    network: &UserNetwork,
    classes: &[usize],
    pictures: &[RgbPicture<'_>],
) -> Result<Vec<Sight>, NetError> {
    let answers = network.look(pictures)?;
    let sight = |(answer, picture): (Answer, &RgbPicture<'_>)| {
        let Answer::Boxes(boxes) = answer else {
            return Sight::default();
        };
        let (people, others): (Vec<_>, Vec<_>) =
            boxes.into_iter().partition(|b| classes.contains(&b.class));
        let scored: Vec<_> = people.iter().map(|b| (b.area, b.score, None)).collect();
        let size = [f64::from(picture.width()), f64::from(picture.height())];
        Sight {
            view: person_view(&scored, 1.0, size),
            people: people
                .into_iter()
                .map(|b| SeenPerson {
                    area: b.area,
                    points: None,
                    look: None,
                })
                .collect(),
            others,
        }
    };
    Ok(answers.into_iter().zip(pictures).map(sight).collect())
}
