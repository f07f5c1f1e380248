//! From a record as written to a resolved one (RFC 8428, section 4.6).

use super::{
    Limits, RELATIVE_BELOW_S, Record, SenmlError, TIME_MAX_S, UNIT_BYTES_MAX, VERSION, Value,
};
use std::borrow::Cow;
use walkout_model::{StoreTime, TimeDelta};

/// A field of a record; its JSON and CBOR labels are those of RFC 8428, tables 4 and 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    BaseVersion,
    BaseName,
    BaseTime,
    BaseUnit,
    BaseValue,
    BaseSum,
    Name,
    Unit,
    Value,
    Text,
    Bool,
    Sum,
    Time,
    Update,
    Data,
}

/// Every label: the field, its JSON name, its CBOR number.
const LABELS: [(Label, &str, i64); 15] = [
    (Label::Name, "n", 0),
    (Label::Value, "v", 2),
    (Label::Time, "t", 6),
    (Label::Unit, "u", 1),
    (Label::BaseVersion, "bver", -1),
    (Label::BaseName, "bn", -2),
    (Label::BaseTime, "bt", -3),
    (Label::BaseUnit, "bu", -4),
    (Label::BaseValue, "bv", -5),
    (Label::BaseSum, "bs", -6),
    (Label::Text, "vs", 3),
    (Label::Bool, "vb", 4),
    (Label::Sum, "s", 5),
    (Label::Update, "ut", 7),
    (Label::Data, "vd", 8),
];

impl Label {
    pub(super) fn of_text(text: &str) -> Option<(Self, &'static str)> {
        LABELS
            .iter()
            .find(|l| l.1 == text)
            .map(|&(label, text, _)| (label, text))
    }

    pub(super) fn of_number(number: i64) -> Option<(Self, &'static str)> {
        LABELS
            .iter()
            .find(|l| l.2 == number)
            .map(|&(label, text, _)| (label, text))
    }
}

/// A record as written.
#[derive(Debug, Default)]
pub(super) struct Raw<'a> {
    pub(super) base_version: Option<f64>,
    pub(super) base_name: Option<Cow<'a, str>>,
    pub(super) base_time: Option<f64>,
    pub(super) base_unit: Option<Cow<'a, str>>,
    pub(super) base_value: Option<f64>,
    pub(super) base_sum: Option<f64>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) unit: Option<Cow<'a, str>>,
    pub(super) value: Option<f64>,
    pub(super) text: Option<Cow<'a, str>>,
    pub(super) boolean: Option<bool>,
    pub(super) data: Option<Vec<u8>>,
    pub(super) sum: Option<f64>,
    pub(super) time: Option<f64>,
    pub(super) update: Option<f64>,
    /// A label that was there twice.
    pub(super) repeated: Option<&'static str>,
    /// A field that is not understood and must be.
    pub(super) mandatory: Option<String>,
}

impl Raw<'_> {
    /// Takes note of a field that is not known: one that ends in `_` must be.
    pub(super) fn unknown(&mut self, label: &str) {
        if label.ends_with('_') && self.mandatory.is_none() {
            self.mandatory = Some(label.chars().take(40).collect());
        }
    }

    /// Whether it only sets bases for the records after it.
    fn is_base_only(&self) -> bool {
        self.name.is_none() && self.unit.is_none() && self.time.is_none() && self.update.is_none()
    }
}

/// Works base fields into the records of one pack.
pub(super) struct Resolver {
    now: StoreTime,
    limits: Limits,
    base_name: String,
    base_unit: Option<String>,
    base_time: f64,
    base_value: f64,
    base_sum: f64,
    /// Records as written so far, those with base fields alone included.
    pub(super) count: usize,
    pub(super) records: Vec<Record>,
}

impl Resolver {
    pub(super) fn new(now: StoreTime, limits: Limits) -> Self {
        Self {
            now,
            limits,
            base_name: String::new(),
            base_unit: None,
            base_time: 0.0,
            base_value: 0.0,
            base_sum: 0.0,
            count: 0,
            records: Vec::new(),
        }
    }

    /// Takes the next record.
    pub(super) fn push(&mut self, raw: Raw<'_>) -> Result<(), SenmlError> {
        let record = self.count;
        if record >= self.limits.records_max {
            return Err(SenmlError::TooManyRecords {
                max: self.limits.records_max,
            });
        }
        self.count += 1;
        if let Some(label) = raw.mandatory {
            return Err(SenmlError::Mandatory { record, label });
        }
        if let Some(label) = raw.repeated {
            return Err(SenmlError::Repeated { record, label });
        }
        if let Some(version) = raw.base_version.filter(|&v| v != VERSION) {
            return Err(SenmlError::Version { record, version });
        }
        self.rebase(record, &raw)?;
        let base_only = raw.is_base_only();
        let values = usize::from(raw.value.is_some())
            + usize::from(raw.text.is_some())
            + usize::from(raw.boolean.is_some())
            + usize::from(raw.data.is_some());
        if values > 1 {
            return Err(SenmlError::ManyValues { record });
        }
        if values == 0 && raw.sum.is_none() {
            let bases = raw.base_name.is_some()
                || raw.base_time.is_some()
                || raw.base_unit.is_some()
                || raw.base_value.is_some()
                || raw.base_sum.is_some()
                || raw.base_version.is_some();
            return match base_only && bases {
                true => Ok(()),
                false => Err(SenmlError::NoValue { record }),
            };
        }
        let resolved = Record {
            name: self.name(record, raw.name.as_deref())?,
            unit: self.unit(record, raw.unit.as_deref())?,
            value: match (raw.value, raw.text, raw.boolean, raw.data) {
                (Some(v), ..) => Some(Value::Number(added(record, "v", self.base_value, v)?)),
                (_, Some(text), ..) => Some(Value::Text(text.into_owned())),
                (_, _, Some(yes), _) => Some(Value::Bool(yes)),
                (_, _, _, Some(data)) => Some(Value::Data(data)),
                _ => None,
            },
            sum: match raw.sum {
                Some(s) => Some(added(record, "s", self.base_sum, s)?),
                None => None,
            },
            time: self.time(record, raw.time.unwrap_or(0.0))?,
            update_s: match raw.update {
                Some(ut) if !ut.is_finite() || ut < 0.0 => {
                    return Err(SenmlError::Time {
                        record,
                        seconds: ut,
                    });
                }
                ut => ut,
            },
        };
        self.records.push(resolved);
        Ok(())
    }

