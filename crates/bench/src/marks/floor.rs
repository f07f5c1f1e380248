//! Where people stand, from the heads that several cameras of a rendered shop see at one instant.
//!
//! A yardstick of the network alone: one instant, no tracking. Rays to heads of different cameras
//! are joined where they pass near each other at the height of a head, the best agreement first.

use super::{MarksError, Rates, Tally, Target, matched, median};
use serde::Serialize;
use std::sync::Arc;
use walkout_model::camera::{Pixel, Ray, View};
use walkout_model::files::{load_shop, locate};
use walkout_model::{CameraIx, Point2, Point3};
use walkout_perception::nets::{Network, PersonNetwork, RgbPicture};
use walkout_simulator::render::{Frame, RenderConfig, Renderer, Snapshot};
use walkout_simulator::{Plan, Preset, Simulation, Tick};

/// Rays of one head pass this near to it, metres.
const RAY_WITHIN_M: f64 = 0.22;
/// Heights of heads, stooping children to tall people, metres.
const HEIGHTS_M: [f64; 2] = [0.75, 2.0];
/// A head's place is believed if the scores of the heads whose rays meet there come to this, times
/// the least score of a head. Rays that agree make up for heads that are doubtful alone.
const SCORES: f64 = 2.0;
/// Somebody is found within this distance of where they stand.
const WITHIN_M: f64 = 0.5;

/// Marks of floor positions.
#[derive(Clone, Debug, Serialize)]
pub struct FloorMarks {
    /// The shop.
    pub shop: String,
    /// Which cameras.
    pub cameras: Vec<String>,
    /// Width and height of their pictures, pixels.
    pub size_px: [u32; 2],
    /// Instants looked at.
    pub instants: u32,
    /// People inside, found within half a metre.
    pub people: Rates,
    /// Of those with a head that two of the cameras see (30 % of it), the share found.
    pub recall_seen_twice: f64,
    /// Median distance of those found from where they stand, centimetres.
    pub median_cm: Option<f64>,
}

/// Triangulates heads in a busy shop, an instant every two seconds. `network` should give heads of
/// half the least score that is believed, `head`, and up.
///
/// # Errors
/// There is no such shop, or the network fails.
pub fn measure<N: Network>(
    network: &PersonNetwork<N>,
    shop: &str,
    cameras: &[usize],
    head: f32,
    size_px: [u32; 2],
    (seed, instants): (u64, u32),
) -> Result<FloorMarks, MarksError> {
    let shop = Arc::new(load_shop(&locate(shop)?)?);
    let config = RenderConfig {
        size_px,
        seed,
        ..RenderConfig::default()
    };
    let mut renderer = Renderer::new(shop.clone(), config);
    let mut simulation = Simulation::new(shop.clone(), Plan::preset(Preset::Busy, seed))?;
    let (mut tick, mut snapshot, mut frame) =
        (Tick::default(), Snapshot::default(), Frame::default());
    for _ in 0..60 * 45 {
        simulation.step(&mut tick);
    }
    let described: Vec<_> = cameras
        .iter()
        .filter_map(|&i| Some((i, shop.layout.cameras.get(i)?)))
        .collect();
    let (mut tally, mut off_cm) = (Tally::default(), Vec::new());
    let (mut twice, mut twice_found) = (0_u32, 0_u32);
    for _ in 0..instants {
        for k in 0..120 {
            simulation.step(&mut tick);
            if k == 116 {
                simulation.snapshot(&mut snapshot);
            }
        }
        simulation.snapshot(&mut snapshot);
        let mut rays = Vec::new();
        let mut seen = vec![0_u32; snapshot.figures.len()];
        for (c, (i, camera)) in described.iter().enumerate() {
            renderer.render(CameraIx::from(*i), &snapshot, &mut frame);
            for (n, person) in seen.iter_mut().zip(&frame.people) {
                *n += u32::from(person.head.visible >= 0.3);
            }
            let picture = RgbPicture::new(
                frame.picture.width,
                frame.picture.height,
                &frame.picture.rgb,
            )?;
            let view = View::new(camera);
            let (kx, ky) = (
                f64::from(camera.width_px) / f64::from(size_px[0]),
                f64::from(camera.height_px) / f64::from(size_px[1]),
            );
            for head in network.look(&picture)?.heads {
                let pixel = Pixel {
                    u: head.at.x * kx,
                    v: head.at.y * ky,
                };
                let score = f64::from(head.at.score);
                rays.extend(view.ray(pixel).map(|ray| Sight {
                    camera: c,
                    ray,
                    score,
                }));
            }
        }
        let found = heads(&rays, SCORES * f64::from(head));
        let inside = |p: Point2| shop.layout.floor.contains(p);
        let targets: Vec<Target> = snapshot
            .figures
            .iter()
            .map(|f| Target {
                x: f.position.x,
                y: f.position.y,
                within: WITHIN_M,
                counts: inside(f.position),
            })
            .collect();
        let found: Vec<(f64, f64)> = found
            .into_iter()
            .filter(|p| inside(p.floor()))
            .map(|p| (p.x, p.y))
            .collect();
        let (some, pairs) = matched(&targets, &found);
        tally.add(some);
        let hit: Vec<usize> = pairs.iter().flatten().copied().collect();
        for (&(x, y), target) in found.iter().zip(&pairs) {
            if let Some(i) = target {
                off_cm.push((targets[*i].x - x).hypot(targets[*i].y - y) * 100.0);
            }
        }
        for (i, n) in seen.iter().enumerate() {
            if *n >= 2 && targets[i].counts {
                twice += 1;
                twice_found += u32::from(hit.contains(&i));
            }
        }
    }
    Ok(FloorMarks {
        shop: shop.name.clone(),
        cameras: described.iter().map(|(_, c)| c.name.clone()).collect(),
        size_px,
        instants,
        people: tally.rates(),
        recall_seen_twice: f64::from(twice_found) / f64::from(twice.max(1)),
        median_cm: median(off_cm),
    })
}

