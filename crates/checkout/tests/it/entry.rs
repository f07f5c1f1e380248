//! Who is let in, and who is not.

use crate::fixture::*;
use walkout_checkout::{EntryRefused, Stage};
use walkout_model::{CustomerId, PartyKind, TimeDelta};
use walkout_payment::{GatewayError, TestCard};
use walkout_wire::entry::EntryCodeError;

#[tokio::test]
async fn a_group_enters_under_one_code_and_an_amount_is_held() {
    let bench = Bench::new().await;
    let code = bench.checkout.issue_code(CustomerId(1), 3, at(0)).unwrap();
    let opened = bench.checkout.scan(&code, DOOR, at(5)).await.unwrap();
    assert_eq!(
        (opened.people, opened.kind, opened.t),
        (3, PartyKind::Shopper, at(5))
    );
    let session = bench.checkout.session(opened.session).unwrap();
    assert_eq!(
        (session.stage, session.gate.as_str()),
        (Stage::Open, "door")
    );
    assert_eq!(bench.sandbox.holds()[0].amount, config().hold);
}

#[tokio::test]
async fn staff_enter_without_a_hold() {
    let bench = Bench::new().await;
    let session = bench.enter_staff(9, at(0)).await;
    assert_eq!(
        bench.checkout.session(session).unwrap().kind,
        PartyKind::Staff
    );
    assert!(bench.sandbox.holds().is_empty());
}

#[tokio::test]
async fn a_code_is_used_once_even_across_a_restart() {
    let bench = Bench::new().await;
    let code = bench.checkout.issue_code(CustomerId(1), 1, at(0)).unwrap();
    assert!(bench.checkout.scan(&code, DOOR, at(1)).await.is_ok());
    let again = bench.checkout.scan(&code, DOOR, at(2)).await;
    assert!(matches!(again, Err(EntryRefused::Replayed)));
    let reopened = bench.reopened().await;
    let again = reopened.scan(&code, DOOR, at(3)).await;
    assert!(matches!(again, Err(EntryRefused::Replayed)));
    assert_eq!(reopened.refusals().codes_replayed, 1);
    assert_eq!(reopened.sessions().len(), 1);
}

#[tokio::test]
async fn wrong_codes_are_refused_and_counted_and_leave_nothing_in_the_log() {
    let bench = Bench::new().await;
    let before = bench.ledger.head();
    let checkout = &bench.checkout;
    let code = checkout.issue_code(CustomerId(1), 1, at(0)).unwrap();
    let mut forged = code.clone();
    let last = if code.ends_with('A') { 'B' } else { 'A' };
    forged.replace_range(code.len() - 1.., &last.to_string());
    let cases = [
        (forged.as_str(), DOOR, at(1)),
        ("hello", DOOR, at(1)),
        (&code, DOOR, at(40)),
        (&code, DOOR, at(-40)),
        (&code, WAY_OUT, at(1)),
    ];
    for (text, gate, now) in cases {
        let refused = checkout.scan(text, gate, now).await.unwrap_err();
        assert!(!refused.to_string().is_empty());
        assert!(!matches!(refused, EntryRefused::Checkout(_)), "{refused}");
    }
    let refusals = checkout.refusals();
    assert_eq!(refusals.codes_forged, 1);
    assert_eq!(refusals.codes_malformed, 1);
    assert_eq!(refusals.codes_expired, 1);
    assert_eq!(refusals.codes_from_the_future, 1);
    assert_eq!(refusals.wrong_gates, 1);
    assert_eq!(bench.ledger.head(), before);
    // None of this used the code up.
    assert!(checkout.scan(&code, DOOR, at(2)).await.is_ok());
}

#[tokio::test]
async fn an_expired_code_says_how_late_it_is() {
    let bench = Bench::new().await;
    let code = bench.checkout.issue_code(CustomerId(1), 1, at(0)).unwrap();
    let refused = bench.checkout.scan(&code, DOOR, at(25)).await;
    let late = TimeDelta::from_secs(5);
    assert!(
        matches!(refused, Err(EntryRefused::Code(EntryCodeError::Expired { late: l })) if l == late)
    );
}

#[tokio::test]
async fn a_declined_hold_keeps_the_party_out() {
    let bench = Bench::new().await;
    bench
        .sandbox
        .set_card(CustomerId(1), TestCard::DeclinesHolds);
    let code = bench.checkout.issue_code(CustomerId(1), 1, at(0)).unwrap();
    let refused = bench.checkout.scan(&code, DOOR, at(1)).await;
    assert!(matches!(
        refused,
        Err(EntryRefused::Hold(GatewayError::Declined { .. }))
    ));
    assert!(bench.checkout.sessions().is_empty());
    assert_eq!(bench.checkout.counters().holds_refused, 1);
}

#[tokio::test]
async fn a_hold_whose_answer_was_lost_is_found_and_let_go() {
    let bench = Bench::new().await;
    bench
        .sandbox
        .set_card(CustomerId(1), TestCard::AnswersLost(2));
    let code = bench.checkout.issue_code(CustomerId(1), 1, at(0)).unwrap();
    let refused = bench.checkout.scan(&code, DOOR, at(1)).await;
    assert!(matches!(
        refused,
        Err(EntryRefused::Hold(GatewayError::Unreachable))
    ));
    assert_eq!(bench.sandbox.open_holds(at(1)), 1);
    bench.checkout.tick(at(2)).await.unwrap();
    assert_eq!(
        bench.sandbox.open_holds(at(2)),
        1,
        "it waits before it asks again"
    );
    bench.checkout.tick(at(60)).await.unwrap();
    assert_eq!(bench.sandbox.open_holds(at(60)), 0);
    assert_eq!(bench.sandbox.holds().len(), 1);
    assert!(bench.checkout.sessions().is_empty());
}
