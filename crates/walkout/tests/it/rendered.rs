//! Shops whose cameras show rendered people: pictures in folders stand in for the cameras.

use crate::program::TempDir;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walkout_bench::floor::selection::choose;
use walkout_model::CameraIx;
use walkout_model::files::load_shop;
use walkout_simulator::render::{Frame, RenderConfig, Renderer, Snapshot};
use walkout_simulator::{Plan, Preset, Simulation, Tick};
use walkout_testkit::shop_dir;

pub const FPS: u32 = 5;
const SIZE: [u32; 2] = [480, 270];

/// A copy of the corner shop with a source for some cameras.
pub struct Shop {
    _dir: TempDir,
    pub path: PathBuf,
    /// The names of the cameras with rendered pictures.
    pub cameras: Vec<String>,
    /// The names of those with the further sources, in their order.
    pub others: Vec<String>,
}

impl Shop {
    /// So many cameras that see the same people for so long, again and again; `more` are further sources, for the cameras
    /// that are left.
    pub fn new(test: &str, cameras: usize, seconds: u32, more: &[&str]) -> Self {
        let dir = TempDir::new(test);
        let path = dir.0.join("corner");
        std::fs::create_dir_all(&path).unwrap();
        for file in ["shop.toml", "catalogue.csv", "planogram.csv"] {
            std::fs::copy(shop_dir("corner").join(file), path.join(file)).unwrap();
        }
        let layout = load_shop(&path).unwrap().layout;
        let chosen = choose(&layout, cameras);
        let name = |i: &usize| layout.cameras[*i].name.clone();
        let names: Vec<String> = chosen.iter().map(name).collect();
        film(&path, &chosen, &names, seconds);
        let left = (0..layout.cameras.len()).filter(|i| !chosen.contains(i));
        let sources = names.iter().map(|n| (n.clone(), format!("{n}?fps={FPS}")));
        let others: Vec<String> = left.take(more.len()).map(|i| name(&i)).collect();
        let more = more.iter().map(|s| (*s).to_owned());
        let further = others.iter().cloned().zip(more);
        let toml = path.join("shop.toml");
        let mut text = std::fs::read_to_string(&toml).unwrap();
        for (name, source) in sources.chain(further) {
            let line = format!("name = \"{name}\"\n");
            let (before, after) = text.split_once(&line).unwrap();
            let mut with = before.to_owned();
            write!(with, "{line}source = \"{source}\"\n{after}").unwrap();
            text = with;
        }
        std::fs::write(&toml, text).unwrap();
        Self {
            _dir: dir,
            path,
            cameras: names,
            others,
        }
    }

    /// Its folder, as an argument.
    pub fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// Three people in the corner shop, a folder of JPEGs for each camera.
fn film(path: &Path, chosen: &[usize], names: &[String], seconds: u32) {
    let shop = Arc::new(load_shop(&shop_dir("corner")).unwrap());
    let mut plan = Plan::preset(Preset::Busy, 3);
    plan.people = Some(3);
    let mut simulation = Simulation::new(Arc::clone(&shop), plan).unwrap();
    let mut tick = Tick::default();
    for _ in 0..60 * 60 {
        simulation.step(&mut tick);
    }
    let config = RenderConfig {
        size_px: SIZE,
        oversampling: 1,
        seed: 3,
        ..RenderConfig::default()
    };
    let mut renderer = Renderer::new(shop, config);
    let (mut snapshot, mut frame) = (Snapshot::default(), Frame::default());
    for name in names {
        std::fs::create_dir_all(path.join(name)).unwrap();
    }
    for n in 0..seconds * FPS {
        for _ in 0..60 / FPS {
            simulation.step(&mut tick);
        }
        simulation.snapshot(&mut snapshot);
        for (camera, name) in chosen.iter().zip(names) {
            renderer.render(CameraIx::from(*camera), &snapshot, &mut frame);
            let picture = &frame.picture;
            let file = path.join(name).join(format!("{n:05}.jpg"));
            jpeg_encoder::Encoder::new_file(file, 90)
                .unwrap()
                .encode(
                    &picture.rgb,
                    u16::try_from(picture.width).unwrap(),
                    u16::try_from(picture.height).unwrap(),
                    jpeg_encoder::ColorType::Rgb,
                )
                .unwrap();
        }
    }
}
