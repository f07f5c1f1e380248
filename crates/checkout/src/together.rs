//! Tasks that one look settles, and the answers that settle them all.

use crate::checkout::{Answered, Checkout};
use crate::error::AnswerError;
use crate::event::Candidate;
use crate::review::{AnswerRefused, ReviewId, ReviewView, Verdict};
use std::collections::BTreeMap;
use walkout_model::{Gtin, Question, StoreTime, Who};

/// Answers offered to one question.
const ANSWERS_MAX: usize = 6;
/// Candidates of each task that are tried beside those of the others, and tasks for which they are.
const CANDIDATES_MAX: usize = 4;
const TASKS_MAX: usize = 4;

/// Open tasks that one look settles.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionView {
    /// What is asked.
    pub question: Question,
    /// The tasks, in order of time; two or more.
    pub reviews: Vec<ReviewView>,
    /// What may have happened, the most probable first. Empty where it is a visit: who somebody was is answered by a name.
    pub answers: Vec<JointAnswer>,
}

/// What may have happened: a verdict on each task of a question.
#[derive(Clone, Debug, PartialEq)]
pub struct JointAnswer {
    /// In the order of the question's tasks.
    pub verdicts: Vec<Verdict>,
    /// Probability, 0–1.
    pub probability: f32,
}

impl Checkout {
    /// The open tasks at `now` that are asked about together: those of which two or more are one question.
    pub fn questions(&self, now: StoreTime) -> Vec<QuestionView> {
        let mut by_question: BTreeMap<Question, Vec<ReviewView>> = BTreeMap::new();
        for view in self.reviews(now) {
            by_question.entry(view.question()).or_default().push(view);
        }
        let together = by_question.into_iter().filter(|(_, all)| all.len() > 1);
        together
            .map(|(question, mut reviews)| {
                reviews.sort_by_key(|view| (view.t, view.id));
                QuestionView {
                    answers: answers(question, &reviews),
                    question,
                    reviews,
                }
            })
            .collect()
    }

    /// Settles several tasks as one answer. None is settled if one of them cannot be, or a verdict is wrong in itself; if more is put
    /// back than a cart holds even after the rest, the rest stays settled. Gives those that are settled.
    ///
    /// # Errors
    /// As [`Checkout::answer_review`].
    pub async fn answer_together(
        &self,
        answers: &[(ReviewId, Verdict)],
        reviewer: &str,
        now: StoreTime,
    ) -> Result<Vec<ReviewId>, AnswerError> {
        // What is put back may be what was taken by another verdict: takes go first.
        let mut answers: Vec<_> = answers.iter().collect();
        answers.sort_by_key(|(id, verdict)| (self.units(*id, verdict, now) < 0, *id));
        for (id, verdict) in &answers {
            match self.inner.may_answer(*id, verdict, reviewer, now) {
                Err(AnswerRefused::BeyondCart { .. }) | Ok(()) => {}
                Err(refused) => return Err(self.refused(refused)),
            }
        }
        let mut settled = Vec::new();
        for (id, verdict) in answers {
            match self.answer_review(*id, verdict, reviewer, now).await? {
                Answered::Recorded(_) | Answered::Repeated => settled.push(*id),
            }
        }
        settled.sort();
        Ok(settled)
    }

    fn units(&self, id: ReviewId, verdict: &Verdict, now: StoreTime) -> i32 {
        match verdict {
            Verdict::Candidate { index } => self
                .review(id, now)
                .and_then(|view| Some(view.candidates.get(*index)?.quantity))
                .unwrap_or_default(),
            Verdict::Other { quantity, .. } => *quantity,
            Verdict::Nothing => 0,
        }
    }
}

impl ReviewView {
    /// What a person is asked.
    pub fn question(&self) -> Question {
        let whose = self.candidates.iter().map(|c| (c.who, c.probability));
        Question::of(self.movement, &self.evidence, whose)
    }
}

