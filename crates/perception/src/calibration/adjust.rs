//! Least squares over a lens and the poses of targets before it (bundle adjustment of one camera).
//!
//! Levenberg–Marquardt; the poses are eliminated by the Schur complement, so that many pictures cost little (Triggs
//! et al., "Bundle Adjustment – A Modern Synthesis", 1999). Standard deviations are those of the inverse normal
//! equations times the residuals' variance.

use super::lens::{LENS_PARAMETERS, Lens, TargetPose, project, project_fully};
use super::linear::Cholesky;

/// A point of a target and where a picture shows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// In the target's frame, metres.
    pub target: [f64; 3],
    /// Pixels.
    pub pixel: [f64; 2],
    /// Its weight: 0 leaves it out.
    pub weight: f64,
}

/// Which numbers of the lens are sought; the others stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Free {
    /// One focal length for both axes.
    pub focal_common: bool,
    pub focal_apart: bool,
    pub principal: bool,
    /// How many of k1, k2, k3.
    pub radial: usize,
    /// p1 and p2.
    pub tangential: bool,
}

impl Free {
    pub(super) const NONE: Self = Self {
        focal_common: false,
        focal_apart: false,
        principal: false,
        radial: 0,
        tangential: false,
    };

    /// The numbers of the lens that move together.
    pub(super) fn groups(self) -> Vec<Vec<usize>> {
        let mut out = Vec::new();
        if self.focal_apart {
            out.extend([vec![0], vec![1]]);
        } else if self.focal_common {
            out.push(vec![0, 1]);
        }
        if self.principal {
            out.extend([vec![2], vec![3]]);
        }
        out.extend([4, 5, 8].iter().take(self.radial).map(|k| vec![*k]));
        if self.tangential {
            out.extend([vec![6], vec![7]]);
        }
        out
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Adjusted {
    pub lens: Lens,
    pub poses: Vec<TargetPose>,
    /// Sum of weighted squares, square pixels.
    pub squares: f64,
    /// Numbers measured minus numbers found.
    pub spare: usize,
    pub groups: Vec<Vec<usize>>,
    /// Inverse of the reduced normal matrix, by groups.
    lens_inverse: Vec<f64>,
    /// For each pose the inverse of its own block, and how it hangs on the lens.
    pose_blocks: Vec<([f64; 36], Vec<[f64; 6]>)>,
}

struct Normal {
    squares: f64,
    measured: usize,
    lens: Vec<f64>,
    lens_side: Vec<f64>,
    views: Vec<ViewNormal>,
}

#[derive(Clone)]
struct ViewNormal {
    block: [f64; 36],
    side: [f64; 6],
    /// One column of six for each group of the lens.
    cross: Vec<[f64; 6]>,
}

const STEPS_MAX: usize = 60;

/// `None`: the points do not fix what is sought, or some lie behind the camera.
pub(super) fn adjust(
    lens: Lens,
    poses: Vec<TargetPose>,
    views: &[Vec<Sight>],
    free: Free,
) -> Option<Adjusted> {
    let groups = free.groups();
    let (mut lens, mut poses) = (lens, poses);
    let mut normal = normal(&lens, &poses, views, &groups)?;
    let mut damping = 1e-4;
    for _ in 0..STEPS_MAX {
        let Some((lens_step, pose_steps)) = step(&normal, &groups, damping) else {
            damping *= 10.0;
            if damping > 1e9 {
                return None;
            }
            continue;
        };
        let mut numbers = lens.numbers();
        for (group, s) in groups.iter().zip(&lens_step) {
            for k in group {
                numbers[*k] += s;
            }
        }
        let tried = Lens::from_numbers(numbers);
        let moved: Vec<TargetPose> = poses
            .iter()
            .zip(&pose_steps)
            .map(|(p, s)| p.moved(*s))
            .collect();
        let better = (tried.focal_px.iter().all(|f| *f > 1.0))
            .then(|| squares(&tried, &moved, views))
            .flatten()
            .filter(|s| *s <= normal.squares);
        if let Some(now) = better {
            let gain = normal.squares - now;
            (lens, poses) = (tried, moved);
            normal = self::normal(&lens, &poses, views, &groups)?;
            damping = (damping * 0.2).max(1e-12);
            if gain <= 1e-12 * normal.squares.max(1e-12) {
                break;
            }
        } else {
            damping *= 8.0;
            if damping > 1e9 {
                break;
            }
        }
    }
    let spare = normal
        .measured
        .saturating_sub(groups.len() + 6 * poses.len());
    let reduced = reduce(&normal, &groups, 0.0)?;
    Some(Adjusted {
        lens,
        poses,
        squares: normal.squares,
        spare,
        lens_inverse: if groups.is_empty() {
            Vec::new()
        } else {
            Cholesky::new(groups.len(), &reduced.matrix)?.inverse()
        },
        groups,
        pose_blocks: reduced.blocks,
    })
}

impl Adjusted {
    /// Standard deviations of fx, fy, cx, cy, k1, k2, p1, p2, k3 if a pixel coordinate has this variance;
    /// 0 for what was not sought.
    pub(super) fn lens_sd(&self, variance: f64) -> [f64; LENS_PARAMETERS] {
        let mut out = [0.0; LENS_PARAMETERS];
        let n = self.groups.len();
        for (i, group) in self.groups.iter().enumerate() {
            for k in group {
                out[*k] = (variance * self.lens_inverse[i * n + i]).sqrt();
            }
        }
        out
    }

    /// Covariance of a pose's step (turn about the camera's axes, radians; translation, metres).
    pub(super) fn pose_covariance(&self, view: usize, variance: f64) -> [[f64; 6]; 6] {
        let (inverse, hangs) = &self.pose_blocks[view];
        let n = self.groups.len();
        std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                let mut sum = inverse[i * 6 + j];
                for a in 0..n {
                    for b in 0..n {
                        sum += hangs[a][i] * self.lens_inverse[a * n + b] * hangs[b][j];
                    }
                }
                variance * sum
            })
        })
    }
}

