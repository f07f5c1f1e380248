//! The scorer against truths and outcomes written by hand.

use crate::hand_made::{claim, guess, outcome, prices, truth};
use walkout_bench::matching::compare;
use walkout_bench::outcome::{Claim, Guess, Outcome};
use walkout_bench::score::{CaseRule, Run, Score, Units};
use walkout_bench::truth::Truth;
use walkout_model::{Decision, Question, TimeDelta};

fn score(truth: Truth, outcome: Outcome) -> Score {
    let mut score = Score::default();
    score.add(&Run { truth, outcome }, CaseRule::Run, &prices());
    score
}

use Decision::{Accept, LeaveOff, Review};

#[test]
fn a_right_run_scores_one() {
    let truth = truth(
        &[(1, 60, &[(1, 2), (2, 1)]), (2, 70, &[])],
        &[
            ("take", 10, Some(1), Some(1), 2),
            ("take", 20, Some(1), Some(2), 2),
            ("put", 30, Some(1), Some(2), 1),
        ],
    );
    let guesses = vec![
        // Two units in one grab, told as two movements.
        guess(10, claim(1, 1, 1), Accept),
        guess(11, claim(1, 1, 1), Accept),
        guess(20, claim(1, 2, 2), Accept),
        guess(30, claim(1, 2, -1), Accept),
    ];
    let s = score(truth, outcome(&[(1, 60), (2, 70)], guesses));
    assert_eq!((s.f1(), s.receipts, s.cases), (1.0, 2, 1));
    assert_eq!((s.unaided.perfect, s.reviewed.perfect), (2, 2));
    assert_eq!((s.unaided.false_charges, s.reviewed.money_off), (0, 0));
    assert_eq!((s.stock_units_off, s.stock_places), (0, 2));
    assert!(s.predictions.iter().all(|&(_, right)| right));
    assert!((s.ece() - 0.05).abs() < 1e-9);
}

#[test]
fn the_wrong_person_is_one_extra_and_one_missing() {
    let truth = truth(
        &[(1, 60, &[(3, 1)]), (2, 60, &[])],
        &[("take", 10, Some(1), Some(3), 1)],
    );
    let s = score(
        truth,
        outcome(&[(1, 60), (2, 60)], vec![guess(10, claim(2, 3, 1), Accept)]),
    );
    assert_eq!(
        s.units,
        Units {
            right: 0,
            extra: 1,
            missing: 1
        }
    );
    assert_eq!((s.f1(), s.unaided.perfect), (0.0, 0));
    assert_eq!(s.reviewed.false_charges, 1);
    // 3,000 charged wrongly and 3,000 not charged: the signed error hides what the absolute shows.
    assert_eq!(
        (s.reviewed.money_error(), s.reviewed.money_bias()),
        (2.0, 0.0)
    );
    // The shelf is right all the same.
    assert_eq!(s.stock_places_off, 0);
    assert_eq!(s.predictions, [(0.95, false)]);
}

#[test]
fn missing_and_extra_units() {
    let truth = truth(
        &[(1, 60, &[(1, 1), (2, 2)])],
        &[
            ("take", 10, Some(1), Some(1), 1),
            ("take", 20, Some(1), Some(2), 2),
        ],
    );
    let guesses = vec![
        guess(20, claim(1, 2, 1), Accept),
        guess(40, claim(1, 4, 1), Accept),
    ];
    let s = score(truth, outcome(&[(1, 60)], guesses));
    let units = Units {
        right: 1,
        extra: 1,
        missing: 2,
    };
    assert_eq!(s.units, units);
    assert!((s.f1() - 2.0 / 5.0).abs() < 1e-12);
    assert_eq!(
        (s.reviewed.money_true, s.reviewed.money_signed),
        (5_000, 1_000)
    );
    assert_eq!(
        (s.stock_places, s.stock_places_off, s.stock_units_off),
        (3, 3, 3)
    );
}

#[test]
fn who_leaves_with_it_pays() {
    let truth = truth(
        &[(1, 60, &[]), (2, 60, &[(1, 1)])],
        &[
            ("take", 10, Some(1), Some(1), 1),
            ("hand_over", 20, Some(1), Some(1), 1),
        ],
    );
    let s = score(
        truth,
        outcome(&[(1, 60), (2, 60)], vec![guess(10, claim(1, 1, 1), Accept)]),
    );
    assert_eq!((s.f1(), s.reviewed.false_charges), (0.0, 1));
    // The unit is its last holder's: a movement that still says the giver is wrong.
    assert_eq!(s.predictions, [(0.95, false)]);
}

