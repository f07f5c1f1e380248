//! Movements and what they do to the accounts.

use crate::fixture::*;
use walkout_checkout::{Applied, Outcome, ReviewReason, Verdict};
use walkout_ledger::Account;
use walkout_model::{
    Alternative, AttributedMovement, Decision, LaneIx, MovementId, SessionId, ShelfIx, SkuIx, Who,
};

#[tokio::test]
async fn a_take_and_a_put_back_are_lane_and_cart() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let (who, cart) = (Who::Session(session), Account::Cart(session));
    assert_eq!(
        bench.apply(moved(1, who, WATER, 3, at(10))).await,
        Outcome::Accepted
    );
    assert_eq!(
        bench.apply(moved(2, who, WATER, -1, at(20))).await,
        Outcome::Accepted
    );
    assert_eq!(bench.units(&cart, WATER), 2);
    assert_eq!(bench.units(&lane_of(WATER), WATER), 18);
    let lines = bench.checkout.cart(session);
    assert_eq!((lines[0].units, lines[0].total), (2, won(2_200)));
}

#[tokio::test]
async fn a_repeated_movement_changes_nothing() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let take = moved(1, Who::Session(session), WATER, 3, at(10));
    bench.apply(take.clone()).await;
    assert_eq!(
        bench.checkout.apply(&take).await.unwrap(),
        Applied::Repeated
    );
    assert_eq!(
        bench.reopened().await.apply(&take).await.unwrap(),
        Applied::Repeated
    );
    assert_eq!(bench.units(&Account::Cart(session), WATER), 3);
    assert_eq!(bench.checkout.refusals().movements_repeated, 1);
}

#[tokio::test]
async fn staff_move_between_back_room_and_lane() {
    let bench = Bench::new().await;
    let staff = Who::Session(bench.enter_staff(9, at(0)).await);
    bench.apply(moved(1, staff, MILK, -12, at(10))).await;
    assert_eq!(bench.units(&lane_of(MILK), MILK), 32);
    assert_eq!(bench.units(&Account::BackRoom, MILK), 12);
    bench.apply(moved(2, staff, MILK, 2, at(20))).await;
    assert_eq!(bench.units(&lane_of(MILK), MILK), 30);
    assert_eq!(bench.units(&Account::BackRoom, MILK), 14);
}

#[tokio::test]
async fn misplaced_goods_lie_under_the_name_of_their_place_and_are_found_there() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    bench.apply(moved(1, who, SOJU, 2, at(10))).await;
    // One into the milk's lane, one somewhere on the top shelf.
    let wrong = |id, lane| AttributedMovement {
        shelf: TOP,
        lane,
        ..moved(id, who, SOJU, -1, at(20))
    };
    bench.apply(wrong(2, Some(LaneIx(1)))).await;
    bench.apply(wrong(3, None)).await;
    let shelf = Account::Lane("G1/S1".into());
    assert_eq!(bench.units(&lane_of(MILK), SOJU), 1);
    assert_eq!(bench.units(&shelf, SOJU), 1);
    assert_eq!(bench.units(&lane_of(SOJU), SOJU), 18);
    // Taken again from the shelf, wherever on it fusion saw it.
    for id in [4, 5] {
        let take = AttributedMovement {
            shelf: TOP,
            lane: None,
            ..moved(id, who, SOJU, 1, at(30))
        };
        bench.apply(take).await;
    }
    assert_eq!(bench.units(&lane_of(MILK), SOJU), 0);
    assert_eq!(bench.units(&shelf, SOJU), 0);
    assert_eq!(bench.units(&Account::Cart(session), SOJU), 2);
}

