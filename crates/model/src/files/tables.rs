//! Reading a TOML table key by key, going on after a mistake.

use super::is_token;
use super::mistake::{Report, did_you_mean, shown};
use crate::Point2;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Bounds for a number, with the words for them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    min: f64,
    max: f64,
    /// Whether `min` itself is refused.
    above_min: bool,
}

impl Bounds {
    /// `min..=max`.
    pub(super) const fn within(min: f64, max: f64) -> Self {
        Self {
            min,
            max,
            above_min: false,
        }
    }

    /// More than zero, up to `max`.
    pub(super) const fn positive(max: f64) -> Self {
        Self {
            min: 0.0,
            max,
            above_min: true,
        }
    }

    /// What is wrong with a number; `None` if nothing is. NaN and infinities are outside any bounds.
    pub(super) fn refuse(&self, x: f64) -> Option<String> {
        let low = if self.above_min {
            x > self.min
        } else {
            x >= self.min
        };
        (!(low && x <= self.max)).then(|| {
            let from = if self.above_min { "more than" } else { "from" };
            format!("write a number {from} {} up to {}", self.min, self.max)
        })
    }
}

/// A table being read. [`Table::done`] reports the keys that nobody asked for.
pub(super) struct Table<'t, 'r> {
    table: &'t DeTable<'t>,
    /// Byte where the table (or its header) begins.
    pub(super) byte: usize,
    /// What to call it in a message, `[[fixture]]`.
    title: &'static str,
    known: Vec<&'static str>,
    report: &'r Report<'r>,
}

