//! What a lossy codec takes away: chroma at half the resolution, and in blocks of 8 × 8 the small
//! frequencies' detail, quantised as JPEG does (ITU-T T.81, Annex K tables, libjpeg's quality scale).

use super::sensor::Picture;

const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// One step for all chroma frequencies but the lowest: the table's values are nearly all 99.
const CHROMA: [u8; 4] = [17, 18, 24, 66];

/// Compresses and decompresses in place.
pub(crate) fn degrade(picture: &mut Picture, quality: u8) {
    let (w, h) = (picture.width as usize, picture.height as usize);
    if w == 0 || h == 0 {
        return;
    }
    let q = f32::from(quality.clamp(1, 100));
    let scale = if q < 50.0 { 50.0 / q } else { 2.0 - q / 50.0 };
    let basis = basis();
    let (bw, bh) = (w.div_ceil(8) * 8, h.div_ceil(8) * 8);
    let (cw, ch) = (w.div_ceil(16) * 8, h.div_ceil(16) * 8);
    let mut luma = vec![0.0_f32; bw * bh];
    let mut blue = vec![0.0_f32; cw * ch];
    let mut red = vec![0.0_f32; cw * ch];
    for y in 0..bh {
        for x in 0..bw {
            let i = (y.min(h - 1) * w + x.min(w - 1)) * 3;
            let [r, g, b] = [0, 1, 2].map(|c| f32::from(picture.rgb[i + c]));
            luma[y * bw + x] = 0.299 * r + 0.587 * g + 0.114 * b - 128.0;
        }
    }
    for y in 0..ch {
        for x in 0..cw {
            let i = ((y * 2).min(h - 1) * w + (x * 2).min(w - 1)) * 3;
            let j = ((y * 2 + 1).min(h - 1) * w + (x * 2 + 1).min(w - 1)) * 3;
            let [r, g, b] = [0, 1, 2]
                .map(|c| (f32::from(picture.rgb[i + c]) + f32::from(picture.rgb[j + c])) * 0.5);
            blue[y * cw + x] = -0.169 * r - 0.331 * g + 0.5 * b;
            red[y * cw + x] = 0.5 * r - 0.419 * g - 0.081 * b;
        }
    }
    let luma_steps: [f32; 64] = std::array::from_fn(|i| (f32::from(LUMA[i]) * scale).max(1.0));
    let chroma_steps: [f32; 64] = std::array::from_fn(|i| {
        let k = (i / 8 + i % 8).min(3);
        (if k == 3 {
            99.0_f32.min(f32::from(CHROMA[3]) * 1.3)
        } else {
            f32::from(CHROMA[k])
        } * scale)
            .max(1.0)
    });
    blocks(&mut luma, bw, &luma_steps, &basis);
    blocks(&mut blue, cw, &chroma_steps, &basis);
    blocks(&mut red, cw, &chroma_steps, &basis);
    for y in 0..h {
        for x in 0..w {
            let l = luma[y * bw + x] + 128.0;
            let (b, r) = (blue[y / 2 * cw + x / 2], red[y / 2 * cw + x / 2]);
            let i = (y * w + x) * 3;
            let rgb = [l + 1.402 * r, l - 0.344 * b - 0.714 * r, l + 1.772 * b];
            picture.rgb[i..i + 3].copy_from_slice(&rgb.map(|v| (v + 0.5).clamp(0.0, 255.0) as u8));
        }
    }
}

/// The DCT-II's orthonormal basis, frequency by row.
fn basis() -> [[f32; 8]; 8] {
    std::array::from_fn(|k| {
        std::array::from_fn(|n| {
            let c = if k == 0 { 0.125_f32.sqrt() } else { 0.5 };
            c * (std::f32::consts::PI * (2 * n + 1) as f32 * k as f32 / 16.0).cos()
        })
    })
}

/// Transforms each block, rounds its frequencies to the steps, and transforms back.
fn blocks(plane: &mut [f32], width: usize, steps: &[f32; 64], basis: &[[f32; 8]; 8]) {
    let height = plane.len() / width.max(1);
    for by in (0..height).step_by(8) {
        for bx in (0..width).step_by(8) {
            let mut block = [[0.0_f32; 8]; 8];
            for (y, row) in block.iter_mut().enumerate() {
                row.copy_from_slice(&plane[(by + y) * width + bx..][..8]);
            }
            // Flat blocks, which are most, keep only their mean.
            let mut rows = [[0.0_f32; 8]; 8];
            for y in 0..8 {
                for n in 0..8 {
                    let s = block[y][n];
                    for k in 0..8 {
                        rows[y][k] += s * basis[k][n];
                    }
                }
            }
            let mut freq = [[0.0_f32; 8]; 8];
            for k in 0..8 {
                for y in 0..8 {
                    for x in 0..8 {
                        freq[k][x] += basis[k][y] * rows[y][x];
                    }
                }
            }
            let mut any = 0;
            for k in 0..8 {
                for x in 0..8 {
                    let step = steps[k * 8 + x];
                    let level = (freq[k][x] / step).round();
                    any |= i32::from(level != 0.0) * (k + x) as i32;
                    freq[k][x] = level * step;
                }
            }
            if any == 0 {
                for y in 0..8 {
                    plane[(by + y) * width + bx..][..8].fill(freq[0][0] * 0.125);
                }
                continue;
            }
            let mut back = [[0.0_f32; 8]; 8];
            for k in 0..8 {
                for y in 0..8 {
                    for x in 0..8 {
                        back[y][x] += basis[k][y] * freq[k][x];
                    }
                }
            }
            for y in 0..8 {
                let mut line = [0.0_f32; 8];
                for k in 0..8 {
                    for n in 0..8 {
                        line[n] += back[y][k] * basis[k][n];
                    }
                }
                plane[(by + y) * width + bx..][..8].copy_from_slice(&line);
            }
        }
    }
}
