//! Entries to record.

use walkout_ledger::{Account, Cause, Draft, Movement};
use walkout_model::{Gtin, SessionId, StoreTime};

pub fn sku(n: u64) -> Gtin {
    Gtin::from_body(880_100_000_000 + n).unwrap()
}

pub fn lane(n: u64) -> Account {
    Account::Lane(format!("G1/S1/L{n:02}"))
}

/// Units of the first SKU from the first lane to a cart.
pub fn take(key: &str, t: i64, units: u32) -> Draft {
    Draft {
        key: key.into(),
        time: StoreTime(t),
        cause: Cause {
            kind: "take".into(),
            body: serde_json::json!({ "probability": 0.987_654_321, "what": "우유\u{0}\n" }),
        },
        evidence: Some("rec:1#42".into()),
        movements: vec![Movement {
            from: lane(1),
            to: Account::Cart(SessionId(7)),
            sku: sku(1),
            units,
        }],
    }
}

/// An entry that says something happened and moves nothing.
pub fn note(key: &str, t: i64) -> Draft {
    Draft {
        evidence: None,
        movements: Vec::new(),
        ..take(key, t, 1)
    }
}

/// An entry of any shape, the same for the same number.
pub fn varied(n: u64) -> Draft {
    let accounts = [
        Account::Supplier,
        Account::BackRoom,
        lane(n % 4),
        Account::Cart(SessionId(n % 5)),
        Account::Sold,
        Account::Review,
    ];
    let movements = (0..n % 4).map(|i| Movement {
        from: accounts[(n + i) as usize % 6].clone(),
        to: accounts[(n + i + 1 + n % 5) as usize % 6].clone(),
        sku: sku(n % 7 + i),
        units: 1 + (n % 9) as u32,
    });
    Draft {
        key: format!("key-{n}"),
        // Not in the order of the log: a late conclusion is about an earlier instant.
        time: StoreTime((n as i64 * 7_919) % 1_000),
        cause: Cause {
            kind: ["take", "put_back", "note"][n as usize % 3].into(),
            body: serde_json::json!({ "n": n, "p": 1.0 / (n + 1) as f64, "말": ["가", null] }),
        },
        evidence: n.is_multiple_of(2).then(|| format!("rec:{n}")),
        movements: movements.filter(|m| m.from != m.to).collect(),
    }
}
