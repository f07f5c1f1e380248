//! Text to [`Scenario`]: one line at a time, all mistakes at once.

use super::{
    Act, Actor, BYTES_MAX, DeviceFault, Goods, How, Numbered, Role, Scenario, ScenarioError,
    ScenarioMistake, Setup, Verb, finish, mistake, one_mistake,
};
use crate::devices::FaultKind;
use walkout_model::Gtin;

/// Longest scenario, seconds.
const SECONDS_MAX: f64 = 7.0 * 86_400.0;
/// Most units in one act.
const UNITS_MAX: u32 = 50;
const VERBS: &str = "enter, exit, walk, hold, take, put, put-empty, give, touch, lean, bag-down, \
                     bag-up, lay-own, take-own, restock, tidy";

pub(super) fn parse(text: &str) -> Result<Scenario, ScenarioError> {
    if text.len() > BYTES_MAX {
        let text = format!("the file is larger than {BYTES_MAX} bytes: split it");
        return Err(one_mistake(0, text));
    }
    let mut reader = Reader::default();
    for (i, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.is_empty() {
            continue;
        }
        if let Err(text) = reader.line(i + 1, &words) {
            reader.mistakes.push(mistake(i + 1, text));
        }
    }
    reader.end()
}

#[derive(Default)]
struct Reader {
    shop: Option<String>,
    title: String,
    seed: Option<u64>,
    fill: Option<f64>,
    setup: Vec<Numbered<Setup>>,
    people: Vec<Actor>,
    parties: Vec<Vec<usize>>,
    acts: Vec<Numbered<Act>>,
    faults: Vec<Numbered<DeviceFault>>,
    mistakes: Vec<ScenarioMistake>,
}

impl Reader {
    fn line(&mut self, line: usize, words: &[&str]) -> Result<(), String> {
        let mut rest = Words { words: &words[1..] };
        match words[0] {
            "shop" => self.shop = Some(rest.one("the shop's folder")?.to_owned()),
            "title" => {
                self.title = rest.words.join(" ");
                return Ok(());
            }
            "seed" => self.seed = Some(rest.parse("a whole number")?),
            "fill" => self.fill = Some(rest.within("a share from 0 to 1", 0.0, 1.0)?),
            "lane" => {
                let lane = rest.one("a lane")?.to_owned();
                rest.word("holds")?;
                let gtin = rest.gtin()?;
                self.set_up(line, Setup::Lane { lane, gtin });
            }
            "stock" => {
                let lane = rest.one("a lane")?.to_owned();
                let units = rest.parse("a whole number of units")?;
                self.set_up(line, Setup::Stock { lane, units });
            }
            "place" => {
                let Goods { gtin, units } = rest.goods()?;
                rest.word("on")?;
                let on = rest.one("plates or a lane")?.to_owned();
                self.set_up(line, Setup::Place { gtin, units, on });
            }
            "party" => {
                let mut members = Vec::new();
                while let Some(name) = rest.next() {
                    members.push(self.meet(name, Role::Shopper, false)?);
                }
                if members.is_empty() {
                    return Err("name the party's people: party anna ben".into());
                }
                self.parties.push(members);
            }
            "child" => {
                let name = rest.one("a name")?;
                let who = self.meet(name, Role::Shopper, true)?;
                self.people[who].child = true;
            }
            "staff" | "stranger" => {
                let role = if words[0] == "staff" {
                    Role::Staff
                } else {
                    Role::Stranger
                };
                let name = rest.one("a name")?;
                let who = self.meet(name, role, false)?;
                self.people[who].role = role;
            }
            time => return self.timed(line, time, rest),
        }
        rest.end()
    }

    fn set_up(&mut self, line: usize, what: Setup) {
        self.setup.push(Numbered { line, what });
    }

