//! The `reach` network: each person's hands, in a square cut out of the camera's own picture around head and foot.
//!
//! The `person` network sees a picture in which a hand is four pixels; a cut shows it twice to four times as large, as
//! far as the camera's picture does. `docs/reference/networks.md` says what goes in and what comes out.

use super::hand_odds::{HandOdds, HandScores};
use super::heat::Maps;
use super::person::{HandSpot, PersonView, Spot};
use super::picture::RgbPicture;
use super::reach_cuts::{CELLS, Cut, input};
use super::tensor::Tensor;
use super::{NetError, Network};

/// Maps: hands of whom the plane marks, and everybody else's.
const MAPS: usize = 2;
/// Heads of a smaller radius are not cut out: nothing more is to be seen of them. Pixels of the picture.
const RADIUS_MIN: f64 = 3.0;
/// No head is larger, pixels.
const RADIUS_MAX: f64 = 4000.0;
/// Hands that lie nearer to each other are one, head radii.
const APART: f64 = 0.9;
/// Hands of a person.
const HANDS: usize = 2;

/// How sure a hand must be, and how many cuts are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct ReachConfig {
    /// Least probability of a hand.
    pub least: f32,
    /// Least score of a spot in the maps, and of a hand of the `person` network, that is thought about at all.
    pub claim: f32,
    /// Cuts of a picture at most: of the surest heads, then of hands without a head.
    pub cuts_max: usize,
    /// What the scores at a spot say together.
    pub odds: HandOdds,
}

impl Default for ReachConfig {
    fn default() -> Self {
        Self {
            least: 0.37,
            claim: 0.1,
            cuts_max: 8,
            odds: HandOdds::default(),
        }
    }
}

/// The network with its decoder.
pub struct ReachNetwork<N> {
    network: N,
    config: ReachConfig,
}

impl<N: Network> ReachNetwork<N> {
    /// Wraps a network that gives two maps of cuts of four planes.
    pub fn new(network: N, config: ReachConfig) -> Self {
        Self { network, config }
    }

    /// The same with a thread of its own, for another worker.
    ///
    /// # Errors
    /// The runtime has no room for another.
    pub fn session(&self) -> Result<ReachNetwork<Box<dyn Network>>, NetError> {
        Ok(ReachNetwork::new(
            self.network.session()?,
            self.config.clone(),
        ))
    }

    /// Puts hands that are seen from closer by in the place of those of a view of this picture, whose scores then are
    /// probabilities. The view should hold hands of a score of [`ReachConfig::claim`] and up; what the two networks say of a
    /// spot counts together. `usual_radius_px` is a usual head's radius, pixels of the picture: the scale of hands whose owner
    /// is not known. Gives how many cuts were looked at.
    ///
    /// # Errors
    /// The network fails or is another one.
    pub fn reach(
        &self,
        picture: &RgbPicture<'_>,
        view: &mut PersonView,
        usual_radius_px: f64,
    ) -> Result<usize, NetError> {
        let (cuts, spots) = self.spots(picture, view, usual_radius_px)?;
        view.hands = told(&spots, self.config.least);
        Ok(cuts)
    }

