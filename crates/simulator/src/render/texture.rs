//! Pictures that are laid on surfaces, with smaller copies for surfaces far away (mip maps).

use super::space::Rgb;

/// Names a texture of an [`Atlas`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TextureId(pub u32);

/// A picture whose sides are powers of two, repeated without end.
#[derive(Clone, Debug)]
pub(crate) struct Texture {
    levels: Vec<Level>,
}

/// One size of a texture.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    pub width: usize,
    pub height: usize,
    pub texels: Vec<[u8; 4]>,
}

/// All textures of a picture. The first is plain white.
#[derive(Clone, Debug)]
pub(crate) struct Atlas {
    textures: Vec<Texture>,
}

/// A picture that is being painted; 0–1 a channel.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<Rgb>,
}

/// The plain white texture.
pub(crate) const WHITE: TextureId = TextureId(0);

impl Atlas {
    pub fn new() -> Self {
        let white = Texture::new(&Sheet::new(1, 1, [1.0; 3]));
        Self {
            textures: vec![white],
        }
    }

    pub fn add(&mut self, sheet: &Sheet) -> TextureId {
        self.textures.push(Texture::new(sheet));
        TextureId(u32::try_from(self.textures.len() - 1).unwrap_or(0))
    }

    pub fn get(&self, id: TextureId) -> &Texture {
        let i = id.0 as usize;
        &self.textures[if i < self.textures.len() { i } else { 0 }]
    }
}

impl Texture {
    /// With all its smaller copies. Sides that are no powers of two are cut.
    pub fn new(sheet: &Sheet) -> Self {
        let (mut w, mut h) = (floor_power(sheet.width), floor_power(sheet.height));
        let byte = |c: f32| (c.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        let mut texels = Vec::with_capacity(w * h);
        for y in 0..h {
            for x in 0..w {
                let [r, g, b] = sheet.pixels[y * sheet.width + x].map(byte);
                texels.push([r, g, b, 255]);
            }
        }
        let mut levels = vec![Level {
            width: w,
            height: h,
            texels,
        }];
        while w > 1 || h > 1 {
            let from = &levels[levels.len() - 1];
            let (nw, nh) = ((w / 2).max(1), (h / 2).max(1));
            let (sx, sy) = (w / nw, h / nh);
            let mut texels = Vec::with_capacity(nw * nh);
            for y in 0..nh {
                for x in 0..nw {
                    let mut sum = [0_u32; 3];
                    for (dx, dy) in [(0, 0), (sx - 1, 0), (0, sy - 1), (sx - 1, sy - 1)] {
                        let t = from.texels[(y * sy + dy) * w + x * sx + dx];
                        for i in 0..3 {
                            sum[i] += u32::from(t[i]);
                        }
                    }
                    let [r, g, b] = sum.map(|s| ((s + 2) / 4) as u8);
                    texels.push([r, g, b, 255]);
                }
            }
            (w, h) = (nw, nh);
            levels.push(Level {
                width: w,
                height: h,
                texels,
            });
        }
        Self { levels }
    }

    /// The level of which about one texel covers one pixel, if a pixel covers this share of the
    /// texture's area.
    pub fn level(&self, uv_area_per_pixel: f32) -> &Level {
        let full = &self.levels[0];
        let texels = uv_area_per_pixel * (full.width * full.height) as f32;
        let mut i = 0;
        let mut left = texels;
        while left > 2.0 && i + 1 < self.levels.len() {
            left *= 0.25;
            i += 1;
        }
        &self.levels[i]
    }
}

fn floor_power(n: usize) -> usize {
    let mut p = 1;
    while p * 2 <= n {
        p *= 2;
    }
    p
}

impl Sheet {
    pub fn new(width: usize, height: usize, colour: Rgb) -> Self {
        Self {
            width,
            height,
            pixels: vec![colour; width * height],
        }
    }

    /// Fills a rectangle given in shares of the sheet.
    pub fn rect(&mut self, x: [f32; 2], y: [f32; 2], colour: Rgb) {
        self.fill(x, y, |_, _| Some(colour));
    }

    /// An ellipse with its middle and half-axes in shares of the sheet.
    pub fn ellipse(&mut self, c: [f32; 2], r: [f32; 2], colour: Rgb) {
        self.fill(
            [c[0] - r[0], c[0] + r[0]],
            [c[1] - r[1], c[1] + r[1]],
            |x, y| {
                let d = ((x - c[0]) / r[0]).powi(2) + ((y - c[1]) / r[1]).powi(2);
                (d <= 1.0).then_some(colour)
            },
        );
    }

    /// Asks for each pixel of a rectangle whether and how to paint it; everything in shares.
    pub fn fill(
        &mut self,
        x: [f32; 2],
        y: [f32; 2],
        mut colour: impl FnMut(f32, f32) -> Option<Rgb>,
    ) {
        let range = |r: [f32; 2], n: usize| {
            let low = (r[0].clamp(0.0, 1.0) * n as f32).floor() as usize;
            let high = (r[1].clamp(0.0, 1.0) * n as f32).ceil() as usize;
            low..high.min(n)
        };
        for iy in range(y, self.height) {
            let sy = (iy as f32 + 0.5) / self.height as f32;
            for ix in range(x, self.width) {
                let sx = (ix as f32 + 0.5) / self.width as f32;
                if (x[0]..=x[1]).contains(&sx)
                    && (y[0]..=y[1]).contains(&sy)
                    && let Some(c) = colour(sx, sy)
                {
                    self.pixels[iy * self.width + ix] = c;
                }
            }
        }
    }

    /// Multiplies every pixel by a factor that depends on its place, in shares.
    pub fn modulate(&mut self, mut factor: impl FnMut(f32, f32) -> f32) {
        for iy in 0..self.height {
            for ix in 0..self.width {
                let k = factor(
                    (ix as f32 + 0.5) / self.width as f32,
                    (iy as f32 + 0.5) / self.height as f32,
                );
                let p = &mut self.pixels[iy * self.width + ix];
                *p = p.map(|c| c * k);
            }
        }
    }
}