    fn timed(&mut self, line: usize, time: &str, mut rest: Words<'_>) -> Result<(), String> {
        let at_s = match time {
            "then" => None,
            _ => Some(seconds(time).ok_or_else(|| {
                format!(
                    "\"{time}\" begins no line: write seconds after the start, \"then\", or one of \
                     shop, title, seed, fill, lane, stock, place, party, child, staff, stranger"
                )
            })?),
        };
        let name = rest.one("who acts, or plate, tracker or shop")?;
        if let ("plate" | "tracker" | "shop", Some(from_s)) = (name, at_s) {
            let what = self.fault(name, from_s, &mut rest)?;
            self.faults.push(Numbered { line, what });
            return rest.end();
        }
        let who = self.meet(name, Role::Shopper, false)?;
        let verb = self.verb(&mut rest)?;
        rest.end()?;
        let what = Act { at_s, who, verb };
        self.acts.push(Numbered { line, what });
        Ok(())
    }

    fn fault(
        &mut self,
        device: &str,
        from_s: f64,
        rest: &mut Words<'_>,
    ) -> Result<DeviceFault, String> {
        let until = |rest: &mut Words<'_>| {
            rest.word("until")?;
            let to_s = rest.within("seconds after the start", 0.0, SECONDS_MAX)?;
            if to_s <= from_s {
                Err("the fault ends before it begins".to_owned())
            } else {
                Ok(to_s)
            }
        };
        if device == "plate" {
            let plate = rest.one("a plate, G1/S2/P03")?.to_owned();
            let kind = match rest.one("dead, stuck or drifts")? {
                "dead" => FaultKind::Dead,
                "stuck" => FaultKind::Stuck,
                "drifts" => FaultKind::Drift {
                    grams: rest.within("grams", -1_000.0, 1_000.0)?,
                },
                other => {
                    return Err(format!(
                        "\"{other}\" is no fault: write dead, stuck or drifts GRAMS"
                    ));
                }
            };
            let to_s = until(rest)?;
            return Ok(DeviceFault::Plate {
                plate,
                kind,
                from_s,
                to_s,
            });
        }
        if device == "shop" {
            rest.word("cools")?;
            let kelvin = rest.within("kelvins", -40.0, 40.0)?;
            let to_s = until(rest)?;
            return Ok(DeviceFault::Cold {
                kelvin,
                from_s,
                to_s,
            });
        }
        match rest.one("swaps or loses")? {
            "swaps" => {
                let a = self.someone(rest)?;
                let b = self.someone(rest)?;
                Ok(DeviceFault::Swap { a, b, at_s: from_s })
            }
            "loses" => {
                let who = self.someone(rest)?;
                let to_s = until(rest)?;
                Ok(DeviceFault::Lost { who, from_s, to_s })
            }
            other => Err(format!(
                "\"{other}\": write tracker swaps A B, or tracker loses A until T"
            )),
        }
    }

    fn verb(&mut self, rest: &mut Words<'_>) -> Result<Verb, String> {
        Ok(match rest.one("what they do")? {
            "enter" => Verb::Enter,
            "exit" => Verb::Exit,
            "walk" => {
                rest.word("to")?;
                let to = rest
                    .one("a fixture, a shelf, a lane, plates or x,y")?
                    .to_owned();
                Verb::Walk { to }
            }
            "hold" => {
                let seconds = rest.within("seconds", 0.0, SECONDS_MAX)?;
                Verb::Hold { seconds }
            }
            "take" => {
                let goods = rest.goods()?;
                rest.word("from")?;
                let from = rest.one("plates or a lane")?.to_owned();
                let how = rest.how()?;
                Verb::Take { goods, from, how }
            }
            "put" => {
                let goods = rest.goods()?;
                rest.word("on")?;
                let on = rest.one("plates or a lane")?.to_owned();
                let how = rest.how()?;
                Verb::Put { goods, on, how }
            }
            "put-empty" => {
                let gtin = rest.gtin()?;
                rest.word("on")?;
                let on = rest.one("plates or a lane")?.to_owned();
                Verb::PutEmpty { gtin, on }
            }
            "give" => {
                let goods = rest.goods()?;
                rest.word("to")?;
                let to = self.someone(rest)?;
                let how = rest.how()?;
                Verb::Give { goods, to, how }
            }
            lean @ ("touch" | "lean") => {
                let on = rest.one("plates or a lane")?.to_owned();
                rest.word("for")?;
                let seconds = rest.within("seconds", 0.1, 600.0)?;
                let grams = match rest.take_if("with") {
                    true => rest.within("grams", 1.0, 50_000.0)?,
                    false if lean == "lean" => 2_000.0,
                    false => 200.0,
                };
                let how = rest.how()?;
                Verb::Press {
                    on,
                    seconds,
                    grams,
                    how,
                }
            }
            "bag-down" => {
                let on = rest.one("plates or a lane")?.to_owned();
                rest.word("weighing")?;
                let grams = rest.within("grams", 1.0, 50_000.0)?;
                let how = rest.how()?;
                Verb::BagDown { on, grams, how }
            }
            "bag-up" => Verb::BagUp { how: rest.how()? },
            "lay-own" => {
                let gtin = rest.gtin()?;
                rest.word("on")?;
                let on = rest.one("plates or a lane")?.to_owned();
                let how = rest.how()?;
                Verb::LayOwn { gtin, on, how }
            }
            "take-own" => Verb::TakeOwn { how: rest.how()? },
            "restock" => {
                let goods = rest.goods()?;
                rest.word("to")?;
                let to = rest.one("a lane")?.to_owned();
                Verb::Restock { goods, to }
            }
            "tidy" => {
                let goods = rest.goods()?;
                rest.word("from")?;
                let from = rest.one("plates or a lane")?.to_owned();
                rest.word("to")?;
                let to = rest.one("a lane")?.to_owned();
                Verb::Tidy { goods, from, to }
            }
            other => return Err(format!("\"{other}\" is no action: use one of {VERBS}")),
        })
    }

    fn someone(&mut self, rest: &mut Words<'_>) -> Result<usize, String> {
        let name = rest.one("a name")?;
        self.meet(name, Role::Shopper, false)
    }

    /// The person of that name, new if they were not named before.
    fn meet(&mut self, name: &str, role: Role, child: bool) -> Result<usize, String> {
        let plain = name
            .chars()
            .all(|c| c.is_alphanumeric() || "-_.".contains(c));
        if !plain || name.chars().next().is_none_or(|c| !c.is_alphabetic()) {
            return Err(format!(
                "\"{name}\" is no name: begin with a letter, then letters, digits, - _ ."
            ));
        }
        if let Some(known) = self.people.iter().position(|p| p.name == name) {
            return Ok(known);
        }
        self.people.push(Actor {
            name: name.to_owned(),
            role,
            child,
        });
        Ok(self.people.len() - 1)
    }

    fn end(mut self) -> Result<Scenario, ScenarioError> {
        if self.shop.is_none() {
            let text = "name the shop it plays in: shop nano".into();
            self.mistakes.push(mistake(0, text));
        }
        self.check_parties();
        self.check_order();
        let scenario = Scenario {
            shop: self.shop.unwrap_or_default(),
            title: self.title,
            seed: self.seed,
            fill: self.fill,
            setup: self.setup,
            people: self.people,
            parties: self.parties,
            acts: self.acts,
            faults: self.faults,
        };
        finish(scenario, self.mistakes)
    }

    fn check_parties(&mut self) {
        let mut seen = vec![false; self.people.len()];
        for &who in self.parties.iter().flatten() {
            let name = &self.people[who].name;
            if self.people[who].role != Role::Shopper {
                let text = format!("{name} cannot be in a party: staff and strangers come alone");
                self.mistakes.push(mistake(0, text));
            }
            if std::mem::replace(&mut seen[who], true) {
                let text = format!("{name} is in two parties: leave one out");
                self.mistakes.push(mistake(0, text));
            }
        }
        let alone: Vec<usize> = (0..self.people.len()).filter(|&i| !seen[i]).collect();
        self.parties.extend(alone.into_iter().map(|who| vec![who]));
    }

    /// Everybody's first act is to enter, nothing follows an exit, and times do not run backwards.
    fn check_order(&mut self) {
        let mut inside = vec![None; self.people.len()];
        let mut clock = vec![0.0_f64; self.people.len()];
        for Numbered { line, what: act } in &self.acts {
            let name = &self.people[act.who].name;
            let problem = match (&act.verb, inside[act.who]) {
                (Verb::Enter, None) => {
                    inside[act.who] = Some(true);
                    None
                }
                (Verb::Enter, Some(_)) => Some(format!("{name} is already in: enter once")),
                (_, None) => Some(format!(
                    "{name} is not in the shop: write \"{name} enter\" before"
                )),
                (_, Some(false)) => Some(format!("{name} has left: nothing can follow an exit")),
                (Verb::Exit, Some(true)) => {
                    inside[act.who] = Some(false);
                    None
                }
                _ => None,
            };
            if let Some(text) = problem {
                self.mistakes.push(mistake(*line, text));
            }
            match act.at_s {
                Some(at_s) if at_s < clock[act.who] => {
                    let text = format!("{name} acts earlier than in the line before: sort by time");
                    self.mistakes.push(mistake(*line, text));
                }
                Some(at_s) => clock[act.who] = at_s,
                None => {}
            }
        }
        for (who, state) in inside.iter().enumerate() {
            if state.is_none() {
                let text = format!(
                    "{} never enters: add \"0 {0} enter\"",
                    self.people[who].name
                );
                self.mistakes.push(mistake(0, text));
            }
        }
    }
}

