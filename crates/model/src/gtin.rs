//! GTIN: the number under the bar code (GS1 General Specifications, section 7.9 for the check digit).

use serde::{Deserialize, Serialize};

/// A GTIN-8, -12, -13 or -14 with a right check digit, kept as the number it is; a shorter GTIN
/// equals the GTIN-14 that begins with zeros, as GS1 defines.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gtin(u64);

/// Why a text is not a GTIN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GtinError {
    /// Not 8, 12, 13 or 14 digits.
    #[error("\"{0}\" is not a GTIN: write its 8, 12, 13 or 14 digits")]
    Shape(String),
    /// The last digit does not follow from the others.
    #[error("\"{text}\" has the wrong check digit: it must end in {expected}")]
    CheckDigit {
        /// What was written.
        text: String,
        /// The digit that the others demand.
        expected: u8,
    },
}

impl Gtin {
    /// The check digit for the digits before it: weights 3, 1, 3, … from the right.
    pub fn check_digit(mut body: u64) -> u8 {
        let mut sum = 0;
        let mut weight = 3;
        while body > 0 {
            sum += (body % 10) * weight;
            weight = 4 - weight;
            body /= 10;
        }
        ((10 - sum % 10) % 10) as u8
    }

    /// A GTIN from all its digits but the last, which is computed. `None` beyond 13 digits.
    pub fn from_body(body: u64) -> Option<Self> {
        (body < 10_u64.pow(13)).then(|| Self(body * 10 + u64::from(Self::check_digit(body))))
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl std::str::FromStr for Gtin {
    type Err = GtinError;

    fn from_str(text: &str) -> Result<Self, GtinError> {
        let digits =
            matches!(text.len(), 8 | 12 | 13 | 14) && text.bytes().all(|b| b.is_ascii_digit());
        let number: u64 = text
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or_else(|| GtinError::Shape(text.chars().take(40).collect()))?;
        let expected = Self::check_digit(number / 10);
        if number % 10 != u64::from(expected) {
            return Err(GtinError::CheckDigit {
                text: text.to_owned(),
                expected,
            });
        }
        Ok(Self(number))
    }
}

impl TryFrom<String> for Gtin {
    type Error = GtinError;
    fn try_from(text: String) -> Result<Self, GtinError> {
        text.parse()
    }
}

impl From<Gtin> for String {
    fn from(gtin: Gtin) -> Self {
        gtin.to_string()
    }
}

impl std::fmt::Display for Gtin {
    /// Thirteen digits, or fourteen where the first is not zero.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:013}", self.0)
    }
}

impl std::fmt::Debug for Gtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_follow_gs1() {
        // GS1's own example, 629104150021 → 3.
        assert_eq!(Gtin::check_digit(629_104_150_021), 3);
        assert!("6291041500213".parse::<Gtin>().is_ok());
        assert_eq!(
            "6291041500214".parse::<Gtin>(),
            Err(GtinError::CheckDigit {
                text: "6291041500214".into(),
                expected: 3
            })
        );
        for bad in ["", "12", "62910415002１3", "+291041500213", "629104150021x"] {
            assert!(
                matches!(bad.parse::<Gtin>(), Err(GtinError::Shape(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn a_short_gtin_equals_its_long_form() {
        let a: Gtin = "036000291452".parse().unwrap();
        let b: Gtin = "00036000291452".parse().unwrap();
        assert_eq!(a, b);
    }
}
