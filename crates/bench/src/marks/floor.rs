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
/// Somebody is found within this distance of where they stand.
const WITHIN_M: f64 = 0.5;

/// Marks of floor positions.
#[derive(Clone, Debug, Serialize)]
pub struct FloorMarks {
    /// The shop.
    pub shop: String,
    /// Which cameras.
    pub cameras: Vec<String>,
    /// Instants looked at.
    pub instants: u32,
    /// People inside, found within half a metre.
    pub people: Rates,
    /// Of those with a head that two of the cameras see (30 % of it), the share found.
    pub recall_seen_twice: f64,
    /// Median distance of those found from where they stand, centimetres.
    pub median_cm: Option<f64>,
}

/// Triangulates heads in a busy shop, an instant every two seconds.
///
/// # Errors
/// There is no such shop, or the network fails.
pub fn measure<N: Network>(
    network: &PersonNetwork<N>,
    shop: &str,
    cameras: &[usize],
    seed: u64,
    instants: u32,
) -> Result<FloorMarks, MarksError> {
    let shop = Arc::new(load_shop(&locate(shop)?)?);
    let config = RenderConfig {
        size_px: [320, 180],
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
                f64::from(camera.width_px) / 320.0,
                f64::from(camera.height_px) / 180.0,
            );
            for head in network.look(&picture)?.heads {
                let pixel = Pixel {
                    u: head.at.x * kx,
                    v: head.at.y * ky,
                };
                rays.extend(view.ray(pixel).map(|ray| (c, ray)));
            }
        }
        let found = heads(&rays);
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
        instants,
        people: tally.rates(),
        recall_seen_twice: f64::from(twice_found) / f64::from(twice.max(1)),
        median_cm: median(off_cm),
    })
}

/// Points where rays of different cameras meet, each ray used once.
fn heads(rays: &[(usize, Ray)]) -> Vec<Point3> {
    let mut candidates: Vec<(usize, f64, Point3, Vec<usize>)> = Vec::new();
    for i in 0..rays.len() {
        for j in i + 1..rays.len() {
            if rays[i].0 == rays[j].0 {
                continue;
            }
            let mut push = |used: Vec<usize>| {
                let lines: Vec<Ray> = used.iter().map(|&k| rays[k].1).collect();
                let Some(p) = meeting(&lines) else { return };
                let worst = lines.iter().map(|r| r.distance_to(p)).fold(0.0, f64::max);
                if worst <= RAY_WITHIN_M && (HEIGHTS_M[0]..=HEIGHTS_M[1]).contains(&p.z) {
                    candidates.push((used.len(), worst, p, used));
                }
            };
            push(vec![i, j]);
            for k in j + 1..rays.len() {
                if rays[k].0 != rays[i].0 && rays[k].0 != rays[j].0 {
                    push(vec![i, j, k]);
                }
            }
        }
    }
    // Three cameras that agree before two; the nearer they pass the better.
    candidates.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let mut free = vec![true; rays.len()];
    let mut found: Vec<Point3> = Vec::new();
    for (_, _, p, used) in candidates {
        let apart = found.iter().all(|q| q.floor().distance(p.floor()) > 0.25);
        if apart && used.iter().all(|&i| free[i]) {
            used.iter().for_each(|&i| free[i] = false);
            found.push(p);
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
                rays.push((
                    c,
                    Ray {
                        origin: *eye,
                        direction,
                    },
                ));
            }
        }
        let mut found = heads(&rays);
        found.sort_by(|a, b| a.x.total_cmp(&b.x));
        assert_eq!(found.len(), 2, "{found:?}");
        for (f, h) in found.iter().zip(heads_at) {
            assert!(f.distance(h) < 1e-6, "{f:?}");
        }
        assert!(
            heads(&rays[..2]).is_empty(),
            "one camera alone triangulates nothing"
        );
    }
}
