//! Doubts and verdicts.

use crate::fixture::*;
use walkout_checkout::{
    AnswerError, AnswerRefused, Answered, Exited, NoticeKind, ReceiptStatus, Stage, Verdict,
};
use walkout_ledger::Account;
use walkout_model::{Alternative, AttributedMovement, Who};

#[tokio::test]
async fn a_receipt_is_a_draft_until_its_last_doubt_is_settled() {
    let bench = Bench::new().await;
    let (a, b) = (bench.enter(1, at(0)).await, bench.enter(2, at(0)).await);
    bench
        .apply(moved(1, Who::Session(a), WATER, 2, at(10)))
        .await;
    let other = Alternative {
        who: Who::Session(b),
        probability: 0.3,
        ..moved(0, Who::Session(b), SOJU, 1, at(15)).best
    };
    let doubt = doubted(moved(2, Who::Session(a), SOJU, 1, at(15)), Some(other));
    let review = bench.review(doubt).await;
    let view = &bench.checkout.reviews(at(60))[0];
    assert_eq!(view.sessions, [a, b]);
    assert_eq!(view.money_at_risk, won(1_950));
    assert_eq!(bench.units(&Account::Review, SOJU), 1);

    for session in [a, b] {
        let exited = bench.checkout.exit(&left(session, at(30))).await.unwrap();
        assert_eq!(exited, Exited::Receipt(ReceiptStatus::Draft));
    }
    let draft = bench.checkout.receipt(a).unwrap().unwrap();
    assert_eq!(
        (draft.status, draft.number, draft.total),
        (ReceiptStatus::Draft, None, won(2_200))
    );
    assert_eq!(bench.sandbox.taken_minor(won(0).currency), 0);

    let verdict = Verdict::Candidate { index: 1 };
    let answered = bench
        .checkout
        .answer_review(review, &verdict, "mina", at(90))
        .await
        .unwrap();
    assert!(
        matches!(answered, Answered::Recorded(Some(resolved)) if resolved.who == Who::Session(b))
    );
    let totals = [a, b].map(|s| bench.checkout.receipt(s).unwrap().unwrap().total);
    assert_eq!(totals, [won(2_200), won(1_950)]);
    assert_eq!(bench.sandbox.taken_minor(won(0).currency), 4_150);
    assert_eq!(bench.sandbox.open_holds(at(90)), 0);
    for session in [a, b] {
        assert_eq!(
            bench.checkout.session(session).unwrap().stage,
            Stage::Settled
        );
    }
}

#[tokio::test]
async fn a_verdict_is_given_once() {
    let bench = Bench::new().await;
    let who = Who::Session(bench.enter(1, at(0)).await);
    let review = bench
        .review(doubted(moved(1, who, WATER, 1, at(10)), None))
        .await;
    let checkout = &bench.checkout;
    let yes = Verdict::Candidate { index: 0 };
    checkout
        .answer_review(review, &yes, "mina", at(20))
        .await
        .unwrap();
    let again = checkout
        .answer_review(review, &yes, "mina", at(21))
        .await
        .unwrap();
    assert_eq!(again, Answered::Repeated);
    for (verdict, reviewer) in [(&Verdict::Nothing, "mina"), (&yes, "joon")] {
        let refused = checkout
            .answer_review(review, verdict, reviewer, at(22))
            .await;
        assert!(matches!(
            refused,
            Err(AnswerError::Refused(AnswerRefused::AlreadyAnswered { reviewer, .. })) if reviewer == "mina"
        ));
    }
    assert_eq!(checkout.refusals().answers_refused, 2);
}

