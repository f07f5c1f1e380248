//! Truths and outcomes written by hand.

use std::collections::BTreeMap;
use walkout_bench::outcome::{Claim, Guess, Outcome};
use walkout_bench::truth::Truth;
use walkout_model::{Decision, Gtin, MovementId, Question, SessionId, StoreTime};

pub fn gtin(n: u64) -> Gtin {
    Gtin::from_body(880_104_300_000 + n).unwrap()
}

pub fn second(s: i64) -> StoreTime {
    StoreTime(s * 1_000_000)
}

pub fn prices() -> BTreeMap<Gtin, i64> {
    (1..=5).map(|n| (gtin(n), n as i64 * 1_000)).collect()
}

/// Phone, exit second, [(product, units)].
pub type PartyRow<'a> = (u32, i64, &'a [(u64, u32)]);
/// Kind, second, phone, product, units.
pub type ActionRow<'a> = (&'a str, i64, Option<u32>, Option<u64>, u32);

/// Parties, and actions on one shelf.
pub fn truth(parties: &[PartyRow<'_>], actions: &[ActionRow<'_>]) -> Truth {
    let mut text = String::new();
    for (phone, t_out, lines) in parties {
        text += &format!(
            r#"{{"type":"session","phone":{phone},"people":1,"kind":"shopper","t_in":0,"t_out":{}}}"#,
            t_out * 1_000_000
        );
        let lines: Vec<_> = lines
            .iter()
            .map(|&(n, units)| format!(r#"{{"gtin":"{}","units":{units}}}"#, gtin(n)))
            .collect();
        text += &format!(
            "\n{{\"type\":\"receipt\",\"phone\":{phone},\"t\":0,\"lines\":[{}]}}\n",
            lines.join(",")
        );
    }
    // Twenty of everything on the shelf, less what the actions take off it.
    let mut stock: BTreeMap<u64, i64> = (1..=5).map(|n| (n, 20)).collect();
    text += &stock_line(&stock);
    for &(kind, t, phone, product, units) in actions {
        let sign = match kind {
            "take" => -1,
            "put" => 1,
            _ => 0,
        };
        if let Some(held) = product.and_then(|n| stock.get_mut(&n)) {
            *held += sign * i64::from(units);
        }
        let gtin = product.map_or("null".into(), |n| format!("\"{}\"", gtin(n)));
        let phone = phone.map_or("null".into(), |p| p.to_string());
        let (from, to) = (t * 1_000_000 - 500_000, t * 1_000_000);
        text += &format!(
            r#"{{"type":"action","action":"{kind}","t_start":{from},"t_end":{to},"person":1,"phone":{phone},"gtin":{gtin},"units":{units},"shelf":"G1/S1"}}"#
        );
        text.push('\n');
    }
    text += &stock_line(&stock);
    Truth::parse(&text).unwrap()
}

fn stock_line(stock: &BTreeMap<u64, i64>) -> String {
    let lines: Vec<_> = stock
        .iter()
        .map(|(&n, units)| {
            format!(
                r#"{{"shelf":"G1/S1","gtin":"{}","units":{units}}}"#,
                gtin(n)
            )
        })
        .collect();
    format!(
        "{{\"type\":\"stock\",\"t\":0,\"lines\":[{}]}}\n",
        lines.join(",")
    )
}

pub fn claim(phone: u32, product: u64, quantity: i32) -> Claim {
    Claim {
        phone: Some(phone),
        gtin: Some(gtin(product)),
        quantity,
    }
}

pub fn guess(t: i64, best: Claim, decision: Decision) -> Guess {
    Guess {
        id: MovementId(t as u64),
        t: second(t),
        within: (second(t), second(t)),
        known_at: second(t + 1),
        shelf: "G1/S1".into(),
        best,
        probability: 0.95,
        others: Vec::new(),
        decision,
        question: Question::Movement(MovementId(t as u64)),
    }
}

pub fn outcome(exits: &[(u32, i64)], guesses: Vec<Guess>) -> Outcome {
    Outcome {
        guesses,
        exits: exits.iter().map(|&(p, t)| (p, second(t))).collect(),
        late: 0,
    }
}

/// Another number for a session, in another order.
pub fn scrambled(session: SessionId) -> SessionId {
    SessionId(session.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1)
}
