//! Why a movement was concluded: its evidence, the other explanations and what each kind of
//! evidence said against them, as data and as one sentence in Korean and English.

use crate::Language;
use crate::event::{Candidate, Event, MovementRecorded, Outcome};
use jiff::tz::TimeZone;
use serde::Serialize;
use walkout_ledger::Entry;
use walkout_model::{Decision, Evidence, Factor, Gtin, Hand, Passed, Shop, StoreTime, Who};

/// Why a movement was concluded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The movement, `m00000000000000ff`.
    pub movement: String,
    /// When the goods moved.
    pub t: StoreTime,
    /// When it was concluded.
    pub known_at: StoreTime,
    /// The time of day in the shop, `12:03:14`.
    pub time_of_day: String,
    /// The shelf's name.
    pub shelf: String,
    /// The lane's name, where the goods belong to one.
    pub lane: Option<String>,
    /// What fusion decided.
    pub decision: Decision,
    /// What checkout made of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// The movement that it replaces.
    pub supersedes: Option<String>,
    /// The explanation that was chosen.
    pub chosen: Claim,
    /// The others, the most probable first.
    pub alternatives: Vec<Claim>,
    /// What the sensors said.
    pub evidence: Evidence,
    /// All of it in a sentence.
    pub sentence: Sentence,
}

/// One explanation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// The session, or none for somebody whom no code let in.
    pub who: Option<String>,
    /// What; none for goods that are not sold here, or no goods.
    pub gtin: Option<Gtin>,
    /// Korean name.
    pub name_ko: Option<String>,
    /// English name.
    pub name_en: Option<String>,
    /// Units to the person: positive when taken, negative when put back.
    pub quantity: i32,
    /// Probability, 0–1.
    pub probability: f32,
    /// What so many units weigh, grams; none where it is not known.
    pub grams: Option<f64>,
    /// Natural log of the odds of the chosen explanation against this one, by kind of evidence. Empty
    /// for the chosen one itself, and for movements recorded without it.
    pub against: Vec<Factor>,
}

/// A sentence in two languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// 한국어.
    pub ko: String,
    /// English.
    pub en: String,
}

impl Sentence {
    /// The sentence in one language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Korean => &self.ko,
            Language::English => &self.en,
        }
    }
}

impl MovementRecorded {
    /// The movement that an entry of the ledger records; `None` if it records something else.
    ///
    /// # Errors
    /// An entry that checkout wrote and cannot be read.
    pub fn of(entry: &Entry) -> Result<Option<Self>, serde_json::Error> {
        Ok(match Event::from_cause(&entry.draft.cause)? {
            Some(Event::Movement(record)) => Some(*record),
            _ => None,
        })
    }

    /// Why it was concluded, in the words of its shop.
    pub fn explain(&self, shop: &Shop) -> Explanation {
        let claim = |(i, c): (usize, &Candidate)| Claim::new(c, shop, self.against(i));
        let mut claims = self.candidates.iter().enumerate().map(claim);
        let chosen = claims.next().unwrap_or_default();
        let alternatives: Vec<Claim> = claims.collect();
        let time_of_day = time_of_day(self.t, &shop.time_zone);
        let teller = Teller {
            record: self,
            chosen: &chosen,
            next: alternatives.first(),
            time_of_day: &time_of_day,
            zone: &shop.time_zone,
        };
        let sentence = Sentence {
            ko: teller.korean(),
            en: teller.english(),
        };
        Explanation {
            movement: self.id.to_string(),
            t: self.t,
            known_at: self.known_at,
            time_of_day,
            shelf: self.shelf.clone(),
            lane: self.lane.clone(),
            decision: self.decision,
            outcome: self.outcome,
            supersedes: self.supersedes.map(|id| id.to_string()),
            evidence: self.evidence.clone(),
            sentence,
            chosen,
            alternatives,
        }
    }

