//! Shelves seen through rendered pictures: what moves on them.

use super::{PixelCost, PixelError, rgb};
use crate::shelves::{Hung, full_stock};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;
use walkout_model::{CameraIx, LaneIx, SeenColumn, Shop, StoreTime, TimeDelta, View};
use walkout_perception::eyes::{MoveSettings, ScanSettings, ShelfCuts};
use walkout_simulator::render::{Frame, Picture, Renderer, Snapshot};

/// How shelves are watched for what moves.
#[derive(Clone, Debug)]
pub struct ShelfOptions {
    /// Shelf cameras that are hung before fixtures, beside the shop's own, at most.
    pub cameras: usize,
    /// How moves are told.
    pub moves: MoveSettings,
    /// Which columns cameras see well enough.
    pub scan: ScanSettings,
}

impl Default for ShelfOptions {
    fn default() -> Self {
        Self {
            cameras: 0,
            moves: all_moves(),
            scan: ScanSettings::default(),
        }
    }
}

/// Moves are told of shelves with plates, too, as if they had none.
pub fn all_moves() -> MoveSettings {
    MoveSettings {
        beside_plates: true,
        ..MoveSettings::default()
    }
}

/// How often shelves are looked at, and for how long after the last one near by left.
const EVERY: TimeDelta = TimeDelta::from_secs(1);
const LIVELY: TimeDelta = TimeDelta::from_secs(8);
/// Who is nearer to what a shelf camera looks at may move goods there, metres.
const NEAR_M: f64 = 2.0;

/// The cameras that look at shelves.
pub(crate) struct Shelves {
    cuts: ShelfCuts,
    cameras: Vec<ShelfCamera>,
    hung: Renderer,
    /// The shop with its shelf cameras, as calibrated.
    believed: Shop,
    lanes: [usize; 2],
    looked: Option<StoreTime>,
}

struct ShelfCamera {
    camera: CameraIx,
    /// Whether it was hung for this, and is no ceiling camera.
    own: bool,
    view: View,
    lively: StoreTime,
}

impl Shelves {
    /// Hangs up shelf cameras, and shows all cameras the shelves bare and stocked. `fine` draws the shop's own cameras.
    pub fn new(
        shop: &Arc<Shop>,
        ceiling: &[usize],
        (fine, seed): (&mut Renderer, u64),
        options: &ShelfOptions,
    ) -> Result<Self, PixelError> {
        let hung = Hung::new(shop, seed, usize::MAX, options.cameras);
        let ceiling = ceiling.iter().map(|&i| CameraIx::from(i));
        let all: Vec<CameraIx> = ceiling
            .clone()
            .chain(hung.cameras.iter().copied())
            .collect();
        let mut cuts = ShelfCuts::new(&hung.believed, &all, &options.scan);
        let mut own = Renderer::new(Arc::clone(&hung.real), hung.config.clone());
        let mut frame = Frame::default();
        let stocks = [Vec::new(), full_stock(shop, seed)];
        let mut cameras = Vec::new();
        for &camera in &all {
            let is_own = hung.cameras.contains(&camera);
            let renderer = if is_own { &mut own } else { &mut *fine };
            let mut see = |k: u64, goods: &Vec<_>| -> Picture {
                let snapshot = Snapshot {
                    goods: goods.clone(),
                    revision: u64::MAX - k,
                    t: StoreTime(-1 - k as i64),
                    ..Snapshot::default()
                };
                renderer.render(camera, &snapshot, &mut frame);
                frame.picture.clone()
            };
            let [bare, stocked] = [(0, &stocks[0]), (1, &stocks[1])].map(|(k, s)| see(k, s));
            cuts.learn(camera, &rgb(&bare)?, &rgb(&stocked)?)?;
            let Some(described) = hung.believed.layout.cameras.get(camera.usize()) else {
                continue;
            };
            cameras.push(ShelfCamera {
                camera,
                own: is_own,
                view: View::new(described),
                lively: StoreTime(i64::MIN / 2),
            });
        }
        let seen = all.iter().flat_map(|c| cuts.lanes_before(*c));
        let seen: BTreeSet<LaneIx> = seen.collect();
        Ok(Self {
            lanes: [seen.len(), shop.planogram.lanes.len()],
            believed: hung.believed,
            cuts,
            cameras,
            hung: own,
            looked: None,
        })
    }

    /// How many shelf cameras hang.
    pub fn hung(&self) -> usize {
        self.cameras.iter().filter(|c| c.own).count()
    }

    /// How many lanes cameras see well enough, of how many.
    pub fn lanes(&self) -> [usize; 2] {
        self.lanes
    }

    /// The shop with its shelf cameras, as they are calibrated.
    pub fn shop(&self) -> &Shop {
        &self.believed
    }

    /// Looks at the shelves if it is time to. Cameras before which nobody was for a while are not drawn: nothing moves there.
    pub fn look(
        &mut self,
        snapshot: &Snapshot,
        fine: &mut Renderer,
        frame: &mut Frame,
        cost: &mut PixelCost,
    ) -> Result<Vec<(CameraIx, StoreTime, Vec<SeenColumn>)>, PixelError> {
        let mut seen = Vec::new();
        let t = snapshot.t;
        let first = self.looked.is_none();
        if self.looked.is_some_and(|at| t.since(at) < EVERY) {
            return Ok(seen);
        }
        self.looked = Some(t);
        for c in &mut self.cameras {
            let near = |at: walkout_model::Point2| {
                !c.own || at.distance(c.view.camera().position.floor()) < NEAR_M
            };
            if snapshot.figures.iter().any(|f| near(f.position)) {
                c.lively = t;
            }
            if !first && t.since(c.lively) >= LIVELY {
                continue;
            }
            let begin = Instant::now();
            let renderer = if c.own { &mut self.hung } else { &mut *fine };
            renderer.render(c.camera, snapshot, frame);
            let drawn = Instant::now();
            let columns = self.cuts.columns(c.camera, &rgb(&frame.picture)?)?;
            seen.push((c.camera, t, columns));
            cost.drawn += 1;
            cost.drawing += drawn - begin;
            cost.seeing += drawn.elapsed();
        }
        Ok(seen)
    }
}
