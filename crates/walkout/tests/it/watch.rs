//! The cameras' watchdog over what the simulator's cameras see: a shop full of people is never a fault, and
//! each fault is noticed in time.

use openh264::OpenH264API;
use openh264::encoder::{BitRate, Encoder, EncoderConfig, FrameRate, IntraFramePeriod};
use openh264::formats::{RgbSliceU8, YUVBuffer};
use std::sync::Arc;
use walkout_model::files::load_shop;
use walkout_model::{CameraHealth, CameraIx, Shop, StoreTime};
use walkout_sensors::camera::{AccessUnit, CameraWatch, Grey, H264Decoder, WatchSettings};
use walkout_simulator::render::{Frame, RenderConfig, Renderer, Snapshot};
use walkout_simulator::{Plan, Preset, Simulation, Tick};
use walkout_testkit::shop_dir;

const SIZE: [u32; 2] = [320, 180];
const FPS: u64 = 10;

/// A running shop seen by one camera.
struct Seen {
    simulation: Simulation,
    renderer: Renderer,
    camera: CameraIx,
    frame: Frame,
    n: u64,
}

impl Seen {
    fn new(shop: Shop, camera: u32, people: u32, warm_s: u64) -> Self {
        let shop = Arc::new(shop);
        let mut plan = Plan::preset(Preset::Busy, 5);
        plan.people = Some(people);
        let mut simulation = Simulation::new(shop.clone(), plan).unwrap();
        let mut tick = Tick::default();
        for _ in 0..warm_s * 60 {
            simulation.step(&mut tick);
        }
        let config = RenderConfig {
            size_px: SIZE,
            seed: 5,
            ..RenderConfig::default()
        };
        Self {
            simulation,
            renderer: Renderer::new(shop, config),
            camera: CameraIx(camera),
            frame: Frame::default(),
            n: 0,
        }
    }

    /// The next picture, a tenth of a second on.
    fn next(&mut self) -> &[u8] {
        let mut tick = Tick::default();
        for _ in 0..60 / FPS {
            self.simulation.step(&mut tick);
        }
        let mut snapshot = Snapshot::default();
        self.simulation.snapshot(&mut snapshot);
        self.renderer
            .render(self.camera, &snapshot, &mut self.frame);
        self.n += 1;
        &self.frame.picture.rgb
    }
}

fn watch() -> CameraWatch {
    CameraWatch::new(CameraIx(0), Some(SIZE), WatchSettings::default())
}

fn at(n: u64) -> StoreTime {
    StoreTime((n * 1_000_000 / FPS) as i64)
}

fn flash() -> Shop {
    load_shop(&shop_dir("flash")).unwrap()
}

#[test]
fn people_never_look_like_a_fault() {
    for camera in [0, 3] {
        let mut seen = Seen::new(flash(), camera, 20, 90);
        let (mut plain, mut coded) = (watch(), watch());
        let config = EncoderConfig::new()
            .max_frame_rate(FrameRate::from_hz(FPS as f32))
            .bitrate(BitRate::from_bps(400_000))
            .skip_frames(false)
            .intra_frame_period(IntraFramePeriod::from_num_frames(20));
        let mut encoder = Encoder::with_api_config(OpenH264API::from_source(), config).unwrap();
        let mut decoder = H264Decoder::default();
        for n in 0..120 {
            let rgb = seen.next().to_vec();
            let fault = plain.observe(at(n), &Grey::of_rgb(SIZE, &rgb));
            assert_eq!(fault, None, "camera {camera}, picture {n}");
            let [w, h] = SIZE.map(|s| s as usize);
            let yuv = YUVBuffer::from_rgb8_source(RgbSliceU8::new(&rgb, (w, h)));
            let unit = AccessUnit {
                annex_b: encoder.encode(&yuv).unwrap().to_vec(),
                pts: n as i64,
            };
            let mut out = Vec::new();
            decoder.push(&unit, &mut out).unwrap();
            for (n, picture) in out {
                let fault = coded.observe(at(n as u64), &Grey::of_rgb(SIZE, &picture.rgb));
                assert_eq!(fault, None, "camera {camera}, picture {n}, as H.264");
            }
        }
    }
}

/// The fault that the watchdog tells of, and how long after it began, seconds.
fn noticed(seen: &mut Seen, mut spoil: impl FnMut(&mut Vec<u8>)) -> (CameraHealth, f64) {
    let mut watch = watch();
    for n in 0..40 {
        let rgb = seen.next().to_vec();
        assert_eq!(
            watch.observe(at(n), &Grey::of_rgb(SIZE, &rgb)),
            None,
            "before the fault"
        );
    }
    for n in 40..70 {
        let mut rgb = seen.next().to_vec();
        spoil(&mut rgb);
        if let Some(fault) = watch.observe(at(n), &Grey::of_rgb(SIZE, &rgb)) {
            return (fault.health, fault.t.since(at(40)).as_secs_f64());
        }
    }
    (CameraHealth::Good, f64::INFINITY)
}

#[test]
fn each_fault_of_a_busy_shop_s_camera_is_noticed_within_two_seconds() {
    let mut seen = Seen::new(flash(), 0, 12, 60);
    let mut first = None;
    let frozen = noticed(&mut seen, |rgb| {
        first.get_or_insert_with(|| rgb.clone()).clone_into(rgb);
    });
    let dark = noticed(&mut seen, |rgb| rgb.iter_mut().for_each(|c| *c /= 40));
    let bright = noticed(&mut seen, |rgb| {
        rgb.iter_mut()
            .for_each(|c| *c = c.saturating_mul(40).max(250))
    });
    // The same shop and the same people, seen by a camera that somebody turned.
    let mut turned = Vec::new();
    for (yaw, pitch) in [(6.0, 0.0), (-4.0, 3.0), (25.0, -8.0)] {
        let mut shop = flash();
        shop.layout.cameras[0].yaw += f64::to_radians(yaw);
        shop.layout.cameras[0].pitch += f64::to_radians(pitch);
        let mut other = Seen::new(shop, 0, 12, 60);
        for _ in 0..40 {
            other.next();
        }
        let mut upright = Seen::new(flash(), 0, 12, 60);
        turned.push(noticed(&mut upright, |rgb| other.next().clone_into(rgb)));
    }
    let all = [
        (CameraHealth::Frozen, frozen),
        (CameraHealth::Dark, dark),
        (CameraHealth::Bright, bright),
        (CameraHealth::Moved, turned[0]),
        (CameraHealth::Moved, turned[1]),
        (CameraHealth::Moved, turned[2]),
    ];
    for (expected, (health, after_s)) in all {
        assert!(
            health == expected && after_s <= 2.0,
            "{expected:?}: {all:?}"
        );
    }
}
