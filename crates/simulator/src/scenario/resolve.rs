//! A scenario meets its shop: names become indices, and what the shop does not know is a mistake.

use super::{
    DeviceFault, Goods, How, Numbered, Role, Scenario, ScenarioError, ScenarioMistake, Setup, Verb,
    finish, mistake,
};
use crate::devices::{Fault, FaultKind};
use crate::world::Place;
use std::collections::VecDeque;
use walkout_model::{Gtin, LaneIx, Point2, ShelfIx, Shop, SkuIx, StoreTime, TimeDelta};

/// A scenario in the terms of one shop.
#[derive(Debug)]
pub(crate) struct Script {
    /// How full lanes are that are not set one by one.
    pub fill: f64,
    /// Units of a lane at the start, where set.
    pub stock: Vec<(LaneIx, u32)>,
    /// Goods that stand somewhere else at the start.
    pub placed: Vec<(SkuIx, u32, Place)>,
    /// By time of entry.
    pub parties: VecDeque<ScriptParty>,
    pub faults: Vec<Fault>,
    pub track_faults: Vec<ScriptFault>,
}

/// People under one code, or somebody alone.
#[derive(Debug)]
pub(crate) struct ScriptParty {
    pub t: StoreTime,
    pub role: Role,
    pub members: Vec<ScriptPerson>,
}

/// Somebody of a scenario.
#[derive(Debug)]
pub(crate) struct ScriptPerson {
    /// Place in the scenario's list of people.
    pub index: usize,
    pub child: bool,
    pub acts: VecDeque<ScriptAct>,
}

/// One act.
#[derive(Clone, Debug)]
pub(crate) struct ScriptAct {
    pub line: usize,
    pub at: Option<StoreTime>,
    pub verb: ScriptVerb,
    pub how: How,
}

/// What somebody does. People are given by their place in the list.
#[derive(Clone, Debug)]
pub(crate) enum ScriptVerb {
    Exit,
    WalkTo(Point2),
    LookAt {
        shelf: ShelfIx,
        x_m: f64,
    },
    Hold(f64),
    Take {
        sku: SkuIx,
        units: u32,
        shelf: ShelfIx,
        x_m: f64,
    },
    Put {
        sku: SkuIx,
        units: u32,
        place: Place,
    },
    PutEmpty {
        sku: SkuIx,
        place: Place,
    },
    Give {
        sku: SkuIx,
        units: u32,
        to: usize,
    },
    Press {
        shelf: ShelfIx,
        x_m: f64,
        seconds: f64,
        grams: f64,
    },
    BagDown {
        place: Place,
        grams: f64,
    },
    BagUp,
    LayOwn {
        sku: SkuIx,
        place: Place,
    },
    Restock {
        units: u32,
        lane: LaneIx,
    },
    Tidy {
        sku: SkuIx,
        units: u32,
        from: (ShelfIx, f64),
        lane: LaneIx,
    },
}

/// A mistake of the tracker; people are given by their place in the list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScriptFault {
    Swap {
        at: StoreTime,
        a: usize,
        b: usize,
    },
    Lost {
        from: StoreTime,
        to: StoreTime,
        who: usize,
    },
}

