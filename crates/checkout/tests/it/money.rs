//! Charges, debts and gateways that fail.

use crate::fixture::*;
use walkout_checkout::{EntryRefused, Exited, NoticeKind, ReceiptStatus, Stage};
use walkout_model::{CustomerId, Who};
use walkout_payment::{GatewayError, TestCard};

const CUSTOMER: CustomerId = CustomerId(1);

fn taken(bench: &Bench) -> i64 {
    bench.sandbox.taken_minor(won(0).currency)
}

#[tokio::test]
async fn an_empty_cart_costs_nothing_and_lets_the_hold_go() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let exited = bench.checkout.exit(&left(session, at(30))).await.unwrap();
    assert_eq!(exited, Exited::Receipt(ReceiptStatus::Final));
    assert_eq!(
        bench.checkout.receipt(session).unwrap().unwrap().total,
        won(0)
    );
    assert_eq!(bench.sandbox.open_holds(at(31)), 0);
    assert!(bench.sandbox.holds()[0].released);
    assert_eq!(
        bench.checkout.session(session).unwrap().stage,
        Stage::Settled
    );
}

#[tokio::test]
async fn what_the_hold_does_not_cover_is_held_and_taken_apart() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    bench.apply(moved(1, who, MILK, 30, at(10))).await;
    bench.checkout.exit(&left(session, at(30))).await.unwrap();
    let captured: Vec<_> = bench
        .sandbox
        .holds()
        .iter()
        .map(|hold| hold.captured)
        .collect();
    assert_eq!(captured, [Some(won(70_000)), Some(won(15_500))]);
    assert_eq!(bench.checkout.session(session).unwrap().owed, won(0));
}

#[tokio::test]
async fn a_declined_capture_is_a_debt_that_keeps_the_customer_out_until_paid() {
    let bench = Bench::new().await;
    bench.sandbox.set_card(CUSTOMER, TestCard::DeclinesCaptures);
    let session = bench.enter(1, at(0)).await;
    bench
        .apply(moved(1, Who::Session(session), WATER, 1, at(10)))
        .await;
    bench.checkout.exit(&left(session, at(30))).await.unwrap();
    assert_eq!(bench.checkout.debts(), [(CUSTOMER, session, won(1_100))]);
    assert_eq!(
        bench.checkout.notices()[0].kind,
        NoticeKind::Debt { session }
    );
    assert_eq!(
        bench.sandbox.open_holds(at(31)),
        0,
        "what cannot be taken is not kept"
    );
    let code = bench.checkout.issue_code(CUSTOMER, 1, at(60)).unwrap();
    let refused = bench.checkout.scan(&code, DOOR, at(60)).await;
    assert!(matches!(refused, Err(EntryRefused::Debt { owed, .. }) if owed == won(1_100)));
    assert!(refused.unwrap_err().to_string().contains("KRW 1,100"));

    assert_eq!(
        bench.checkout.retry_debt(session, at(61)).await.unwrap(),
        won(1_100)
    );
    bench.sandbox.set_card(CUSTOMER, TestCard::Good);
    assert_eq!(
        bench.checkout.retry_debt(session, at(62)).await.unwrap(),
        won(0)
    );
    assert_eq!(
        bench.checkout.retry_debt(session, at(63)).await.unwrap(),
        won(0)
    );
    assert_eq!(taken(&bench), 1_100);
    assert!(bench.checkout.scan(&code, DOOR, at(63)).await.is_ok());
}

#[tokio::test]
async fn a_gateway_that_does_not_answer_is_asked_again_with_longer_waits() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    bench
        .apply(moved(1, Who::Session(session), WATER, 1, at(10)))
        .await;
    // Each request has its effect, but three answers are lost.
    bench.sandbox.set_card(CUSTOMER, TestCard::AnswersLost(3));
    bench.checkout.exit(&left(session, at(30))).await.unwrap();
    let mut tries = Vec::new();
    for second in 31..80 {
        bench.checkout.tick(at(second)).await.unwrap();
        let session = bench.checkout.session(session).unwrap();
        tries.push(session.tries);
        assert_eq!(session.trouble.is_some(), session.tries > 0);
    }
    tries.dedup();
    assert_eq!(tries, [1, 2, 3, 0]);
    assert_eq!(
        bench.checkout.session(session).unwrap().stage,
        Stage::Settled
    );
    assert_eq!(taken(&bench), 1_100);
    assert_eq!(bench.checkout.counters().payments_postponed, 3);
}

#[tokio::test]
async fn after_the_last_try_it_is_a_debt_and_the_same_capture_is_asked_for_again() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    bench
        .apply(moved(1, Who::Session(session), WATER, 1, at(10)))
        .await;
    bench.sandbox.set_card(CUSTOMER, TestCard::AnswersLost(10));
    bench.checkout.exit(&left(session, at(30))).await.unwrap();
    for minute in 1..200 {
        bench.checkout.tick(at(60 * minute)).await.unwrap();
    }
    let stands = bench.checkout.session(session).unwrap();
    assert_eq!(
        (stands.stage, stands.trouble),
        (Stage::Debt, Some(GatewayError::Unreachable))
    );
    assert_eq!(bench.checkout.counters().payments_postponed, 9);
    // The money was taken by the first request; asking again must find that out.
    assert_eq!(
        bench
            .checkout
            .retry_debt(session, at(20_000))
            .await
            .unwrap(),
        won(0)
    );
    assert_eq!(taken(&bench), 1_100);
    assert_eq!(bench.sandbox.holds().len(), 1);
}

#[tokio::test]
async fn a_hold_that_lapsed_is_placed_anew() {
    let bench = Bench::new().await;
    let minute = walkout_model::TimeDelta::from_secs(60);
    bench
        .sandbox
        .set_card(CUSTOMER, TestCard::HoldsLapseAfter(minute));
    let session = bench.enter(1, at(0)).await;
    bench
        .apply(moved(1, Who::Session(session), WATER, 1, at(10)))
        .await;
    bench.checkout.exit(&left(session, at(90))).await.unwrap();
    assert_eq!(
        bench.checkout.session(session).unwrap().stage,
        Stage::Settled
    );
    assert_eq!(taken(&bench), 1_100);
    assert_eq!(bench.sandbox.holds()[1].amount, won(1_100));
}

#[tokio::test]
async fn an_exit_of_nobody_is_counted_and_noticed() {
    let bench = Bench::new().await;
    let nobody = walkout_model::SessionId(44);
    for _ in 0..2 {
        let exited = bench.checkout.exit(&left(nobody, at(30))).await.unwrap();
        assert_eq!(exited, Exited::Stray);
    }
    assert_eq!(
        bench.checkout.counters().stray_exits,
        1,
        "the same exit counts once"
    );
    assert_eq!(
        bench.checkout.notices()[0].kind,
        NoticeKind::StrayExit { session: nobody }
    );
    let session = bench.enter(1, at(40)).await;
    bench.checkout.exit(&left(session, at(50))).await.unwrap();
    let again = bench.checkout.exit(&left(session, at(50))).await.unwrap();
    assert_eq!(again, Exited::Repeated);
    assert_eq!(bench.checkout.counters().exits, 1);
}