#[tokio::test]
async fn what_cannot_be_recorded_as_it_stands_becomes_a_review() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    let gone = bench.enter(2, at(0)).await;
    bench.checkout.exit(&left(gone, at(5))).await.unwrap();
    let with = |id, best: Alternative| AttributedMovement {
        best,
        ..moved(id, who, WATER, 1, at(10))
    };
    let best = moved(0, who, WATER, 1, at(10)).best;
    let cases = [
        (
            with(
                1,
                Alternative {
                    quantity: -1,
                    ..best.clone()
                },
            ),
            ReviewReason::BeyondCart,
            0,
        ),
        (
            with(
                2,
                Alternative {
                    who: Who::Unknown,
                    ..best.clone()
                },
            ),
            ReviewReason::UnknownPerson,
            1,
        ),
        (
            with(
                3,
                Alternative {
                    who: Who::Session(SessionId(77)),
                    ..best.clone()
                },
            ),
            ReviewReason::UnknownSession,
            1,
        ),
        (
            with(
                4,
                Alternative {
                    who: Who::Session(gone),
                    ..best.clone()
                },
            ),
            ReviewReason::Late,
            1,
        ),
        (
            with(
                5,
                Alternative {
                    sku: Some(SkuIx(99)),
                    ..best.clone()
                },
            ),
            ReviewReason::UnknownSku,
            0,
        ),
        (
            with(
                6,
                Alternative {
                    quantity: i32::MIN,
                    ..best.clone()
                },
            ),
            ReviewReason::AbsurdQuantity,
            0,
        ),
        (
            AttributedMovement {
                shelf: ShelfIx(99),
                lane: Some(LaneIx(99)),
                ..with(7, best.clone())
            },
            ReviewReason::UnknownShelf,
            0,
        ),
        (
            with(
                8,
                Alternative {
                    who: Who::Unknown,
                    quantity: -1,
                    ..best.clone()
                },
            ),
            ReviewReason::UnknownPerson,
            0,
        ),
    ];
    let mut held = 0;
    for (movement, expected, units) in cases {
        let outcome = bench.apply(movement).await;
        assert!(
            matches!(outcome, Outcome::Review { reason, .. } if reason == expected),
            "{expected:?}: {outcome:?}"
        );
        held += units;
        assert_eq!(bench.units(&Account::Review, WATER), held, "{expected:?}");
    }
    assert_eq!(
        bench.checkout.counters().reviews_by_reason[&ReviewReason::UnknownPerson],
        2
    );
    assert_eq!(bench.checkout.reviews(at(60)).len(), 8);
}

#[tokio::test]
async fn what_is_let_go_is_recorded_and_moves_nothing() {
    let bench = Bench::new().await;
    let who = Who::Session(bench.enter(1, at(0)).await);
    let before = bench.checkout.balances();
    let off = AttributedMovement {
        decision: Decision::LeaveOff,
        ..moved(1, who, WATER, 1, at(10))
    };
    assert_eq!(bench.apply(off).await, Outcome::LeftOff);
    let mut foreign = moved(2, who, WATER, 1, at(10));
    foreign.best.sku = None;
    assert_eq!(bench.apply(foreign).await, Outcome::NoGoods);
    assert_eq!(
        bench.apply(moved(3, who, WATER, 0, at(10))).await,
        Outcome::NoGoods
    );
    assert_eq!(bench.checkout.balances(), before);
    let counters = bench.checkout.counters();
    assert_eq!(
        (
            counters.movements_left_off,
            counters.movements_without_goods
        ),
        (1, 2)
    );
}

fn correcting(old: u64, movement: AttributedMovement) -> AttributedMovement {
    AttributedMovement {
        supersedes: Some(MovementId(old)),
        ..movement
    }
}

