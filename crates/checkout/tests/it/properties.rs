//! Whatever comes in whatever order: no unit and no won is lost.

use crate::fixture::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use walkout_checkout::{Checkout, ReceiptStatus, Verdict};
use walkout_ledger::Account;
use walkout_model::{
    AttributedMovement, CustomerId, Decision, Gtin, LaneIx, MovementId, SessionId, ShelfIx, SkuIx,
    StoreTime, Who,
};
use walkout_payment::TestCard;

#[derive(Clone, Debug)]
enum Op {
    Enter {
        customer: u64,
        staff: bool,
    },
    Move {
        who: u64,
        sku: u32,
        units: i32,
        lane: Option<u32>,
        decision: u8,
        supersedes: Option<u64>,
    },
    Exit {
        session: u64,
    },
    Answer {
        review: u64,
        verdict: u8,
        who: u64,
        sku: u32,
        units: i32,
    },
    Card {
        customer: u64,
        card: u8,
    },
    RetryDebt {
        session: u64,
    },
    Tick,
    Reopen,
}

fn op() -> impl Strategy<Value = Op> {
    let who = 0..5_u64;
    prop_oneof![
        3 => (1..5_u64, prop::bool::weighted(0.2)).prop_map(|(customer, staff)| Op::Enter { customer, staff }),
        10 => (who.clone(), prop_oneof![3 => Just(0), 1 => 1..4_u32], -3..4_i32, prop::option::of(0..4_u32), 0..12_u8, prop::option::weighted(0.25, 1..5_u64))
            .prop_map(|(who, sku, units, lane, decision, supersedes)| Op::Move { who, sku, units, lane, decision, supersedes }),
        3 => (0..8_u64).prop_map(|session| Op::Exit { session }),
        4 => (1..12_u64, 0..4_u8, who, 0..4_u32, -3..4_i32)
            .prop_map(|(review, verdict, who, sku, units)| Op::Answer { review, verdict, who, sku, units }),
        1 => (1..5_u64, 0..6_u8).prop_map(|(customer, card)| Op::Card { customer, card }),
        1 => (0..8_u64).prop_map(|session| Op::RetryDebt { session }),
        1 => Just(Op::Tick),
        1 => Just(Op::Reopen),
    ]
}

fn party(id: u64) -> Who {
    if id == 0 {
        Who::Unknown
    } else {
        Who::Session(SessionId(id))
    }
}

async fn run(bench: &mut Bench, i: usize, op: Op) {
    let now = at(10 * i64::try_from(i).unwrap());
    match op {
        Op::Enter { customer, staff } => {
            let customer = CustomerId(customer);
            let code = if staff {
                bench.checkout.issue_staff_code(customer, 1, now)
            } else {
                bench.checkout.issue_code(customer, 1, now)
            };
            let _ = bench.checkout.scan(&code.unwrap(), DOOR, now).await;
        }
        Op::Move {
            who,
            sku,
            units,
            lane,
            decision,
            supersedes,
        } => {
            let mut movement = moved(i as u64, party(who), WATER, units, now);
            movement.best.sku = (sku < 3).then_some(SkuIx(sku));
            movement.shelf = lane.map_or(TOP, |lane| ShelfIx(lane / 2));
            movement.lane = lane.map(LaneIx);
            movement.decision = match decision {
                0 => Decision::LeaveOff,
                1 => Decision::Review,
                _ => Decision::Accept,
            };
            movement.alternatives = vec![moved(0, party(who / 2), MILK, units, now).best];
            let movement = AttributedMovement {
                // A few operations back, so that it is often there and often not a movement.
                supersedes: supersedes.map(|back| MovementId((i as u64).saturating_sub(back))),
                ..movement
            };
            bench.checkout.apply(&movement).await.unwrap();
        }
        Op::Exit { session } => {
            bench
                .checkout
                .exit(&left(SessionId(session), now))
                .await
                .unwrap();
        }
        Op::Answer {
            review,
            verdict,
            who,
            sku,
            units,
        } => {
            let verdict = match verdict {
                0 => Verdict::Nothing,
                1 | 2 => Verdict::Candidate {
                    index: usize::from(verdict - 1),
                },
                _ => Verdict::Other {
                    who: party(who),
                    gtin: gtin(SkuIx(sku.min(2))),
                    quantity: units,
                },
            };
            let review = walkout_checkout::ReviewId(review);
            let _ = bench
                .checkout
                .answer_review(review, &verdict, "mina", now)
                .await;
        }
        Op::Card { customer, card } => {
            let card = match card {
                0 => TestCard::DeclinesHolds,
                1 => TestCard::DeclinesCaptures,
                2 => TestCard::Unreachable(2),
                3 => TestCard::AnswersLost(2),
                4 => TestCard::HoldsLapseAfter(walkout_model::TimeDelta::from_secs(15)),
                _ => TestCard::Good,
            };
            bench.sandbox.set_card(CustomerId(customer), card);
        }
        Op::RetryDebt { session } => {
            bench
                .checkout
                .retry_debt(SessionId(session), now)
                .await
                .unwrap();
        }
        Op::Tick => bench.checkout.tick(now).await.unwrap(),
        Op::Reopen => {
            let reopened = bench.reopened().await;
            assert_eq!(views(&reopened, now), views(&bench.checkout, now));
            bench.checkout = reopened;
        }
    }
}

