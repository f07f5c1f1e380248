//! A day of the shop: what the receipts look like, and what a restart makes of it.

use crate::fixture::*;
use walkout_checkout::{Checkout, Language, SessionView, Verdict};
use walkout_model::{CustomerId, Who};
use walkout_payment::TestCard;

async fn a_day() -> Bench {
    let bench = Bench::new().await;
    bench
        .sandbox
        .set_card(CustomerId(3), TestCard::DeclinesCaptures);
    bench
        .sandbox
        .set_card(CustomerId(5), TestCard::DeclinesHolds);
    let staff = Who::Session(bench.enter_staff(9, at(0)).await);
    bench.apply(moved(1, staff, MILK, -6, at(10))).await;
    let a = bench.enter(1, at(60)).await;
    let b = bench.enter(2, at(70)).await;
    let c = bench.enter(3, at(75)).await;
    let refused = bench.checkout.issue_code(CustomerId(5), 1, at(76)).unwrap();
    assert!(bench.checkout.scan(&refused, DOOR, at(76)).await.is_err());
    bench
        .apply(moved(2, Who::Session(a), WATER, 2, at(80)))
        .await;
    bench
        .apply(moved(3, Who::Session(a), SOJU, 1, at(85)))
        .await;
    bench
        .apply(moved(4, Who::Session(a), MILK, 1, at(90)))
        .await;
    bench
        .apply(moved(5, Who::Session(b), WATER, 1, at(92)))
        .await;
    bench
        .apply(moved(6, Who::Session(c), WATER, 1, at(93)))
        .await;
    bench.apply(moved(7, Who::Unknown, MILK, 1, at(94))).await;
    let review = bench
        .review(doubted(moved(8, Who::Session(b), SOJU, 1, at(95)), None))
        .await;
    let answered = bench
        .review(doubted(moved(9, Who::Session(a), MILK, 1, at(96)), None))
        .await;
    bench
        .checkout
        .lease_review(review, "joon", at(97))
        .await
        .unwrap();
    for session in [a, b, c] {
        bench.checkout.exit(&left(session, at(120))).await.unwrap();
    }
    bench
        .checkout
        .answer_review(answered, &Verdict::Nothing, "mina", at(130))
        .await
        .unwrap();
    bench.enter(4, at(140)).await;
    bench.checkout.tick(at(150)).await.unwrap();
    bench
}

fn text(receipts: &[walkout_checkout::Receipt], language: Language) -> String {
    let texts: Vec<_> = receipts
        .iter()
        .map(|receipt| receipt.render(language))
        .collect();
    texts.join("\n")
}

#[tokio::test]
async fn receipts_in_english() {
    let receipts = a_day().await.checkout.receipts(10).unwrap();
    insta::assert_snapshot!(text(&receipts, Language::English));
}

#[tokio::test]
async fn receipts_in_korean() {
    let receipts = a_day().await.checkout.receipts(10).unwrap();
    insta::assert_snapshot!(text(&receipts, Language::Korean));
}

/// Everything that can be seen from outside, but for what is counted since the start.
fn everything(checkout: &Checkout) -> String {
    let now = at(200);
    let sessions: Vec<Option<SessionView>> = (1..20)
        .map(|id| checkout.session(walkout_model::SessionId(id)))
        .collect();
    let reviews: Vec<_> = (1..20)
        .map(|id| checkout.review(walkout_checkout::ReviewId(id), now))
        .collect();
    let movements: Vec<_> = (1..20)
        .map(|id| checkout.movement(walkout_model::MovementId(id)))
        .collect();
    format!(
        "{:#?}",
        (
            (checkout.sessions(), sessions, checkout.debts()),
            (checkout.receipts(100).unwrap(), checkout.balances()),
            (checkout.reviews(now), reviews, movements),
            (
                checkout.counters(),
                checkout.notices(),
                checkout.notices_dropped()
            ),
        )
    )
}

#[tokio::test]
async fn a_restart_rebuilds_every_view() {
    let bench = a_day().await;
    let reopened = bench.reopened().await;
    assert_eq!(everything(&reopened), everything(&bench.checkout));
    assert_eq!(
        (
            reopened.counters().receipts,
            reopened.reviews(at(200)).len()
        ),
        (2, 2)
    );
    let stock = walkout_checkout::OpeningStock::full(&shop());
    assert!(
        !reopened.seed_stock(&stock, at(300)).await.unwrap(),
        "the first stock comes once"
    );
}

#[tokio::test]
async fn what_others_write_into_the_ledger_is_taken_in() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let counted = walkout_ledger::Draft {
        key: "count:1".into(),
        time: at(5),
        cause: walkout_ledger::Cause {
            kind: "count".into(),
            body: serde_json::Value::Null,
        },
        evidence: None,
        movements: vec![walkout_ledger::Movement {
            from: lane_of(WATER),
            to: walkout_ledger::Account::Shrink,
            sku: gtin(WATER),
            units: 4,
        }],
    };
    bench.ledger.append(counted).await.unwrap();
    bench
        .apply(moved(1, Who::Session(session), WATER, 1, at(10)))
        .await;
    assert_eq!(bench.units(&lane_of(WATER), WATER), 15);
    assert_eq!(bench.checkout.balances(), bench.ledger.balances());
}
