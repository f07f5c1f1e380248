//! Frames as plain bytes for training: a file of pictures and a file of labels, each of records of
//! one size, which a reader can map into memory.
//!
//! A picture is `height · width · 3` bytes. A label record is [`PEOPLE_MAX`] rows of [`FIELDS`] little-endian `f32`:
//! 1 if there is a person; head x, y, radius (pixels), visible share; floor x, y, visible; left hand
//! x, y, visible; right hand x, y, visible; the person's visible share; the head's distance from the
//! camera, metres. Points behind the camera are at −10⁴.

use super::{Frame, Spot};
use walkout_model::layout::Camera;

/// Rows of a label record. People beyond are left out; a random room has at most eight.
pub const PEOPLE_MAX: usize = 12;
/// Numbers of a row.
pub const FIELDS: usize = 16;

/// Appends a frame's label record.
pub fn label_bytes(frame: &Frame, camera: &Camera, out: &mut Vec<u8>) {
    for i in 0..PEOPLE_MAX {
        let mut row = [0.0_f32; FIELDS];
        if let Some(p) = frame.people.get(i) {
            row[0] = 1.0;
            put(&mut row[1..3], &p.head);
            row[3] = p.head_radius_px;
            row[4] = p.head.visible;
            put(&mut row[5..7], &p.floor);
            row[7] = p.floor.visible;
            for (hand, at) in p.hands.iter().zip([8, 11]) {
                put(&mut row[at..at + 2], hand);
                row[at + 2] = hand.visible;
            }
            row[14] = p.visible;
            row[15] = p.head_at.distance(camera.position) as f32;
        }
        out.extend(row.iter().flat_map(|v| v.to_le_bytes()));
    }
}

fn put(row: &mut [f32], spot: &Spot) {
    row.copy_from_slice(&spot.px.unwrap_or([-1e4; 2]));
}
