//! A mistake in a shop's files, and the list they are gathered in.

use std::cell::RefCell;
use std::path::PathBuf;

/// Mistakes beyond this many are not listed: nobody reads them.
const MISTAKES_MAX: usize = 1_000;

/// One mistake: where, what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The file's name in the shop's folder.
    pub file: &'static str,
    /// Line, from 1, where one is to blame.
    pub line: Option<u32>,
    /// Column in characters, from 1, where it is known.
    pub column: Option<u32>,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub help: String,
}

impl std::fmt::Display for Mistake {
    /// `shop.toml:12:5: what` and, on a line of its own, `help: how to mend it`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        write!(f, ": {}\n  help: {}", self.what, self.help)
    }
}

/// A shop's folder could not be taken: all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopError {
    /// The folder.
    pub dir: PathBuf,
    /// The mistakes by file and line; never empty.
    pub mistakes: Vec<Mistake>,
}

impl std::fmt::Display for ShopError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = self.mistakes.len();
        let s = if n == 1 { "" } else { "s" };
        write!(f, "{}: {n} mistake{s}", self.dir.display())?;
        for mistake in &self.mistakes {
            write!(f, "\n{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ShopError {}

/// What has been found so far, over all files.
#[derive(Debug, Default)]
pub(super) struct Found {
    mistakes: RefCell<Vec<Mistake>>,
}

impl Found {
    fn push(&self, mistake: Mistake) {
        let mut mistakes = self.mistakes.borrow_mut();
        if mistakes.len() < MISTAKES_MAX {
            mistakes.push(mistake);
        }
    }

    /// The mistakes by file, line and column, each once.
    pub(super) fn into_sorted(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        let order = |m: &Mistake| match m.file {
            "shop.toml" => 0,
            "catalogue.csv" => 1,
            _ => 2,
        };
        mistakes.sort_by(|a, b| {
            (order(a), a.line, a.column, &a.what).cmp(&(order(b), b.line, b.column, &b.what))
        });
        mistakes.dedup();
        mistakes
    }
}

/// Takes the mistakes of one file and knows its lines.
#[derive(Debug)]
pub(super) struct Report<'a> {
    file: &'static str,
    text: &'a str,
    line_starts: Vec<usize>,
    found: &'a Found,
}

impl<'a> Report<'a> {
    pub(super) fn new(file: &'static str, text: &'a str, found: &'a Found) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|&(_, b)| b == b'\n');
        let line_starts = std::iter::once(0)
            .chain(after_breaks.map(|(i, _)| i + 1))
            .collect();
        Self {
            file,
            text,
            line_starts,
            found,
        }
    }

    /// A mistake at a byte of the file.
    pub(super) fn at(&self, byte: usize, what: impl Into<String>, help: impl Into<String>) {
        let line = self.line_starts.partition_point(|&start| start <= byte);
        let start = self.line_starts.get(line.saturating_sub(1)).copied();
        let column = start
            .and_then(|start| self.text.get(start..byte))
            .map(|before| 1 + before.chars().count());
        self.push(Some(line), column, what.into(), help.into());
    }

    /// A mistake somewhere in a line.
    pub(super) fn line(&self, line: usize, what: impl Into<String>, help: impl Into<String>) {
        self.push(Some(line), None, what.into(), help.into());
    }

    /// A mistake of the file as a whole.
    pub(super) fn file(&self, what: impl Into<String>, help: impl Into<String>) {
        self.push(None, None, what.into(), help.into());
    }

    /// The line that holds a byte, from 1.
    pub(super) fn line_of(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= byte)
    }

    fn push(&self, line: Option<usize>, column: Option<usize>, what: String, help: String) {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.found.push(Mistake {
            file: self.file,
            line: line.map(number),
            column: column.map(number),
            what,
            help,
        });
    }
}

/// Text from the file, cut short and without control characters, for a message.
pub(super) fn shown(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(40)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(40).is_some() {
        out.push('…');
    }
    out
}

/// " (did you mean \"x\"?)" for the nearest of `known`, if one is near.
pub(super) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    if word.chars().count() > 40 {
        return String::new();
    }
    let near = known
        .into_iter()
        .filter(|k| k.len() <= 64)
        .map(|k| (edit_distance(word, k), k))
        .min();
    match near {
        Some((distance, k)) if distance <= 1 + k.chars().count() / 4 => {
            format!(" (did you mean \"{k}\"?)")
        }
        _ => String::new(),
    }
}

/// Levenshtein's distance, in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        row[0] = left;
        for (j, &cb) in b.iter().enumerate() {
            let up = row[j + 1];
            let best = (diagonal + usize::from(ca != cb)).min(up + 1).min(left + 1);
            diagonal = up;
            row[j + 1] = best;
            left = best;
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(edit_distance("width_m", "width_m"), 0);
        assert_eq!(edit_distance("widht_m", "width_m"), 2);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(
            did_you_mean("widt_m", ["depth_m", "width_m"]),
            " (did you mean \"width_m\"?)"
        );
        assert_eq!(did_you_mean("colour", ["depth_m", "width_m"]), "");
    }

    #[test]
    fn bytes_become_lines_and_columns() {
        let found = Found::default();
        let report = Report::new("shop.toml", "ab\n가나x\n", &found);
        report.at(9, "x", "");
        report.at(0, "a", "");
        report.at(99, "past the end", "");
        let got: Vec<_> = found
            .into_sorted()
            .iter()
            .map(|m| (m.line, m.column))
            .collect();
        assert_eq!(
            got,
            [(Some(1), Some(1)), (Some(2), Some(3)), (Some(3), None)]
        );
    }
}