    /// All that may be a hand in a view of this picture, the surest first, with what is said of it; and how many cuts were
    /// looked at.
    ///
    /// # Errors
    /// The network fails or is another one.
    pub fn spots(
        &self,
        picture: &RgbPicture<'_>,
        view: &PersonView,
        usual_radius_px: f64,
    ) -> Result<(usize, Vec<MaybeHand>), NetError> {
        let usual_radius_px = usual_radius_px.clamp(RADIUS_MIN, RADIUS_MAX);
        let cuts = self.cuts(view, usual_radius_px);
        let maps = match cuts.is_empty() {
            true => Tensor::default(),
            false => self.run(picture, &cuts)?,
        };
        let map = |i| Maps {
            data: maps.of_batch(i).unwrap_or_default(),
            size: [CELLS; 2],
        };
        let seen: Vec<(&Cut, Maps<'_>)> =
            cuts.iter().enumerate().map(|(i, c)| (c, map(i))).collect();
        let size = [picture.width(), picture.height()].map(f64::from);
        let claims = self.claims(&seen, &view.hands, size, usual_radius_px);
        Ok((cuts.len(), self.judged(&claims, &seen, view)))
    }

    /// Whether it is such a network, tried on a cut of nothing.
    ///
    /// # Errors
    /// The network fails or is another one.
    pub fn check(&self) -> Result<(), NetError> {
        let grey = [115; 3];
        let Ok(picture) = RgbPicture::new(1, 1, &grey) else {
            return Ok(());
        };
        let cut = Cut::around(&Spot::default(), RADIUS_MIN);
        self.run(&picture, &[cut]).map(|_| ())
    }

    fn run(&self, picture: &RgbPicture<'_>, cuts: &[Cut]) -> Result<Tensor, NetError> {
        let mut outputs = self.network.run(&input(picture, cuts))?;
        let expected = [cuts.len(), MAPS, CELLS, CELLS];
        match (outputs.len(), outputs.pop()) {
            (1, Some(maps)) if maps.shape == expected => Ok(maps),
            (_, last) => Err(NetError::Output {
                file: self.network.name().to_owned(),
                found: last.map(|t| t.shape).unwrap_or_default(),
                expected: format!("{expected:?}"),
            }),
        }
    }

    fn cuts(&self, view: &PersonView, usual_radius_px: f64) -> Vec<Cut> {
        let heads = view.heads.iter().enumerate();
        let mut cuts: Vec<Cut> = heads
            .filter(|(_, h)| {
                let sane = h.at.x.is_finite() && h.at.y.is_finite();
                sane && (RADIUS_MIN..=RADIUS_MAX).contains(&h.radius_px)
            })
            .take(self.config.cuts_max)
            .map(|(i, h)| Cut::of_head(i, h))
            .collect();
        for hand in &view.hands {
            let more = cuts.len() < self.config.cuts_max && hand.at.score >= self.config.claim;
            if more && !cuts.iter().any(|c| c.covers(&hand.at)) {
                cuts.push(Cut::around(&hand.at, usual_radius_px));
            }
        }
        cuts
    }

    /// Spots that may be hands, each once, the surest first.
    fn claims(
        &self,
        seen: &[(&Cut, Maps<'_>)],
        hands: &[HandSpot],
        size: [f64; 2],
        usual_radius_px: f64,
    ) -> Vec<Claim> {
        let mut claims = Vec::new();
        for (cut, maps) in seen {
            let own = if cut.owner.is_some() { HANDS } else { 0 };
            let own = maps.peaks(0, self.config.claim).into_iter().take(own);
            for (spot, ..) in own.chain(maps.peaks(1, self.config.claim)) {
                let at = cut.in_picture(&spot);
                if (0.0..=size[0]).contains(&at.x) && (0.0..=size[1]).contains(&at.y) {
                    let radius = cut.radius;
                    claims.push(Claim { at, radius });
                }
            }
        }
        let doubtful = |h: &&HandSpot| h.at.score >= self.config.claim;
        claims.extend(hands.iter().filter(doubtful).map(|h| Claim {
            at: h.at,
            radius: usual_radius_px,
        }));
        claims.sort_by(|a, b| b.at.score.total_cmp(&a.at.score));
        let mut kept: Vec<Claim> = Vec::new();
        for claim in claims {
            let apart = |k: &Claim| away(&k.at, &claim.at) >= APART * k.radius.min(claim.radius);
            if kept.iter().all(apart) {
                kept.push(claim);
            }
        }
        kept
    }

    /// How probable each claim is by all that is said there, and whose hands they may be.
    fn judged(
        &self,
        claims: &[Claim],
        seen: &[(&Cut, Maps<'_>)],
        view: &PersonView,
    ) -> Vec<MaybeHand> {
        let judge = |claim: &Claim| {
            let (mut others, mut owners) = (0.0_f32, Vec::new());
            for (cut, maps) in seen {
                let Some(cell) = cut.cell(&claim.at) else {
                    continue;
                };
                others = others.max(highest(maps, 1, cell));
                if let Some((owner, _)) = &cut.owner {
                    owners.push((highest(maps, 0, cell), *owner));
                }
            }
            let there = |h: &&HandSpot| away(&h.at, &claim.at) < claim.radius;
            let there: Vec<&HandSpot> = view.hands.iter().filter(there).collect();
            let person = there.iter().map(|h| h.at.score).fold(0.0, f32::max);
            owners.sort_by(|a, b| b.0.total_cmp(&a.0));
            let own = owners.first().map_or(0.0, |o| o.0);
            owners.retain(|o| o.0 >= self.config.claim);
            // Whom the person network's vector points to, where no cut says whose it is.
            owners.extend(there.iter().filter_map(|h| Some((0.0, h.owner?))));
            let owners: Vec<usize> = owners.into_iter().map(|o| o.1).collect();
            let head = owners.first().and_then(|o| view.heads.get(*o));
            let said = HandScores {
                own,
                others,
                person,
                head: head.map_or(0.0, |h| h.at.score),
            };
            let score = self.config.odds.probability(&said);
            MaybeHand {
                at: Spot { score, ..claim.at },
                owners,
                said,
            }
        };
        let mut judged: Vec<MaybeHand> = claims.iter().map(judge).collect();
        judged.sort_by(|a, b| b.at.score.total_cmp(&a.at.score));
        judged
    }
}

/// A spot that may be a hand.
#[derive(Clone, Debug, PartialEq)]
pub struct MaybeHand {
    /// Where, with the probability that it is one.
    pub at: Spot,
    /// Whose it may be, the likeliest first, by their heads' places in the view.
    pub owners: Vec<usize>,
    /// What is said of it.
    pub said: HandScores,
}

/// The spots that are sure enough, each of the likeliest who has a hand free.
fn told(spots: &[MaybeHand], least: f32) -> Vec<HandSpot> {
    let mut told: Vec<HandSpot> = Vec::new();
    for spot in spots.iter().filter(|s| s.at.score >= least) {
        let has_one_free = |o: &usize| told.iter().filter(|h| h.owner == Some(*o)).count() < HANDS;
        let owner = spot.owners.iter().copied().find(has_one_free);
        told.push(HandSpot { at: spot.at, owner });
    }
    told
}

/// A spot that may be a hand, and the radius of a head there, pixels of the picture.
#[derive(Clone, Debug)]
struct Claim {
    at: Spot,
    radius: f64,
}

fn away(a: &Spot, b: &Spot) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

/// The highest number of a map in a cell and those around it.
fn highest(maps: &Maps<'_>, channel: usize, [x, y]: [usize; 2]) -> f32 {
    let around = |v: usize| v.saturating_sub(1)..=(v + 1).min(CELLS - 1);
    let cells = around(y).flat_map(|y| around(x).map(move |x| (x, y)));
    // Not a number is never the highest.
    cells
        .map(|(x, y)| maps.at(channel, x, y))
        .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use super::super::person::HeadSpot;
    use super::super::reach_cuts::{PLANES, SIDE};
    use super::super::{Element, Input, Numbers, Port, Ports};
    use super::*;

    /// Takes red for hands: of whom is marked as far as the mark reaches, else of somebody.
    struct RedHands(Ports, usize);

    fn red_hands(maps: usize) -> RedHands {
        let port = |name: &str| Port {
            name: name.into(),
            shape: Vec::new(),
        };
        let ports = Ports {
            input: port("cuts"),
            element: Element::F32,
            outputs: vec![port("maps")],
        };
        RedHands(ports, maps)
    }

    impl Network for RedHands {
        fn run(&self, input: &Input) -> Result<Vec<Tensor>, NetError> {
            let Numbers::F32(numbers) = &input.numbers else {
                panic!("floats are taken");
            };
            let area = SIDE * SIDE;
            let mut data = Vec::new();
            for planes in numbers.chunks_exact(PLANES * area) {
                for map in 0..self.1 {
                    for cell in 0..CELLS * CELLS {
                        let (x, y) = (cell % CELLS * 4 + 2, cell / CELLS * 4 + 2);
                        let at = |c: usize| planes[c * area + y * SIDE + x];
                        let red = (at(0) - at(1)).max(0.0);
                        data.push(if map == 0 {
                            red * at(3).sqrt()
                        } else {
                            0.4 * red
                        });
                    }
                }
            }
            Ok(vec![Tensor {
                shape: vec![input.shape[0], self.1, CELLS, CELLS],
                data,
            }])
        }

        fn ports(&self) -> &Ports {
            &self.0
        }

        fn name(&self) -> &str {
            "red hands"
        }

        fn session(&self) -> Result<Box<dyn Network>, NetError> {
            Ok(Box::new(red_hands(self.1)))
        }
    }

    const WIDE: u32 = 640;
    const HIGH: u32 = 480;

    /// Grey with red hands of so many pixels a side.
    fn picture(hands: &[(f64, f64)], side: f64) -> Vec<u8> {
        let pixel = |i: u32| {
            let (x, y) = (f64::from(i % WIDE) + 0.5, f64::from(i / WIDE) + 0.5);
            let near =
                |h: &(f64, f64)| (x - h.0).abs() < side / 2.0 && (y - h.1).abs() < side / 2.0;
            if hands.iter().any(near) {
                [250, 20, 20]
            } else {
                [110; 3]
            }
        };
        (0..WIDE * HIGH).flat_map(pixel).collect()
    }

    fn spot(x: f64, y: f64, score: f32) -> Spot {
        Spot { x, y, score }
    }

    fn head(x: f64, y: f64) -> HeadSpot {
        HeadSpot {
            at: spot(x, y, 0.9),
            radius_px: 10.0,
            foot: spot(x, y + 150.0, 0.5),
        }
    }

    fn hand(x: f64, y: f64, score: f32) -> HandSpot {
        HandSpot {
            at: spot(x, y, score),
            owner: None,
        }
    }

    /// Each score decides alone, from about .3 on.
    fn config() -> ReachConfig {
        ReachConfig {
            least: 0.5,
            odds: HandOdds {
                none: -1.0,
                // The squares of own and person, and others.
                worth: [0.0, 10.0, 4.0, 0.0, 0.0, 10.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            },
            ..ReachConfig::default()
        }
    }

    fn reached(rgb: &[u8], mut view: PersonView) -> PersonView {
        let picture = RgbPicture::new(WIDE, HIGH, rgb).unwrap();
        let network = ReachNetwork::new(red_hands(2), config());
        network.reach(&picture, &mut view, 10.0).unwrap();
        view
    }

    fn view(heads: Vec<HeadSpot>, hands: Vec<HandSpot>) -> PersonView {
        PersonView {
            heads,
            hands,
            ..PersonView::default()
        }
    }

    #[test]
    fn hands_from_closer_by_take_the_place_of_those_of_the_person_network() {
        let at = [(208.0, 170.0), (190.0, 230.0)];
        let rgb = picture(&at, 8.0);
        let seen = view(
            vec![head(200.0, 150.0)],
            vec![hand(211.0, 173.0, 0.4), hand(600.0, 20.0, 0.1)],
        );
        let seen = reached(&rgb, seen);
        assert_eq!(seen.hands.len(), 2, "{seen:?}");
        for (x, y) in at {
            let near = |h: &&HandSpot| (h.at.x - x).hypot(h.at.y - y) < 3.0;
            let found = seen.hands.iter().find(near).unwrap();
            assert_eq!(found.owner, Some(0));
        }
    }

    #[test]
    fn a_hand_in_two_cuts_is_the_surer_owners_and_told_once() {
        let rgb = picture(&[(232.0, 200.0)], 10.0);
        let two = vec![head(200.0, 150.0), head(240.0, 150.0)];
        let seen = reached(&rgb, view(two, Vec::new()));
        assert_eq!(seen.hands.len(), 1, "{seen:?}");
        assert_eq!(seen.hands[0].owner, Some(1));
        assert!(seen.hands[0].at.score > 0.5);
    }

    #[test]
    fn a_hand_without_a_head_gets_a_cut_of_its_own_and_no_owner() {
        let rgb = picture(&[(420.0, 300.0)], 10.0);
        let doubtful = view(vec![head(100.0, 100.0)], vec![hand(430.0, 290.0, 0.2)]);
        let seen = reached(&rgb, doubtful.clone());
        assert_eq!(seen.hands.len(), 1, "{seen:?}");
        let found = seen.hands[0];
        assert!((found.at.x - 420.0).hypot(found.at.y - 300.0) < 3.0 && found.owner.is_none());
        // Where the cut shows none, what is doubtful goes and what is sure stays.
        let empty = picture(&[], 0.0);
        assert!(reached(&empty, doubtful).hands.is_empty());
        let sure = view(Vec::new(), vec![hand(430.0, 290.0, 0.5)]);
        assert_eq!(reached(&empty, sure.clone()).hands.len(), 1);
        // Without cuts, too.
        let none = ReachConfig {
            cuts_max: 0,
            ..config()
        };
        let mut stays = sure;
        let picture = RgbPicture::new(WIDE, HIGH, &empty).unwrap();
        let network = ReachNetwork::new(red_hands(2), none);
        assert_eq!(network.reach(&picture, &mut stays, 10.0).unwrap(), 0);
        assert_eq!(stays.hands.len(), 1);
    }

    #[test]
    fn nobody_has_three_hands() {
        let rgb = picture(&[(200.0, 175.0), (200.0, 205.0), (200.0, 235.0)], 8.0);
        let seen = reached(&rgb, view(vec![head(200.0, 150.0)], Vec::new()));
        let own = seen.hands.iter().filter(|h| h.owner == Some(0)).count();
        assert_eq!(own, 2, "{seen:?}");
    }

    #[test]
    fn cuts_reach_beyond_the_picture_and_bad_heads_do_no_harm() {
        let rgb = picture(&[], 0.0);
        let picture = RgbPicture::new(WIDE, HIGH, &rgb).unwrap();
        let cut = Cut::of_head(0, &head(4.0, 4.0));
        let Numbers::F32(numbers) = input(&picture, &[cut]).numbers else {
            panic!("floats");
        };
        assert!((numbers[0] - 0.45).abs() < 1e-6, "padded");
        let marks = &numbers[3 * SIDE * SIDE..];
        let most = marks.iter().copied().fold(0.0, f32::max);
        assert!((0.9..=1.0).contains(&most), "{most}");
        for (x, radius, foot) in [
            (50.0, f64::NAN, 60.0),
            (f64::NAN, 10.0, 60.0),
            (50.0, 10.0, f64::INFINITY),
            (50.0, 10.0, 50.0),
            (50.0, 1e9, 60.0),
            (50.0, 1.0, 60.0),
        ] {
            let odd = HeadSpot {
                at: spot(x, 50.0, 0.9),
                radius_px: radius,
                foot: spot(foot, 50.0, 0.5),
            };
            assert!(reached(&rgb, view(vec![odd], Vec::new())).hands.is_empty());
        }
    }

    #[test]
    fn a_foreign_network_is_refused_with_its_name() {
        let network = ReachNetwork::new(red_hands(3), ReachConfig::default());
        let error = network.check().unwrap_err().to_string();
        assert!(
            error.contains("red hands") && error.contains("[1, 2, 32, 32]"),
            "{error}"
        );
        assert!(
            ReachNetwork::new(red_hands(2), ReachConfig::default())
                .check()
                .is_ok()
        );
    }
}