    fn rebase(&mut self, record: usize, raw: &Raw<'_>) -> Result<(), SenmlError> {
        if let Some(name) = &raw.base_name {
            if name.len() > self.limits.name_bytes_max {
                let max = self.limits.name_bytes_max;
                return Err(SenmlError::Name { record, max });
            }
            name.as_ref().clone_into(&mut self.base_name);
        }
        if let Some(unit) = &raw.base_unit {
            check_unit(record, unit)?;
            self.base_unit = Some(unit.clone().into_owned());
        }
        for (label, field, base) in [
            ("bt", raw.base_time, &mut self.base_time),
            ("bv", raw.base_value, &mut self.base_value),
            ("bs", raw.base_sum, &mut self.base_sum),
        ] {
            if let Some(x) = field {
                *base = added(record, label, 0.0, x)?;
            }
        }
        Ok(())
    }

    fn name(&self, record: usize, own: Option<&str>) -> Result<String, SenmlError> {
        let own = own.unwrap_or("");
        if self.base_name.is_empty() && own.is_empty() {
            return Err(SenmlError::NoName { record });
        }
        let mut name = String::with_capacity(self.base_name.len() + own.len());
        name.push_str(&self.base_name);
        name.push_str(own);
        check_name(record, &name, self.limits.name_bytes_max)?;
        Ok(name)
    }

    fn unit(&self, record: usize, own: Option<&str>) -> Result<Option<String>, SenmlError> {
        match own {
            Some(unit) => {
                check_unit(record, unit)?;
                Ok(Some(unit.to_owned()))
            }
            None => Ok(self.base_unit.clone()),
        }
    }

    fn time(&self, record: usize, own: f64) -> Result<StoreTime, SenmlError> {
        let seconds = self.base_time + own;
        if !(seconds > -RELATIVE_BELOW_S && seconds < TIME_MAX_S) {
            return Err(SenmlError::Time { record, seconds });
        }
        // Added as microseconds: the sum of two doubles would round once more.
        let since_zero = TimeDelta::from_secs_f64(self.base_time) + TimeDelta::from_secs_f64(own);
        let zero = if seconds < RELATIVE_BELOW_S {
            self.now
        } else {
            StoreTime(0)
        };
        Ok(zero + since_zero)
    }
}

/// Whether a resolved record can be written.
pub(super) fn check(record: usize, r: &Record, name_bytes_max: usize) -> Result<(), SenmlError> {
    check_name(record, &r.name, name_bytes_max)?;
    if let Some(unit) = &r.unit {
        check_unit(record, unit)?;
    }
    if r.value.is_none() && r.sum.is_none() {
        return Err(SenmlError::NoValue { record });
    }
    if let Some(Value::Number(v)) = r.value {
        added(record, "v", 0.0, v)?;
    }
    if let Some(s) = r.sum {
        added(record, "s", 0.0, s)?;
    }
    let seconds = r.time.as_secs_f64();
    if !(RELATIVE_BELOW_S..TIME_MAX_S).contains(&seconds) {
        return Err(SenmlError::Time { record, seconds });
    }
    match r.update_s {
        Some(ut) if !ut.is_finite() || ut < 0.0 => Err(SenmlError::Time {
            record,
            seconds: ut,
        }),
        _ => Ok(()),
    }
}

fn check_name(record: usize, name: &str, max: usize) -> Result<(), SenmlError> {
    let allowed =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'.' | b'/' | b'_');
    let begins = name
        .bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric());
    if begins && name.len() <= max && name.bytes().all(allowed) {
        Ok(())
    } else {
        Err(SenmlError::Name { record, max })
    }
}

fn check_unit(record: usize, unit: &str) -> Result<(), SenmlError> {
    let printable = unit.bytes().all(|b| b.is_ascii_graphic());
    if printable && (1..=UNIT_BYTES_MAX).contains(&unit.len()) {
        Ok(())
    } else {
        Err(SenmlError::Unit { record })
    }
}

fn added(record: usize, label: &'static str, base: f64, x: f64) -> Result<f64, SenmlError> {
    // −0 stays −0: adding a base of nothing would lose its sign.
    let sum = if base == 0.0 { x } else { base + x };
    if sum.is_finite() {
        Ok(sum)
    } else {
        Err(SenmlError::NotFinite { record, label })
    }
}
