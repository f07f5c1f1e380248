//! Targets as pages to print: SVG and PDF.

use super::checkerboard::Checkerboard;
use super::tags::{TAG_CELLS, TAGS, tag_is_white};
use std::fmt::Write as _;

/// A sheet of paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// 210 × 297 mm.
    A4,
    /// 297 × 420 mm.
    A3,
    /// 420 × 594 mm.
    A2,
    /// 594 × 841 mm.
    A1,
    /// 841 × 1189 mm.
    A0,
    /// 8.5 × 11 inches.
    Letter,
}

impl Paper {
    /// Short and long side, millimetres.
    pub fn sides_mm(self) -> [f64; 2] {
        match self {
            Self::A4 => [210.0, 297.0],
            Self::A3 => [297.0, 420.0],
            Self::A2 => [420.0, 594.0],
            Self::A1 => [594.0, 841.0],
            Self::A0 => [841.0, 1189.0],
            Self::Letter => [215.9, 279.4],
        }
    }
}

/// A page: rectangles and lines of text, millimetres from its upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    size_mm: [f64; 2],
    boxes: Vec<Box>,
    texts: Vec<([f64; 2], String)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Box {
    at: [f64; 2],
    size: [f64; 2],
    black: bool,
}

/// Why a target cannot be printed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PrintError {
    /// It is larger than the paper.
    #[error(
        "a target of {width:.0} x {height:.0} mm does not fit on {paper_width:.0} x {paper_height:.0} mm with its rim: take larger paper or a smaller target"
    )]
    TooLarge {
        /// The target's, with its rim.
        width: f64,
        /// The target's, with its rim.
        height: f64,
        /// The paper's.
        paper_width: f64,
        /// The paper's.
        paper_height: f64,
    },
    /// The family has no such tag.
    #[error("tag36h11 has tags 0 to 586, not {0}")]
    NoSuchTag(u32),
    /// A board needs squares.
    #[error("a board needs 3 to 100 inner corners each way and squares of 1 mm to 1 m")]
    NoBoard,
}

/// Printers leave so much free.
const BORDER_MM: f64 = 5.0;
/// Room below a target for a line of text and a rule.
const FOOT_MM: f64 = 12.0;

/// A board on a page.
///
/// # Errors
/// It has no size, or does not fit.
pub fn board_page(board: &Checkerboard, paper: Paper) -> Result<Page, PrintError> {
    let square = 1000.0 * board.square_m;
    let counts = [board.columns, board.rows];
    if counts.iter().any(|n| !(3..=100).contains(n)) || !(1.0..=1000.0).contains(&square) {
        return Err(PrintError::NoBoard);
    }
    let [w, h] = counts.map(|n| (n + 1) as f64 * square);
    let mut page = Page::around([w, h], 3.0, paper)?;
    let [left, top] = page.left_top([w, h]);
    for row in 0..=board.rows {
        for column in (row % 2..=board.columns).step_by(2) {
            page.boxes.push(Box {
                at: [left + column as f64 * square, top + row as f64 * square],
                size: [square; 2],
                black: true,
            });
        }
    }
    let [columns, rows] = counts;
    page.foot(format!(
        "walkout board {columns}x{rows} inner corners, squares of {square} mm"
    ));
    Ok(page)
}

/// An AprilTag on a page; `size_m`: side of its black square.
///
/// # Errors
/// There is no such tag, or it does not fit.
pub fn tag_page(id: u32, size_m: f64, paper: Paper) -> Result<Page, PrintError> {
    let id = match u16::try_from(id) {
        Ok(n) if usize::from(n) < TAGS => n,
        _ => return Err(PrintError::NoSuchTag(id)),
    };
    let side = 1000.0 * size_m;
    let cell = side / TAG_CELLS as f64;
    let mut page = Page::around([side; 2], cell, paper)?;
    let [left, top] = page.left_top([side; 2]);
    page.boxes.push(Box {
        at: [left, top],
        size: [side; 2],
        black: true,
    });
    for row in 0..TAG_CELLS {
        for column in 0..TAG_CELLS {
            if !tag_is_white(id, column, row) {
                continue;
            }
            // Over the seam to a white neighbour, or viewers draw a hairline there.
            let seam = |white| if white { 0.05 } else { 0.0 };
            page.boxes.push(Box {
                at: [left + column as f64 * cell, top + row as f64 * cell],
                size: [
                    cell + seam(tag_is_white(id, column + 1, row)),
                    cell + seam(tag_is_white(id, column, row + 1)),
                ],
                black: false,
            });
        }
    }
    page.foot(format!(
        "tag36h11 number {id}, black square {side} mm, this side down"
    ));
    Ok(page)
}

impl Page {
    /// A page, upright or across, for a target of this size.
    fn around(target: [f64; 2], rim: f64, paper: Paper) -> Result<Self, PrintError> {
        let [short, long] = paper.sides_mm();
        let need = [
            target[0] + 2.0 * (rim + BORDER_MM),
            target[1] + 2.0 * (rim + BORDER_MM) + FOOT_MM,
        ];
        let fits = |size: [f64; 2]| need[0] <= size[0] && need[1] <= size[1];
        let size_mm = [[short, long], [long, short]]
            .into_iter()
            .find(|s| fits(*s));
        let size_mm = size_mm.ok_or(PrintError::TooLarge {
            width: need[0],
            height: need[1],
            paper_width: short,
            paper_height: long,
        })?;
        Ok(Self {
            size_mm,
            boxes: Vec::new(),
            texts: Vec::new(),
        })
    }

