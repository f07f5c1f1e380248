//! Somebody's own trace of load cells as CSV, through the same detector as a shop's: text in, steps
//! and a drawing out.
//!
//! Columns, in any order: `timestamp` (seconds), `grams`, `gondola`, `shelf`, `plate`; others are
//! passed over. `plate` may be empty where a shelf is one scale. Rows may be in any order and have gaps. Fields may be
//! quoted, and parted by semicolons or tabs where the header has no comma.

mod svg;

use crate::{Perception, PerceptionConfig, PerceptionEvent};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use walkout_model::layout::{Fixture, Plate, Shelf};
use walkout_model::{
    Catalogue, Currency, FixtureIx, Layout, LoadSample, Planogram, PlateIx, Point2, Pose2, ShelfIx,
    Shop, StoreTime, TimeDelta, WeightStep,
};

/// The columns that a file must have.
pub const COLUMNS: [&str; 5] = ["timestamp", "grams", "gondola", "shelf", "plate"];

/// Rows of a file at most: an hour of 900 plates at 60 Hz.
const ROWS_MAX: usize = 200_000_000;
/// Plates of a file at most.
const PLATES_MAX: usize = 20_000;
/// Times beyond this are not seconds: nanoseconds since 1970 are 1.8e18.
const SECONDS_MAX: f64 = 1e11;
/// Loads beyond this are not grams.
const GRAMS_MAX: f64 = 1e8;
/// A trace's store time begins here.
const BEGIN: StoreTime = StoreTime(1_000_000_000);
/// How long after the last sample a detector may be undecided.
const FLUSH: TimeDelta = TimeDelta::from_secs(6);

/// What is wrong with a file, where, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}; {remedy}")]
pub struct TraceError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// A step of a trace, as `walkout steps` prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceStep {
    /// When the shelf left its old rest, in the file's seconds.
    pub t_start: f64,
    /// When it came to its new rest, in the file's seconds.
    pub t_end: f64,
    /// Change, grams; negative when something was taken.
    pub grams: f64,
    /// Its standard deviation, grams.
    pub sigma: f64,
    /// The file's name of the gondola.
    pub gondola: String,
    /// The file's name of the shelf.
    pub shelf: String,
    /// Plates that changed, left to right; none where the shelf is one scale.
    pub plates: Vec<String>,
}

/// A parsed trace with the layout that its rows imply.
#[derive(Clone, Debug)]
pub struct Trace {
    shop: Shop,
    config: PerceptionConfig,
    /// By time.
    samples: Vec<LoadSample>,
    /// Second of the file at [`BEGIN`].
    origin_s: f64,
    /// Gondola and shelf of each shelf.
    shelves: Vec<(String, String)>,
    /// The file's name of each plate; empty for a whole shelf.
    plates: Vec<String>,
}

/// One row, with its place as a number.
struct Row {
    seconds: f64,
    grams: f32,
    plate: usize,
}