fn squares(lens: &Lens, poses: &[TargetPose], views: &[Vec<Sight>]) -> Option<f64> {
    let mut sum = 0.0;
    for (pose, sights) in poses.iter().zip(views) {
        for s in sights.iter().filter(|s| s.weight > 0.0) {
            let [u, v] = project(lens, pose, s.target)?;
            sum += s.weight * ((u - s.pixel[0]).powi(2) + (v - s.pixel[1]).powi(2));
        }
    }
    sum.is_finite().then_some(sum)
}

fn normal(
    lens: &Lens,
    poses: &[TargetPose],
    views: &[Vec<Sight>],
    groups: &[Vec<usize>],
) -> Option<Normal> {
    let n = groups.len();
    let mut out = Normal {
        squares: 0.0,
        measured: 0,
        lens: vec![0.0; n * n],
        lens_side: vec![0.0; n],
        views: Vec::with_capacity(views.len()),
    };
    let mut g = vec![0.0; n];
    for (pose, sights) in poses.iter().zip(views) {
        let mut view = ViewNormal {
            block: [0.0; 36],
            side: [0.0; 6],
            cross: vec![[0.0; 6]; n],
        };
        for s in sights.iter().filter(|s| s.weight > 0.0) {
            let p = project_fully(lens, pose, s.target)?;
            for axis in 0..2 {
                let r = s.pixel[axis] - p.pixel[axis];
                let w = s.weight;
                out.squares += w * r * r;
                out.measured += 1;
                for (g, group) in g.iter_mut().zip(groups) {
                    *g = group.iter().map(|k| p.by_lens[axis][*k]).sum();
                }
                let h = &p.by_pose[axis];
                for i in 0..n {
                    for j in 0..n {
                        out.lens[i * n + j] += w * g[i] * g[j];
                    }
                    out.lens_side[i] += w * g[i] * r;
                    for k in 0..6 {
                        view.cross[i][k] += w * g[i] * h[k];
                    }
                }
                for i in 0..6 {
                    for j in 0..6 {
                        view.block[i * 6 + j] += w * h[i] * h[j];
                    }
                    view.side[i] += w * h[i] * r;
                }
            }
        }
        out.views.push(view);
    }
    out.squares.is_finite().then_some(out)
}

struct Reduced {
    matrix: Vec<f64>,
    side: Vec<f64>,
    /// Inverse of each pose's block, and that times its cross block.
    blocks: Vec<([f64; 36], Vec<[f64; 6]>)>,
}

fn reduce(normal: &Normal, groups: &[Vec<usize>], damping: f64) -> Option<Reduced> {
    let n = groups.len();
    let mut out = Reduced {
        matrix: normal.lens.clone(),
        side: normal.lens_side.clone(),
        blocks: Vec::with_capacity(normal.views.len()),
    };
    for i in 0..n {
        out.matrix[i * n + i] *= 1.0 + damping;
    }
    for view in &normal.views {
        let mut block = view.block;
        for i in 0..6 {
            block[i * 6 + i] *= 1.0 + damping;
        }
        let inverse = Cholesky::new(6, &block)?.inverse();
        let inverse: [f64; 36] = std::array::from_fn(|i| inverse[i]);
        let times = |v: &[f64; 6]| -> [f64; 6] {
            std::array::from_fn(|i| (0..6).map(|k| inverse[i * 6 + k] * v[k]).sum())
        };
        let hangs: Vec<[f64; 6]> = view.cross.iter().map(times).collect();
        for i in 0..n {
            for j in 0..n {
                let sum: f64 = (0..6).map(|k| view.cross[i][k] * hangs[j][k]).sum();
                out.matrix[i * n + j] -= sum;
            }
            out.side[i] -= (0..6).map(|k| hangs[i][k] * view.side[k]).sum::<f64>();
        }
        out.blocks.push((inverse, hangs));
    }
    Some(out)
}

fn step(normal: &Normal, groups: &[Vec<usize>], damping: f64) -> Option<(Vec<f64>, Vec<[f64; 6]>)> {
    let reduced = reduce(normal, groups, damping)?;
    let n = groups.len();
    let lens = if n == 0 {
        Vec::new()
    } else {
        Cholesky::new(n, &reduced.matrix)?.solve(&reduced.side)
    };
    let poses = normal
        .views
        .iter()
        .zip(&reduced.blocks)
        .map(|(view, (inverse, hangs))| {
            std::array::from_fn(|i| {
                let own: f64 = (0..6).map(|k| inverse[i * 6 + k] * view.side[k]).sum();
                own - (0..n).map(|a| hangs[a][i] * lens[a]).sum::<f64>()
            })
        })
        .collect();
    Some((lens, poses))
}
