//! Reading a CSV file row by row, going on after a mistake.

use super::mistake::{Report, did_you_mean, shown};
use std::collections::BTreeMap;

/// Most rows that are read.
const ROWS_MAX: usize = 100_000;

/// A row of a CSV file with all its columns.
pub(super) struct Row<'a> {
    record: csv::StringRecord,
    columns: &'a BTreeMap<&'static str, usize>,
    text: &'a str,
    /// Byte where the row begins.
    pub(super) byte: usize,
    report: &'a Report<'a>,
}

impl Row<'_> {
    /// The value in a column, without the blanks around it.
    pub(super) fn get(&self, column: &'static str) -> &str {
        let index = self.columns.get(column);
        index
            .and_then(|&i| self.record.get(i))
            .unwrap_or_default()
            .trim()
    }

    /// A mistake in a column.
    pub(super) fn wrong(
        &self,
        column: &'static str,
        what: impl Into<String>,
        help: impl Into<String>,
    ) {
        let index = self.columns.get(column).copied().unwrap_or(0);
        let byte = self.byte + field_offset(self.text.get(self.byte..).unwrap_or(""), index);
        self.report.at(byte, what, help);
    }

    /// A number in a column: digits with or without a decimal point.
    pub(super) fn number(
        &self,
        column: &'static str,
        bounds: super::tables::Bounds,
    ) -> Option<f64> {
        let text = self.get(column);
        let x = plain_decimal(text).unwrap_or(f64::NAN);
        match bounds.refuse(x) {
            None => Some(x),
            Some(help) => {
                self.wrong(
                    column,
                    format!("{column} cannot be \"{}\"", shown(text)),
                    help,
                );
                None
            }
        }
    }

    /// A whole number in a column.
    pub(super) fn whole(&self, column: &'static str, min: u32, max: u32) -> Option<u32> {
        let text = self.get(column);
        let n = text
            .parse()
            .ok()
            .filter(|n| text.bytes().all(|b| b.is_ascii_digit()) && (min..=max).contains(n));
        if n.is_none() {
            self.wrong(
                column,
                format!("{column} cannot be \"{}\"", shown(text)),
                format!("write a whole number from {min} to {max}"),
            );
        }
        n
    }
}

/// Reads a file with these columns, in any order, and hands each row that has them to `take`.
/// Says whether that was all of the file.
pub(super) fn read(
    text: &str,
    columns: &[&'static str],
    report: &Report<'_>,
    mut take: impl FnMut(&Row<'_>),
) -> bool {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = match records.next() {
        Some(Ok(header)) => header,
        _ => {
            report.file("is empty", format!("begin it with {}", columns.join(",")));
            return false;
        }
    };
    let Some(by_name) = header_columns(&header, columns, text, report) else {
        return false;
    };
    let mut whole = true;
    for (count, record) in records.enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                report.file(format!("cannot be read: {error}"), "save the file as CSV");
                return false;
            }
        };
        let byte = first_byte(&record, text);
        if count >= ROWS_MAX {
            report.at(
                byte,
                format!("there are more than {ROWS_MAX} rows"),
                "split the shop",
            );
            return false;
        }
        if record.len() != header.len() {
            report.at(
                byte,
                format!(
                    "the row has {} values, the header {}",
                    record.len(),
                    header.len()
                ),
                "give every column a value, and quote values that hold a comma",
            );
            whole = false;
            continue;
        }
        take(&Row {
            record,
            columns: &by_name,
            text,
            byte,
            report,
        });
    }
    whole
}

fn header_columns(
    header: &csv::StringRecord,
    columns: &[&'static str],
    text: &str,
    report: &Report<'_>,
) -> Option<BTreeMap<&'static str, usize>> {
    let mut out = BTreeMap::new();
    let mut good = true;
    let start = first_byte(header, text);
    for (i, name) in header.iter().enumerate() {
        let byte = start + field_offset(text.get(start..).unwrap_or(""), i);
        let name = name.trim();
        match columns.iter().find(|&&c| c == name) {
            Some(&column) => {
                if out.insert(column, i).is_some() {
                    report.at(
                        byte,
                        format!("column {column} is there twice"),
                        "remove one",
                    );
                    good = false;
                }
            }
            None => {
                let near = did_you_mean(name, columns.iter().copied());
                report.at(
                    byte,
                    format!("there is no column \"{}\"", shown(name)),
                    format!("remove it{near}; the columns are {}", columns.join(",")),
                );
                good = false;
            }
        }
    }
    for column in columns {
        if !out.contains_key(column) {
            report.line(
                report.line_of(start),
                format!("column {column} is missing"),
                format!("add it; the columns are {}", columns.join(",")),
            );
            good = false;
        }
    }
    good.then_some(out)
}

/// The byte where a record begins; the reader's own position may lie on blank lines before it.
fn first_byte(record: &csv::StringRecord, text: &str) -> usize {
    let position = record.position().map_or(0, csv::Position::byte);
    let position = usize::try_from(position).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(position..).unwrap_or_default();
    position
        + rest
            .iter()
            .take_while(|&&b| b == b'\n' || b == b'\r')
            .count()
}

/// Bytes from a row's beginning to its field number `index`.
fn field_offset(row: &str, index: usize) -> usize {
    let mut quoted = false;
    let mut commas = 0;
    for (i, byte) in row.bytes().enumerate() {
        if commas == index {
            return i;
        }
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted => commas += 1,
            b'\n' if !quoted => break,
            _ => {}
        }
    }
    0
}

/// Digits with at most one decimal point between them; no sign, no exponent, no words.
fn plain_decimal(text: &str) -> Option<f64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.len() <= 15 && s.bytes().all(|b| b.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_past_quotes() {
        let row = "\"a,\"\"b\",c,d\nnext,row";
        assert_eq!(field_offset(row, 0), 0);
        assert_eq!(field_offset(row, 1), 8);
        assert_eq!(field_offset(row, 2), 10);
        assert_eq!(field_offset(row, 3), 0);
    }

    #[test]
    fn only_plain_decimals_are_numbers() {
        assert_eq!(plain_decimal("12.5"), Some(12.5));
        for bad in [
            "", ".", "1.", ".5", "-1", "+1", "1e3", "NaN", "inf", "1,5", "１",
        ] {
            assert_eq!(plain_decimal(bad), None, "{bad}");
        }
    }
}
