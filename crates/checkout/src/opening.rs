//! The first stock of a shop.

use crate::checkout::Checkout;
use crate::error::CheckoutError;
use crate::event::Event;
use std::collections::BTreeMap;
use walkout_ledger::{Account, Movement};
use walkout_model::{Gtin, LaneIx, Shop, StoreTime};

/// Movements of one entry; a large shop's first stock takes several.
const PART: usize = 1_000;

/// What stands where before anybody comes in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpeningStock {
    /// Units of the lane's own SKU.
    pub lanes: BTreeMap<LaneIx, u32>,
    /// Units in the back room.
    pub back_room: BTreeMap<Gtin, u32>,
}

impl OpeningStock {
    /// Every lane full, and two cases of each SKU in the back room.
    pub fn full(shop: &Shop) -> Self {
        let lanes = shop.planogram.lanes.iter().enumerate();
        let products = shop.catalogue.products().iter();
        Self {
            lanes: lanes
                .map(|(i, lane)| (LaneIx::from(i), lane.capacity))
                .collect(),
            back_room: products
                .map(|product| (product.gtin, product.case_pack.saturating_mul(2)))
                .collect(),
        }
    }

    fn movements(&self, shop: &Shop) -> Vec<Movement> {
        let lanes = self.lanes.iter().filter_map(|(&lane, &units)| {
            let lane = shop.planogram.get(lane)?;
            let sku = shop.catalogue.get(lane.sku)?.gtin;
            Some((Account::Lane(lane.name.clone()), sku, units))
        });
        let back_room = self.back_room.iter();
        let back_room = back_room.map(|(&sku, &units)| (Account::BackRoom, sku, units));
        let stocked = lanes.chain(back_room).filter(|&(_, _, units)| units > 0);
        stocked
            .map(|(to, sku, units)| Movement {
                from: Account::Supplier,
                to,
                sku,
                units,
            })
            .collect()
    }
}

impl Checkout {
    /// Records the first stock, supplier → lanes and back room, unless a first stock is in the log.
    /// Says whether it was recorded now.
    ///
    /// # Errors
    /// If the ledger fails, or if a first stock was interrupted half-way and is now another one.
    pub async fn seed_stock(
        &self,
        stock: &OpeningStock,
        now: StoreTime,
    ) -> Result<bool, CheckoutError> {
        let inner = &self.inner;
        let _command = inner.command().await?;
        let movements = stock.movements(&inner.shop);
        let parts: Vec<&[Movement]> = movements.chunks(PART).collect();
        let done = inner.state().opening_parts;
        let complete = inner.state().opening_complete;
        if complete {
            return Ok(false);
        }
        for (part, movements) in parts.iter().enumerate().skip(done) {
            let event = Event::OpeningStock {
                part,
                parts: parts.len(),
            };
            let key = format!("opening-stock:{part}");
            inner.commit(&key, now, event, movements.to_vec()).await?;
        }
        Ok(done < parts.len())
    }
}