impl Trace {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The first line that cannot be used.
    pub fn parse(text: &str) -> Result<Self, TraceError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = (1..)
            .zip(text.lines())
            .filter(|(_, l)| !l.trim().is_empty());
        let Some((line, header)) = lines.next() else {
            return Err(error(
                1,
                "the file is empty",
                &format!("begin it with {}", COLUMNS.join(",")),
            ));
        };
        let separator = separator(header);
        let columns = columns(line, &split(header, separator))?;
        let mut places: BTreeMap<(Name, Name, Name), usize> = BTreeMap::new();
        let mut first_lines = Vec::new();
        let mut rows = Vec::new();
        for (line, text) in lines {
            let fields = split(text, separator);
            let field = |i: usize| {
                let place = columns[i];
                fields.get(place).map(|f| f.as_ref()).ok_or_else(|| {
                    error(
                        line,
                        &format!("there is no column {}", place + 1),
                        "give every row as many fields as the header",
                    )
                })
            };
            let seconds = number(line, COLUMNS[0], field(0)?, SECONDS_MAX, "seconds")?;
            let grams = number(line, COLUMNS[1], field(1)?, GRAMS_MAX, "grams")?;
            let place = (
                name(line, 2, field(2)?)?,
                name(line, 3, field(3)?)?,
                Name::of(field(4)?),
            );
            let next = places.len();
            let plate = *places.entry(place).or_insert(next);
            if plate == next {
                first_lines.push(line);
            }
            if next >= PLATES_MAX || rows.len() >= ROWS_MAX {
                return Err(error(
                    line,
                    "more plates or rows than can be held",
                    "split the file by gondola or time",
                ));
            }
            rows.push(Row {
                seconds,
                grams: grams as f32,
                plate,
            });
        }
        if rows.is_empty() {
            return Err(error(
                line,
                "there is no sample below the header",
                "add rows",
            ));
        }
        one_kind_of_shelf(&places, &first_lines)?;
        Ok(Self::build(places, rows))
    }

    fn build(places: BTreeMap<(Name, Name, Name), usize>, mut rows: Vec<Row>) -> Self {
        // Plates in the order of their names; the rows' numbers follow.
        let mut order = vec![0; places.len()];
        for (sorted, &seen) in places.values().enumerate() {
            if let Some(place) = order.get_mut(seen) {
                *place = sorted;
            }
        }
        for row in &mut rows {
            row.plate = order.get(row.plate).copied().unwrap_or_default();
        }
        rows.sort_by(|a, b| a.seconds.total_cmp(&b.seconds).then(a.plate.cmp(&b.plate)));
        let origin_s = rows.first().map_or(0.0, |r| r.seconds);
        let cells = Cells::of(&rows, places.len());
        let samples = rows
            .iter()
            .map(|r| LoadSample {
                t: BEGIN + TimeDelta::from_secs_f64(r.seconds - origin_s),
                plate: PlateIx::from(r.plate),
                grams: r.grams,
            })
            .collect();
        let mut layout = Layout::default();
        let mut shelves: Vec<(String, String)> = Vec::new();
        let mut names = Vec::new();
        let mut gondola = String::new();
        for (i, (on, under, plate)) in places.into_keys().enumerate() {
            let i = i as u32;
            if layout.fixtures.is_empty() || gondola != on.text {
                gondola.clone_from(&on.text);
                layout
                    .fixtures
                    .push(fixture(&gondola, layout.shelves.len() as u32));
            }
            if shelves
                .last()
                .is_none_or(|s| (&s.0, &s.1) != (&on.text, &under.text))
            {
                shelves.push((on.text.clone(), under.text.clone()));
                layout
                    .shelves
                    .push(shelf(&under.text, layout.fixtures.len() - 1, i));
            }
            let at = layout.shelves.len() - 1;
            if let (Some(shelf), Some(fixture)) =
                (layout.shelves.last_mut(), layout.fixtures.last_mut())
            {
                shelf.plates.end = i + 1;
                shelf.width_m = 0.1 * f64::from(shelf.plates.end - shelf.plates.start);
                fixture.shelves.end = at as u32 + 1;
                layout
                    .plates
                    .push(cells.plate(&plate.text, i, at, shelf.plates.start));
            }
            names.push(plate.text);
        }
        Self {
            config: cells.config(),
            shop: Shop {
                name: "trace".into(),
                title: "Trace".into(),
                time_zone: "UTC".into(),
                currency: Currency::KRW,
                layout,
                catalogue: Catalogue::default(),
                planogram: Planogram::default(),
            },
            samples,
            origin_s,
            shelves,
            plates: names,
        }
    }

    /// The steps that the detector finds, by the time of their beginning.
    pub fn steps(&self) -> Vec<TraceStep> {
        let mut steps: Vec<TraceStep> = self.detect().iter().map(|s| self.tell(s)).collect();
        steps.sort_by(|a, b| a.t_start.total_cmp(&b.t_start));
        steps
    }

    /// The shelves' curves with their steps, as an SVG document.
    pub fn svg(&self) -> String {
        svg::draw(self, &self.steps())
    }

    fn detect(&self) -> Vec<WeightStep> {
        let mut perception = Perception::new(&self.shop, self.config);
        let mut events = Vec::new();
        for at_once in self.samples.chunk_by(|a, b| a.t == b.t) {
            let Some(first) = at_once.first() else {
                continue;
            };
            perception.push_loads(at_once, &mut events);
            perception.advance(first.t, &mut events);
        }
        let end = self.samples.last().map_or(BEGIN, |s| s.t);
        let mut now = end;
        while now < end + FLUSH {
            now += self.config.bin;
            perception.advance(now, &mut events);
        }
        let mut stand: BTreeMap<u64, WeightStep> = BTreeMap::new();
        for event in events {
            if let PerceptionEvent::Step(step) = event {
                if let Some(old) = step.replaces {
                    stand.remove(&old);
                }
                if !step.plates.is_empty() {
                    stand.insert(step.serial, step);
                }
            }
        }
        stand.into_values().collect()
    }

    fn tell(&self, step: &WeightStep) -> TraceStep {
        let (gondola, shelf) = self
            .shelves
            .get(step.shelf.usize())
            .cloned()
            .unwrap_or_default();
        let changed = step
            .plates
            .iter()
            .filter(|p| p.delta_g.abs() > 3.0 * p.sigma_g.max(0.3));
        TraceStep {
            t_start: rounded(self.seconds(step.t_start), 1e3),
            t_end: rounded(self.seconds(step.t_end), 1e3),
            grams: rounded(f64::from(step.delta_g), 1e1),
            sigma: rounded(f64::from(step.sigma_g), 1e2),
            gondola,
            shelf,
            plates: changed
                .filter_map(|p| self.plates.get(p.plate.usize()))
                .filter(|name| !name.is_empty())
                .cloned()
                .collect(),
        }
    }

    /// Store time as the file's seconds.
    fn seconds(&self, t: StoreTime) -> f64 {
        self.origin_s + t.since(BEGIN).as_secs_f64()
    }
}

