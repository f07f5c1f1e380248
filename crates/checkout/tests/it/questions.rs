//! Doubts that one look settles.

use crate::fixture::*;
use walkout_checkout::{AnswerError, AnswerRefused, Verdict};
use walkout_model::{Alternative, AttributedMovement, MovementId, Passed, Question, SkuIx, Who};

/// A take by one that is in doubt, as it may have been another's.
fn whose(id: u64, of: [(Who, i32, f32); 2], sku: SkuIx) -> AttributedMovement {
    let [(who, units, p), (other, other_units, q)] = of;
    let mut movement = moved(id, who, sku, units, at(10 + id as i64));
    movement.best.probability = p;
    let other = Alternative {
        who: other,
        quantity: other_units,
        probability: q,
        ..movement.best.clone()
    };
    doubted(movement, Some(other))
}

#[tokio::test]
async fn what_may_have_passed_between_two_is_one_question() {
    let bench = Bench::new().await;
    let [a, b] = [
        Who::Session(bench.enter(1, at(0)).await),
        Who::Session(bench.enter(2, at(0)).await),
    ];
    let handed = |id, sku, p: f32| {
        let mut movement = whose(id, [(a, 1, 1.0 - p), (b, 1, p)], sku);
        movement.evidence.handed = vec![Passed {
            t: at(20),
            from: a,
            to: b,
            probability: p,
        }];
        movement
    };
    let water = bench.review(handed(1, WATER, 0.3)).await;
    let soju = bench.review(handed(2, SOJU, 0.5)).await;
    let alone = bench
        .review(whose(3, [(a, 1, 0.6), (b, 1, 0.3)], WATER))
        .await;
    let checkout = &bench.checkout;
    let questions = checkout.questions(at(30));
    assert_eq!(questions.len(), 1);
    let asked = &questions[0];
    assert_eq!(
        asked.question,
        Question::HandOver {
            t: at(20),
            from: a,
            to: b
        }
    );
    let ids: Vec<_> = asked.reviews.iter().map(|r| r.id).collect();
    assert_eq!(ids, [water, soju]);
    let [kept, passed] = [0, 1].map(|index| Verdict::Candidate { index });
    // The soju, the water, or nothing.
    let told: Vec<_> = asked.answers.iter().map(|a| &a.verdicts[..]).collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0], [kept.clone(), passed.clone()]);
    assert_eq!(told[1], [passed, kept.clone()]);
    assert_eq!(told[2], [kept.clone(), kept]);
    let sum: f32 = asked.answers.iter().map(|a| a.probability).sum();
    assert!((sum - 1.0).abs() < 1e-3, "{sum}");

    let answers: Vec<_> = ids
        .into_iter()
        .zip(asked.answers[0].verdicts.clone())
        .collect();
    let settled = checkout.answer_together(&answers, "mina", at(31)).await;
    assert_eq!(settled.unwrap(), [water, soju]);
    // The same answer again changes nothing.
    let again = checkout.answer_together(&answers, "mina", at(32)).await;
    assert_eq!(again.unwrap(), [water, soju]);
    for (who, sku) in [(a, WATER), (b, SOJU)] {
        let Who::Session(session) = who else { continue };
        let cart = checkout.cart(session);
        let lines: Vec<_> = cart.iter().map(|l| (l.gtin, l.units)).collect();
        assert_eq!(lines, [(gtin(sku), 1)]);
    }
    let open: Vec<_> = checkout.reviews(at(33)).iter().map(|r| r.id).collect();
    assert_eq!(open, [alone]);
}

#[tokio::test]
async fn two_units_of_one_step_are_one_question_and_none_is_charged_twice() {
    let bench = Bench::new().await;
    let [a, b] = [
        Who::Session(bench.enter(1, at(0)).await),
        Who::Session(bench.enter(2, at(0)).await),
    ];
    // Each took one, or the first of them both.
    let mut first = whose(1, [(a, 1, 0.6), (a, 2, 0.4)], WATER);
    let mut second = whose(2, [(b, 1, 0.6), (a, 2, 0.4)], WATER);
    for part in [&mut first, &mut second] {
        part.evidence.steps = vec![9];
    }
    let ids = [bench.review(first).await, bench.review(second).await];
    let checkout = &bench.checkout;
    let questions = checkout.questions(at(30));
    assert_eq!(questions[0].question, Question::Step(9));
    let told: Vec<_> = questions[0]
        .answers
        .iter()
        .map(|a| a.verdicts.clone())
        .collect();
    let [one, two] = [0, 1].map(|index| Verdict::Candidate { index });
    assert!(told[0] == [one.clone(), one]);
    // Both by the first, said once.
    assert_eq!(told[1], [two, Verdict::Nothing]);
    assert_eq!(told.len(), 3, "{told:?}");
    let answers: Vec<_> = ids.into_iter().zip(told[1].clone()).collect();
    checkout
        .answer_together(&answers, "mina", at(31))
        .await
        .unwrap();
    let units = |who: Who| match who {
        Who::Session(session) => checkout.cart(session).iter().map(|l| l.units).sum::<u32>(),
        Who::Unknown => 0,
    };
    assert_eq!([units(a), units(b)], [2, 0]);
}

#[tokio::test]
async fn what_was_all_of_a_step_is_said_once() {
    let bench = Bench::new().await;
    let who = Who::Session(bench.enter(1, at(0)).await);
    // A water and a soju in one hand, or two waters.
    let part = |id, sku| {
        let mut movement = whose(id, [(who, 1, 0.6), (who, 2, 0.4)], sku);
        movement.alternatives[0].sku = Some(WATER);
        movement.evidence.steps = vec![9];
        movement
    };
    bench.review(part(1, WATER)).await;
    bench.review(part(2, SOJU)).await;
    let questions = bench.checkout.questions(at(30));
    let told: Vec<_> = questions[0]
        .answers
        .iter()
        .map(|a| a.verdicts.clone())
        .collect();
    let [one, two] = [0, 1].map(|index| Verdict::Candidate { index });
    let nothing = Verdict::Nothing;
    let expected = [
        [one.clone(), one],
        [two, nothing.clone()],
        [nothing.clone(), nothing],
    ];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_wrong_answer_among_several_settles_none() {
    let bench = Bench::new().await;
    let who = Who::Session(bench.enter(1, at(0)).await);
    let id = bench
        .review(whose(1, [(who, 1, 0.6), (who, 2, 0.4)], WATER))
        .await;
    let other = bench
        .review(whose(2, [(who, 1, 0.6), (who, 2, 0.4)], SOJU))
        .await;
    let checkout = &bench.checkout;
    let [one, none_such] = [0, 7].map(|index| Verdict::Candidate { index });
    let refused = checkout
        .answer_together(&[(id, one.clone()), (other, none_such)], "mina", at(30))
        .await;
    assert!(matches!(
        refused,
        Err(AnswerError::Refused(AnswerRefused::NoSuchCandidate { id, .. })) if id == other
    ));
    assert_eq!(checkout.reviews(at(31)).len(), 2);
    assert_eq!(checkout.refusals().answers_refused, 1);
    // A movement that replaced one of them meanwhile.
    let later = AttributedMovement {
        supersedes: Some(MovementId(2)),
        ..moved(5, who, SOJU, 1, at(32))
    };
    bench.apply(later).await;
    let refused = checkout
        .answer_together(&[(id, one.clone()), (other, one)], "mina", at(33))
        .await;
    assert!(matches!(
        refused,
        Err(AnswerError::Refused(AnswerRefused::Superseded { .. }))
    ));
    assert_eq!(checkout.reviews(at(34)).len(), 1);
}
