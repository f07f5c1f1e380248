//! Several writers at once: in one process, in two, and after a failure.

use crate::drafts::{lane, note, sku, take, varied};
use crate::places::Place;
use std::collections::BTreeSet;
use tokio::task::JoinSet;
use walkout_ledger::{Ledger, LedgerError};

/// Spawned on one thread, the appends reach the queue in this order and wait there together.
async fn burst(
    ledger: &Ledger,
    drafts: impl IntoIterator<Item = walkout_ledger::Draft>,
) -> Vec<Result<walkout_ledger::Appended, LedgerError>> {
    let handles: Vec<_> = drafts
        .into_iter()
        .map(|draft| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.append(draft).await })
        })
        .collect();
    let mut answers = Vec::new();
    for handle in handles {
        answers.push(handle.await.unwrap());
    }
    answers
}

#[tokio::test]
async fn one_key_twice_in_a_batch_is_recorded_once() {
    for place in Place::all("one_key_twice_in_a_batch").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        ledger.append(take("old", 1, 1)).await.unwrap();
        let answers = burst(
            &ledger,
            [
                take("a", 1, 2),
                take("b", 1, 2),
                take("a", 1, 2),
                take("a", 1, 3),
                // Their key is in the store already: the second says the same as the store.
                take("old", 9, 9),
                take("old", 1, 1),
                note("c", 4),
            ],
        )
        .await;
        let seen: Vec<_> = answers
            .iter()
            .map(|answer| match answer {
                Ok(appended) => (appended.seq, appended.duplicate),
                Err(LedgerError::KeyConflict { seq, .. }) => (*seq, true),
                Err(other) => unreachable!("{other}"),
            })
            .collect();
        let conflicts: Vec<_> = answers.iter().map(Result::is_err).collect();
        assert_eq!(
            seen,
            [
                (2, false),
                (3, false),
                (2, true),
                (2, true),
                (1, true),
                (1, true),
                (4, false)
            ]
        );
        assert_eq!(conflicts, [false, false, false, true, true, false, false]);
        assert_eq!(ledger.balance(&lane(1), sku(1)), -5);
        assert!(ledger.fsck(None).await.unwrap().is_sound());
    }
}

#[tokio::test]
async fn more_appends_than_the_queue_holds_all_arrive() {
    for place in Place::all("more_appends_than_the_queue_holds").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        let answers = burst(&ledger, (0..3_000).map(varied)).await;
        let places: BTreeSet<u64> = answers.into_iter().map(|a| a.unwrap().seq).collect();
        assert_eq!(places, (1..=3_000).collect());
        let report = ledger.fsck(None).await.unwrap();
        assert!(report.is_sound() && report.head.seq == 3_000, "{report:?}");
    }
}

#[tokio::test]
async fn two_ledgers_on_one_place_keep_one_chain() {
    for place in Place::lasting("two_ledgers_on_one_place").await {
        let ledgers = [
            Ledger::open(&place.url).await.unwrap(),
            Ledger::open(&place.url).await.unwrap(),
        ];
        let mut tasks = JoinSet::new();
        for (which, ledger) in ledgers.iter().enumerate() {
            let ledger = ledger.clone();
            tasks.spawn(async move {
                for i in 0..60 {
                    let own = ledger.append(take(&format!("own-{which}-{i}"), i, 1)).await;
                    assert!(!own.unwrap().duplicate);
                    ledger
                        .append(take(&format!("both-{i}"), i, 1))
                        .await
                        .unwrap();
                }
            });
        }
        tasks.join_all().await;
        for ledger in &ledgers {
            // A ledger sees the other's entries at its next append.
            ledger.append(note("end", 0)).await.unwrap();
            assert_eq!(ledger.head().seq, 181);
            assert_eq!(ledger.balance(&lane(1), sku(1)), -180);
            assert!(ledger.fsck(None).await.unwrap().is_sound());
        }
    }
}

#[tokio::test]
async fn after_a_failed_transaction_the_ledger_goes_on() {
    for place in Place::lasting("after_a_failed_transaction").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        ledger.append(take("a", 1, 1)).await.unwrap();
        place
            .spoil("ALTER TABLE ledger_movement RENAME TO elsewhere")
            .await;
        for answer in burst(&ledger, [take("b", 2, 1), take("c", 3, 1)]).await {
            assert!(
                matches!(answer, Err(LedgerError::Store { .. })),
                "{answer:?}"
            );
        }
        assert!(ledger.append(take("d", 4, 1)).await.is_err());
        assert_eq!(ledger.head().seq, 1);
        place
            .spoil("ALTER TABLE elsewhere RENAME TO ledger_movement")
            .await;
        assert_eq!(ledger.append(take("b", 2, 1)).await.unwrap().seq, 2);
        assert!(ledger.fsck(None).await.unwrap().is_sound());
        let clone = ledger.clone();
        ledger.close().await;
        let closed = clone.append(take("e", 5, 1)).await;
        assert!(matches!(closed, Err(LedgerError::Closed(_))), "{closed:?}");
    }
}

#[tokio::test]
async fn a_log_that_changes_under_a_ledger_stops_it() {
    let place = Place::sqlite();
    let ledger = Ledger::open(&place.url).await.unwrap();
    for n in 0..10 {
        ledger.append(varied(n)).await.unwrap();
    }
    // Another writer that does not know the chain.
    place
        .spoil(
            "INSERT INTO ledger_entry VALUES (11, 1, 'forged', 'take', '{}', NULL, 'none'); UPDATE ledger_head SET seq = 11",
        )
        .await;
    for key in ["a", "b"] {
        let stopped = ledger.append(take(key, 1, 1)).await;
        assert!(
            matches!(stopped, Err(LedgerError::Damaged { seq: 11, .. })),
            "{stopped:?}"
        );
    }
    let fault = ledger.fsck(None).await.unwrap().fault.unwrap();
    assert_eq!(fault.entry, Some(11));
}
