//! Appending and reading.

use crate::places::Place;
use walkout_ledger::{Account, Cause, Draft, Ledger, LedgerError, Movement};
use walkout_model::{Gtin, SessionId, StoreTime};

pub fn sku(n: u64) -> Gtin {
    Gtin::from_body(880_100_000_000 + n).unwrap()
}

pub fn lane(n: u64) -> Account {
    Account::Lane(format!("G1/S1/L{n:02}"))
}

pub fn take(key: &str, t: i64, units: u32) -> Draft {
    Draft {
        key: key.into(),
        time: StoreTime(t),
        cause: Cause {
            kind: "take".into(),
            body: serde_json::json!({"probability": 0.987654321, "what": "우유"}),
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

#[tokio::test]
async fn an_entry_is_read_back_as_it_was_recorded_also_after_reopening() {
    for place in Place::all("an_entry_is_read_back").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        let first = ledger.append(take("a", 10, 2)).await.unwrap();
        let mut note = take("b", 20, 1);
        note.movements.clear();
        note.evidence = None;
        let second = ledger.append(note.clone()).await.unwrap();
        assert_eq!((first.seq, second.seq), (1, 2));
        assert!(!first.duplicate && !second.duplicate);
        let check = async |ledger: &Ledger| {
            let entries = ledger.entries(1, 10).await.unwrap();
            assert_eq!(entries.len(), 2);
            assert_eq!(entries[0].draft, take("a", 10, 2));
            assert_eq!(entries[1].draft, note);
            assert_eq!(entries[1].hash, second.hash);
            assert_eq!(ledger.head().hash, second.hash);
            assert_eq!(ledger.balance(&lane(1), sku(1)), -2);
            assert_eq!(
                ledger
                    .balances_at(StoreTime(9))
                    .await
                    .unwrap()
                    .iter()
                    .count(),
                0
            );
            assert_eq!(
                ledger.balances_at(StoreTime(10)).await.unwrap(),
                ledger.balances()
            );
            assert_eq!(ledger.find("b").await.unwrap().unwrap().seq, 2);
            assert!(ledger.find("c").await.unwrap().is_none());
        };
        check(&ledger).await;
        let memory = place.url.contains(":memory:");
        ledger.close().await;
        if !memory {
            check(&Ledger::open(&place.url).await.unwrap()).await;
        }
    }
}

#[tokio::test]
async fn a_key_is_recorded_once() {
    for place in Place::all("a_key_is_recorded_once").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        let first = ledger.append(take("a", 10, 2)).await.unwrap();
        let again = ledger.append(take("a", 10, 2)).await.unwrap();
        assert_eq!(
            (again.seq, again.hash, again.duplicate),
            (1, first.hash, true)
        );
        let other = ledger.append(take("a", 10, 3)).await;
        assert!(
            matches!(other, Err(LedgerError::KeyConflict { seq: 1, .. })),
            "{other:?}"
        );
        assert_eq!(ledger.head().seq, 1);
        assert_eq!(ledger.append(take("b", 10, 3)).await.unwrap().seq, 2);
    }
}