#[tokio::test]
async fn one_answer_settles_all_that_somebody_did_whom_no_code_let_in() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let by_stranger = |id: u64, sku, came: i64| {
        let mut movement = moved(id, Who::Unknown, sku, 1, at(10 + id as i64));
        movement.evidence.stranger = Some(at(came));
        doubted(movement, None)
    };
    let first = bench.review(by_stranger(1, WATER, 5)).await;
    let second = bench.review(by_stranger(2, SOJU, 5)).await;
    let of_another = bench.review(by_stranger(3, SOJU, 7)).await;
    let alone = bench
        .review(doubted(
            moved(4, Who::Session(session), WATER, 1, at(20)),
            None,
        ))
        .await;
    let checkout = &bench.checkout;
    let visit: Vec<_> = checkout
        .visit(second, at(30))
        .iter()
        .map(|v| v.id)
        .collect();
    assert_eq!(visit, [first, second]);
    let refused = checkout
        .answer_visit(alone, Who::Unknown, "mina", at(30))
        .await;
    assert!(matches!(
        refused,
        Err(AnswerError::Refused(AnswerRefused::NoVisit(id))) if id == alone
    ));
    // It was the shopper whose code the gate had missed.
    let settled = checkout
        .answer_visit(first, Who::Session(session), "mina", at(31))
        .await
        .unwrap();
    assert_eq!(settled, [first, second]);
    let open: Vec<_> = checkout.reviews(at(32)).iter().map(|v| v.id).collect();
    assert_eq!(open.len(), 2);
    assert!(open.contains(&of_another) && open.contains(&alone));
    let settled = checkout
        .answer_visit(of_another, Who::Unknown, "mina", at(33))
        .await
        .unwrap();
    assert_eq!(settled, [of_another]);
    checkout
        .answer_review(alone, &Verdict::Nothing, "mina", at(34))
        .await
        .unwrap();
    let exited = checkout.exit(&left(session, at(40))).await.unwrap();
    assert_eq!(exited, Exited::Receipt(ReceiptStatus::Final));
    let receipt = checkout.receipt(session).unwrap().unwrap();
    assert_eq!(receipt.total, won(1_100 + 1_950));
}

