//! A shelf's weight around a step, drawn for a terminal and as SVG.

use std::fmt::Write as _;

/// Size in characters; each holds two by four dots of braille.
const COLUMNS: usize = 60;
const ROWS: usize = 8;
/// The bits of the dots of a braille character, by column and row (Unicode chart U+2800).
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/// The curve in the units of a picture: everything in it lies between its corners.
struct Frame {
    from_s: f64,
    to_s: f64,
    low_g: f64,
    high_g: f64,
}

impl Frame {
    /// `None` where there is nothing to draw.
    fn of(curve: &[(i32, f32)]) -> Option<Self> {
        let finite = |&&(_, grams): &&(i32, f32)| grams.is_finite();
        let mut points = curve.iter().filter(finite);
        let first = points.next()?;
        let mut frame = Self {
            from_s: f64::from(first.0) / 1e3,
            to_s: f64::from(first.0) / 1e3,
            low_g: f64::from(first.1),
            high_g: f64::from(first.1),
        };
        for &(ms, grams) in points {
            let (s, grams) = (f64::from(ms) / 1e3, f64::from(grams));
            frame.from_s = frame.from_s.min(s);
            frame.to_s = frame.to_s.max(s);
            frame.low_g = frame.low_g.min(grams);
            frame.high_g = frame.high_g.max(grams);
        }
        (frame.to_s > frame.from_s).then_some(frame)
    }

    /// From 0 at the left and the top to 1.
    fn place(&self, (ms, grams): (i32, f32)) -> (f64, f64) {
        let x = (f64::from(ms) / 1e3 - self.from_s) / (self.to_s - self.from_s);
        let y = (self.high_g - f64::from(grams)) / (self.high_g - self.low_g).max(1e-3);
        (x, y)
    }
}

/// The curve in braille with its scales; empty where there is nothing to draw.
pub fn braille(curve: &[(i32, f32)]) -> String {
    let Some(frame) = Frame::of(curve) else {
        return String::new();
    };
    let (width, height) = (2 * COLUMNS, 4 * ROWS);
    let mut cells = [[0_u32; COLUMNS]; ROWS];
    let mut dot = |x: f64, y: f64| {
        let column = (x * (width - 1) as f64)
            .round()
            .clamp(0.0, (width - 1) as f64) as usize;
        let row = (y * (height - 1) as f64)
            .round()
            .clamp(0.0, (height - 1) as f64) as usize;
        cells[row / 4][column / 2] |= DOTS[column % 2][row % 4];
    };
    let drawn: Vec<(f64, f64)> = curve
        .iter()
        .filter(|(_, grams)| grams.is_finite())
        .map(|&point| frame.place(point))
        .collect();
    for pair in drawn.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        for i in 0..=64 {
            let u = f64::from(i) / 64.0;
            dot(x0 + (x1 - x0) * u, y0 + (y1 - y0) * u);
        }
    }
    let mut text = String::new();
    for (i, row) in cells.iter().enumerate() {
        let grams = match i {
            0 => format!("{:.0} g", frame.high_g),
            i if i + 1 == ROWS => format!("{:.0} g", frame.low_g),
            _ => String::new(),
        };
        let line: String = row
            .iter()
            .filter_map(|bits| char::from_u32(0x2800 + bits))
            .collect();
        let _ = writeln!(text, "{grams:>9} {line}");
    }
    let to = format!("{:.1} s", frame.to_s);
    let gap = COLUMNS.saturating_sub(to.len());
    let _ = writeln!(
        text,
        "{:>9} {:<gap$}{to}",
        "",
        format!("{:.1} s", frame.from_s)
    );
    text
}

/// The curve as a picture of 640 × 240 units.
pub fn svg(curve: &[(i32, f32)]) -> String {
    let (width, height, margin) = (640.0, 240.0, 36.0);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    if let Some(frame) = Frame::of(curve) {
        let points: Vec<String> = curve
            .iter()
            .filter(|(_, grams)| grams.is_finite())
            .map(|&point| {
                let (x, y) = frame.place(point);
                format!(
                    "{:.1},{:.1}",
                    margin + x * (width - 2.0 * margin),
                    margin + y * (height - 2.0 * margin)
                )
            })
            .collect();
        let _ = writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"#1668b8\" stroke-width=\"2\" points=\"{}\"/>",
            points.join(" ")
        );
        let mut label = |x: f64, y: f64, anchor: &str, words: String| {
            let _ = writeln!(
                text,
                "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{words}</text>"
            );
        };
        label(4.0, margin - 6.0, "start", format!("{:.0} g", frame.high_g));
        label(
            4.0,
            height - margin + 14.0,
            "start",
            format!("{:.0} g", frame.low_g),
        );
        label(
            margin,
            height - 6.0,
            "start",
            format!("{:.1} s", frame.from_s),
        );
        label(
            width - margin,
            height - 6.0,
            "end",
            format!("{:.1} s", frame.to_s),
        );
    }
    text + "</svg>\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fall_is_drawn_from_the_upper_left_to_the_lower_right() {
        let curve: Vec<(i32, f32)> = (0..40)
            .map(|i| (i * 50, if i < 20 { 500.0 } else { 100.0 }))
            .collect();
        let drawn = braille(&curve);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines.len(), ROWS + 1);
        let inked = |line: &str| {
            line.chars()
                .filter(|c| ('\u{2801}'..='\u{28ff}').contains(c))
                .count()
        };
        assert!(
            lines[0].contains("500 g") && inked(lines[0]) >= COLUMNS / 3,
            "{drawn}"
        );
        assert!(lines[ROWS - 1].contains("100 g") && inked(lines[ROWS - 1]) >= COLUMNS / 3);
        assert!(lines[ROWS].contains("0.0 s") && lines[ROWS].contains("1.9 s"));
        assert!(svg(&curve).contains("<polyline"));
    }

    #[test]
    fn nothing_and_nonsense_draw_nothing() {
        assert_eq!(braille(&[]), "");
        assert_eq!(braille(&[(0, 1.0)]), "");
        assert_eq!(braille(&[(0, f32::NAN), (5, f32::INFINITY)]), "");
        assert!(!svg(&[(0, f32::NAN)]).contains("polyline"));
    }
}