    fn left_top(&self, target: [f64; 2]) -> [f64; 2] {
        let [w, h] = self.size_mm;
        [0.5 * (w - target[0]), 0.5 * (h - FOOT_MM - target[1])]
    }

    /// A line of text, and a rule of 50 mm to hold against the print.
    fn foot(&mut self, said: String) {
        let [w, h] = self.size_mm;
        let y = h - BORDER_MM - 2.0;
        self.texts.push((
            [BORDER_MM, y],
            format!("{said}; print at 100 %, this rule is 50 mm:"),
        ));
        self.boxes.push(Box {
            at: [w - BORDER_MM - 50.0, y - 1.0],
            size: [50.0, 1.0],
            black: true,
        });
    }

    /// The page as an SVG drawing.
    pub fn svg(&self) -> String {
        let [w, h] = self.size_mm;
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}mm\" height=\"{h}mm\" viewBox=\"0 0 {w} {h}\" shape-rendering=\"crispEdges\">\n<rect width=\"{w}\" height=\"{h}\" fill=\"white\"/>\n"
        );
        for b in &self.boxes {
            let _ = writeln!(
                out,
                "<rect x=\"{:.4}\" y=\"{:.4}\" width=\"{:.4}\" height=\"{:.4}\" fill=\"{}\"/>",
                b.at[0],
                b.at[1],
                b.size[0],
                b.size[1],
                if b.black { "black" } else { "white" }
            );
        }
        for ([x, y], text) in &self.texts {
            let _ = writeln!(
                out,
                "<text x=\"{x}\" y=\"{y}\" font-family=\"Helvetica,Arial,sans-serif\" font-size=\"3\">{text}</text>"
            );
        }
        out.push_str("</svg>\n");
        out
    }

    fn pdf_stream(&self) -> String {
        let points = |mm: f64| mm * 72.0 / 25.4;
        let height = self.size_mm[1];
        let mut out = String::new();
        for b in &self.boxes {
            let _ = writeln!(
                out,
                "{} g {:.3} {:.3} {:.3} {:.3} re f",
                u8::from(!b.black),
                points(b.at[0]),
                points(height - b.at[1] - b.size[1]),
                points(b.size[0]),
                points(b.size[1])
            );
        }
        for ([x, y], text) in &self.texts {
            let _ = writeln!(
                out,
                "0 g BT /F 8 Tf {:.3} {:.3} Td ({text}) Tj ET",
                points(*x),
                points(height - y)
            );
        }
        out
    }
}

/// Pages as one PDF 1.4 file.
pub fn pdf(pages: &[Page]) -> Vec<u8> {
    let points = |mm: f64| mm * 72.0 / 25.4;
    let kids: Vec<String> = (0..pages.len())
        .map(|i| format!("{} 0 R", 4 + 2 * i))
        .collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>".to_owned(),
        format!(
            "<< /Type /Pages /Count {} /Kids [{}] >>",
            pages.len(),
            kids.join(" ")
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    for (i, page) in pages.iter().enumerate() {
        let [w, h] = page.size_mm.map(points);
        objects.push(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {w:.3} {h:.3}] /Contents {} 0 R /Resources << /Font << /F 3 0 R >> >> >>",
            5 + 2 * i
        ));
        let stream = page.pdf_stream();
        objects.push(format!(
            "<< /Length {} >>\nstream\n{stream}endstream",
            stream.len()
        ));
    }
    let mut out = "%PDF-1.4\n".to_owned();
    let mut places = Vec::with_capacity(objects.len());
    for (i, object) in objects.iter().enumerate() {
        places.push(out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", i + 1);
    }
    let table = out.len();
    let _ = write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in &places {
        // Each row of the table is 20 bytes long.
        let _ = writeln!(out, "{place:010} 00000 n ");
    }
    let _ = write!(
        out,
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n",
        objects.len() + 1
    );
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_large_as_said_or_refused() {
        let board = Checkerboard {
            columns: 9,
            rows: 6,
            square_m: 0.025,
        };
        let page = board_page(&board, Paper::A4).unwrap();
        assert_eq!(page.size_mm, [297.0, 210.0]);
        // Half of 10 × 7 squares, and the rule.
        assert_eq!(page.boxes.len(), 36);
        assert!(page.svg().contains("width=\"25.0000\""));
        let tag = tag_page(0, 0.16, Paper::A4).unwrap();
        // The first tag has 16 white cells.
        assert_eq!(tag.boxes.len(), 2 + 16);
        let said = tag_page(0, 0.3, Paper::A4).unwrap_err().to_string();
        assert!(said.contains("does not fit"), "{said}");
        assert_eq!(
            tag_page(587, 0.1, Paper::A4),
            Err(PrintError::NoSuchTag(587))
        );
        let file = String::from_utf8(pdf(&[page, tag])).unwrap();
        assert!(file.contains("/Count 2") && file.ends_with("%%EOF\n"));
        let at: usize = file
            .rsplit("startxref\n")
            .next()
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(file[at..].starts_with("xref"));
    }
}
