//! The truth about visits and stock.

use super::World;
use super::person::Person;
use super::stage::Stage;
use crate::truth::{Line, ReceiptLine, StockLine};
use std::collections::BTreeMap;
use walkout_model::{PartyKind, ShelfIx, SkuIx, TimeDelta};

/// After the last one left, devices and estimators get this long to finish, seconds.
const SETTLE_S: i64 = 5;

impl World {
    pub(super) fn close_books(&mut self) {
        let now = self.stage.now();
        let scripted = self.script.as_ref().is_some_and(|s| !s.parties.is_empty());
        let nobody_comes = (self.admit == 0 || now >= self.doors_close) && !scripted;
        let all_done = self.people.iter().all(Person::is_done);
        if !all_done || !nobody_comes {
            self.empty_since = None;
            return;
        }
        let since = *self.empty_since.get_or_insert(now);
        if !self.closed_books && now.since(since) >= TimeDelta::from_secs(SETTLE_S) {
            self.closed_books = true;
            for party in 0..self.stage.parties.len() {
                if self.stage.parties[party].inside > 0 {
                    write_session(&mut self.stage, party);
                }
            }
            self.write_stock();
        }
    }

    pub(super) fn write_stock(&mut self) {
        let stage = &mut self.stage;
        let shop = stage.shop.clone();
        let mut lines = Vec::new();
        for (i, shelf) in shop.layout.shelves.iter().enumerate() {
            let mut units: BTreeMap<SkuIx, u32> = BTreeMap::new();
            for &id in stage.goods.on_shelf(ShelfIx::from(i)) {
                if let Some(sku) = stage.goods.get(id).sku {
                    *units.entry(sku).or_default() += 1;
                }
            }
            lines.extend(units.into_iter().map(|(sku, units)| StockLine {
                shelf: &shelf.name,
                gtin: shop.catalogue[sku].gtin,
                units,
            }));
        }
        let t = stage.scene.t;
        stage.truth.write(&Line::Stock { t, lines });
    }
}

/// When a party came and, if all of it has left, when it went.
fn write_session(stage: &mut Stage, party: usize) {
    let p = &stage.parties[party];
    if let (Some(phone), Some(t_in)) = (p.phone, p.t_in) {
        let session = Line::Session {
            phone,
            people: p.people,
            kind: p.kind,
            t_in,
            t_out: p.t_out.filter(|_| p.inside == 0),
        };
        stage.truth.write(&session);
    }
}

/// The party has left: its session and what it left with.
pub(super) fn write_visit(stage: &mut Stage, party: usize) {
    write_session(stage, party);
    let p = &stage.parties[party];
    if let (Some(phone), PartyKind::Shopper) = (p.phone, p.kind) {
        let lines = p
            .basket
            .iter()
            .map(|(sku, units)| ReceiptLine {
                gtin: stage.shop.catalogue[*sku].gtin,
                units: *units,
            })
            .collect();
        let t = p.t_out.unwrap_or(stage.scene.t);
        let receipt = Line::Receipt { phone, t, lines };
        stage.truth.write(&receipt);
    }
}
