//! Packages and produce by their looks: a few enrolment photos a class, then which class is it?

use super::MarksError;
use crate::calibration::expected_calibration_error;
use serde::Serialize;
use std::collections::BTreeMap;
use walkout_model::SkuIx;
use walkout_perception::nets::{
    Calibration, Gallery, ItemNetwork, Likeness, Look, Network, RgbPicture,
};
use walkout_simulator::render::{PackageShot, Packages, Picture};

/// A photo with its class.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Its file, as the data set's list names it.
    pub name: String,
    /// Width and height.
    pub size: [u32; 2],
    /// Rows of red, green, blue.
    pub rgb: Vec<u8>,
    /// Which class.
    pub class: u32,
    /// Whether the class is a package, not produce.
    pub package: bool,
}

/// A photo's look, what it teaches, its class, and whether that is a package.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The photo's file.
    pub name: String,
    look: Look,
    taught: Vec<Look>,
    class: u32,
    package: bool,
}

/// The `item` network's marks on photos.
#[derive(Clone, Debug, Serialize)]
pub struct ItemMarks {
    /// Enrolment photos of each class.
    pub enrolled: usize,
    /// Photos asked about: packages, and all.
    pub asked: [u32; 2],
    /// Classes: packages, and all.
    pub classes: [usize; 2],
    /// Share of packages put right among all package classes.
    pub packages_top1: f64,
    /// Share of all photos put right among all classes.
    pub all_top1: f64,
    /// Share of packages put right among so many candidates, drawn at random: 3, 5, 10, 20.
    pub packages_among: [f64; 4],
    /// Expected calibration error of the best candidate's probability, over those same questions.
    pub calibration_error: f64,
    /// Share of those questions that are answered, and share of the answers that are right.
    pub answered: [f64; 2],
}

/// How many candidates a question names.
const AMONG: [usize; 4] = [3, 5, 10, 20];
/// How often candidates are drawn for a photo.
const DRAWS: u64 = 10;
/// Share of a photo's side that is looked at, in its middle: the item, not what is around it.
const MIDDLE: f64 = 0.6;

/// Looks at the middle of each photo.
///
/// # Errors
/// The network fails, or a photo is none.
pub fn see<N: Network>(
    network: &ItemNetwork<N>,
    photos: &[&Photo],
) -> Result<Vec<Seen>, MarksError> {
    let one = |p: &&Photo| -> Result<Seen, MarksError> {
        let picture = RgbPicture::new(p.size[0], p.size[1], &p.rgb)?;
        let [w, h] = p.size.map(f64::from);
        let half = w.max(h) * MIDDLE / 2.0;
        let area = [
            w / 2.0 - half,
            h / 2.0 - half,
            w / 2.0 + half,
            h / 2.0 + half,
        ];
        Ok(Seen {
            name: p.name.clone(),
            look: network.look(&picture, area)?,
            taught: network.teach(&picture, area)?,
            class: p.class,
            package: p.package,
        })
    };
    photos.iter().map(one).collect()
}

/// Of each class so many photos, spread over it: those of one class were taken one after another.
pub fn spread<'a>(photos: &[&'a Photo], of_each: usize) -> Vec<&'a Photo> {
    let mut by_class: BTreeMap<u32, Vec<&'a Photo>> = BTreeMap::new();
    for photo in photos {
        by_class.entry(photo.class).or_default().push(photo);
    }
    let some = |own: Vec<&'a Photo>| {
        let n = of_each.min(own.len());
        (0..n)
            .map(|k| own[k * own.len() / n])
            .collect::<Vec<&'a Photo>>()
    };
    by_class.into_values().flat_map(some).collect()
}