#[tokio::test]
async fn a_lease_keeps_others_off_until_it_ends() {
    let bench = Bench::new().await;
    let who = Who::Session(bench.enter(1, at(0)).await);
    let review = bench
        .review(doubted(moved(1, who, WATER, 1, at(10)), None))
        .await;
    let checkout = &bench.checkout;
    let lease = checkout.lease_review(review, "mina", at(20)).await.unwrap();
    assert_eq!(lease.until, at(140));
    let held = checkout.lease_review(review, "joon", at(139)).await;
    assert!(matches!(
        held,
        Err(AnswerError::Refused(AnswerRefused::Leased { .. }))
    ));
    let held = checkout
        .answer_review(review, &Verdict::Nothing, "joon", at(139))
        .await;
    assert!(matches!(
        held,
        Err(AnswerError::Refused(AnswerRefused::Leased { .. }))
    ));
    assert!(checkout.lease_review(review, "joon", at(140)).await.is_ok());
    assert_eq!(
        checkout.reviews(at(141))[0]
            .lease
            .as_ref()
            .unwrap()
            .reviewer,
        "joon"
    );
    assert!(
        checkout
            .answer_review(review, &Verdict::Nothing, "joon", at(141))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn verdicts_that_cannot_be_true_are_refused() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    let review = bench
        .review(doubted(moved(1, who, WATER, 1, at(10)), None))
        .await;
    let other = |who, gtin, quantity| Verdict::Other {
        who,
        gtin,
        quantity,
    };
    let unknown = "0000000000017".parse().unwrap();
    let nobody = Who::Session(walkout_model::SessionId(99));
    let cases = [
        (Verdict::Candidate { index: 1 }, "candidates"),
        (other(who, unknown, 1), "not in the catalogue"),
        (other(who, gtin(WATER), 0), "0 units"),
        (other(who, gtin(WATER), 1_001), "1001 units"),
        (other(nobody, gtin(WATER), 1), "never let in"),
        (other(who, gtin(WATER), -1), "holds 0"),
    ];
    for (verdict, expected) in cases {
        let refused = bench
            .checkout
            .answer_review(review, &verdict, "mina", at(20))
            .await;
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    }
    let nameless = bench
        .checkout
        .answer_review(review, &Verdict::Nothing, "", at(20))
        .await;
    assert!(nameless.is_err());
    assert_eq!(bench.checkout.reviews(at(20)).len(), 1);
}

/// A verdict, and what review, lane, cart and shrink hold of water and milk afterwards.
#[tokio::test]
async fn verdicts_move_what_was_held() {
    let other = |sku, quantity| {
        move |who| Verdict::Other {
            who,
            gtin: gtin(sku),
            quantity,
        }
    };
    type Make = Box<dyn Fn(Who) -> Verdict>;
    let cases: Vec<(&str, Make, [i64; 4], [i64; 4])> = vec![
        (
            "yes",
            Box::new(|_| Verdict::Candidate { index: 0 }),
            [0, 18, 2, 0],
            [0, 20, 0, 0],
        ),
        (
            "nothing",
            Box::new(|_| Verdict::Nothing),
            [0, 20, 0, 0],
            [0, 20, 0, 0],
        ),
        (
            "one of two",
            Box::new(other(WATER, 1)),
            [0, 19, 1, 0],
            [0, 20, 0, 0],
        ),
        (
            "three, not two",
            Box::new(other(WATER, 3)),
            [0, 17, 3, 0],
            [0, 20, 0, 0],
        ),
        (
            "milk",
            Box::new(other(MILK, 1)),
            [0, 20, 0, 0],
            [0, 19, 1, 0],
        ),
        (
            "a stranger",
            Box::new(move |_| other(WATER, 2)(Who::Unknown)),
            [0, 18, 0, 2],
            [0, 20, 0, 0],
        ),
    ];
    for (name, verdict, water, milk) in cases {
        let bench = Bench::new().await;
        let session = bench.enter(1, at(0)).await;
        let who = Who::Session(session);
        let review = bench
            .review(doubted(moved(1, who, WATER, 2, at(10)), None))
            .await;
        let verdict = verdict(who);
        bench
            .checkout
            .answer_review(review, &verdict, "mina", at(20))
            .await
            .unwrap();
        for (sku, expected) in [(WATER, water), (MILK, milk)] {
            let accounts = [
                Account::Review,
                lane_of(sku),
                Account::Cart(session),
                Account::Shrink,
            ];
            assert_eq!(
                accounts.map(|account| bench.units(&account, sku)),
                expected,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_doubtful_put_back_moves_only_by_its_verdict() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    bench.apply(moved(1, who, WATER, 2, at(10))).await;
    let review = bench
        .review(doubted(moved(2, who, WATER, -1, at(20)), None))
        .await;
    assert_eq!(bench.units(&Account::Cart(session), WATER), 2);
    let yes = Verdict::Candidate { index: 0 };
    bench
        .checkout
        .answer_review(review, &yes, "mina", at(30))
        .await
        .unwrap();
    assert_eq!(bench.units(&Account::Cart(session), WATER), 1);
    assert_eq!(bench.units(&lane_of(WATER), WATER), 19);
}

#[tokio::test]
async fn a_verdict_after_the_final_receipt_charges_nobody() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    bench.apply(moved(1, who, WATER, 1, at(10))).await;
    bench.checkout.exit(&left(session, at(30))).await.unwrap();
    let late_take = bench.review(moved(2, who, MILK, 1, at(29))).await;
    let late_put = bench.review(moved(3, who, WATER, -1, at(29))).await;
    let yes = Verdict::Candidate { index: 0 };
    for review in [late_take, late_put] {
        bench
            .checkout
            .answer_review(review, &yes, "mina", at(60))
            .await
            .unwrap();
    }
    assert_eq!(bench.sandbox.taken_minor(won(0).currency), 1_100);
    assert_eq!(bench.units(&Account::Shrink, MILK), 1);
    assert_eq!(bench.units(&lane_of(WATER), WATER), 20);
    let kinds: Vec<_> = bench
        .checkout
        .notices()
        .into_iter()
        .map(|n| n.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            NoticeKind::TakenAfterReceipt {
                session,
                review: late_take
            },
            NoticeKind::RefundDue {
                session,
                review: late_put
            },
        ]
    );
}

#[tokio::test]
async fn the_dearest_and_least_sure_comes_first_and_waiting_counts() {
    let bench = Bench::new().await;
    let who = Who::Session(bench.enter(1, at(0)).await);
    let doubt = |id, sku, units, probability, t| {
        let mut movement: AttributedMovement = doubted(moved(id, who, sku, units, t), None);
        movement.best.probability = probability;
        movement
    };
    let sure = bench.review(doubt(1, MILK, 1, 0.95, at(10))).await;
    let unsure = bench.review(doubt(2, MILK, 1, 0.5, at(10))).await;
    let dear = bench.review(doubt(3, MILK, 3, 0.5, at(10))).await;
    let new = bench.review(doubt(4, MILK, 3, 0.5, at(600))).await;
    let order: Vec<_> = bench
        .checkout
        .reviews(at(610))
        .iter()
        .map(|r| r.id)
        .collect();
    assert_eq!(order, [dear, unsure, new, sure]);
}