fn views(checkout: &Checkout, now: StoreTime) -> String {
    let receipts = checkout.receipts(1_000).unwrap();
    let people = (checkout.sessions(), checkout.debts(), receipts);
    let work = (
        checkout.reviews(now),
        checkout.counters(),
        checkout.notices(),
    );
    format!("{people:#?} {work:#?}")
}

async fn check(bench: &Bench) {
    let balances = bench.checkout.balances();
    assert_eq!(balances, bench.ledger.balances());
    for (account, sku, units) in balances.iter() {
        assert!(
            !matches!(account, Account::Cart(_)) || units > 0,
            "{account} holds {units} of {sku}"
        );
    }
    for (sku, sum) in balances.sums() {
        assert_eq!(sum, 0, "{sku}");
    }
    let receipts = bench.checkout.receipts(1_000).unwrap();
    let finals = || {
        receipts
            .iter()
            .filter(|receipt| receipt.status == ReceiptStatus::Final)
    };
    let mut units: BTreeMap<Gtin, i64> = BTreeMap::new();
    for line in finals().flat_map(|receipt| &receipt.lines) {
        *units.entry(line.gtin).or_insert(0) += i64::from(line.units);
    }
    assert_eq!(units, balances.of(&Account::Sold).collect());
    let numbers: Vec<_> = finals().filter_map(|receipt| receipt.number).collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=numbers.len() as u64).collect::<Vec<_>>());
    for receipt in finals() {
        let lines: i64 = receipt.lines.iter().map(|line| line.total.minor).sum();
        assert_eq!(lines, receipt.total.minor);
    }
}

/// Lets every card pay, settles every doubt, sends everybody home and waits.
async fn close(bench: &Bench, end: i64) {
    for customer in 1..5 {
        bench.sandbox.set_card(CustomerId(customer), TestCard::Good);
    }
    for review in bench.checkout.reviews(at(end)) {
        bench
            .checkout
            .answer_review(review.id, &Verdict::Nothing, "mina", at(end))
            .await
            .unwrap();
    }
    for session in bench.checkout.sessions() {
        bench
            .checkout
            .exit(&left(session.id, at(end)))
            .await
            .unwrap();
    }
    for minute in 1..10 {
        bench.checkout.tick(at(end + 600 * minute)).await.unwrap();
        for (_, session, _) in bench.checkout.debts() {
            let now = at(end + 600 * minute + 1);
            bench.checkout.retry_debt(session, now).await.unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn no_unit_and_no_won_is_lost(ops in prop::collection::vec(op(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut bench = Bench::new().await;
            for customer in 1..4 {
                bench.enter(customer, OPENING).await;
            }
            let end = 10 * i64::try_from(ops.len()).unwrap();
            for (i, op) in ops.into_iter().enumerate() {
                run(&mut bench, i, op).await;
                check(&bench).await;
            }
            close(&bench, end).await;
            check(&bench).await;
            assert!(bench.checkout.sessions().is_empty(), "{:#?}", bench.checkout.sessions());
            assert!(bench.checkout.debts().is_empty());
            let receipts = bench.checkout.receipts(1_000).unwrap();
            let owed: i64 = receipts.iter().map(|receipt| receipt.total.minor).sum();
            assert_eq!(bench.sandbox.taken_minor(won(0).currency), owed);
            assert_eq!(bench.sandbox.open_holds(at(end + 6_000)), 0);
            assert_eq!(bench.checkout.balances().of(&Account::Review).count(), 0);
        });
    }
}