impl Scenario {
    /// Looks everything up in a shop.
    pub(crate) fn resolve(&self, shop: &Shop, start: StoreTime) -> Result<Script, ScenarioError> {
        let mut names = Names {
            shop,
            line: 0,
            mistakes: Vec::new(),
        };
        let at = |s: f64| start + TimeDelta::from_secs_f64(s);
        let mut script = Script {
            fill: self.fill.unwrap_or(1.0),
            stock: Vec::new(),
            placed: Vec::new(),
            parties: VecDeque::new(),
            faults: Vec::new(),
            track_faults: Vec::new(),
        };
        for Numbered { line, what } in &self.setup {
            names.line = *line;
            names.set_up(what, &mut script);
        }
        let mut acts = vec![VecDeque::new(); self.people.len()];
        let mut enters: Vec<Option<f64>> = vec![None; self.people.len()];
        for Numbered { line, what: act } in &self.acts {
            names.line = *line;
            if act.verb == Verb::Enter {
                enters[act.who] = Some(act.at_s.unwrap_or(0.0));
                continue;
            }
            if let Some((verb, how)) = names.verb(&act.verb) {
                let (line, at) = (*line, act.at_s.map(at));
                acts[act.who].push_back(ScriptAct {
                    line,
                    at,
                    verb,
                    how,
                });
            }
        }
        for members in &self.parties {
            let first = members
                .iter()
                .filter_map(|&m| enters[m])
                .fold(f64::INFINITY, f64::min);
            let role = members
                .first()
                .map_or(Role::Shopper, |&m| self.people[m].role);
            let members = members
                .iter()
                .map(|&index| ScriptPerson {
                    index,
                    child: self.people[index].child,
                    acts: std::mem::take(&mut acts[index]),
                })
                .collect();
            script.parties.push_back(ScriptParty {
                t: at(first.min(1e9)),
                role,
                members,
            });
        }
        script.parties.make_contiguous().sort_by_key(|p| p.t);
        for Numbered { line, what } in &self.faults {
            names.line = *line;
            match what {
                DeviceFault::Plate {
                    plate,
                    kind,
                    from_s,
                    to_s,
                } => {
                    if let Some((_, plates)) = names.plates(plate) {
                        let (from, to) = (at(*from_s), at(*to_s));
                        let faults = plates.into_iter().map(|plate| Fault {
                            plate,
                            kind: *kind,
                            from,
                            to,
                        });
                        script.faults.extend(faults);
                    }
                }
                DeviceFault::Cold {
                    kelvin,
                    from_s,
                    to_s,
                } => {
                    let (from, to) = (at(*from_s), at(*to_s));
                    let kind = FaultKind::Cold { kelvin: *kelvin };
                    let plates = (0..shop.layout.plates.len()).map(walkout_model::PlateIx::from);
                    script.faults.extend(plates.map(|plate| Fault {
                        plate,
                        kind,
                        from,
                        to,
                    }));
                }
                DeviceFault::Swap { a, b, at_s } => {
                    let fault = ScriptFault::Swap {
                        at: at(*at_s),
                        a: *a,
                        b: *b,
                    };
                    script.track_faults.push(fault);
                }
                DeviceFault::Lost { who, from_s, to_s } => {
                    let (from, to) = (at(*from_s), at(*to_s));
                    script.track_faults.push(ScriptFault::Lost {
                        from,
                        to,
                        who: *who,
                    });
                }
            }
        }
        finish(script, names.mistakes)
    }
}

/// Looks names up and collects what is not found.
struct Names<'a> {
    shop: &'a Shop,
    line: usize,
    mistakes: Vec<ScenarioMistake>,
}