/// Enrols some looks and asks about the others.
pub fn measure(enrol: &[Seen], ask: &[Seen], calibration: Calibration) -> ItemMarks {
    let shop = Shop::new(enrol, calibration);
    let (mut right, mut right_all, mut asked) = (0_u32, 0_u32, [0_u32; 2]);
    let (mut among, mut predictions) = ([0_u32; 4], Vec::new());
    let (mut answers, mut answers_right) = (0_u32, 0_u32);
    for (n, seen) in ask.iter().enumerate() {
        let truth = SkuIx(seen.class);
        let first = |among: &[SkuIx]| {
            let posterior = shop.gallery.posterior(&seen.look, among);
            posterior.ranked.first().map(|(s, _)| *s) == Some(truth)
        };
        asked[1] += 1;
        right_all += u32::from(first(&shop.all));
        if !seen.package {
            continue;
        }
        asked[0] += 1;
        right += u32::from(first(&shop.packages));
        for (k, size) in AMONG.into_iter().enumerate() {
            for draw in 0..DRAWS {
                let candidates =
                    candidates(seen.class, &shop.packages, size, n as u64 * DRAWS + draw);
                let posterior = shop.gallery.posterior(&seen.look, &candidates);
                let Some(&(best, p)) = posterior.ranked.first() else {
                    continue;
                };
                among[k] += u32::from(best == truth);
                predictions.push((f64::from(p), best == truth));
                if let Some(sku) = posterior.answer() {
                    answers += 1;
                    answers_right += u32::from(sku == truth);
                }
            }
        }
    }
    let share = |n: u32, of: u32| f64::from(n) / f64::from(of.max(1));
    ItemMarks {
        enrolled: enrol.len() / shop.all.len().max(1),
        asked,
        classes: [shop.packages.len(), shop.all.len()],
        packages_top1: share(right, asked[0]),
        all_top1: share(right_all, asked[1]),
        packages_among: among.map(|n| share(n, asked[0] * DRAWS as u32)),
        calibration_error: expected_calibration_error(&predictions),
        answered: [
            share(answers, predictions.len() as u32),
            share(answers_right, answers),
        ],
    }
}

/// Weights of the likenesses that make what is asked about likeliest, by a search over a grid:
/// every photo among 3, 5, 10, 20 candidates of its kind and among all.
pub fn fit(enrol: &[Seen], ask: &[Seen]) -> Calibration {
    let shop = Shop::new(enrol, Calibration::default());
    let mut questions = Vec::new();
    for (n, seen) in ask.iter().enumerate() {
        let kind = if seen.package {
            &shop.packages
        } else {
            &shop.all
        };
        for size in [3, 5, 10, 20, kind.len()] {
            let candidates = candidates(seen.class, kind, size, n as u64);
            let alike = shop.gallery.likenesses(&seen.look, &candidates);
            questions.push((SkuIx(seen.class), alike));
        }
    }
    likeliest(&questions)
}

/// Weights that make the right answers of some questions likeliest.
pub(crate) fn likeliest(questions: &[(SkuIx, Vec<Likeness>)]) -> Calibration {
    let loss = |c: &Calibration| -> f64 {
        let of = |(truth, alike): &(SkuIx, Vec<Likeness>)| {
            let logit = |l: &Likeness| f64::from(c.logit(l));
            let own = alike.iter().find(|l| l.sku == *truth).map(logit);
            let high = alike.iter().map(logit).fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = alike.iter().map(|l| (logit(l) - high).exp()).sum();
            own.map_or(0.0, |own| high + sum.ln() - own)
        };
        questions.iter().map(of).sum::<f64>()
    };
    let grid = (1..=40_u8).flat_map(|a| (0..=20_u8).map(move |b| (f32::from(a), f32::from(b))));
    let all = grid.map(|(cosine, colours)| Calibration {
        cosine,
        colours,
        ..Calibration::default()
    });
    all.map(|c| (loss(&c), c))
        .min_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
        .unwrap_or_default()
}

