use super::*;
use crate::{Plan, Preset, Simulation, Tick};
use std::sync::Arc;
use walkout_model::camera::View;
use walkout_model::files::load_shop;
use walkout_model::{CameraIx, Shop};

fn nano() -> Arc<Shop> {
    Arc::new(load_shop(&walkout_testkit::shop_dir("nano")).unwrap())
}

fn config() -> RenderConfig {
    RenderConfig {
        size_px: [160, 96],
        ..RenderConfig::default()
    }
}

/// A busy shop after some time.
fn busy(shop: &Arc<Shop>, seconds: u32) -> (Simulation, Snapshot) {
    let mut simulation = Simulation::new(shop.clone(), Plan::preset(Preset::Busy, 3)).unwrap();
    let (mut tick, mut snapshot) = (Tick::default(), Snapshot::default());
    for _ in 0..seconds * 60 {
        simulation.step(&mut tick);
    }
    simulation.snapshot(&mut snapshot);
    (simulation, snapshot)
}

#[test]
fn the_same_instants_give_the_same_bytes_whatever_was_drawn_before() {
    let shop = nano();
    let (mut simulation, first) = busy(&shop, 40);
    let mut later = first.clone();
    let mut tick = Tick::default();
    for _ in 0..600 {
        simulation.step(&mut tick);
    }
    simulation.snapshot(&mut later);
    assert!(
        first.revision != later.revision,
        "nobody took anything in ten seconds"
    );
    let mut frame = Frame::default();
    let mut long = Renderer::new(shop.clone(), config());
    for (camera, snapshot) in [(2, &first), (5, &later), (2, &later), (5, &first)] {
        long.render(CameraIx(camera), snapshot, &mut frame);
    }
    // Exposure remembers; what stands still and the people must not.
    let without_memory = |snapshot: &Snapshot| {
        let mut frames = [Frame::default(), Frame::default()];
        for frame in &mut frames {
            Renderer::new(shop.clone(), config()).render(CameraIx(5), snapshot, frame);
        }
        assert_eq!(frames[0], frames[1]);
        frames[0].people.clone()
    };
    assert_eq!(frame.people, without_memory(&first));
}

#[test]
fn goods_that_move_are_drawn_anew_just_where_they_were() {
    let shop = nano();
    let (_, before) = busy(&shop, 5);
    let mut config = config();
    config.sensor.auto_exposure = 0.0;
    let mut after = before.clone();
    // The front of some shelves, seen by some of the cameras.
    let mut taken = 0;
    after.goods.retain(|g| {
        let take = g.shelf.0 % 3 == 1 && g.y_m < 0.05 && taken < 20;
        taken += usize::from(take);
        !take
    });
    after.revision += 1;
    let removed = before.goods.len() - after.goods.len();
    assert!((1..24).contains(&removed), "{removed} units");
    for camera in 0..12 {
        let (mut patched, mut anew) = (Frame::default(), Frame::default());
        let mut renderer = Renderer::new(shop.clone(), config.clone());
        renderer.render(CameraIx(camera), &before, &mut patched);
        renderer.render(CameraIx(camera), &after, &mut patched);
        Renderer::new(shop.clone(), config.clone()).render(CameraIx(camera), &after, &mut anew);
        let differ = patched
            .picture
            .rgb
            .iter()
            .zip(&anew.picture.rgb)
            .filter(|(a, b)| a.abs_diff(**b) > 6)
            .count();
        assert!(differ == 0, "camera {camera}: {differ} bytes differ");
    }
}

