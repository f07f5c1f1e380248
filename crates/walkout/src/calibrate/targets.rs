//! `walkout calibrate targets`.

use super::{counts, write};
use anyhow::{Result, bail, ensure};
use std::path::PathBuf;
use std::process::ExitCode;
use walkout_perception::calibration::Checkerboard;
use walkout_perception::calibration::print::{Page, Paper, board_page, pdf, tag_page};

/// Arguments of `walkout calibrate targets`.
#[derive(clap::Args)]
pub struct Args {
    /// A checkerboard: inner corners along and across
    #[arg(long, value_name = "CxR", value_parser = counts, conflicts_with = "tags")]
    board: Option<[usize; 2]>,
    /// Side of its squares
    #[arg(long, default_value_t = 25.0, value_name = "MM")]
    square_mm: f64,
    /// AprilTags, a page each: 0-11 or 3,7,9
    #[arg(long, value_name = "IDS")]
    tags: Option<String>,
    /// Side of their black squares
    #[arg(long, default_value_t = 150.0, value_name = "MM")]
    tag_mm: f64,
    /// a4, a3, a2, a1, a0 or letter
    #[arg(long, default_value = "a4", value_name = "P", value_parser = paper)]
    paper: Paper,
    /// A .pdf file, or .svg, one a page
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Most tags in one file.
const TAGS_MAX: usize = 587;

fn paper(text: &str) -> Result<Paper, String> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "a4" => Paper::A4,
        "a3" => Paper::A3,
        "a2" => Paper::A2,
        "a1" => Paper::A1,
        "a0" => Paper::A0,
        "letter" => Paper::Letter,
        _ => {
            return Err(format!(
                "\"{text}\" is no paper: a4, a3, a2, a1, a0 or letter"
            ));
        }
    })
}

/// `0-11` or `3,7,9`.
pub fn ids(text: &str) -> Result<Vec<u32>> {
    let mut out = Vec::new();
    for part in text.split(',').map(str::trim) {
        let range = match part.split_once('-') {
            Some((a, b)) => a
                .trim()
                .parse::<u32>()
                .ok()
                .zip(b.trim().parse::<u32>().ok()),
            None => part.parse::<u32>().ok().map(|n| (n, n)),
        };
        let Some((from, to)) = range.filter(|(a, b)| a <= b && *b < 100_000) else {
            bail!("--tags \"{part}\": write numbers and ranges, as 0-11 or 3,7,9");
        };
        out.extend(from..=to);
        ensure!(
            out.len() <= TAGS_MAX,
            "--tags: the family has {TAGS_MAX} tags, 0 to 586"
        );
    }
    Ok(out)
}

/// Writes the pages.
pub fn run(args: Args) -> Result<ExitCode> {
    let pages: Vec<Page> = match (&args.board, &args.tags) {
        (Some([columns, rows]), _) => vec![board_page(
            &Checkerboard {
                columns: *columns,
                rows: *rows,
                square_m: args.square_mm / 1000.0,
            },
            args.paper,
        )?],
        (None, Some(text)) => ids(text)?
            .into_iter()
            .map(|id| tag_page(id, args.tag_mm / 1000.0, args.paper))
            .collect::<Result<_, _>>()?,
        (None, None) => bail!("say what to draw: --board 9x6, or --tags 0-11"),
    };
    match args.out.extension().and_then(|e| e.to_str()) {
        Some("pdf") => write(&args.out, &pdf(&pages))?,
        Some("svg") if pages.len() == 1 => write(&args.out, pages[0].svg().as_bytes())?,
        Some("svg") => {
            for (i, page) in pages.iter().enumerate() {
                let stem = args.out.with_extension("");
                let file = PathBuf::from(format!("{}-{i:03}.svg", stem.display()));
                write(&file, page.svg().as_bytes())?;
            }
        }
        _ => bail!(
            "--out {}: a name that ends in .pdf or .svg",
            args.out.display()
        ),
    }
    println!("{} pages: {}", pages.len(), args.out.display());
    Ok(ExitCode::SUCCESS)
}
