//! Appending and reading.

use crate::drafts::{lane, note, sku, take};
use crate::places::Place;
use walkout_ledger::{
    Account, AccountError, DraftError, EntryHash, KEY_BYTES_MAX, Ledger, LedgerError, UNITS_MAX,
};
use walkout_model::StoreTime;

#[tokio::test]
async fn an_entry_is_read_back_as_it_was_recorded_also_after_reopening() {
    for place in Place::all("an_entry_is_read_back").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        let first = ledger.append(take("a", 10, 2)).await.unwrap();
        let second = ledger.append(note("b", 20)).await.unwrap();
        assert_eq!((first.seq, second.seq), (1, 2));
        assert!(!first.duplicate && !second.duplicate);
        let check = async |ledger: &Ledger| {
            let entries = ledger.entries(1, 10).await.unwrap();
            assert_eq!(entries.len(), 2);
            assert_eq!(entries[0].draft, take("a", 10, 2));
            assert_eq!(entries[1].draft, note("b", 20));
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

#[tokio::test]
async fn a_draft_that_breaks_a_limit_is_refused_and_leaves_nothing() {
    let ledger = Ledger::open("sqlite::memory:").await.unwrap();
    let good = take("a", 1, 1);
    let with = |change: &dyn Fn(&mut walkout_ledger::Draft)| {
        let mut draft = good.clone();
        change(&mut draft);
        draft
    };
    let mut deep = serde_json::json!(1);
    for _ in 0..200 {
        deep = serde_json::json!([deep]);
    }
    let bad = [
        with(&|d| d.key.clear()),
        with(&|d| d.key = "x".repeat(KEY_BYTES_MAX + 1)),
        with(&|d| d.key = "a\u{0}".into()),
        with(&|d| d.cause.kind.clear()),
        with(&|d| d.evidence = Some(String::new())),
        with(&|d| d.cause.body = serde_json::json!("x".repeat(300_000))),
        with(&|d| d.cause.body = deep.clone()),
        with(&|d| d.movements[0].units = 0),
        with(&|d| d.movements[0].units = UNITS_MAX + 1),
        with(&|d| d.movements[0].to = lane(1)),
        with(&|d| d.movements[0].to = Account::Lane("a\nb".into())),
        with(&|d| d.movements = vec![d.movements[0].clone(); 5_000]),
    ];
    for draft in bad {
        let refused = ledger.append(draft.clone()).await;
        assert!(
            matches!(refused, Err(LedgerError::Invalid { .. })),
            "{:?}",
            draft.key
        );
    }
    assert_eq!(ledger.head().seq, 0);
    let lane = ledger
        .append(with(&|d| {
            d.movements[0].from = Account::Lane(String::new())
        }))
        .await;
    let Err(LedgerError::Invalid { source, .. }) = lane else {
        unreachable!("an empty lane was taken");
    };
    let source_of = AccountError::Lane(String::new());
    assert_eq!(
        source,
        DraftError::Account {
            index: 0,
            source: source_of
        }
    );
}

#[tokio::test]
async fn a_url_of_another_kind_and_a_missing_file_are_said() {
    for url in ["mysql://localhost/x", "ledger.db", ""] {
        assert!(
            matches!(Ledger::open(url).await, Err(LedgerError::Url(_))),
            "{url}"
        );
    }
    let place = Place::sqlite();
    assert!(walkout_ledger::fsck(&place.url, None).await.is_err());
    assert!(!place.file().exists(), "fsck made a ledger");
}

#[tokio::test]
async fn subscribers_hear_every_entry_in_order() {
    for place in Place::all("subscribers_hear_every_entry").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        let mut heard = ledger.subscribe();
        for i in 0..20 {
            ledger.append(take(&format!("k{i}"), i, 1)).await.unwrap();
        }
        // A duplicate is no news.
        ledger.append(take("k3", 3, 1)).await.unwrap();
        for i in 0..20 {
            let entry = heard.recv().await.unwrap();
            assert_eq!(
                (entry.seq, &entry.draft),
                (i + 1, &take(&format!("k{i}"), i as i64, 1))
            );
        }
        assert!(heard.try_recv().is_err());
        assert_eq!(ledger.balance(&lane(1), sku(1)), -20);
    }
}

#[tokio::test]
async fn a_noted_head_proves_that_nothing_was_cut_off() {
    for place in Place::lasting("a_noted_head").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        for i in 0..5 {
            ledger.append(take(&format!("k{i}"), i, 1)).await.unwrap();
        }
        let noted = ledger.head().hash;
        ledger.append(take("k5", 5, 1)).await.unwrap();
        let report = ledger.fsck(Some(noted)).await.unwrap();
        assert!(
            report.is_sound() && report.head == ledger.head(),
            "{report:?}"
        );
        let other = ledger.fsck(Some(EntryHash([7; 32]))).await.unwrap();
        assert!(other.fault.unwrap().what.contains("cut off or rewritten"));
        ledger.close().await;

        // Whoever cuts the log and mends its head is found by the noted one alone.
        place
            .spoil(
                "DELETE FROM ledger_movement WHERE seq > 4; DELETE FROM ledger_entry WHERE seq > 4",
            )
            .await;
        let report = walkout_ledger::fsck(&place.url, None).await.unwrap();
        let fault = report.fault.unwrap();
        assert_eq!(fault.entry, Some(5), "{fault:?}");
        assert!(matches!(
            Ledger::open(&place.url).await,
            Err(LedgerError::Damaged { seq: 5, .. })
        ));
        place
            .spoil("UPDATE ledger_head SET seq = 4, hash = (SELECT hash FROM ledger_entry WHERE seq = 4)")
            .await;
        assert!(
            walkout_ledger::fsck(&place.url, None)
                .await
                .unwrap()
                .is_sound()
        );
        let report = walkout_ledger::fsck(&place.url, Some(noted)).await.unwrap();
        assert!(report.fault.unwrap().what.contains("cut off or rewritten"));
    }
}

#[tokio::test]
async fn a_head_that_is_gone_or_behind_is_damage() {
    for place in Place::lasting("a_head_that_is_gone_or_behind").await {
        let ledger = Ledger::open(&place.url).await.unwrap();
        ledger.append(take("a", 1, 1)).await.unwrap();
        ledger.append(take("b", 1, 1)).await.unwrap();
        ledger.close().await;
        for spoil in ["UPDATE ledger_head SET seq = 1", "DELETE FROM ledger_head"] {
            place.spoil(spoil).await;
            let opened = Ledger::open(&place.url).await;
            assert!(
                matches!(opened, Err(LedgerError::Damaged { .. })),
                "{spoil}"
            );
            let fault = walkout_ledger::fsck(&place.url, None)
                .await
                .unwrap()
                .fault
                .unwrap();
            assert!(
                fault.entry.is_none() && fault.what.contains("head"),
                "{fault:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_path_is_taken_as_it_is_written() {
    let place = Place::sqlite();
    let folder = place
        .file()
        .with_file_name("a shop's %41 ledger?mode=ro 상점");
    std::fs::create_dir(&folder).unwrap();
    let file = folder.join("l.db");
    let ledger = Ledger::open(&format!("sqlite:{}", file.display()))
        .await
        .unwrap();
    ledger.append(note("a", 1)).await.unwrap();
    ledger.close().await;
    assert!(file.exists());
}
