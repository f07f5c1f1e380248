//! The `person` network on real frames whose heads, floor points and hands were marked by hand:
//! `crates/bench/data/README.md` says how. The frames themselves are not part of the repository.

use super::{MarksError, Rates, Tally, Target, matched, median};
use serde::{Deserialize, Serialize};
use walkout_perception::nets::{Network, PersonConfig, PersonNetwork, RgbPicture};

const LABELS: &str = include_str!("../../data/real-video.json");
/// A person should be this tall in the network's input, pixels.
const PERSON_PX: f64 = 100.0;
/// 15 cm at the person's distance, head radii (with hair, a head's is about 11 cm).
const HAND_WITHIN_RADII: f64 = 1.4;

/// What was marked in one clip.
#[derive(Clone, Debug, Deserialize)]
pub struct Clip {
    /// The clip's file.
    pub file: String,
    /// Width and height, pixels.
    pub size: [u32; 2],
    /// How tall a person stands in it, pixels; the input's scale follows from it.
    pub person_px: f64,
    /// Frames that were looked at, also those with nobody.
    pub frames: Vec<Marked>,
}

/// One frame.
#[derive(Clone, Debug, Deserialize)]
pub struct Marked {
    /// Its number in the clip, from 0.
    pub frame: u32,
    people: Vec<Person>,
    /// Heads cut by the edge: x, y, radius. They need not be found.
    #[serde(default)]
    unsure_heads: Vec<[f64; 3]>,
}

/// One person; points are pixels.
#[derive(Clone, Debug, Deserialize)]
struct Person {
    head: [f64; 2],
    radius: f64,
    /// Between the feet; absent where they do not show.
    floor: Option<[f64; 2]>,
    hands: Vec<[f64; 2]>,
    /// Hands that can hardly be seen: they need not be found.
    unsure: Vec<[f64; 2]>,
}

/// Marks of one clip.
#[derive(Clone, Debug, Serialize)]
pub struct VideoMarks {
    /// The clip's file.
    pub clip: String,
    /// Frames looked at.
    pub frames: u32,
    /// How much the frames were scaled.
    pub scale: f64,
    /// Heads, within the marked radius.
    pub heads: Rates,
    /// Hands, within 1.4 head radii (about 15 cm) and at least 4 pixels.
    pub hands: Rates,
    /// Floor points asked for at heads that were found, and the median distance of the heads' own
    /// vectors from them in head radii (about 11 cm).
    pub floor: (usize, Option<f64>),
}

/// The clips that were marked.
///
/// # Panics
/// Never: a test reads the labels.
#[allow(clippy::expect_used, reason = "the labels are part of the program")]
pub fn clips() -> Vec<Clip> {
    #[derive(Deserialize)]
    struct All {
        clips: Vec<Clip>,
    }
    let all: All = serde_json::from_str(LABELS).expect("the labels are well formed");
    all.clips
}

/// Looks at a clip's marked frames, which `read` gives as rows of red, green, blue.
///
/// # Errors
/// A frame cannot be read or has another size, or the network fails.
pub fn measure<N: Network, E: From<MarksError>>(
    network: N,
    config: &PersonConfig,
    clip: &Clip,
    mut read: impl FnMut(u32) -> Result<Vec<u8>, E>,
) -> Result<VideoMarks, E> {
    let scale = PERSON_PX / clip.person_px;
    let config = PersonConfig {
        scale,
        ..config.clone()
    };
    let network = PersonNetwork::new(network, config);
    let (mut heads, mut hands) = (Tally::default(), Tally::default());
    let mut off = Vec::new();
    for marked in &clip.frames {
        let rgb = read(marked.frame)?;
        let picture =
            RgbPicture::new(clip.size[0], clip.size[1], &rgb).map_err(MarksError::from)?;
        let seen = network.look(&picture).map_err(MarksError::from)?;
        let people = marked.people.iter();
        let sure = people.map(|p| target(p.head, p.radius, true));
        let cut = marked
            .unsure_heads
            .iter()
            .map(|&[x, y, r]| target([x, y], r, false));
        let targets: Vec<Target> = sure.chain(cut).collect();
        let found: Vec<(f64, f64)> = seen.heads.iter().map(|h| (h.at.x, h.at.y)).collect();
        let (tally, pairs) = matched(&targets, &found);
        heads.add(tally);
        for (head, pair) in seen.heads.iter().zip(pairs) {
            let person = pair.and_then(|i| marked.people.get(i));
            if let Some((person, floor)) = person.and_then(|p| Some((p, p.floor?))) {
                off.push((head.foot.x - floor[0]).hypot(head.foot.y - floor[1]) / person.radius);
            }
        }
        let mut targets = Vec::new();
        for p in &marked.people {
            let within = (HAND_WITHIN_RADII * p.radius).max(4.0);
            targets.extend(p.hands.iter().map(|&h| target(h, within, true)));
            targets.extend(p.unsure.iter().map(|&h| target(h, within, false)));
        }
        let found: Vec<(f64, f64)> = seen.hands.iter().map(|h| (h.at.x, h.at.y)).collect();
        hands.add(matched(&targets, &found).0);
    }
    Ok(VideoMarks {
        clip: clip.file.clone(),
        frames: clip.frames.len() as u32,
        scale,
        heads: heads.rates(),
        hands: hands.rates(),
        floor: (off.len(), median(off)),
    })
}

fn target([x, y]: [f64; 2], within: f64, counts: bool) -> Target {
    Target {
        x,
        y,
        within,
        counts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_are_points_of_the_clips_they_name() {
        let clips = clips();
        let frames: usize = clips.iter().map(|c| c.frames.len()).sum();
        assert!(frames >= 150, "{frames}");
        for clip in &clips {
            let [w, h] = clip.size.map(f64::from);
            let inside = |p: &[f64; 2]| (0.0..w).contains(&p[0]) && (0.0..h).contains(&p[1]);
            assert!(clip.frames.windows(2).all(|f| f[0].frame < f[1].frame));
            for p in clip.frames.iter().flat_map(|f| &f.people) {
                let points = p.floor.iter().chain(&p.hands).chain(&p.unsure);
                assert!(
                    inside(&p.head) && p.radius > 5.0 && points.into_iter().all(inside),
                    "{p:?}"
                );
                assert!(
                    p.floor.is_none_or(|f| f[1] > p.head[1] + 3.0 * p.radius),
                    "feet are below: {p:?}"
                );
            }
        }
    }
}