#[test]
fn reviews_count_and_the_reviewer_answers_only_from_the_candidates() {
    let truth = truth(
        &[(1, 60, &[(1, 1)]), (2, 60, &[(2, 1)])],
        &[
            ("take", 10, Some(1), Some(1), 1),
            ("take", 20, Some(2), Some(2), 1),
        ],
    );
    let offered = Guess {
        others: vec![(claim(2, 1, 1), 0.2), (claim(1, 1, 1), 0.1)],
        ..guess(10, claim(2, 3, 1), Review)
    };
    let not_offered = Guess {
        others: vec![(claim(2, 4, 1), 0.2)],
        ..guess(20, claim(2, 3, 1), Review)
    };
    let s = score(
        truth,
        outcome(&[(1, 60), (2, 60)], vec![offered, not_offered]),
    );
    assert_eq!((s.reviews, s.reviews_answerable), (2, 1));
    // Without a human both best guesses stand, and both are wrong.
    assert_eq!((s.f1(), s.unaided.perfect), (0.0, 0));
    assert_eq!(s.unaided.money_signed, 6_000 - 3_000);
    // With one, the first is mended, and nothing is charged for the second.
    assert_eq!((s.reviewed.perfect, s.reviewed.false_charges), (1, 0));
    assert_eq!(s.reviewed.money_signed, -2_000);
    // Calibration is of what was accepted.
    assert!(s.predictions.is_empty());
    assert_eq!(s.per_1000(s.reviews), 1_000.0);
}

#[test]
fn what_one_look_settles_is_one_question() {
    let truth = truth(
        &[(1, 60, &[])],
        &[
            ("take", 10, None, Some(1), 1),
            ("take", 20, None, Some(2), 1),
        ],
    );
    let by_stranger = |t, product, came: i64| Guess {
        question: Question::Visit(guess(came, claim(1, 1, 1), Review).t),
        ..guess(
            t,
            Claim {
                phone: None,
                ..claim(1, product, 1)
            },
            Review,
        )
    };
    let one_visit = vec![by_stranger(10, 1, 5), by_stranger(20, 2, 5)];
    let s = score(truth.clone(), outcome(&[(1, 60)], one_visit));
    assert_eq!((s.reviews, s.reviews_answerable, s.in_doubt), (1, 1, 2));
    // So are the parts of one step, whoever's they are.
    let of_a_step = |t, phone, step| Guess {
        question: Question::Step(step),
        ..guess(t, claim(phone, 1, 1), Review)
    };
    let parts = vec![
        of_a_step(10, 1, 3),
        of_a_step(10, 2, 3),
        of_a_step(11, 1, 4),
    ];
    let s = score(truth.clone(), outcome(&[(1, 60)], parts));
    assert_eq!((s.reviews, s.in_doubt), (2, 3));
    let two_visits = vec![by_stranger(10, 1, 5), by_stranger(20, 3, 6)];
    let s = score(truth, outcome(&[(1, 60)], two_visits));
    assert_eq!((s.reviews, s.reviews_answerable), (2, 1));
}

#[test]
fn the_parts_of_a_step_are_answered_as_one() {
    // Four units left in one step: one with party 2, three with party 1.
    let truth = truth(
        &[(1, 60, &[(1, 3)]), (2, 60, &[(1, 1)])],
        &[
            ("take", 10, Some(2), Some(1), 1),
            ("take", 11, Some(1), Some(1), 3),
        ],
    );
    let part = |units| Guess {
        question: Question::Step(3),
        others: vec![(claim(2, 1, units), 0.3)],
        ..guess(11, claim(1, 1, units), Review)
    };
    let s = score(truth, outcome(&[(1, 60), (2, 60)], vec![part(1), part(3)]));
    assert_eq!(
        (s.reviews, s.reviews_answerable, s.reviewed.perfect),
        (1, 1, 2)
    );
}

