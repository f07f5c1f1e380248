//! `walkout calibrate`.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use walkout_model::files::{load_shop, locate};
use walkout_model::layout::Camera;
use walkout_model::{Point3, Shop};
use walkout_perception::calibration::{Checkerboard, PoseOptions};

mod lens;
mod marks;
mod overlay;
mod picture;
mod pose;
mod table;
mod targets;

/// Arguments of `walkout calibrate`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Write checkerboards or AprilTags to print, as SVG or PDF
    Targets(targets::Args),
    /// Find a camera's lens from pictures of a checkerboard held before it
    Lens(lens::Args),
    /// Find where a camera hangs from AprilTags (tag36h11) that lie at known places
    Tags(TagsArgs),
    /// Find where a camera hangs from points of the shop marked in its picture
    Points(PointsArgs),
    /// Find where a camera hangs from a checkerboard that lies on the floor
    Board(BoardArgs),
}

#[derive(clap::Args)]
struct TagsArgs {
    #[command(flatten)]
    common: Common,
    /// The camera's picture, PNG or JPEG
    picture: PathBuf,
    /// Where the tags lie: `id,x_m,y_m[,z_m][,yaw_deg],side_mm` (the middle of the black square)
    #[arg(long, value_name = "CSV")]
    places: PathBuf,
}

#[derive(clap::Args)]
struct PointsArgs {
    #[command(flatten)]
    common: Common,
    /// Points: `u_px,v_px` and `x_m,y_m[,z_m]`, or a place by name (G1/front-left, G1/back-right/top, door/a)
    #[arg(long, value_name = "CSV")]
    points: PathBuf,
    /// The camera's picture, to draw on
    picture: Option<PathBuf>,
    /// Find the focal length, too
    #[arg(long)]
    focal: bool,
    /// How exactly points were marked, pixels
    #[arg(long, default_value_t = 1.0, value_name = "PX")]
    sigma: f64,
}

#[derive(clap::Args)]
struct BoardArgs {
    #[command(flatten)]
    common: Common,
    /// The camera's picture, PNG or JPEG
    picture: PathBuf,
    #[command(flatten)]
    board: BoardSize,
    /// Where the inner corner next to the dark outermost square lies, and where the rows point: x,y,yaw_deg
    #[arg(long, value_name = "X,Y,YAW", value_parser = place, allow_hyphen_values = true)]
    at: [f64; 3],
}