/// What the rows say of the cells that made them.
struct Cells {
    /// Middle time between two samples of a plate, seconds.
    interval_s: f64,
    /// Standard deviation of a sample of each plate, grams.
    noise_g: Vec<f64>,
    /// Largest reading, grams.
    most_g: f64,
}

impl Cells {
    fn of(rows: &[Row], plates: usize) -> Self {
        let mut last: Vec<Option<(f64, f32)>> = vec![None; plates];
        let mut jumps: Vec<Vec<f32>> = vec![Vec::new(); plates];
        let mut intervals = Vec::new();
        let mut most_g = 0.0_f64;
        for row in rows {
            most_g = most_g.max(f64::from(row.grams.abs()));
            let (Some(last), Some(jumps)) = (last.get_mut(row.plate), jumps.get_mut(row.plate))
            else {
                continue;
            };
            if let Some((t, grams)) = last.replace((row.seconds, row.grams))
                && row.seconds > t
            {
                // A few minutes' worth is enough, and bounds the memory.
                if intervals.len() < 1_000_000 {
                    intervals.push(row.seconds - t);
                }
                if jumps.len() < 20_000 {
                    jumps.push((row.grams - grams).abs());
                }
            }
        }
        intervals.sort_by(f64::total_cmp);
        let noise_g = jumps
            .iter_mut()
            .map(|jumps| {
                jumps.sort_by(f32::total_cmp);
                // The middle difference of two normal readings is 0.954 σ; a plate whose reading mostly
                // repeats has its least count for noise.
                let middle = jumps.get(jumps.len() / 2).copied().unwrap_or(0.0);
                let least = jumps.iter().copied().find(|j| *j > 0.0).unwrap_or(0.0);
                f64::from(middle / 0.954)
                    .max(f64::from(least) * 0.3)
                    .clamp(0.02, 100.0)
            })
            .collect();
        Self {
            interval_s: intervals.get(intervals.len() / 2).copied().unwrap_or(0.0),
            noise_g,
            most_g,
        }
    }

    fn plate(&self, name: &str, i: u32, shelf: usize, first: u32) -> Plate {
        Plate {
            name: name.to_owned(),
            shelf: ShelfIx::from(shelf),
            x_m: 0.1 * f64::from(i - first),
            y_m: 0.0,
            width_m: 0.1,
            depth_m: 0.4,
            // Nobody says what the cells can bear: nothing in the file is beyond it.
            range_g: 4.0 * self.most_g + 1_000.0,
            noise_g: self.noise_g.get(i as usize).copied().unwrap_or(1.0),
            resolution_g: 0.0,
        }
    }

    /// Bins that hold two samples at least, and as long as usual where samples come fast enough.
    fn config(&self) -> PerceptionConfig {
        let usual = PerceptionConfig::default();
        let bin =
            TimeDelta::from_secs_f64((2.0 * self.interval_s).clamp(0.0, 3_600.0)).max(usual.bin);
        let dead_after = TimeDelta(bin.0.saturating_mul(10)).max(usual.dead_after);
        PerceptionConfig {
            bin,
            delay: TimeDelta(bin.0.saturating_mul(3)),
            dead_after,
            // A file's cell may be so coarse that it repeats itself for long.
            stuck_after: TimeDelta::from_secs(86_400),
            ..usual
        }
    }
}

/// A name, sorted as people would: `P2` before `P10`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    text: String,
}

impl Name {
    fn of(text: &str) -> Self {
        Self {
            text: text.to_owned(),
        }
    }