#[test]
fn a_movement_takes_none_of_what_a_nearer_one_is_about() {
    // Both took one, 3 s apart; of the first step two parts are asked about, the second was accepted.
    let truth = truth(
        &[(1, 60, &[(1, 2)]), (2, 60, &[(1, 1)])],
        &[
            ("take", 10, Some(1), Some(1), 1),
            ("take", 10, Some(2), Some(1), 1),
            ("take", 13, Some(1), Some(1), 1),
        ],
    );
    let asked = Guess {
        others: vec![(claim(2, 1, 1), 0.3)],
        ..guess(10, claim(1, 1, 1), Review)
    };
    let guesses = vec![asked.clone(), asked, guess(13, claim(1, 1, 1), Accept)];
    let m = compare(&truth, &outcome(&[(1, 60), (2, 60)], guesses));
    assert_eq!(m.right, [true, false, true]);
    let settled = [claim(1, 1, 1), claim(2, 1, 1), claim(1, 1, 1)].map(Some);
    assert_eq!(m.settled, settled);
    assert_eq!(m.uncovered, [0, 0, 0]);
}

#[test]
fn a_movement_must_agree_in_place_and_time_and_explains_nothing_twice() {
    let truth = truth(&[(1, 60, &[(1, 1)])], &[("take", 10, Some(1), Some(1), 1)]);
    let elsewhere = Guess {
        shelf: "G1/S2".into(),
        ..guess(10, claim(1, 1, 1), Accept)
    };
    let guesses = vec![
        elsewhere,
        guess(10, claim(1, 1, 1), Accept),
        guess(11, claim(1, 1, 1), Accept),
        guess(30, claim(1, 1, 1), Accept),
        guess(10, claim(1, 1, -1), Accept),
        guess(10, claim(1, 1, 1), LeaveOff),
    ];
    let m = compare(&truth, &outcome(&[], guesses));
    assert_eq!(m.right, [false, true, false, false, false, false]);
    assert_eq!(m.missed, [0]);
}

#[test]
fn what_happened_while_a_plate_was_blind_may_be_told_of_any_instant_of_it() {
    let truth = truth(&[(1, 90, &[(1, 1)])], &[("take", 30, Some(1), Some(1), 1)]);
    let at = guess(60, claim(1, 1, 1), Accept).t;
    let from = guess(20, claim(1, 1, 1), Accept).t;
    let blind = Guess {
        within: (from, at),
        ..guess(60, claim(1, 1, 1), Accept)
    };
    assert_eq!(compare(&truth, &outcome(&[], vec![blind])).right, [true]);
}

#[test]
fn exits_missed_and_invented_are_counted() {
    let mut truth = truth(&[(1, 60, &[]), (2, 60, &[(1, 1)]), (3, 90, &[])], &[]);
    truth.parties.get_mut(&3).unwrap().t_out = None;
    let s = score(truth, outcome(&[(1, 60), (3, 60)], vec![]));
    assert_eq!((s.exits_missed, s.exits_invented, s.receipts), (1, 1, 2));
    // An empty receipt is perfect only if it was written.
    assert_eq!(s.unaided.perfect, 1);
}

#[test]
fn a_long_run_is_cut_into_cases_and_empty_cases_are_left_out() {
    let truth = truth(
        &[(1, 60, &[(1, 1)]), (2, 350, &[(2, 1)]), (3, 650, &[])],
        &[
            ("take", 10, Some(1), Some(1), 1),
            ("take", 310, Some(2), Some(2), 1),
        ],
    );
    let outcome = outcome(
        &[(1, 60), (2, 350), (3, 650)],
        vec![guess(10, claim(1, 1, 1), Accept)],
    );
    let mut s = Score::default();
    let rule = CaseRule::Slice(TimeDelta::from_secs(300));
    s.add(&Run { truth, outcome }, rule, &prices());
    assert_eq!((s.cases, s.f1_sum), (2, 1.0));
}

#[test]
fn things_the_shop_does_not_sell_and_strangers() {
    let truth = truth(
        &[(1, 60, &[])],
        &[
            ("foreign_put", 10, Some(1), None, 1),
            ("take", 20, None, Some(1), 1),
        ],
    );
    let foreign = Claim {
        phone: Some(1),
        gtin: None,
        quantity: -1,
    };
    let stranger = Claim {
        phone: None,
        ..claim(1, 1, 1)
    };
    let s = score(
        truth,
        outcome(
            &[(1, 60)],
            vec![guess(10, foreign, Accept), guess(20, stranger, Accept)],
        ),
    );
    assert!(s.predictions.iter().all(|&(_, right)| right));
    assert_eq!((s.unaided.perfect, s.cases), (1, 0));
}
