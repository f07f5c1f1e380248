//! The ledger beside a plain model of it: 10,000 operations on each kind of place.

use crate::drafts::varied;
use crate::places::Place;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use walkout_ledger::{Account, Appended, Draft, Ledger, LedgerError};
use walkout_model::{Gtin, StoreTime};

const CASES: u32 = 25;
const OPERATIONS: usize = 400;

#[derive(Clone, Debug)]
enum Operation {
    /// Append a draft; with few numbers to draw from, many are repeats.
    Append(u64),
    /// Append the number's key with another content.
    Conflict(u64),
    /// So many appends at once.
    Burst(Vec<u64>),
    Balances,
    BalancesAt(i64),
    Entries(u64, usize),
    Find(u64),
    Fsck,
    Reopen,
}

fn operation() -> impl Strategy<Value = Operation> {
    let number = 0..500_u64;
    prop_oneof![
        20 => number.clone().prop_map(Operation::Append),
        5 => number.clone().prop_map(Operation::Conflict),
        5 => prop::collection::vec(number.clone(), 1..40).prop_map(Operation::Burst),
        4 => Just(Operation::Balances),
        4 => (-1..1_001_i64).prop_map(Operation::BalancesAt),
        4 => (0..600_u64, 0..50_usize).prop_map(|(from, limit)| Operation::Entries(from, limit)),
        4 => number.prop_map(Operation::Find),
        1 => Just(Operation::Fsck),
        1 => Just(Operation::Reopen),
    ]
}

type Units = BTreeMap<(Account, Gtin), i64>;

/// What a ledger is, without any of how.
#[derive(Default)]
struct Model {
    log: Vec<Draft>,
}

impl Model {
    /// The place, and whether it was there already; `Err` for a conflict.
    fn append(&mut self, draft: &Draft) -> Result<(u64, bool), u64> {
        if let Some(i) = self.log.iter().position(|old| old.key == draft.key) {
            let seq = i as u64 + 1;
            return if self.log[i] == *draft {
                Ok((seq, true))
            } else {
                Err(seq)
            };
        }
        self.log.push(draft.clone());
        Ok((self.log.len() as u64, false))
    }

    fn balances(&self, until: StoreTime) -> Units {
        let mut units = Units::new();
        for draft in self.log.iter().filter(|draft| draft.time <= until) {
            for m in &draft.movements {
                *units.entry((m.from.clone(), m.sku)).or_default() -= i64::from(m.units);
                *units.entry((m.to.clone(), m.sku)).or_default() += i64::from(m.units);
            }
        }
        units.retain(|_, units| *units != 0);
        units
    }
}

fn units(balances: &walkout_ledger::Balances) -> Units {
    balances
        .iter()
        .map(|(account, sku, units)| ((account.clone(), sku), units))
        .collect()
}

fn said(answer: Result<Appended, LedgerError>) -> Result<(u64, bool), u64> {
    match answer {
        Ok(appended) => Ok((appended.seq, appended.duplicate)),
        Err(LedgerError::KeyConflict { seq, .. }) => Err(seq),
        Err(other) => unreachable!("{other}"),
    }
}

fn other(n: u64) -> Draft {
    Draft {
        evidence: Some("another".into()),
        ..varied(n)
    }
}

async fn agree(url: &str, operations: &[Operation]) {
    let mut model = Model::default();
    let mut ledger = Ledger::open(url).await.unwrap();
    for operation in operations {
        match operation {
            Operation::Append(n) => {
                assert_eq!(
                    said(ledger.append(varied(*n)).await),
                    model.append(&varied(*n))
                );
            }
            Operation::Conflict(n) => {
                assert_eq!(
                    said(ledger.append(other(*n)).await),
                    model.append(&other(*n))
                );
            }
            Operation::Burst(numbers) => {
                let tasks: Vec<_> = numbers
                    .iter()
                    .map(|n| {
                        let (ledger, draft) = (ledger.clone(), varied(*n));
                        tokio::spawn(async move { ledger.append(draft).await })
                    })
                    .collect();
                for (task, n) in tasks.into_iter().zip(numbers) {
                    assert_eq!(said(task.await.unwrap()), model.append(&varied(*n)));
                }
            }
            Operation::Balances => {
                assert_eq!(
                    units(&ledger.balances()),
                    model.balances(StoreTime(i64::MAX))
                );
                assert!(ledger.balances().sums().values().all(|sum| *sum == 0));
            }
            Operation::BalancesAt(t) => {
                let past = ledger.balances_at(StoreTime(*t)).await.unwrap();
                assert_eq!(units(&past), model.balances(StoreTime(*t)));
            }
            Operation::Entries(from, limit) => {
                let entries = ledger.entries(*from, *limit).await.unwrap();
                let start = (from.max(&1) - 1) as usize;
                let expected: Vec<_> = (model.log.iter().zip(1..))
                    .skip(start)
                    .take(*limit)
                    .collect();
                let found: Vec<_> = entries.iter().map(|e| (&e.draft, e.seq)).collect();
                assert_eq!(found, expected);
            }
            Operation::Find(n) => {
                let key = format!("key-{n}");
                let found = ledger.find(&key).await.unwrap().map(|entry| entry.draft);
                assert_eq!(
                    found.as_ref(),
                    model.log.iter().find(|draft| draft.key == key)
                );
            }
            Operation::Fsck => {
                let report = ledger.fsck(None).await.unwrap();
                assert!(report.is_sound(), "{report:?}");
                assert_eq!(report.head.seq, model.log.len() as u64);
            }
            Operation::Reopen if url.contains(":memory:") => {}
            Operation::Reopen => {
                let head = ledger.head();
                ledger.close().await;
                ledger = Ledger::open(url).await.unwrap();
                assert_eq!(ledger.head(), head);
            }
        }
    }
    ledger.close().await;
}

/// Each case on a fresh place.
fn cases(place: impl Fn(&tokio::runtime::Runtime) -> Option<Place>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = ProptestConfig {
        cases: CASES,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let operations = prop::collection::vec(operation(), OPERATIONS);
    // A fixed seed: the same operations each time, and a failure anyone can repeat.
    let rng = proptest::test_runner::TestRng::deterministic_rng(
        proptest::test_runner::RngAlgorithm::ChaCha,
    );
    let ran = TestRunner::new_with_rng(config, rng).run(&operations, |operations| {
        if let Some(place) = place(&runtime) {
            runtime.block_on(agree(&place.url, &operations));
        }
        Ok(())
    });
    if let Err(failure) = ran {
        unreachable!("{failure}");
    }
}

#[test]
fn sqlite_files_agree_with_the_model() {
    cases(|_| Some(Place::sqlite()));
}

#[test]
fn sqlite_in_memory_agrees_with_the_model() {
    cases(|_| Some(Place::memory()));
}

#[test]
fn postgres_agrees_with_the_model() {
    cases(|runtime| runtime.block_on(Place::postgres("postgres_agrees_with_the_model")));
}
