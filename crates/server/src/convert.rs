//! From the shop's own types to what is shown.

use crate::view::{
    ChoiceView, FactorView, JointAnswerView, LineView, MovementView, OptionView, QuestionView,
    ReceiptView, ReviewAnswer, ReviewView, SessionView, VerdictBody,
};
use walkout_checkout as checkout;
use walkout_checkout::{Candidate, CartLine, MovementRecorded, Outcome, Receipt, Stage, Verdict};
use walkout_model::{Gtin, PartyKind, Question, SessionId, Shop, Who};

/// A session in the shop.
pub fn session(view: &checkout::SessionView) -> SessionView {
    SessionView {
        id: view.id.to_string(),
        kind: kind(view.kind).to_owned(),
        customer: view.customer.to_string(),
        people: view.people,
        stage: stage(view.stage).to_owned(),
        t_in: view.entered.0,
        t_out: view.left.map(|t| t.0),
        items: view.cart.iter().map(|line| i64::from(line.units)).sum(),
        total_minor: view.cart_total.minor,
        reviews_open: view.open_reviews.len(),
        lines: lines(&view.cart),
    }
}

/// A receipt; `session` tells how its payment stands.
pub fn receipt(receipt: &Receipt, session: Option<&checkout::SessionView>) -> ReceiptView {
    let state = match receipt.status {
        checkout::ReceiptStatus::Draft => "draft",
        checkout::ReceiptStatus::Final => "final",
    };
    let payment = match session.map(|s| s.stage) {
        Some(Stage::Settled) => "paid",
        Some(Stage::Debt) => "owed",
        _ => "pending",
    };
    ReceiptView {
        session: receipt.session.to_string(),
        number: receipt.number,
        customer: receipt.customer.to_string(),
        t: receipt.left.unwrap_or(receipt.entered).0,
        state: state.to_owned(),
        lines: lines(&receipt.lines),
        total_minor: receipt.total.minor,
        tax_minor: receipt.taxes.iter().map(|tax| tax.tax.minor).sum(),
        payment: payment.to_owned(),
    }
}

/// A movement. `staff` says whether the best explanation's party is staff.
pub fn movement(shop: &Shop, record: &MovementRecorded, staff: bool) -> MovementView {
    let decision = match record.outcome {
        Outcome::Accepted => "accept",
        Outcome::Review { .. } => "review",
        Outcome::LeftOff | Outcome::NoGoods | Outcome::VerdictStands | Outcome::Superseded => {
            "leaveoff"
        }
    };
    let mut choices = record.candidates.iter().map(|c| choice(shop, c));
    let best = choices.next().unwrap_or_else(|| ChoiceView {
        who: None,
        gtin: None,
        name_ko: String::new(),
        name_en: String::new(),
        quantity: 0,
        probability: 0.0,
    });
    let evidence = &record.evidence;
    MovementView {
        id: record.id.to_string(),
        t: record.t.0,
        known_at: record.known_at.0,
        shelf: record.shelf.clone(),
        lane: record.lane.clone(),
        staff,
        decision: decision.to_owned(),
        best,
        alternatives: choices.collect(),
        delta_g: evidence.delta_mg as f64 / 1e3,
        sigma_g: evidence.sigma_mg as f64 / 1e3,
        factors: evidence
            .factors
            .iter()
            .map(|f| FactorView {
                name: f.name.clone(),
                log_odds: f.log_odds,
            })
            .collect(),
        curve: evidence.curve.clone(),
    }
}

/// An open review with the answers to choose from.
pub fn review(shop: &Shop, view: &checkout::ReviewView) -> ReviewView {
    let moved = |c: &&Candidate| c.sku.is_some() && c.quantity != 0;
    let mut options: Vec<_> = view
        .candidates
        .iter()
        .filter(moved)
        .take(4)
        .map(|c| option(shop, c))
        .collect();
    let not_moved = view.candidates.iter().filter(|c| !moved(c));
    options.push(nothing(not_moved.map(|c| c.probability).sum()));
    ReviewView {
        id: view.id.to_string(),
        t: view.t.0,
        session: options.iter().find_map(|o| o.who.clone()),
        shelf: view.lane.clone().unwrap_or_else(|| view.shelf.clone()),
        why: snake_case(&view.reason),
        at_risk_minor: view.money_at_risk.minor,
        options,
        curve: view.evidence.curve.clone(),
        delta_g: view.evidence.delta_mg as f64 / 1e3,
        visit: view.evidence.stranger.map(|came| came.0),
    }
}