impl Names<'_> {
    fn set_up(&mut self, what: &Setup, script: &mut Script) {
        match what {
            Setup::Lane { lane, gtin } => {
                let (Some(lane), Some(sku)) = (self.lane(lane), self.sku(*gtin)) else {
                    return;
                };
                if self.shop.planogram.lanes[lane.usize()].sku != sku {
                    self.wrong("the shop was not fitted to the scenario: use Scenario::fit".into());
                }
            }
            Setup::Stock { lane, units } => {
                let Some(lane) = self.lane(lane) else { return };
                let capacity = self.shop.planogram.lanes[lane.usize()].capacity;
                if *units > capacity {
                    self.wrong(format!("the lane holds {capacity} units at most"));
                }
                script.stock.push((lane, *units));
            }
            Setup::Place { gtin, units, on } => {
                if let (Some(sku), Some(place)) = (self.sku(*gtin), self.place(on)) {
                    script.placed.push((sku, *units, place));
                }
            }
        }
    }

    fn verb(&mut self, verb: &Verb) -> Option<(ScriptVerb, How)> {
        let plain = How::default();
        Some(match verb {
            Verb::Enter => return None,
            Verb::Exit => (ScriptVerb::Exit, plain),
            Verb::Hold { seconds } => (ScriptVerb::Hold(*seconds), plain),
            Verb::Walk { to } => (self.destination(to)?, plain),
            Verb::Take { goods, from, how } => {
                let (sku, units) = self.goods(*goods)?;
                let (shelf, x_m) = self.spot(from)?;
                (
                    ScriptVerb::Take {
                        sku,
                        units,
                        shelf,
                        x_m,
                    },
                    *how,
                )
            }
            Verb::Put { goods, on, how } => {
                let (sku, units) = self.goods(*goods)?;
                let place = self.place(on)?;
                (ScriptVerb::Put { sku, units, place }, *how)
            }
            Verb::PutEmpty { gtin, on } => {
                let (sku, place) = (self.sku(*gtin)?, self.place(on)?);
                let how = How {
                    adversarial: true,
                    ..plain
                };
                (ScriptVerb::PutEmpty { sku, place }, how)
            }
            Verb::Give { goods, to, how } => {
                let (sku, units) = self.goods(*goods)?;
                (
                    ScriptVerb::Give {
                        sku,
                        units,
                        to: *to,
                    },
                    *how,
                )
            }
            Verb::Press {
                on,
                seconds,
                grams,
                how,
            } => {
                let (shelf, x_m) = self.spot(on)?;
                let (seconds, grams) = (*seconds, *grams);
                (
                    ScriptVerb::Press {
                        shelf,
                        x_m,
                        seconds,
                        grams,
                    },
                    *how,
                )
            }
            Verb::BagDown { on, grams, how } => {
                let (shelf, x_m) = self.spot(on)?;
                let place = Place::Near(shelf, x_m);
                (
                    ScriptVerb::BagDown {
                        place,
                        grams: *grams,
                    },
                    *how,
                )
            }
            Verb::BagUp { how } | Verb::TakeOwn { how } => (ScriptVerb::BagUp, *how),
            Verb::LayOwn { gtin, on, how } => {
                let (sku, place) = (self.sku(*gtin)?, self.place(on)?);
                (ScriptVerb::LayOwn { sku, place }, *how)
            }
            Verb::Restock { goods, to } => {
                let (sku, units) = self.goods(*goods)?;
                let lane = self.lane_of(to, sku)?;
                (ScriptVerb::Restock { units, lane }, plain)
            }
            Verb::Tidy { goods, from, to } => {
                let (sku, units) = self.goods(*goods)?;
                let from = self.spot(from)?;
                let lane = self.lane_of(to, sku)?;
                (
                    ScriptVerb::Tidy {
                        sku,
                        units,
                        from,
                        lane,
                    },
                    plain,
                )
            }
        })
    }

    fn wrong(&mut self, text: String) {
        self.mistakes.push(mistake(self.line, text));
    }

    fn goods(&mut self, goods: Goods) -> Option<(SkuIx, u32)> {
        Some((self.sku(goods.gtin)?, goods.units))
    }

    fn sku(&mut self, gtin: Gtin) -> Option<SkuIx> {
        let found = self.shop.catalogue.find(gtin);
        if found.is_none() {
            self.wrong(no_gtin(gtin, self.shop));
        }
        found
    }

    fn lane(&mut self, name: &str) -> Option<LaneIx> {
        let found = self.shop.planogram.find(name);
        if found.is_none() {
            self.wrong(no_lane(name, self.shop));
        }
        found
    }

    fn lane_of(&mut self, name: &str, sku: SkuIx) -> Option<LaneIx> {
        let lane = self.lane(name)?;
        let holds = self.shop.planogram.lanes[lane.usize()].sku;
        if holds != sku {
            let gtin = self.shop.catalogue[holds].gtin;
            self.wrong(format!(
                "{name} is the lane of {gtin}: staff bring goods only to their lane"
            ));
            return None;
        }
        Some(lane)
    }

    /// A lane by name, or a stretch of shelf over plates.
    fn place(&mut self, text: &str) -> Option<Place> {
        if let Some(lane) = self.shop.planogram.find(text) {
            return Some(Place::Lane(lane));
        }
        self.spot(text).map(|(shelf, x_m)| Place::Near(shelf, x_m))
    }

    /// The middle of a lane or of plates, along its shelf.
    fn spot(&mut self, text: &str) -> Option<(ShelfIx, f64)> {
        if let Some(lane) = self.shop.planogram.find(text) {
            let lane = &self.shop.planogram.lanes[lane.usize()];
            return Some((lane.shelf, lane.x_m + lane.width_m / 2.0));
        }
        let (shelf, plates) = self.plates(text)?;
        let middle = |p: &walkout_model::PlateIx| {
            let plate = &self.shop.layout.plates[p.usize()];
            plate.x_m + plate.width_m / 2.0
        };
        let sum: f64 = plates.iter().map(middle).sum();
        Some((shelf, sum / plates.len() as f64))
    }

    /// Plates of one shelf, parted by commas.
    fn plates(&mut self, text: &str) -> Option<(ShelfIx, Vec<walkout_model::PlateIx>)> {
        let mut found = Vec::new();
        for name in text.split(',') {
            match self.shop.layout.plates.iter().position(|p| p.name == name) {
                Some(plate) => found.push(walkout_model::PlateIx::from(plate)),
                None => {
                    let example = self
                        .shop
                        .layout
                        .plates
                        .first()
                        .map_or("", |p| p.name.as_str());
                    self.wrong(format!(
                        "{} has no plate or lane \"{name}\": write plates as {example}, parted by commas",
                        self.shop.name
                    ));
                    return None;
                }
            }
        }
        let shelf = self.shop.layout.shelf_of(*found.first()?);
        if found.iter().any(|&p| self.shop.layout.shelf_of(p) != shelf) {
            self.wrong("the plates lie on different shelves: one act is on one shelf".into());
            return None;
        }
        Some((shelf, found))
    }

    fn destination(&mut self, text: &str) -> Option<ScriptVerb> {
        let layout = &self.shop.layout;
        if let Some((x, y)) = text.split_once(',')
            && let (Ok(x), Ok(y)) = (x.parse(), y.parse())
        {
            return Some(ScriptVerb::WalkTo(Point2::new(x, y)));
        }
        let first = text.split(',').next().unwrap_or(text);
        if layout.plates.iter().any(|p| p.name == first) || self.shop.planogram.find(text).is_some()
        {
            let (shelf, x_m) = self.spot(text)?;
            return Some(ScriptVerb::LookAt { shelf, x_m });
        }
        let shelf = match layout.fixtures.iter().find(|f| f.name == text) {
            Some(fixture) => Some(ShelfIx(fixture.shelves.start)),
            None => layout
                .shelves
                .iter()
                .position(|s| s.name == text)
                .map(ShelfIx::from),
        };
        let Some(shelf) = shelf.filter(|s| s.usize() < layout.shelves.len()) else {
            let example = layout.fixtures.first().map_or("", |f| f.name.as_str());
            self.wrong(format!(
                "\"{text}\" is no fixture, shelf, lane, plate or x,y: write {example} or 1.5,2.0"
            ));
            return None;
        };
        let x_m = layout.shelves[shelf.usize()].width_m / 2.0;
        Some(ScriptVerb::LookAt { shelf, x_m })
    }
}

pub(super) fn no_gtin(gtin: Gtin, shop: &Shop) -> String {
    format!(
        "{gtin} is not in the catalogue of {}: use a GTIN of its catalogue.csv",
        shop.name
    )
}

pub(super) fn no_lane(name: &str, shop: &Shop) -> String {
    let example = shop.planogram.lanes.first().map_or("", |l| l.name.as_str());
    format!(
        "{} has no lane \"{name}\": write it as {example}",
        shop.name
    )
}