    /// What was said against the `i`-th candidate, counted with the chosen one.
    fn against(&self, i: usize) -> Vec<Factor> {
        let of = i.checked_sub(1).and_then(|i| self.evidence.against.get(i));
        of.cloned().unwrap_or_default()
    }
}

impl Default for Claim {
    fn default() -> Self {
        Self {
            who: None,
            gtin: None,
            name_ko: None,
            name_en: None,
            quantity: 0,
            probability: 0.0,
            grams: None,
            against: Vec::new(),
        }
    }
}

impl Claim {
    fn new(c: &Candidate, shop: &Shop, against: Vec<Factor>) -> Self {
        let sku = c.sku.and_then(|gtin| shop.catalogue.find(gtin));
        let product = sku.and_then(|sku| shop.catalogue.get(sku));
        Self {
            who: match c.who {
                Who::Session(session) => Some(session.to_string()),
                Who::Unknown => None,
            },
            gtin: c.sku,
            name_ko: product.map(|p| p.name_ko.clone()),
            name_en: product.map(|p| p.name_en.clone()),
            quantity: c.quantity,
            probability: c.probability,
            grams: product.map(|p| p.unit_mass.grams() * f64::from(c.quantity.unsigned_abs())),
            against,
        }
    }

    fn units(&self) -> u32 {
        self.quantity.unsigned_abs()
    }
}

/// What a sentence is made of.
struct Teller<'a> {
    record: &'a MovementRecorded,
    chosen: &'a Claim,
    next: Option<&'a Claim>,
    time_of_day: &'a str,
    zone: &'a str,
}