    /// The text before its last digits, and their number.
    fn key(&self) -> (&str, u64) {
        let digits = self
            .text
            .bytes()
            .rev()
            .take_while(u8::is_ascii_digit)
            .count();
        let (stem, number) = self.text.split_at(self.text.len() - digits);
        (stem, number.parse().unwrap_or(u64::MAX))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key()
            .cmp(&other.key())
            .then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Where each of [`COLUMNS`] stands.
fn columns(line: usize, header: &[Cow<'_, str>]) -> Result<[usize; 5], TraceError> {
    let names: Vec<String> = header.iter().map(|n| n.to_ascii_lowercase()).collect();
    let mut found = [0; 5];
    for (column, place) in COLUMNS.iter().zip(&mut found) {
        let mut at = names.iter().enumerate().filter(|(_, n)| n == column);
        let what = match (at.next(), at.next()) {
            (Some((i, _)), None) => {
                *place = i;
                continue;
            }
            (None, _) => format!("the header has no column \"{column}\""),
            (Some(_), Some(_)) => format!("the header has the column \"{column}\" twice"),
        };
        return Err(error(
            line,
            &what,
            &format!("name the columns {}, in any order", COLUMNS.join(",")),
        ));
    }
    Ok(found)
}

/// What parts a file's fields: a comma, or what some spreadsheets write instead.
fn separator(header: &str) -> char {
    if header.contains(',') {
        return ',';
    }
    let other = [';', '\t'].into_iter().find(|c| header.contains(*c));
    other.unwrap_or(',')
}

/// The fields of a line, without their quotes (RFC 4180): a separator within quotes is text, and two quotes
/// within are one.
fn split(line: &str, separator: char) -> Vec<Cow<'_, str>> {
    if !line.contains('"') {
        return line
            .split(separator)
            .map(|f| Cow::Borrowed(f.trim()))
            .collect();
    }
    let mut fields = Vec::new();
    let (mut from, mut quoted) = (0, false);
    for (at, c) in line.char_indices() {
        quoted ^= c == '"';
        if c == separator && !quoted {
            fields.push(unquoted(&line[from..at]));
            from = at + c.len_utf8();
        }
    }
    fields.push(unquoted(&line[from..]));
    fields
}

fn unquoted(field: &str) -> Cow<'_, str> {
    let field = field.trim();
    let bare = field
        .strip_prefix('"')
        .and_then(|f| f.strip_suffix('"'))
        .unwrap_or(field);
    if bare.contains("\"\"") {
        Cow::Owned(bare.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(bare)
    }
}

fn number(line: usize, column: &str, text: &str, most: f64, unit: &str) -> Result<f64, TraceError> {
    let value: f64 = text.parse().map_err(|_| {
        error(
            line,
            &format!("{column} \"{}\" is not a number", shortened(text)),
            &format!("write {unit} like 12.5, or leave the row out"),
        )
    })?;
    if !value.is_finite() {
        return Err(error(
            line,
            &format!("{column} is {text}"),
            "leave the row out: gaps are allowed",
        ));
    }
    if value.abs() > most {
        return Err(error(
            line,
            &format!("{column} {} is too large", shortened(text)),
            &format!("give it in {unit}"),
        ));
    }
    Ok(value)
}

fn name(line: usize, column: usize, text: &str) -> Result<Name, TraceError> {
    if text.is_empty() {
        let column = COLUMNS.get(column).copied().unwrap_or_default();
        return Err(error(
            line,
            &format!("{column} is empty"),
            "name it; only plate may be empty",
        ));
    }
    Ok(Name::of(text))
}

/// A shelf is either one scale or has plates.
fn one_kind_of_shelf(
    places: &BTreeMap<(Name, Name, Name), usize>,
    first_lines: &[usize],
) -> Result<(), TraceError> {
    let all: Vec<_> = places.iter().collect();
    for two in all.windows(2) {
        let [(a, at), (b, other)] = two else { continue };
        if (&a.0, &a.1) == (&b.0, &b.1) && a.2.text.is_empty() {
            let line = first_lines.get(**at).max(first_lines.get(**other));
            let what = format!(
                "gondola {} shelf {} has rows with a plate and rows without",
                a.0.text, a.1.text
            );
            return Err(error(
                line.copied().unwrap_or(1),
                &what,
                "name the plate in all of its rows or in none",
            ));
        }
    }
    Ok(())
}

fn fixture(name: &str, first: u32) -> Fixture {
    Fixture {
        name: name.to_owned(),
        pose: Pose2 {
            position: Point2::new(0.0, 0.0),
            yaw: 0.0,
        },
        width_m: 1.0,
        depth_m: 0.4,
        height_m: 2.0,
        shelves: first..first,
    }
}

fn shelf(name: &str, fixture: usize, first: u32) -> Shelf {
    Shelf {
        name: name.to_owned(),
        fixture: FixtureIx::from(fixture),
        x_m: 0.0,
        y_m: 0.0,
        height_m: 1.0,
        width_m: 0.1,
        depth_m: 0.4,
        plates: first..first,
    }
}

fn error(line: usize, what: &str, remedy: &str) -> TraceError {
    TraceError {
        line,
        what: what.to_owned(),
        remedy: remedy.to_owned(),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}