impl<'t, 'r> Table<'t, 'r> {
    pub(super) fn new(
        table: &'t DeTable<'t>,
        byte: usize,
        title: &'static str,
        report: &'r Report<'r>,
    ) -> Self {
        Self {
            table,
            byte,
            title,
            known: Vec::new(),
            report,
        }
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// The value of a key that must be there.
    fn need(&mut self, key: &'static str, like: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        let value = self.get(key);
        if value.is_none() {
            self.report.at(
                self.byte,
                format!("{} has no {key}", self.title),
                format!("add {key} = {like}"),
            );
        }
        value
    }

    /// Where a key's value begins, or else the table.
    pub(super) fn byte_of(&self, key: &str) -> usize {
        self.table.get(key).map_or(self.byte, |v| v.span().start)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// A number that must be there.
    pub(super) fn number(&mut self, key: &'static str, bounds: Bounds) -> Option<f64> {
        let value = self.need(key, "1.0")?;
        number(key, value, bounds, self.report)
    }

    /// A number that may be left out. `None` only after a mistake.
    pub(super) fn number_or(
        &mut self,
        key: &'static str,
        bounds: Bounds,
        default: f64,
    ) -> Option<f64> {
        match self.get(key) {
            Some(value) => number(key, value, bounds, self.report),
            None => Some(default),
        }
    }

    /// A whole number that must be there.
    pub(super) fn whole(&mut self, key: &'static str, min: u32, max: u32) -> Option<u32> {
        let value = self.need(key, "1")?;
        let bounds = Bounds::within(f64::from(min), f64::from(max));
        let x = number(key, value, bounds, self.report)?;
        if x.fract() != 0.0 {
            self.report.at(
                value.span().start,
                format!("{key} is not a whole number"),
                "leave the decimals away",
            );
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number between two u32"
        )]
        Some(x as u32)
    }

    /// A text that must be there, at most 200 characters, none of them a control character.
    pub(super) fn text(&mut self, key: &'static str) -> Option<&'t str> {
        let value = self.need(key, "\"…\"")?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_kind(key, value, "a text in quotation marks");
            return None;
        };
        let long = text.chars().nth(200).is_some();
        if text.trim().is_empty() || long || text.chars().any(char::is_control) {
            self.report.at(
                value.span().start,
                format!("{key} is empty, too long or has control characters"),
                "write 1 to 200 printable characters",
            );
            return None;
        }
        Some(text)
    }

    /// A text that may be left out.
    pub(super) fn text_if(&mut self, key: &'static str) -> Option<&'t str> {
        if self.has(key) {
            self.text(key)
        } else {
            self.get(key);
            None
        }
    }

    /// A name: letters, digits, `-` and `_`.
    pub(super) fn name(&mut self) -> Option<&'t str> {
        let name = self.text("name")?;
        if is_token(name) {
            return Some(name);
        }
        self.report.at(
            self.byte_of("name"),
            format!("\"{}\" cannot be a name", shown(name)),
            "use letters, digits, - and _ only, at most 32: names go into topics and readings",
        );
        None
    }

    /// `N` numbers that must be there.
    pub(super) fn numbers<const N: usize>(
        &mut self,
        key: &'static str,
        bounds: Bounds,
    ) -> Option<[f64; N]> {
        let value = self.need(key, &format!("[{}]", ["0.0"; N].join(", ")))?;
        numbers(key, value, bounds, self.report)
    }

    /// `N` numbers that may be left out. `None` only after a mistake.
    pub(super) fn numbers_or<const N: usize>(
        &mut self,
        key: &'static str,
        bounds: Bounds,
        default: [f64; N],
    ) -> Option<[f64; N]> {
        match self.get(key) {
            Some(value) => numbers(key, value, bounds, self.report),
            None => Some(default),
        }
    }

    /// A point on the floor that must be there, metres.
    pub(super) fn point(&mut self, key: &'static str) -> Option<Point2> {
        let [x, y] = self.numbers(key, super::layout::PLACE_M)?;
        Some(Point2::new(x, y))
    }

    /// The tables of an array of tables; none if the key is absent. At most `max` are read.
    pub(super) fn tables(
        &mut self,
        key: &'static str,
        title: &'static str,
        max: usize,
    ) -> Vec<Table<'t, 'r>> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_kind(key, value, &format!("an array of tables: {title}"));
            return Vec::new();
        };
        if array.len() > max {
            self.report.at(
                value.span().start,
                format!("{} of {key} are too many", array.len()),
                format!("a shop has at most {max}"),
            );
        }
        let mut out = Vec::new();
        for item in array.iter().take(max) {
            match item.get_ref().as_table() {
                Some(table) => {
                    out.push(Table::new(table, item.span().start, title, self.report));
                }
                None => self.wrong_kind(key, item, "a table"),
            }
        }
        out
    }

    /// One table that may be left out.
    pub(super) fn table(
        &mut self,
        key: &'static str,
        title: &'static str,
    ) -> Option<Table<'t, 'r>> {
        let value = self.get(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Table::new(table, value.span().start, title, self.report)),
            None => {
                self.wrong_kind(key, value, &format!("a table: {title}"));
                None
            }
        }
    }

    /// All keys with their values, as for a table whose keys are names.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'t str, &'t Spanned<DeValue<'t>>)> {
        self.table.iter().map(|(k, v)| (k.get_ref().as_ref(), v))
    }

    /// Reports a key that nobody asked for.
    pub(super) fn done(self) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !self.known.contains(&name) {
                self.report.at(
                    key.span().start,
                    format!("{} has no key \"{}\"", self.title, shown(name)),
                    format!(
                        "remove it{}; known are {}",
                        did_you_mean(name, self.known.iter().copied()),
                        self.known.join(", ")
                    ),
                );
            }
        }
    }

    pub(super) fn wrong_kind(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        let is = value.get_ref().type_str();
        self.report.at(
            value.span().start,
            format!("{key} is of type {is}"),
            format!("write {wanted}"),
        );
    }
}

fn number(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    bounds: Bounds,
    report: &Report<'_>,
) -> Option<f64> {
    let byte = value.span().start;
    let x = match value.get_ref() {
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
            .ok()
            .map_or(f64::NAN, |i| i as f64),
        DeValue::Float(f) => f.as_str().parse().unwrap_or(f64::NAN),
        other => {
            report.at(
                byte,
                format!("{key} is of type {}", other.type_str()),
                "write a number",
            );
            return None;
        }
    };
    match bounds.refuse(x) {
        None => Some(x),
        Some(help) => {
            report.at(byte, format!("{key} cannot be {x}"), help);
            None
        }
    }
}

/// An array of exactly `N` numbers.
pub(super) fn numbers<const N: usize>(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    bounds: Bounds,
    report: &Report<'_>,
) -> Option<[f64; N]> {
    let items = value.get_ref().as_array().filter(|a| a.len() == N);
    let Some(items) = items else {
        report.at(
            value.span().start,
            format!("{key} is not a list of {N} numbers"),
            format!("write [{}]", ["0.0"; N].join(", ")),
        );
        return None;
    };
    let mut out = [0.0; N];
    let mut good = true;
    for (slot, item) in out.iter_mut().zip(items.iter()) {
        match number(key, item, bounds, report) {
            Some(x) => *slot = x,
            None => good = false,
        }
    }
    good.then_some(out)
}
