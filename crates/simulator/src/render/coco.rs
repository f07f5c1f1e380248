//! Labels as COCO keypoint annotations (cocodataset.org, "Data format"), with what the shop needs
//! besides under names of its own: head, floor point, hands, held SKUs, visibility, places in metres.

use super::{Frame, Held, PersonLabel, Spot};
use serde_json::{Value, json};
use walkout_model::Catalogue;
use walkout_model::layout::Camera;

/// Gathers annotations of many frames.
#[derive(Debug, Default)]
pub struct Coco {
    images: Vec<Value>,
    annotations: Vec<Value>,
}

const NAMES: [&str; 17] = [
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
];

/// COCO's bones, by keypoint number from 1.
const BONES: [[u8; 2]; 19] = [
    [16, 14],
    [14, 12],
    [17, 15],
    [15, 13],
    [12, 13],
    [6, 12],
    [7, 13],
    [6, 7],
    [6, 8],
    [7, 9],
    [8, 10],
    [9, 11],
    [2, 3],
    [1, 2],
    [1, 3],
    [2, 4],
    [3, 5],
    [4, 6],
    [5, 7],
];

impl Coco {
    /// Adds a frame under its file's name. `t_s` counts from the first frame.
    pub fn add(
        &mut self,
        file: &str,
        camera: &Camera,
        t_s: f64,
        frame: &Frame,
        catalogue: &Catalogue,
    ) {
        let id = self.images.len() + 1;
        self.images.push(json!({
            "id": id,
            "file_name": file,
            "width": frame.picture.width,
            "height": frame.picture.height,
            "camera": camera.name,
            "t_s": t_s,
        }));
        for person in frame.people.iter().filter(|p| p.visible_box.is_some()) {
            let number = self.annotations.len() + 1;
            self.annotations
                .push(annotation(number, id, person, catalogue));
        }
    }

    /// The document.
    pub fn document(&self) -> Value {
        json!({
            "info": { "description": "frames rendered by walkout render" },
            "licenses": [],
            "images": self.images,
            "annotations": self.annotations,
            "categories": [{
                "id": 1,
                "name": "person",
                "supercategory": "person",
                "keypoints": NAMES,
                "skeleton": BONES,
            }],
        })
    }
}

fn annotation(number: usize, image: usize, person: &PersonLabel, catalogue: &Catalogue) -> Value {
    let [left, top, right, bottom] = person.visible_box.unwrap_or_default();
    let (w, h) = (right - left, bottom - top);
    let keypoints: Vec<f32> = person
        .keypoints
        .iter()
        .flatten()
        .copied()
        .map(tenth)
        .collect();
    let hands: Vec<Value> = (0..2)
        .map(|i| {
            let gtin = match person.holds[i] {
                Some(Held::Sku(sku)) => catalogue.get(sku).map(|p| p.gtin.to_string()),
                _ => None,
            };
            json!({
                "point": spot(&person.hands[i]),
                "at_m": person.hands_at[i],
                "holds": person.holds[i].is_some(),
                "gtin": gtin,
                "item_bbox": person.item_box[i].map(|[l, t, r, b]| [l, t, r - l, b - t]),
            })
        })
        .collect();
    json!({
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": [left, top, w, h],
        "area": w * h,
        "num_keypoints": person.keypoints.iter().filter(|k| k[2] > 0.0).count(),
        "keypoints": keypoints,
        "person": person.person,
        "visible": tenth(person.visible * 10.0) / 10.0,
        "head": spot(&person.head),
        "head_radius": tenth(person.head_radius_px),
        "head_at_m": person.head_at,
        "floor": spot(&person.floor),
        "floor_at_m": person.floor_at,
        "hands": hands,
    })
}

/// `[x, y, visible share]`; `null` behind the camera.
fn spot(spot: &Spot) -> Value {
    spot.px.map_or(Value::Null, |[x, y]| {
        json!([tenth(x), tenth(y), tenth(spot.visible * 10.0) / 10.0])
    })
}

/// Tenths of a pixel are all that a label knows.
fn tenth(v: f32) -> f32 {
    (v * 10.0).round() / 10.0
}