/// Open reviews that one look settles, with what may have happened; none where they are answered by a name.
pub fn question(shop: &Shop, view: &checkout::QuestionView) -> Option<QuestionView> {
    let of = |who: Who| match who {
        Who::Session(session) => Some(session.to_string()),
        Who::Unknown => None,
    };
    let first = view.reviews.first()?.t;
    let (kind, t, from, to) = match view.question {
        Question::HandOver { t, from, to } => ("hand_over", t, of(from), of(to)),
        Question::Exchange(_) => ("exchange", first, None, None),
        Question::Step(_) => ("step", first, None, None),
        Question::Visit(_) | Question::Movement(_) => return None,
    };
    let said = |review: &checkout::ReviewView, verdict: &Verdict| match verdict {
        Verdict::Candidate { index } => review.candidates.get(*index).map(|c| option(shop, c)),
        _ => Some(nothing(0.0)),
    };
    let answer = |joint: &checkout::JointAnswer| {
        let both = view.reviews.iter().zip(&joint.verdicts);
        let says: Option<Vec<_>> = both
            .map(|(review, verdict)| said(review, verdict))
            .collect();
        let says = says?;
        let answers = view.reviews.iter().zip(&says);
        Some(JointAnswerView {
            answers: answers
                .map(|(review, option)| ReviewAnswer {
                    review: review.id.to_string(),
                    verdict: option.verdict.clone(),
                })
                .collect(),
            says,
            probability: joint.probability,
        })
    };
    let answers: Option<Vec<_>> = view.answers.iter().map(answer).collect();
    Some(QuestionView {
        kind: kind.to_owned(),
        t: t.0,
        from,
        to,
        reviews: view.reviews.iter().map(|r| r.id.to_string()).collect(),
        answers: answers.filter(|answers| !answers.is_empty())?,
    })
}

fn option(shop: &Shop, candidate: &Candidate) -> OptionView {
    let shown = choice(shop, candidate);
    OptionView {
        verdict: VerdictBody {
            who: shown.who.clone(),
            gtin: shown.gtin.clone(),
            quantity: shown.quantity,
        },
        who: shown.who,
        gtin: shown.gtin,
        name_ko: shown.name_ko,
        name_en: shown.name_en,
        quantity: shown.quantity,
        probability: shown.probability,
    }
}

/// That nothing of the catalogue moved.
fn nothing(probability: f32) -> OptionView {
    OptionView {
        verdict: VerdictBody {
            who: None,
            gtin: None,
            quantity: 0,
        },
        who: None,
        gtin: None,
        name_ko: String::new(),
        name_en: String::new(),
        quantity: 0,
        probability,
    }
}

/// Whom a reviewer names.
pub fn who(named: Option<&str>) -> Result<Who, String> {
    let Some(text) = named else {
        return Ok(Who::Unknown);
    };
    let session = text.parse::<SessionId>();
    session
        .map(Who::Session)
        .map_err(|_| format!("\"{text}\" is no session: write s12"))
}

/// What checkout calls the verdict that a reviewer sent.
pub fn verdict(view: &checkout::ReviewView, body: &VerdictBody) -> Result<Verdict, String> {
    let Some(gtin) = &body.gtin else {
        return Ok(Verdict::Nothing);
    };
    let gtin: Gtin = gtin.parse().map_err(|e| format!("{e}"))?;
    let who = who(body.who.as_deref())?;
    let same = |c: &Candidate| c.who == who && c.sku == Some(gtin) && c.quantity == body.quantity;
    Ok(match view.candidates.iter().position(same) {
        Some(index) => Verdict::Candidate { index },
        None => Verdict::Other {
            who,
            gtin,
            quantity: body.quantity,
        },
    })
}

/// The name that serde gives to an enum's value: `beyond_cart`.
pub fn snake_case<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        _ => String::new(),
    }
}

fn choice(shop: &Shop, candidate: &Candidate) -> ChoiceView {
    let product = candidate
        .sku
        .and_then(|gtin| shop.catalogue.find(gtin))
        .and_then(|sku| shop.catalogue.get(sku));
    let who = match candidate.who {
        Who::Session(session) => Some(session.to_string()),
        Who::Unknown => None,
    };
    ChoiceView {
        who,
        gtin: candidate.sku.map(|gtin| gtin.to_string()),
        name_ko: product.map_or_else(String::new, |p| p.name_ko.clone()),
        name_en: product.map_or_else(String::new, |p| p.name_en.clone()),
        quantity: candidate.quantity,
        probability: candidate.probability,
    }
}

pub(crate) fn lines(lines: &[CartLine]) -> Vec<LineView> {
    let line = |l: &CartLine| LineView {
        gtin: l.gtin.to_string(),
        name_ko: l.name_ko.clone(),
        name_en: l.name_en.clone(),
        units: i64::from(l.units),
        total_minor: l.total.minor,
    };
    lines.iter().map(line).collect()
}

fn kind(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::Shopper => "shopper",
        PartyKind::Staff => "staff",
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Entering => "entering",
        Stage::Refused => "refused",
        Stage::Open => "open",
        Stage::Review => "review",
        Stage::Paying => "paying",
        Stage::Settled => "settled",
        Stage::Debt => "debt",
    }
}
