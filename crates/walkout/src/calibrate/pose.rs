//! What all ways of finding a pose end in: the camera, how well it is known, and a picture of it.

use super::marks::Named;
use super::overlay;
use super::picture::Rgb;
use super::table::{self, Part};
use super::{Common, Place, write};
use anyhow::{Context, Result};
use serde_json::json;
use std::process::ExitCode;
use walkout_model::View;
use walkout_perception::calibration::{Mark, PoseCalibration, PoseOptions, calibrate_pose};

/// Residuals are drawn so many times as long.
const DRAWN_LONGER: f64 = 10.0;

/// Finds the pose and says it.
pub fn run(
    place: &Place,
    common: &Common,
    named: &[Named],
    options: &PoseOptions,
    picture: Option<Rgb>,
) -> Result<ExitCode> {
    let marks: Vec<Mark> = named.iter().map(|n| n.mark).collect();
    let found = calibrate_pose(&place.camera, &marks, options)
        .with_context(|| format!("camera {}", place.camera.name))?;
    if let Some(file) = &common.overlay {
        let size = [place.camera.width_px, place.camera.height_px];
        let mut drawn = picture.unwrap_or_else(|| Rgb::plain(size, [40, 40, 40]));
        overlay::shop(&mut drawn, &View::new(&found.camera), &place.shop.layout);
        for (n, fit) in named.iter().zip(&found.marks) {
            let seen = [n.mark.pixel.u, n.mark.pixel.v];
            let expected = [fit.projected.u, fit.projected.v];
            overlay::residual(&mut drawn, seen, expected, fit.outlier, DRAWN_LONGER);
        }
        write(file, &drawn.png()?)?;
    }
    if common.write {
        table::write(&place.dir, &found.camera, Part::Pose)?;
    }
    if common.json {
        println!("{}", as_json(place, named, &found));
    } else {
        print(place, common, named, &found, options);
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(place: &Place, named: &[Named], found: &PoseCalibration) -> serde_json::Value {
    let points: Vec<serde_json::Value> = named
        .iter()
        .zip(&found.marks)
        .map(|(n, fit)| {
            json!({
                "name": n.name,
                "off_px": fit.off_px,
                "off_cm": fit.off_m.map(|m| 100.0 * m),
                "outlier": fit.outlier,
            })
        })
        .collect();
    let c = &found.camera;
    json!({
        "camera": c.name,
        "shop": place.shop.name,
        "focal_px": c.focal_px,
        "focal_sd_px": found.focal_sd_px,
        "position": c.position,
        "position_sd_m": found.position_sd_m,
        "yaw_deg": c.yaw.to_degrees(),
        "pitch_deg": c.pitch.to_degrees(),
        "roll_deg": c.roll.to_degrees(),
        "angle_sd_deg": found.angle_sd.map(f64::to_degrees),
        "rms_px": found.rms_px,
        "rms_floor_cm": 100.0 * found.rms_floor_m,
        "points": points,
    })
}

fn print(
    place: &Place,
    common: &Common,
    named: &[Named],
    found: &PoseCalibration,
    options: &PoseOptions,
) {
    println!("{:<34} {:>8} {:>9}", "point", "off px", "off cm");
    for (n, fit) in named.iter().zip(&found.marks) {
        let cm = fit
            .off_m
            .map_or_else(|| "-".to_owned(), |m| format!("{:.1}", 100.0 * m));
        let said = if fit.outlier { "  left out" } else { "" };
        println!("{:<34} {:>8.2} {cm:>9}{said}", n.name, fit.off_px);
    }
    let used = found.marks.iter().filter(|m| !m.outlier).count();
    println!(
        "{used} of {} points: rms {:.2} px, {:.1} cm at their heights",
        named.len(),
        found.rms_px,
        100.0 * found.rms_floor_m
    );
    for (n, fit) in named.iter().zip(&found.marks) {
        if fit.outlier {
            println!(
                "{} does not agree with the others: measured, typed or marked wrongly?",
                n.name
            );
        }
    }
    if !found.checked {
        println!("with fewer than 6 points a wrong one cannot be told: mark more");
    }
    let (c, old) = (&found.camera, &place.camera);
    let [sx, sy, sz] = found.position_sd_m.map(|s| 100.0 * s);
    let p = c.position;
    println!(
        "position {:.3}, {:.3}, {:.3} m, standard deviation {sx:.1}, {sy:.1}, {sz:.1} cm",
        p.x, p.y, p.z
    );
    let [a, b, r] = found.angle_sd.map(f64::to_degrees);
    println!(
        "yaw {:.2}, pitch {:.2}, roll {:.2} degrees, standard deviation {a:.2}, {b:.2}, {r:.2}",
        c.yaw.to_degrees(),
        c.pitch.to_degrees(),
        c.roll.to_degrees()
    );
    if options.focal {
        println!(
            "focal length {:.1} px, standard deviation {:.1}",
            c.focal_px[0], found.focal_sd_px
        );
    }
    println!(
        "from where shop.toml had it: {:.1} cm, {:.2} degrees",
        100.0 * p.distance(old.position),
        turn_between(old, c)
    );
    if common.write {
        println!("written to {}", place.dir.join("shop.toml").display());
    } else {
        println!("\n{}", table::text(c, true));
    }
}

/// The angle by which two cameras are turned against each other, degrees.
fn turn_between(a: &walkout_model::layout::Camera, b: &walkout_model::layout::Camera) -> f64 {
    let (a, b) = (View::new(a), View::new(b));
    let trace: f64 = (0..3)
        .flat_map(|i| (0..3).map(move |j| (i, j)))
        .map(|(i, j)| a.camera_from_floor()[i][j] * b.camera_from_floor()[i][j])
        .sum();
    ((trace - 1.0) / 2.0).clamp(-1.0, 1.0).acos().to_degrees()
}
