//! Money: whole minor units of an ISO 4217 currency, checked arithmetic, never a float.

use serde::{Deserialize, Serialize};

/// An ISO 4217 currency code that is known to have a number of minor digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// Why a currency code was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown currency \"{0}\": use an ISO 4217 code such as KRW, EUR or USD")]
pub struct UnknownCurrency(pub String);

impl Currency {
    /// South Korean won (no minor unit).
    pub const KRW: Self = Self(*b"KRW");
    /// Euro.
    pub const EUR: Self = Self(*b"EUR");
    /// US dollar.
    pub const USD: Self = Self(*b"USD");

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Digits after the decimal point in the major unit (KRW 0, EUR 2, KWD 3), by ISO 4217.
    pub fn minor_digits(&self) -> u32 {
        iso_currency::Currency::from_code(self.code())
            .and_then(|c| c.exponent())
            .map_or(2, u32::from)
    }
}

impl std::str::FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, UnknownCurrency> {
        let bytes: [u8; 3] = code
            .as_bytes()
            .try_into()
            .map_err(|_| UnknownCurrency(code.to_owned()))?;
        iso_currency::Currency::from_code(code)
            .and_then(|c| c.exponent())
            .ok_or_else(|| UnknownCurrency(code.to_owned()))?;
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Currency {
    type Error = UnknownCurrency;
    fn try_from(code: String) -> Result<Self, UnknownCurrency> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.code().to_owned()
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units of one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units (won, cents). Negative for refunds.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

/// Why a sum of money could not be formed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The amount leaves the range of 64 bits.
    #[error("the amount overflows")]
    Overflow,
    /// Two currencies in one sum.
    #[error("cannot add {1} to {0}")]
    Mixed(Currency, Currency),
}

impl Money {
    /// `minor` units of `currency`.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// The sum of two amounts of one currency.
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::Mixed(self.currency, other.currency));
        }
        let minor = self
            .minor
            .checked_add(other.minor)
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// `self − other`.
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        let negated = other.minor.checked_neg().ok_or(MoneyError::Overflow)?;
        self.checked_add(Self {
            minor: negated,
            ..other
        })
    }

    /// `n` times the amount.
    pub fn checked_mul(self, n: i64) -> Result<Self, MoneyError> {
        let minor = self.minor.checked_mul(n).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }
}

impl std::fmt::Display for Money {
    /// `KRW 1,200`, `EUR 3.40`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = self.currency.minor_digits();
        let scale = 10_u64.pow(digits);
        let absolute = self.minor.unsigned_abs();
        let major = (absolute / scale).to_string();
        let mut grouped = String::new();
        for (i, c) in major.chars().enumerate() {
            if i > 0 && (major.len() - i).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(c);
        }
        let sign = if self.minor < 0 { "-" } else { "" };
        write!(f, "{} {sign}{grouped}", self.currency)?;
        if digits > 0 {
            write!(f, ".{:0width$}", absolute % scale, width = digits as usize)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_know_their_minor_digits() {
        assert_eq!(
            Money::new(1_234_500, Currency::KRW).to_string(),
            "KRW 1,234,500"
        );
        assert_eq!(Money::new(-340, Currency::EUR).to_string(), "EUR -3.40");
        assert!("ABC".parse::<Currency>().is_err());
        assert!("krw".parse::<Currency>().is_err());
    }

    #[test]
    fn sums_are_checked() {
        let won = Money::new(i64::MAX, Currency::KRW);
        assert_eq!(
            won.checked_add(Money::new(1, Currency::KRW)),
            Err(MoneyError::Overflow)
        );
        assert!(won.checked_add(Money::new(1, Currency::EUR)).is_err());
    }
}