/// A head that a camera sees.
struct Sight {
    camera: usize,
    ray: Ray,
    score: f64,
}

/// A place where rays meet.
struct Meeting {
    at: Point3,
    worth: f64,
    used: Vec<usize>,
}

/// Points where rays of different cameras meet whose scores come to `least`, each ray used once.
fn heads(sights: &[Sight], least: f64) -> Vec<Point3> {
    let mut meetings: Vec<Meeting> = Vec::new();
    let mut meet = |used: Vec<usize>| {
        let lines: Vec<Ray> = used.iter().map(|&k| sights[k].ray).collect();
        let Some(at) = meeting(&lines) else { return };
        let worst = lines.iter().map(|r| r.distance_to(at)).fold(0.0, f64::max);
        let score: f64 = used.iter().map(|&k| sights[k].score).sum();
        let near = worst <= RAY_WITHIN_M && (HEIGHTS_M[0]..=HEIGHTS_M[1]).contains(&at.z);
        if near && score >= least {
            // Three cameras that agree are worth more than two, the nearer they pass the more.
            let worth = score - 0.5 * worst / RAY_WITHIN_M;
            meetings.push(Meeting { at, worth, used });
        }
    };
    let apart = |i: usize, j: usize| sights[i].camera != sights[j].camera;
    for i in 0..sights.len() {
        for j in (i + 1..sights.len()).filter(|&j| apart(i, j)) {
            meet(vec![i, j]);
            for k in (j + 1..sights.len()).filter(|&k| apart(i, k) && apart(j, k)) {
                meet(vec![i, j, k]);
            }
        }
    }
    meetings.sort_by(|a, b| b.worth.total_cmp(&a.worth));
    let mut free = vec![true; sights.len()];
    let mut found: Vec<Point3> = Vec::new();
    for m in meetings {
        let apart = |q: &Point3| q.floor().distance(m.at.floor()) > 0.25;
        if found.iter().all(apart) && m.used.iter().all(|&i| free[i]) {
            m.used.iter().for_each(|&i| free[i] = false);
            found.push(m.at);
        }
    }
    found
}

/// The point nearest to all lines, by least squares; `None` if they are nearly parallel.
fn meeting(rays: &[Ray]) -> Option<Point3> {
    let (mut a, mut b) = ([[0.0; 3]; 3], [0.0; 3]);
    for ray in rays {
        let d = [ray.direction.x, ray.direction.y, ray.direction.z];
        let o = [ray.origin.x, ray.origin.y, ray.origin.z];
        for r in 0..3 {
            for c in 0..3 {
                let m = f64::from(u8::from(r == c)) - d[r] * d[c];
                a[r][c] += m;
                b[r] += m * o[c];
            }
        }
    }
    let det3 = |m: &[[f64; 3]; 3]| {
        m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
            - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
            + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
    };
    let det = det3(&a);
    if det.abs() < 0.02 {
        return None;
    }
    let solve = |column: usize| {
        let mut m = a;
        for r in 0..3 {
            m[r][column] = b[r];
        }
        det3(&m) / det
    };
    Some(Point3::new(solve(0), solve(1), solve(2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rays_from_three_cameras_meet_in_the_heads_they_point_to() {
        let heads_at = [Point3::new(1.0, 1.0, 1.6), Point3::new(3.0, 2.0, 1.4)];
        let eyes = [
            Point3::new(0.0, 0.0, 2.6),
            Point3::new(5.0, 0.0, 2.6),
            Point3::new(0.0, 5.0, 2.6),
        ];
        let mut rays = Vec::new();
        for (c, eye) in eyes.iter().enumerate() {
            for head in &heads_at {
                let n = eye.distance(*head);
                let direction = Point3::new(
                    (head.x - eye.x) / n,
                    (head.y - eye.y) / n,
                    (head.z - eye.z) / n,
                );
                rays.push(Sight {
                    camera: c,
                    ray: Ray {
                        origin: *eye,
                        direction,
                    },
                    score: 0.4,
                });
            }
        }
        let mut found = heads(&rays, 0.6);
        found.sort_by(|a, b| a.x.total_cmp(&b.x));
        assert_eq!(found.len(), 2, "{found:?}");
        for (f, h) in found.iter().zip(heads_at) {
            assert!(f.distance(h) < 1e-6, "{f:?}");
        }
        assert!(heads(&rays, 1.3).is_empty(), "not sure enough");
        assert!(
            heads(&rays[..2], 0.6).is_empty(),
            "one camera alone triangulates nothing"
        );
    }
}