impl Teller<'_> {
    fn english(&self) -> String {
        let c = self.chosen;
        let who = |claim: &Claim| {
            claim
                .who
                .clone()
                .unwrap_or_else(|| "somebody unknown".into())
        };
        let what = |claim: &Claim| match (&claim.gtin, &claim.name_en) {
            (Some(_), Some(name)) => format!("{} × {name}", claim.units()),
            (Some(gtin), None) => format!("{} × {gtin}", claim.units()),
            (None, _) => "nothing that is sold here".to_owned(),
        };
        let verb = if c.quantity < 0 { "put" } else { "took" };
        let place = if c.quantity < 0 { "onto" } else { "off" };
        let mut text = match self.given() {
            Some(passed) => format!(
                "{} has {}, which {} took off {} at {} and which was handed over at {}, with {}: ",
                who(c),
                what(c),
                self.who().and_then(name).unwrap_or_else(unknown),
                self.record.shelf,
                self.time_of_day,
                time_of_day(passed.t, self.zone),
                percent(c.probability),
            ),
            None => format!(
                "{} {verb} {} {place} {} at {} with {}: ",
                who(c),
                what(c),
                self.record.shelf,
                self.time_of_day,
                percent(c.probability),
            ),
        };
        let (grams, sigma) = self.change();
        let went = if grams < 0.0 { "lost" } else { "gained" };
        text += &match self.record.evidence.came_and_went {
            Some((from, to)) => format!(
                "the shelf was disturbed from {} to {} and bears what it bore before, as where one came and one went,",
                time_of_day(from, self.zone),
                time_of_day(to, self.zone),
            ),
            None => format!(
                "{}the shelf {went} {} g ± {} g",
                if self.record.evidence.steps.len() > 1 {
                    "beside what came and went on the same plates in that moment, "
                } else {
                    ""
                },
                short(grams.abs()),
                short(sigma)
            ),
        };
        if let Some(mass) = c.grams {
            text += &match c.units() {
                1 => format!(" where one of them weighs {} g", short(mass)),
                n => format!(" where {n} of them weigh {} g", short(mass)),
            };
        }
        match (self.own_hand(), self.other_hand()) {
            (Some(own), other) => {
                let whose = match self.given() {
                    Some(_) => self.who().and_then(name).unwrap_or_else(unknown),
                    None => "theirs".to_owned(),
                };
                text += &format!("; the nearest hand of {whose} was {} away", metres(own));
                if let Some((who, hand)) = other {
                    text += &format!(", that of {who} {}", metres(hand));
                }
            }
            (None, Some((name, hand))) => {
                text += &format!(
                    "; no hand of theirs was seen near, that of {name} was {} away",
                    metres(hand)
                );
            }
            (None, None) => text += "; no hand was seen near",
        }
        if let Some((p, looks)) = self.looked_like() {
            text += &match looks {
                1 => format!(
                    "; in one look a camera took it for that with {}",
                    percent(p)
                ),
                _ => format!(
                    "; in {looks} looks a camera took it for that with {}",
                    percent(p)
                ),
            };
        }
        if let Some(next) = self.next {
            text += &format!(
                "; next comes {} with {} and {}",
                who(next),
                what(next),
                percent(next.probability)
            );
            if let Some(factor) = telling(next) {
                text += &format!(
                    ", against which {} speaks most",
                    english_factor(&factor.name)
                );
            }
        }
        if let Some(passed) = self.may_have_given() {
            text += &format!(
                "; at {} it may have been handed to {} ({})",
                time_of_day(passed.t, self.zone),
                name(passed.to).unwrap_or_else(unknown),
                percent(passed.probability),
            );
        }
        text.push('.');
        text += match (self.record.decision, self.record.outcome) {
            (_, Outcome::Review { .. }) => " A person was asked.",
            (Decision::LeaveOff, _) | (_, Outcome::LeftOff | Outcome::NoGoods) => {
                " Nobody was charged for it."
            }
            _ => "",
        };
        text
    }

    fn korean(&self) -> String {
        let c = self.chosen;
        let who = |claim: &Claim| match &claim.who {
            Some(session) => format!("{session} 손님"),
            None => "확인되지 않은 사람".to_owned(),
        };
        let what = |claim: &Claim| match (&claim.gtin, &claim.name_ko) {
            (Some(_), Some(name)) => format!("{name} {}개", claim.units()),
            (Some(gtin), None) => format!("{gtin} {}개", claim.units()),
            (None, _) => "판매하지 않는 물건".to_owned(),
        };
        let (at, verb) = match c.quantity < 0 {
            true => ("에", "놓았습니다"),
            false => ("에서", "집었습니다"),
        };
        let named = |who: Who| match name(who) {
            Some(session) => format!("{session} 손님"),
            None => "확인되지 않은 사람".to_owned(),
        };
        let mut text = match self.given() {
            Some(passed) => format!(
                "{} {}이 {}에서 집은 {} {} {}이 건네받았습니다(확률 {}): ",
                self.time_of_day,
                named(self.who().unwrap_or(Who::Unknown)),
                self.record.shelf,
                object(&what(c)),
                time_of_day(passed.t, self.zone),
                who(c),
                percent(c.probability),
            ),
            None => format!(
                "{} {}이 {}{at} {} {verb}(확률 {}): ",
                self.time_of_day,
                who(c),
                self.record.shelf,
                object(&what(c)),
                percent(c.probability),
            ),
        };
        let (grams, sigma) = self.change();
        let went = if grams < 0.0 {
            "줄었고"
        } else {
            "늘었고"
        };
        text += &match self.record.evidence.came_and_went {
            Some((from, to)) => format!(
                "선반이 {}부터 {}까지 흔들린 뒤 무게가 그대로이므로 하나가 놓이고 하나가 집힌 것으로 보이고",
                time_of_day(from, self.zone),
                time_of_day(to, self.zone),
            ),
            None => format!(
                "선반 무게가 {}{} g ± {} g {went}",
                if self.record.evidence.steps.len() > 1 {
                    "같은 순간 같은 저울판에서 함께 오간 것을 빼고 "
                } else {
                    ""
                },
                short(grams.abs()),
                short(sigma)
            ),
        };
        if let Some(mass) = c.grams {
            text += &format!(", {}개의 무게는 {} g입니다", c.units(), short(mass));
        } else {
            text += ", 이에 맞는 상품은 없습니다";
        }
        match (self.own_hand(), self.other_hand()) {
            (Some(own), other) => {
                let whose = match (self.given(), self.who()) {
                    (Some(_), Some(taker)) => format!("{}의", named(taker)),
                    _ => "그".to_owned(),
                };
                text += &format!("; {whose} 손은 {} 거리에 있었고", metres(own));
                text += &match other {
                    Some((name, hand)) => {
                        format!(", {name}의 손은 {} 떨어져 있었습니다", metres(hand))
                    }
                    None => ", 가까이에 다른 손은 없었습니다".to_owned(),
                };
            }
            (None, Some((name, hand))) => {
                text += &format!(
                    "; 그 손은 보이지 않았고, {name}의 손은 {} 떨어져 있었습니다",
                    metres(hand)
                );
            }
            (None, None) => text += "; 가까이에 보이는 손은 없었습니다",
        }
        if let Some((p, looks)) = self.looked_like() {
            text += &format!(
                "; 카메라는 {looks}번 보고 {} 확률로 그 상품으로 판단했습니다",
                percent(p)
            );
        }
        if let Some(next) = self.next {
            text += &format!(
                "; 그다음 가능성은 {}의 {}({})",
                who(next),
                what(next),
                percent(next.probability)
            );
            text += &match telling(next) {
                Some(factor) => format!(
                    "이며, {} 근거가 이를 가장 반박합니다",
                    korean_factor(&factor.name)
                ),
                None => "입니다".to_owned(),
            };
        }
        if let Some(passed) = self.may_have_given() {
            text += &format!(
                "; {}에 {}에게 건넸을 수 있습니다({})",
                time_of_day(passed.t, self.zone),
                named(passed.to),
                percent(passed.probability),
            );
        }
        text.push('.');
        text += match (self.record.decision, self.record.outcome) {
            (_, Outcome::Review { .. }) => " 직원 확인을 요청했습니다.",
            (Decision::LeaveOff, _) | (_, Outcome::LeftOff | Outcome::NoGoods) => {
                " 아무에게도 청구하지 않았습니다."
            }
            _ => "",
        };
        text
    }

    /// Grams and their standard deviation; what came off is negative.
    fn change(&self) -> (f64, f64) {
        let evidence = &self.record.evidence;
        (
            evidence.delta_mg as f64 / 1e3,
            evidence.sigma_mg as f64 / 1e3,
        )
    }

    /// Who moved the goods on the shelf: of goods that were handed over, not who has them.
    fn who(&self) -> Option<Who> {
        let chosen = self.record.candidates.first().map(|c| c.who);
        self.given().and_then(|_| self.taker()).or(chosen)
    }

    /// Who had the goods before any hand-over.
    fn taker(&self) -> Option<Who> {
        let handed = &self.record.evidence.handed;
        handed.first().map(|passed| passed.from)
    }

    /// The hand-over by which the chosen party has the goods that another took.
    fn given(&self) -> Option<&Passed> {
        let chosen = self.record.candidates.first()?;
        let mut handed = self.record.evidence.handed.iter().rev();
        let given = handed.find(|passed| passed.to == chosen.who);
        given.filter(|_| chosen.quantity > 0 && self.taker() != Some(chosen.who))
    }

    /// A hand-over by which the chosen party may have given the goods away.
    fn may_have_given(&self) -> Option<&Passed> {
        let chosen = self.record.candidates.first()?;
        let last = self.record.evidence.handed.last();
        last.filter(|passed| passed.from == chosen.who)
    }

    fn own_hand(&self) -> Option<f32> {
        let who = self.who();
        nearest(
            self.record
                .evidence
                .hands
                .iter()
                .filter(|h| Some(h.who) == who),
        )
        .map(|(_, m)| m)
    }

    fn other_hand(&self) -> Option<(String, f32)> {
        let who = self.who();
        let others = self
            .record
            .evidence
            .hands
            .iter()
            .filter(|h| Some(h.who) != who);
        nearest(others).map(|(hand, m)| (name(hand.who).unwrap_or_else(|| "?".to_owned()), m))
    }

    /// The mean probability that looks into the person's hands gave the product, and how many.
    fn looked_like(&self) -> Option<(f32, usize)> {
        let chosen = self.record.candidates.first()?;
        let gtin = chosen.sku?;
        let looks = self.record.evidence.looks.iter();
        let told: Vec<f32> = looks
            .filter(|look| Some(look.who) == self.who())
            .map(|look| {
                let guess = look.guesses.iter().find(|(g, _)| *g == gtin);
                guess.map_or(0.0, |(_, p)| *p)
            })
            .collect();
        let n = told.len();
        (n > 0).then(|| (told.iter().sum::<f32>() / n as f32, n))
    }
}

