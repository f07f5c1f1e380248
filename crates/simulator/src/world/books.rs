//! The truth about visits and stock.

use super::World;
use super::stage::Stage;
use crate::truth::{Line, ReceiptLine, StockLine};
use std::collections::BTreeMap;
use walkout_model::{PartyKind, ShelfIx, SkuIx, TimeDelta};

/// After the last one left, devices and estimators get this long to finish, seconds.
const SETTLE_S: i64 = 5;

impl World {
    pub(super) fn close_books(&mut self) {
        let now = self.stage.now();
        let nobody_comes = self.admit == 0 || now >= self.doors_close;
        if !self.people.is_empty() || !nobody_comes {
            self.empty_since = None;
            return;
        }
        let since = *self.empty_since.get_or_insert(now);
        if !self.closed_books && now.since(since) >= TimeDelta::from_secs(SETTLE_S) {
            self.closed_books = true;
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

/// The party has left: its session and what it left with.
pub(super) fn write_visit(stage: &mut Stage, party: usize) {
    let p = &stage.parties[party];
    let (Some(phone), Some(t_in)) = (p.phone, p.t_in) else {
        return;
    };
    let session = Line::Session {
        phone,
        people: p.people,
        kind: p.kind,
        t_in,
        t_out: p.t_out,
    };
    stage.truth.write(&session);
    if p.kind == PartyKind::Shopper {
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
