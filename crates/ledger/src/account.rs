//! Where units can be.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use walkout_model::SessionId;

/// Longest name of a lane, bytes of UTF-8.
pub const LANE_BYTES_MAX: usize = 100;

/// An account holds units of SKUs. A balance may be negative: the supplier's always is, and a
/// lane's is when more was taken than the books knew of, which a count then puts right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Account {
    /// Where goods come from.
    Supplier,
    /// The shop's own store.
    BackRoom,
    /// A lane of a shelf by its name, `G1/S3/L02`.
    Lane(String),
    /// What a party has taken.
    Cart(SessionId),
    /// Paid for.
    Sold,
    /// Brought back after payment.
    Returned,
    /// Thrown away: broken, past its date.
    Waste,
    /// Gone without payment.
    Shrink,
    /// Waiting for a person's verdict.
    Review,
}

/// Why a text is not an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No account is written so.
    #[error(
        "\"{0}\" is not an account: write supplier, backroom, lane:NAME, cart:sNUMBER, sold, returned, waste, shrink or review"
    )]
    Unknown(String),
    /// The lane's name cannot be kept.
    #[error(
        "\"{0}\" cannot name a lane: use 1 to {LANE_BYTES_MAX} bytes without control characters"
    )]
    Lane(String),
}

impl Account {
    /// Checks what the type cannot: that a lane's name has 1 to [`LANE_BYTES_MAX`] bytes and no
    /// control characters.
    ///
    /// # Errors
    /// [`AccountError::Lane`].
    pub fn check(&self) -> Result<(), AccountError> {
        match self {
            Self::Lane(name)
                if name.is_empty()
                    || name.len() > LANE_BYTES_MAX
                    || name.chars().any(char::is_control) =>
            {
                Err(AccountError::Lane(name.chars().take(40).collect()))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Supplier => f.write_str("supplier"),
            Self::BackRoom => f.write_str("backroom"),
            Self::Lane(name) => write!(f, "lane:{name}"),
            Self::Cart(session) => write!(f, "cart:{session}"),
            Self::Sold => f.write_str("sold"),
            Self::Returned => f.write_str("returned"),
            Self::Waste => f.write_str("waste"),
            Self::Shrink => f.write_str("shrink"),
            Self::Review => f.write_str("review"),
        }
    }
}

impl FromStr for Account {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        let unknown = || AccountError::Unknown(text.chars().take(40).collect());
        let account = match text {
            "supplier" => Self::Supplier,
            "backroom" => Self::BackRoom,
            "sold" => Self::Sold,
            "returned" => Self::Returned,
            "waste" => Self::Waste,
            "shrink" => Self::Shrink,
            "review" => Self::Review,
            _ => {
                if let Some(name) = text.strip_prefix("lane:") {
                    Self::Lane(name.to_owned())
                } else {
                    let session = text.strip_prefix("cart:").ok_or_else(unknown)?;
                    Self::Cart(session.parse().map_err(|_| unknown())?)
                }
            }
        };
        account.check()?;
        // One account has one text, or two texts of one entry would have two hashes.
        if account.to_string() == text {
            Ok(account)
        } else {
            Err(unknown())
        }
    }
}

impl TryFrom<String> for Account {
    type Error = AccountError;
    fn try_from(text: String) -> Result<Self, AccountError> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_go_there_and_back() {
        let accounts = [
            Account::Supplier,
            Account::BackRoom,
            Account::Lane("G1/S3/L02".into()),
            Account::Lane("냉장고:1".into()),
            Account::Cart(SessionId(12)),
            Account::Cart(SessionId(u64::MAX)),
            Account::Sold,
            Account::Returned,
            Account::Waste,
            Account::Shrink,
            Account::Review,
        ];
        for account in accounts {
            assert_eq!(account.to_string().parse(), Ok(account.clone()));
        }
    }

    #[test]
    fn only_the_one_spelling_of_an_account_is_taken() {
        for bad in [
            "",
            "Sold",
            "sold ",
            "lane",
            "lane:",
            "lane:a\nb",
            "cart:",
            "cart:12",
            "cart:s012",
            "cart:s+1",
            "cart:s-1",
            "till",
        ] {
            assert!(bad.parse::<Account>().is_err(), "{bad}");
        }
        assert!(
            format!("lane:{}", "x".repeat(LANE_BYTES_MAX + 1))
                .parse::<Account>()
                .is_err()
        );
    }
}