/// What is left of a line.
struct Words<'a> {
    words: &'a [&'a str],
}

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn one(&mut self, what: &str) -> Result<&'a str, String> {
        self.next()
            .ok_or_else(|| format!("the line ends too soon: write {what}"))
    }

    fn word(&mut self, word: &str) -> Result<(), String> {
        match self.next() {
            Some(found) if found == word => Ok(()),
            Some(found) => Err(format!("\"{found}\" where \"{word}\" must stand")),
            None => Err(format!(
                "the line ends too soon: write \"{word}\" and what follows it"
            )),
        }
    }

    fn take_if(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.words = &self.words[1..];
        }
        found
    }

    fn parse<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, String> {
        let text = self.one(what)?;
        text.parse()
            .map_err(|_| format!("\"{text}\" is not {what}"))
    }

    fn within(&mut self, what: &str, low: f64, high: f64) -> Result<f64, String> {
        let value: f64 = self.parse(what)?;
        if !(low..=high).contains(&value) {
            return Err(format!("{value} is not {what} from {low} to {high}"));
        }
        Ok(value)
    }

    fn gtin(&mut self) -> Result<Gtin, String> {
        let text = self.one("a GTIN")?;
        text.parse().map_err(|e| format!("{e}"))
    }

    /// A GTIN and, if it is more than one, how many: `8801234567893 x2`.
    fn goods(&mut self) -> Result<Goods, String> {
        let gtin = self.gtin()?;
        let count = self.words.first().and_then(|w| w.strip_prefix('x'));
        let Some(count) = count else {
            return Ok(Goods { gtin, units: 1 });
        };
        self.words = &self.words[1..];
        match count.parse() {
            Ok(units) if (1..=UNITS_MAX).contains(&units) => Ok(Goods { gtin, units }),
            _ => Err(format!(
                "\"x{count}\" is no count: write x1 to x{UNITS_MAX}"
            )),
        }
    }

    fn how(&mut self) -> Result<How, String> {
        let mut how = How::default();
        while let Some(word) = self.next() {
            match word {
                "left" => how.hand = Some(0),
                "right" => how.hand = Some(1),
                "one-by-one" => how.one_by_one = true,
                "adversarial" => how.adversarial = true,
                "in-hand" => how.in_hand = true,
                "from-here" => how.from_here = true,
                "slowly" => how.slow_s = Some(self.within("seconds", 0.1, 600.0)?),
                other => {
                    return Err(format!(
                        "\"{other}\" is no manner: use left, right, one-by-one, slowly SECONDS, in-hand, from-here or adversarial"
                    ));
                }
            }
        }
        Ok(how)
    }

    fn end(&self) -> Result<(), String> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(format!(
                "\"{word}\" is too much: the line was complete before it"
            )),
        }
    }
}

fn seconds(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    (0.0..=SECONDS_MAX).contains(&value).then_some(value)
}