#[test]
fn labels_lie_where_the_camera_model_puts_them() {
    let shop = nano();
    let (_, snapshot) = busy(&shop, 60);
    let mut renderer = Renderer::new(shop.clone(), config());
    let mut frame = Frame::default();
    let (mut heads, mut hands) = (0, 0);
    for camera in 0..12 {
        assert!(renderer.render(CameraIx(camera), &snapshot, &mut frame));
        let own = &shop.layout.cameras[camera as usize];
        let view = View::new(own);
        let (sx, sy) = (
            160.0 / f64::from(own.width_px),
            96.0 / f64::from(own.height_px),
        );
        for person in &frame.people {
            let points = [
                (person.head_at, &person.head),
                (person.hands_at[0], &person.hands[0]),
            ];
            for (at, spot) in points {
                if spot.visible > 0.2
                    && let (Some(px), Some(model)) = (spot.px, view.project(at))
                {
                    let off =
                        (model.u * sx - f64::from(px[0])).hypot(model.v * sy - f64::from(px[1]));
                    assert!(off < 0.3, "{off} px in camera {camera}");
                }
            }
            heads += usize::from(person.head.visible > 0.5);
            hands += usize::from(person.hands[1].visible > 0.4);
            if let Some([left, top, right, bottom]) = person.visible_box {
                assert!(left < right && top < bottom && right <= 160.0 && bottom <= 96.0);
            }
        }
    }
    assert!(heads >= 8 && hands >= 4, "{heads} heads and {hands} hands");
    assert!(!renderer.render(CameraIx(99), &snapshot, &mut frame) && frame.people.is_empty());
}

#[test]
fn somebody_behind_a_rack_is_hidden_and_somebody_before_it_is_not() {
    // Of all the frames of a busy minute, visible heads have samples of their own, hidden ones none.
    let mut studio = Studio::new(Domain::only(Viewpoint::Oblique), 5, Vec::new());
    let mut frame = Frame::default();
    let (mut seen, mut hidden) = (0, 0);
    for n in 0..60 {
        studio.frame(n, &mut frame);
        for person in &frame.people {
            let inside = person
                .head
                .px
                .is_some_and(|[x, y]| (0.0..320.0).contains(&x) && (0.0..240.0).contains(&y));
            seen += usize::from(inside && person.head.visible > 0.8);
            hidden += usize::from(inside && person.head.visible < 0.05);
        }
    }
    assert!(seen > 60 && hidden > 3, "{seen} seen and {hidden} hidden");
}

#[test]
fn studio_frames_can_be_asked_for_in_any_order() {
    let domain = Domain {
        size_px: [64, 64],
        ..Domain::default()
    };
    let frame = |order: &[u64]| {
        let mut studio = Studio::new(domain.clone(), 9, Vec::new());
        let mut frame = Frame::default();
        for n in order {
            studio.frame(*n, &mut frame);
        }
        frame
    };
    assert_eq!(frame(&[7]), frame(&[0, 30, 8, 7]));
    assert_ne!(frame(&[7]).picture, frame(&[8]).picture);
}

#[test]
fn packages_of_one_brand_differ_and_shots_of_one_package_are_alike_in_colour() {
    let mut packages = Packages::invented(4, 12, 1, 48);
    let mean = |p: &Picture| {
        let n = (p.width * p.height) as f64;
        [0, 1, 2].map(|c| {
            p.rgb
                .iter()
                .skip(c)
                .step_by(3)
                .map(|&b| f64::from(b))
                .sum::<f64>()
                / n
        })
    };
    let (mut a, mut b) = (Picture::default(), Picture::default());
    packages.shoot(0, PackageShot::Studio, 0, &mut a);
    packages.shoot(1, PackageShot::Studio, 0, &mut b);
    assert_ne!(a, b);
    packages.shoot(0, PackageShot::Studio, 0, &mut b);
    assert_eq!(a, b);
    assert!(
        mean(&a).iter().all(|m| (5.0..250.0).contains(m)),
        "{:?}",
        mean(&a)
    );
}

#[test]
fn a_coarse_codec_loses_detail_and_a_fine_one_hardly_any() {
    let mut studio = Studio::new(Domain::default(), 2, Vec::new());
    let mut frame = Frame::default();
    studio.frame(0, &mut frame);
    let error = |quality: u8| {
        let mut picture = frame.picture.clone();
        codec::degrade(&mut picture, quality);
        let d = |(a, b): (&u8, &u8)| f64::from(a.abs_diff(*b)).powi(2);
        (picture
            .rgb
            .iter()
            .zip(&frame.picture.rgb)
            .map(d)
            .sum::<f64>()
            / picture.rgb.len() as f64)
            .sqrt()
    };
    let (coarse, fine) = (error(10), error(95));
    assert!(
        coarse > 2.0 * fine && fine < 6.0 && coarse < 40.0,
        "{coarse} {fine}"
    );
}