/// What all ways of finding a pose share.
#[derive(clap::Args)]
struct Common {
    /// The shop's folder, or the name of one under shops/
    #[arg(long, value_name = "S")]
    shop: String,
    /// The camera's name in shop.toml; its lens is taken from there
    #[arg(long, value_name = "C")]
    camera: String,
    /// Put the camera into shop.toml instead of printing it
    #[arg(long)]
    write: bool,
    /// A PNG file: the picture with what was found, what was expected, the floor and the fixtures
    #[arg(long, value_name = "FILE")]
    overlay: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A checkerboard as an argument.
#[derive(Clone, Copy, clap::Args)]
struct BoardSize {
    /// Inner corners of the board along and across: one less than squares
    #[arg(long, default_value = "9x6", value_name = "CxR", value_parser = counts)]
    board: [usize; 2],
    /// Side of its squares
    #[arg(long, value_name = "MM")]
    square_mm: f64,
}

impl BoardSize {
    fn board(self) -> Result<Checkerboard> {
        ensure!(
            (1.0..=1000.0).contains(&self.square_mm),
            "--square-mm must be 1 to 1000"
        );
        let [columns, rows] = self.board;
        Ok(Checkerboard {
            columns,
            rows,
            square_m: self.square_mm / 1000.0,
        })
    }
}

/// Parses `9x6`.
fn counts(text: &str) -> Result<[usize; 2], String> {
    let parsed = text
        .split_once('x')
        .and_then(|(c, r)| Some([c.parse().ok()?, r.parse().ok()?]));
    match parsed {
        Some(counts) if counts.iter().all(|n: &usize| (3..=100).contains(n)) => Ok(counts),
        _ => Err(format!(
            "\"{text}\" is no board: write inner corners along x across, 3 to 100 each, as 9x6"
        )),
    }
}

/// Parses `1.2,0.5,90`.
fn place(text: &str) -> Result<[f64; 3], String> {
    let numbers: Vec<f64> = text
        .split(',')
        .filter_map(|t| t.trim().parse().ok())
        .collect();
    match numbers[..] {
        [x, y, yaw] if [x, y, yaw].iter().all(|v| v.is_finite()) => Ok([x, y, yaw]),
        _ => Err(format!(
            "\"{text}\" is no place: write x,y,yaw as 1.2,0.5,90 (metres, degrees)"
        )),
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<ExitCode> {
    match args.what {
        What::Targets(args) => targets::run(args),
        What::Lens(args) => lens::run(args),
        What::Tags(args) => tags(&args),
        What::Points(args) => points(&args),
        What::Board(args) => board(&args),
    }
}

fn tags(args: &TagsArgs) -> Result<ExitCode> {
    let place = Place::open(&args.common)?;
    let picture = place.picture(&args.picture)?;
    let marks = marks::from_tags(&args.places, &args.picture, &picture)?;
    let options = PoseOptions {
        sigma_px: 0.2,
        focal: false,
    };
    pose::run(&place, &args.common, &marks, &options, Some(picture))
}

fn points(args: &PointsArgs) -> Result<ExitCode> {
    ensure!(
        (0.05..=50.0).contains(&args.sigma),
        "--sigma must be 0.05 to 50"
    );
    let place = Place::open(&args.common)?;
    let marks = marks::from_csv(&args.points, &place.shop, &place.camera)?;
    let picture = match &args.picture {
        Some(file) => Some(place.picture(file)?),
        None => None,
    };
    let options = PoseOptions {
        sigma_px: args.sigma,
        focal: args.focal,
    };
    pose::run(&place, &args.common, &marks, &options, picture)
}

fn board(args: &BoardArgs) -> Result<ExitCode> {
    let place = Place::open(&args.common)?;
    let picture = place.picture(&args.picture)?;
    let board = args.board.board()?;
    ensure!(
        (board.columns + board.rows) % 2 == 1,
        "a board of {}x{} inner corners looks the same turned by half: for a pose use one with an odd sum, as 9x6",
        board.columns,
        board.rows
    );
    let found = board
        .find(&picture.grey()?)
        .with_context(|| args.picture.display().to_string())?;
    ensure!(
        found.whole,
        "{}: only {} of {} corners are in sight, and a pose needs the whole board",
        args.picture.display(),
        found.corners.len(),
        board.columns * board.rows
    );
    let [x, y, yaw] = args.at;
    let (s, c) = yaw.to_radians().sin_cos();
    let marks: Vec<marks::Named> = found
        .corners
        .iter()
        .map(|corner| {
            let along = corner.column as f64 * board.square_m;
            let down = corner.row as f64 * board.square_m;
            marks::Named {
                name: format!("corner {},{}", corner.column, corner.row),
                mark: marks::mark(
                    Point3::new(x + along * c + down * s, y + along * s - down * c, 0.0),
                    corner.pixel,
                ),
            }
        })
        .collect();
    let options = PoseOptions {
        sigma_px: 0.2,
        focal: false,
    };
    pose::run(&place, &args.common, &marks, &options, Some(picture))
}

/// A shop and one of its cameras.
struct Place {
    dir: PathBuf,
    shop: Shop,
    camera: Camera,
}

impl Place {
    fn open(common: &Common) -> Result<Self> {
        let dir = locate(&common.shop)?;
        let shop = load_shop(&dir)?;
        let cameras = &shop.layout.cameras;
        let Some(camera) = cameras.iter().find(|c| c.name == common.camera).cloned() else {
            let names: Vec<&str> = cameras.iter().map(|c| c.name.as_str()).collect();
            bail!(
                "shop {} has no camera \"{}\"; it has {}. Find its lens first (walkout calibrate lens) and add the [[camera]] that this prints",
                shop.name,
                common.camera,
                names.join(", ")
            );
        };
        Ok(Self { dir, shop, camera })
    }

    /// A picture of this camera.
    fn picture(&self, file: &Path) -> Result<picture::Rgb> {
        let picture = picture::read(file)?;
        let expected = [self.camera.width_px, self.camera.height_px];
        ensure!(
            picture.size_px == expected,
            "{}: the picture is {} x {} pixels, and camera {} is {} x {} in shop.toml: take it from the stream that the shop uses",
            file.display(),
            picture.size_px[0],
            picture.size_px[1],
            self.camera.name,
            expected[0],
            expected[1]
        );
        Ok(picture)
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests;
