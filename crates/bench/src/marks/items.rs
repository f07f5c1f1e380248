//! Packages and produce by their looks: a few enrolment photos a class, then which class is it?

use super::MarksError;
use serde::Serialize;
use walkout_model::SkuIx;
use walkout_perception::nets::{Gallery, ItemNetwork, Network, RgbPicture};

/// A photo with its class.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Width and height.
    pub size: [u32; 2],
    /// Rows of red, green, blue.
    pub rgb: Vec<u8>,
    /// Which class.
    pub class: u32,
    /// Whether the class is a package, not produce.
    pub package: bool,
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
}

/// Enrols `enrolled` photos of each class and asks about the others.
///
/// # Errors
/// The network fails, or a photo is none.
pub fn measure<N: Network>(
    network: &ItemNetwork<N>,
    enrol: &[Photo],
    ask: &[Photo],
    enrolled: usize,
) -> Result<ItemMarks, MarksError> {
    let look = |p: &Photo| -> Result<Vec<f32>, MarksError> {
        let picture = RgbPicture::new(p.size[0], p.size[1], &p.rgb)?;
        Ok(network.look(
            &picture,
            [0.0, 0.0, f64::from(p.size[0]), f64::from(p.size[1])],
        )?)
    };
    let mut classes: Vec<(u32, bool)> = enrol.iter().map(|p| (p.class, p.package)).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut gallery = Gallery::default();
    for (class, _) in &classes {
        let own: Vec<&Photo> = enrol.iter().filter(|p| p.class == *class).collect();
        // Spread over the class's photos, which were taken one after another.
        for k in 0..enrolled.min(own.len()) {
            let photo = own[k * own.len() / enrolled.min(own.len())];
            gallery.enrol(SkuIx(*class), look(photo)?);
        }
    }
    let all: Vec<SkuIx> = classes.iter().map(|(c, _)| SkuIx(*c)).collect();
    let packages: Vec<SkuIx> = classes
        .iter()
        .filter(|(_, p)| *p)
        .map(|(c, _)| SkuIx(*c))
        .collect();
    let first = |v: &[f32], among: &[SkuIx]| gallery.rank(v, among).first().map(|l| l.sku);
    let (mut right, mut right_all, mut asked) = (0_u32, 0_u32, [0_u32; 2]);
    let mut among = [0_u32; 4];
    for (n, photo) in ask.iter().enumerate() {
        let v = look(photo)?;
        let truth = Some(SkuIx(photo.class));
        asked[1] += 1;
        right_all += u32::from(first(&v, &all) == truth);
        if !photo.package {
            continue;
        }
        asked[0] += 1;
        right += u32::from(first(&v, &packages) == truth);
        for (k, size) in [3, 5, 10, 20].into_iter().enumerate() {
            let candidates = candidates(photo.class, &packages, size, n as u64);
            among[k] += u32::from(first(&v, &candidates) == truth);
        }
    }
    let share = |n: u32, of: u32| f64::from(n) / f64::from(of.max(1));
    Ok(ItemMarks {
        enrolled,
        asked,
        classes: [packages.len(), all.len()],
        packages_top1: share(right, asked[0]),
        all_top1: share(right_all, asked[1]),
        packages_among: among.map(|n| share(n, asked[0])),
    })
}

/// The right class and others, drawn by the photo's number.
fn candidates(truth: u32, from: &[SkuIx], size: usize, n: u64) -> Vec<SkuIx> {
    let mut others: Vec<(u64, SkuIx)> = from
        .iter()
        .filter(|s| s.0 != truth)
        .map(|s| {
            // SplitMix64's finaliser of the photo's and the class's number.
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