/// What may have happened.
fn answers(question: Question, reviews: &[ReviewView]) -> Vec<JointAnswer> {
    let mut answers = match question {
        Question::Visit(_) | Question::Movement(_) => return Vec::new(),
        Question::HandOver { from, to, .. } => passed(reviews, from, to),
        Question::Exchange(_) => at_once(reviews, true),
        Question::Step(_) => at_once(reviews, false),
    };
    let all: f32 = answers.iter().map(|a| a.probability).sum();
    for answer in &mut answers {
        answer.probability /= all.max(1.0);
    }
    answers.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    answers.truncate(ANSWERS_MAX.max(reviews.len() + 1));
    answers
}

/// One of the things passed from one to the other, or nothing did.
fn passed(reviews: &[ReviewView], from: Who, to: Who) -> Vec<JointAnswer> {
    let of = |view: &ReviewView, who: Who| view.candidates.iter().position(|c| c.who == who);
    let verdict = |view: &ReviewView, who: Who| {
        of(view, who).map_or(Verdict::Nothing, |index| Verdict::Candidate { index })
    };
    let probability =
        |view: &ReviewView| of(view, to).map_or(0.0, |index| view.candidates[index].probability);
    let answer = |thing: Option<usize>, probability| JointAnswer {
        verdicts: reviews
            .iter()
            .enumerate()
            .map(|(i, view)| verdict(view, if Some(i) == thing { to } else { from }))
            .collect(),
        probability,
    };
    let something: f32 = reviews.iter().map(probability).sum();
    let things = reviews.iter().enumerate();
    let mut answers: Vec<_> = things
        .map(|(i, view)| answer(Some(i), probability(view)))
        .collect();
    answers.push(answer(None, (1.0 - something).max(0.0)));
    answers
}

/// Parts of one step move as many units together as they do by their best explanations, whoever's they are; of an exchange all
/// parts were, or none was.
fn at_once(reviews: &[ReviewView], is_exchange: bool) -> Vec<JointAnswer> {
    let goods = |c: &&Candidate| c.sku.is_some() && c.quantity != 0;
    let units = |c: &Candidate| i64::from(c.quantity);
    if reviews.len() > TASKS_MAX {
        return Vec::new();
    }
    let total: i64 = reviews
        .iter()
        .filter_map(|view| view.candidates.first().filter(goods).map(units))
        .sum();
    let mut partial: Vec<Vec<Option<usize>>> = vec![Vec::new()];
    for view in reviews {
        let places = view.candidates.iter().take(CANDIDATES_MAX).enumerate();
        let choices: Vec<Option<usize>> = places
            .filter(|(_, c)| goods(c))
            .map(|(i, _)| Some(i))
            .chain([None])
            .collect();
        partial = partial
            .iter()
            .flat_map(|chosen| {
                let with = |c: &Option<usize>| [chosen.as_slice(), &[*c]].concat();
                choices.iter().map(with)
            })
            .collect();
    }
    let mut told: BTreeMap<BTreeMap<(Who, Option<Gtin>), i64>, JointAnswer> = BTreeMap::new();
    for chosen in partial {
        let picked = || {
            let both = chosen.iter().zip(reviews);
            both.filter_map(|(c, view)| view.candidates.get((*c)?))
        };
        let n = picked().count();
        let is_whole = n == 0
            || if is_exchange {
                n == reviews.len()
            } else {
                picked().map(units).sum::<i64>() == total
            };
        if !is_whole {
            continue;
        }
        let probability = if n == 0 {
            let moved = |view: &ReviewView| {
                let all = view.candidates.iter().filter(goods);
                all.map(|c| c.probability).sum::<f32>()
            };
            (1.0 - reviews.iter().map(moved).fold(0.0, f32::max)).max(0.0)
        } else {
            picked().map(|c| c.probability).fold(1.0, f32::min)
        };
        let mut net: BTreeMap<(Who, Option<Gtin>), i64> = BTreeMap::new();
        for c in picked() {
            *net.entry((c.who, c.sku)).or_default() += units(c);
        }
        let verdict =
            |c: &Option<usize>| c.map_or(Verdict::Nothing, |index| Verdict::Candidate { index });
        let answer = JointAnswer {
            verdicts: chosen.iter().map(verdict).collect(),
            probability,
        };
        // What comes to the same is one answer.
        let same = told.entry(net).or_insert_with(|| answer.clone());
        if same.probability < answer.probability {
            *same = answer;
        }
    }
    told.into_values().collect()
}