#[tokio::test]
async fn a_later_conclusion_takes_the_place_of_an_earlier_one() {
    let bench = Bench::new().await;
    let (a, b) = (bench.enter(1, at(0)).await, bench.enter(2, at(0)).await);
    bench
        .apply(moved(1, Who::Session(a), WATER, 2, at(10)))
        .await;
    let corrected = correcting(1, moved(2, Who::Session(b), MILK, 1, at(10)));
    assert_eq!(bench.apply(corrected).await, Outcome::Accepted);
    assert!(bench.checkout.cart(a).is_empty());
    assert_eq!(bench.units(&Account::Cart(b), MILK), 1);
    assert_eq!(bench.units(&lane_of(WATER), WATER), 20);
    // A second correction of the first is a contradiction.
    let second = correcting(1, moved(3, Who::Session(a), MILK, 1, at(10)));
    let outcome = bench.apply(second).await;
    assert!(matches!(
        outcome,
        Outcome::Review {
            reason: ReviewReason::Conflict,
            ..
        }
    ));
    // The correction can be corrected, to nothing.
    let nothing = AttributedMovement {
        decision: Decision::LeaveOff,
        ..correcting(2, moved(4, Who::Session(b), MILK, 1, at(10)))
    };
    bench.apply(nothing).await;
    assert!(bench.checkout.cart(b).is_empty());
    assert_eq!(bench.units(&lane_of(MILK), MILK), 20);
}

#[tokio::test]
async fn a_correction_that_comes_before_what_it_corrects_wins() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    bench
        .apply(correcting(1, moved(2, who, MILK, 1, at(10))))
        .await;
    assert_eq!(
        bench.apply(moved(1, who, WATER, 2, at(10))).await,
        Outcome::Superseded
    );
    assert_eq!(bench.units(&Account::Cart(session), WATER), 0);
    assert_eq!(bench.units(&Account::Cart(session), MILK), 1);
}

#[tokio::test]
async fn a_correction_closes_the_review_of_what_it_corrects() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    let review = bench
        .review(doubted(moved(1, who, WATER, 1, at(10)), None))
        .await;
    bench.checkout.exit(&left(session, at(30))).await.unwrap();
    assert_eq!(
        bench.checkout.session(session).unwrap().open_reviews,
        [review]
    );
    // The receipt waited for it alone, so it becomes final.
    let off = AttributedMovement {
        decision: Decision::LeaveOff,
        ..correcting(1, moved(2, who, WATER, 1, at(10)))
    };
    bench.apply(off).await;
    assert_eq!(bench.units(&Account::Review, WATER), 0);
    assert_eq!(bench.checkout.receipts(9).unwrap()[0].number, Some(1));
    let late = bench
        .checkout
        .answer_review(review, &Verdict::Nothing, "mina", at(60))
        .await;
    assert!(late.unwrap_err().to_string().contains("took its place"));
}

#[tokio::test]
async fn a_verdict_outlives_a_later_conclusion() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    let review = bench
        .review(doubted(moved(1, who, WATER, 1, at(10)), None))
        .await;
    let yes = Verdict::Candidate { index: 0 };
    bench
        .checkout
        .answer_review(review, &yes, "mina", at(20))
        .await
        .unwrap();
    let corrected = correcting(1, moved(2, who, MILK, 1, at(10)));
    assert_eq!(bench.apply(corrected).await, Outcome::VerdictStands);
    assert_eq!(bench.units(&Account::Cart(session), WATER), 1);
    assert_eq!(bench.units(&Account::Cart(session), MILK), 0);
}

#[tokio::test]
async fn a_correction_never_leaves_a_cart_with_less_than_nothing() {
    let bench = Bench::new().await;
    let session = bench.enter(1, at(0)).await;
    let who = Who::Session(session);
    bench.apply(moved(1, who, WATER, 2, at(10))).await;
    bench.apply(moved(2, who, WATER, -2, at(20))).await;
    let outcome = bench
        .apply(correcting(1, moved(3, who, MILK, 1, at(10))))
        .await;
    assert!(matches!(
        outcome,
        Outcome::Review {
            reason: ReviewReason::BeyondCart,
            ..
        }
    ));
    assert_eq!(bench.units(&Account::Cart(session), WATER), 0);
}
