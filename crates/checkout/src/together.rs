//! Tasks that one look settles, and the answers that settle them all.

use crate::checkout::Checkout;
use crate::error::AnswerError;
use crate::event::Candidate;
use crate::review::{AnswerRefused, ReviewId, ReviewView, Verdict};
use std::collections::{BTreeMap, BTreeSet};
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
    /// What may have happened, the most probable first. Empty where it is a visit (who somebody was is answered by a name) and where
    /// the tasks' candidates leave no choice.
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

    /// Settles several tasks as one answer, and gives those that are settled. Nothing else happens in between. None is settled if
    /// one of them cannot be or a verdict is wrong in itself; where one puts back more than a cart holds with the rest, the rest
    /// stays settled.
    ///
    /// # Errors
    /// As [`Checkout::answer_review`].
    pub async fn answer_together(
        &self,
        answers: &[(ReviewId, Verdict)],
        reviewer: &str,
        now: StoreTime,
    ) -> Result<Vec<ReviewId>, AnswerError> {
        let command = self.inner.command().await?;
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
        let mut sessions = BTreeSet::new();
        let mut failed = None;
        for (id, verdict) in answers {
            match self.settle(*id, verdict, reviewer, now).await {
                Ok((_, of_it)) => {
                    settled.push(*id);
                    sessions.extend(of_it);
                }
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        drop(command);
        for session in sessions {
            self.inner.drive(session, now).await?;
        }
        settled.sort();
        failed.map_or(Ok(settled), Err)
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
        let said = self.candidates.iter();
        let said = said.map(|c| (c.who, (c.sku, c.quantity), c.probability));
        Question::of(self.movement, &self.evidence, said)
    }
}

/// What may have happened, the most probable first; that nothing did is always among them. Empty where there is no choice.
fn answers(question: Question, reviews: &[ReviewView]) -> Vec<JointAnswer> {
    let mut answers = match question {
        Question::Visit(_) | Question::Movement(_) => return Vec::new(),
        Question::HandOver { from, to, .. } => passed(reviews, from, to),
        Question::Exchange(_) | Question::Step(_) => at_once(reviews),
    };
    let all: f32 = answers.iter().map(|a| a.1.probability).sum();
    for (_, answer) in &mut answers {
        answer.probability /= all.max(1.0);
    }
    answers.sort_by(|a, b| b.1.probability.total_cmp(&a.1.probability));
    let most = ANSWERS_MAX.max(reviews.len());
    let mut kept = 0;
    answers.retain(|(says, _)| {
        kept += usize::from(!says.is_empty());
        says.is_empty() || kept <= most
    });
    if answers.len() < 2 {
        return Vec::new();
    }
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// What an answer comes to: units by party and product. Of a hand-over what passed.
type Net = BTreeMap<(Who, Option<Gtin>), i64>;

/// Adds an answer; what comes to the same is one, and `join` makes one probability of both.
fn add(told: &mut Vec<(Net, JointAnswer)>, new: (Net, JointAnswer), join: fn(f32, f32) -> f32) {
    match told.iter_mut().find(|(net, _)| *net == new.0) {
        Some((_, same)) => {
            let joined = join(same.probability, new.1.probability);
            if same.probability < new.1.probability {
                *same = new.1;
            }
            same.probability = joined;
        }
        None => told.push(new),
    }
}

/// One of the things passed from one to the other, or nothing did.
fn passed(reviews: &[ReviewView], from: Who, to: Who) -> Vec<(Net, JointAnswer)> {
    // By task: where its goods are still with the one, and where they are with the other.
    let places: Option<Vec<[usize; 2]>> = reviews
        .iter()
        .map(|view| {
            let best = view.candidates.first()?;
            let with = |who: Who| {
                let mut all = view.candidates.iter();
                all.position(|c| (c.who, c.sku, c.quantity) == (who, best.sku, best.quantity))
            };
            Some([with(from)?, with(to)?])
        })
        .collect();
    let Some(places) = places else {
        return Vec::new();
    };
    let answer = |thing: Option<usize>, probability| JointAnswer {
        verdicts: places
            .iter()
            .enumerate()
            .map(|(i, at)| Verdict::Candidate {
                index: at[usize::from(Some(i) == thing)],
            })
            .collect(),
        probability,
    };
    let mut told = Vec::new();
    let mut something = 0.0;
    for (i, (view, at)) in reviews.iter().zip(&places).enumerate() {
        let thing = &view.candidates[at[1]];
        something += thing.probability;
        let net = Net::from([((to, thing.sku), i64::from(thing.quantity))]);
        let said = answer(Some(i), thing.probability);
        add(&mut told, (net, said), |a, b| a + b);
    }
    let nothing = answer(None, (1.0 - something).max(0.0));
    add(&mut told, (Net::new(), nothing), f32::max);
    told
}

/// Each part of a step or an exchange was one of its own candidates, or one explanation that all parts offer was all of it, or
/// nothing moved.
fn at_once(reviews: &[ReviewView]) -> Vec<(Net, JointAnswer)> {
    if reviews.len() > TASKS_MAX {
        return Vec::new();
    }
    let goods = |c: &&Candidate| c.sku.is_some() && c.quantity != 0;
    let claim = |c: &Candidate| (c.who, c.sku, c.quantity);
    // An explanation of the whole is told by every part, and is of other goods or more of them than that part's own.
    let is_whole = |c: &Candidate| {
        reviews.iter().all(|view| {
            let own = view.candidates.first();
            let is_own = own.is_some_and(|own| (own.sku, own.quantity) == (c.sku, c.quantity));
            !is_own && view.candidates.iter().any(|o| claim(o) == claim(c))
        })
    };
    let mut told = Vec::new();
    let mut tell = |chosen: &[Option<usize>], probability: f32| {
        let mut net = Net::new();
        let picked = chosen.iter().zip(reviews);
        for c in picked.filter_map(|(at, view)| view.candidates.get((*at)?)) {
            *net.entry((c.who, c.sku)).or_default() += i64::from(c.quantity);
        }
        let verdict = |at: &Option<usize>| match at {
            Some(index) => Verdict::Candidate { index: *index },
            None => Verdict::Nothing,
        };
        let answer = JointAnswer {
            verdicts: chosen.iter().map(verdict).collect(),
            probability,
        };
        add(&mut told, (net, answer), f32::max);
    };
    let mut ways: Vec<(Vec<Option<usize>>, f32)> = vec![(Vec::new(), 1.0)];
    for view in reviews {
        let own = view.candidates.iter().enumerate();
        let own = own.filter(|(_, c)| goods(c) && !is_whole(c));
        let own: Vec<_> = own.take(CANDIDATES_MAX).collect();
        let with = |(chosen, p): &(Vec<Option<usize>>, f32)| {
            let more = own.iter().map(|(i, c)| {
                (
                    [chosen.as_slice(), &[Some(*i)]].concat(),
                    p.min(c.probability),
                )
            });
            more.collect::<Vec<_>>()
        };
        ways = ways.iter().flat_map(with).collect();
    }
    for (chosen, probability) in &ways {
        tell(chosen, *probability);
    }
    let mut whole = vec![None; reviews.len()];
    let first = reviews.first().map_or(&[][..], |view| &view.candidates[..]);
    for (i, c) in first.iter().enumerate().filter(|(_, c)| goods(c)) {
        if is_whole(c) {
            whole[0] = Some(i);
            tell(&whole, c.probability);
        }
    }
    let moved = |view: &ReviewView| {
        let all = view.candidates.iter().filter(goods);
        all.map(|c| c.probability).sum::<f32>()
    };
    let most = reviews.iter().map(moved).fold(0.0, f32::max);
    tell(&vec![None; reviews.len()], (1.0 - most).max(0.0));
    told
}