fn unknown() -> String {
    "somebody unknown".to_owned()
}

fn name(who: Who) -> Option<String> {
    match who {
        Who::Session(session) => Some(session.to_string()),
        Who::Unknown => None,
    }
}

fn nearest<'a>(hands: impl Iterator<Item = &'a Hand>) -> Option<(&'a Hand, f32)> {
    let seen = hands.filter_map(|hand| Some((hand, hand.wrist_m?)));
    seen.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// The kind of evidence that spoke most for the chosen explanation and against this one.
fn telling(claim: &Claim) -> Option<&Factor> {
    let most = claim
        .against
        .iter()
        .max_by(|a, b| a.log_odds.total_cmp(&b.log_odds));
    most.filter(|factor| factor.log_odds > 0.05)
}

fn english_factor(name: &str) -> &str {
    match name {
        "mass" => "the weight",
        "place" => "the place on the shelf",
        "reach" => "where the hands were",
        "look" => "what the cameras saw",
        "cart" => "what was in the carts",
        "handed" => "what passed between hands",
        "stock" => "what stood in the lane",
        "prior" => "what people usually do",
        "again" => "who took the same just before or after",
        other => other,
    }
}

fn korean_factor(name: &str) -> &str {
    match name {
        "mass" => "무게",
        "place" => "선반 위의 위치",
        "reach" => "손의 위치",
        "look" => "카메라가 본 모습",
        "cart" => "장바구니 내용",
        "handed" => "손에서 손으로 건넨 정황",
        "stock" => "진열 재고",
        "prior" => "평소의 행동",
        "again" => "바로 앞뒤에 같은 상품을 가져간 사람",
        other => other,
    }
}

/// A noun with the particle of an object, by its last syllable.
fn object(noun: &str) -> String {
    let last = noun.chars().last().map_or(0, u32::from);
    // Hangul syllables are laid out by initial, vowel and one of 28 finals, the first of which is none.
    let closed = (0xAC00..=0xD7A3).contains(&last) && !(last - 0xAC00).is_multiple_of(28);
    format!("{noun}{}", if closed { "을" } else { "를" })
}

fn percent(p: f32) -> String {
    match f64::from(p) * 100.0 {
        p if p > 0.0 && p < 0.05 => "< 0.1 %".to_owned(),
        p => format!("{p:.1} %"),
    }
}

fn metres(m: f32) -> String {
    match m {
        m if m < 1.0 => format!("{:.0} cm", m * 100.0),
        m => format!("{m:.1} m"),
    }
}

/// Whole grams, or tenths below ten.
fn short(grams: f64) -> String {
    match grams {
        g if g < 9.95 => format!("{g:.1}"),
        g => format!("{g:.0}"),
    }
}

fn time_of_day(t: StoreTime, zone: &str) -> String {
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let shown = crate::render::local(t, &zone);
    shown
        .rsplit_once(' ')
        .map_or(shown.clone(), |(_, time)| time.to_owned())
}