/// Drawn packages that training never saw: `classes` of them, each with so many looks enrolled and
/// as many asked about.
///
/// # Errors
/// The network fails.
pub fn see_drawn<N: Network>(
    network: &ItemNetwork<N>,
    seed: u64,
    classes: usize,
    each: u64,
) -> Result<[Vec<Seen>; 2], MarksError> {
    const SIDE: u32 = 96;
    let mut packages = Packages::invented(seed, classes, (classes / 12).max(2), SIDE);
    let (mut picture, mut seen) = (Picture::default(), [Vec::new(), Vec::new()]);
    for package in 0..packages.len() {
        for n in 0..2 * each {
            let shot = if n < each {
                PackageShot::Studio
            } else {
                PackageShot::Shop
            };
            packages.shoot(package, shot, n, &mut picture);
            let rgb = RgbPicture::new(picture.width, picture.height, &picture.rgb)?;
            seen[usize::from(n >= each)].push(Seen {
                name: format!("package {package}, shot {n}"),
                look: network.look(&rgb, rgb.area())?,
                taught: network.teach(&rgb, rgb.area())?,
                class: package as u32,
                package: true,
            });
        }
    }
    Ok(seen)
}

/// What the shop was shown.
struct Shop {
    gallery: Gallery,
    packages: Vec<SkuIx>,
    all: Vec<SkuIx>,
}

impl Shop {
    fn new(enrol: &[Seen], calibration: Calibration) -> Self {
        let mut classes: Vec<(u32, bool)> = enrol.iter().map(|s| (s.class, s.package)).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut gallery = Gallery::new(calibration);
        for seen in enrol {
            for look in &seen.taught {
                gallery.enrol(SkuIx(seen.class), look.clone());
            }
        }
        let of = |all: bool| {
            let some = classes.iter().filter(|(_, p)| all || *p);
            some.map(|(c, _)| SkuIx(*c)).collect()
        };
        Self {
            gallery,
            packages: of(false),
            all: of(true),
        }
    }
}

/// The right class and others, drawn by the question's number.
pub(crate) fn candidates(truth: u32, from: &[SkuIx], size: usize, n: u64) -> Vec<SkuIx> {
    let mut others: Vec<(u64, SkuIx)> = from
        .iter()
        .filter(|s| s.0 != truth)
        .map(|s| {
            // SplitMix64's finaliser of the question's and the class's number.
            let mut z = (n << 32 | u64::from(s.0)).wrapping_add(0x9e37_79b9_7f4a_7c15);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31), *s)
        })
        .collect();
    others.sort_unstable();
    let mut chosen: Vec<SkuIx> = others
        .into_iter()
        .take(size.saturating_sub(1))
        .map(|(_, s)| s)
        .collect();
    chosen.push(SkuIx(truth));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Classes along a line of angles; every look is off by a little, by a fixed rule.
    fn seen(class: u32, n: u32) -> Seen {
        let off = f64::from((class * 7 + n * 13) % 11) / 11.0 - 0.5;
        let angle = (f64::from(class) * 0.4 + off * 0.6) as f32;
        let look = Look {
            vector: vec![angle.cos(), angle.sin()],
            colours: vec![1.0],
        };
        Seen {
            name: format!("{class}-{n}"),
            taught: vec![look.clone()],
            look,
            class,
            package: true,
        }
    }

    #[test]
    fn the_fit_makes_probabilities_mean_what_they_say() {
        let all = |from: u32, to: u32| -> Vec<Seen> {
            (0..12)
                .flat_map(|c| (from..to).map(move |n| seen(c, n)))
                .collect()
        };
        let (enrol, ask) = (all(0, 4), all(4, 24));
        let fitted = fit(&enrol, &ask);
        let error = |c| measure(&enrol, &ask, c).calibration_error;
        let timid = Calibration {
            cosine: fitted.cosine * 0.1,
            ..fitted
        };
        assert!(error(fitted) < 0.12, "{} {fitted:?}", error(fitted));
        assert!(error(timid) > error(fitted) + 0.05);
    }

    #[test]
    fn enrolment_photos_are_spread_over_a_class() {
        let photo = |class: u32, n: usize| Photo {
            name: n.to_string(),
            size: [1, 1],
            rgb: vec![0; 3],
            class,
            package: false,
        };
        let photos: Vec<Photo> = (0..10).map(|n| photo(1, n)).collect();
        let all: Vec<&Photo> = photos.iter().collect();
        let names: Vec<&str> = spread(&all, 5).iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["0", "2", "4", "6", "8"]);
    }
}
