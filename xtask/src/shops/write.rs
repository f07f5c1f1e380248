//! A plan as the text of its files.

use super::File;
use super::plans::{Camera, Plan};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The three files of a plan.
pub fn files(plan: &Plan) -> [File; 3] {
    let file = |name: &str, text: String| File {
        path: format!("{}/{name}", plan.name),
        text,
    };
    [
        file("shop.toml", shop(plan)),
        file("catalogue.csv", catalogue(plan)),
        file("planogram.csv", planogram(plan)),
    ]
}

/// Millimetres as metres, without needless zeros.
fn m(mm: i64) -> String {
    let sign = if mm < 0 { "-" } else { "" };
    let text = format!("{sign}{}.{:03}", mm.abs() / 1_000, mm.abs() % 1_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') {
        format!("{short}0")
    } else {
        short.to_owned()
    }
}

fn point(p: [i32; 2]) -> String {
    format!("[{}, {}]", m(p[0].into()), m(p[1].into()))
}

fn shop(plan: &Plan) -> String {
    let mut out = String::new();
    put(
        &mut out,
        format_args!(
            "# Written by `cargo xtask shops`. Keys and units: docs/reference/shop-files.md\n\
         title = \"{}\"\ntime_zone = \"Asia/Seoul\"\ncurrency = \"KRW\"\n\n\
         [[tax]]\nname = \"standard\"\nrate_bp = 1000\n\n\
         [[tax]]\nname = \"exempt\"\nrate_bp = 0\n\n\
         [floor]\ncorners = [{}]\n",
            plan.title,
            plan.floor_mm
                .iter()
                .map(|&p| point(p))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    );
    for (from, to) in &plan.walls_mm {
        put(
            &mut out,
            format_args!("\n[[wall]]\nfrom = {}\nto = {}\n", point(*from), point(*to)),
        );
    }
    for gate in &plan.gates {
        put(
            &mut out,
            format_args!(
                "\n[[gate]]\nname = \"{}\"\nkind = \"{}\"\na = {}\nb = {}\n",
                gate.name,
                gate.kind,
                point(gate.a_mm),
                point(gate.b_mm)
            ),
        );
    }
    let kinds: BTreeMap<_, _> = plan
        .fixtures
        .iter()
        .map(|f| (f.plate.name, f.plate))
        .collect();
    for plate in kinds.values() {
        put(
            &mut out,
            format_args!(
                "\n[plate_type.{}]\nwidth_m = {}\ndepth_m = {}\nrange_g = {}\nnoise_g = {}\nresolution_g = {}\n",
                plate.name,
                m(plate.width_mm.into()),
                m(plate.depth_mm.into()),
                plate.range_g,
                plate.noise_g,
                plate.resolution_g
            ),
        );
    }
    for f in &plan.fixtures {
        put(
            &mut out,
            format_args!(
                "\n[[fixture]]\nname = \"{}\"\nposition = {}\nyaw_deg = {}\nwidth_m = {}\ndepth_m = {}\nheight_m = {}\nshelf = [\n",
                f.name,
                point(f.position_mm),
                f.yaw_deg,
                m(f.width_mm.into()),
                m(f.depth_mm.into()),
                m(f.height_mm.into())
            ),
        );
        for (i, shelf) in f.shelves.iter().enumerate() {
            let pitch = if f.pitch_mm == f.plate.width_mm {
                String::new()
            } else {
                format!(", pitch_m = {}", m(f.pitch_mm.into()))
            };
            put(
                &mut out,
                format_args!(
                    "    {{ name = \"S{}\", height_m = {}, plates = {{ type = \"{}\", count = {}{pitch} }} }},\n",
                    i + 1,
                    m(shelf.height_mm.into()),
                    f.plate.name,
                    shelf.plates
                ),
            );
        }
        out.push_str("]\n");
    }
    for camera in &plan.cameras {
        put_camera(&mut out, camera);
    }
    for antenna in &plan.antennas {
        let [x, y, z] = antenna.position_mm.map(|v| m(v.into()));
        put(
            &mut out,
            format_args!(
                "\n[[antenna]]\nname = \"{}\"\nposition = [{x}, {y}, {z}]\nrange_m = {}\n",
                antenna.name,
                m(antenna.range_mm.into())
            ),
        );
    }
    out
}

fn put_camera(out: &mut String, camera: &Camera) {
    let [x, y, z] = camera.position_mm.map(|v| m(v.into()));
    put(
        out,
        format_args!(
            "\n[[camera]]\nname = \"{}\"\nwidth_px = 1280\nheight_px = 720\nfocal_px = [620.0, 620.0]\n\
         distortion = [-0.28, 0.07, 0.0, 0.0, 0.0]\nposition = [{x}, {y}, {z}]\nyaw_deg = {}\npitch_deg = {}\n",
            camera.name, camera.yaw_deg, camera.pitch_deg
        ),
    );
}

fn catalogue(plan: &Plan) -> String {
    let mut out = String::from(
        "gtin,name_ko,name_en,price,tax,mass_g,mass_sd_g,width_mm,depth_mm,height_mm,case_pack,age_limit\n",
    );
    for sku in &plan.skus {
        let [w, d, h] = sku.size_mm;
        put(
            &mut out,
            format_args!(
                "{},{},{},{},{},{:.1},{:.1},{w},{d},{h},{},{}\n",
                sku.gtin,
                quoted(&sku.name_ko),
                quoted(&sku.name_en),
                sku.price,
                sku.tax,
                sku.mass_g,
                sku.mass_sd_g,
                sku.case_pack,
                sku.age_limit
            ),
        );
    }
    out
}

fn quoted(text: &str) -> String {
    if text.contains(',') {
        format!("\"{text}\"")
    } else {
        text.to_owned()
    }
}

fn planogram(plan: &Plan) -> String {
    let mut out = String::from("shelf,lane,gtin,x_m,width_m,facings,capacity\n");
    for f in &plan.fixtures {
        for (i, shelf) in f.shelves.iter().enumerate() {
            for (k, lane) in shelf.lanes.iter().enumerate() {
                put(
                    &mut out,
                    format_args!(
                        "{}/S{},L{:02},{},{},{},{},{}\n",
                        f.name,
                        i + 1,
                        k + 1,
                        plan.skus[lane.sku].gtin,
                        m(lane.x_mm.into()),
                        m(lane.width_mm.into()),
                        lane.facings,
                        lane.capacity
                    ),
                );
            }
        }
    }
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}
