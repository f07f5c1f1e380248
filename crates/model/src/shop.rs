//! A shop: its layout, its catalogue and its planogram, loaded and known to be consistent.

use crate::{Catalogue, Currency, Layout, Planogram, PlateIx, ShelfIx};
use std::collections::{BTreeMap, BTreeSet};

/// One shop. Made by the `files` module, which refuses a folder with mistakes, so that every index
/// in it points at something.
#[derive(Clone, Debug, PartialEq)]
pub struct Shop {
    /// Short name, the folder's.
    pub name: String,
    /// What the receipts call it.
    pub title: String,
    /// IANA time zone, `Asia/Seoul`.
    pub time_zone: String,
    /// What the prices are in.
    pub currency: Currency,
    /// Where things stand.
    pub layout: Layout,
    /// What is sold.
    pub catalogue: Catalogue,
    /// What belongs where.
    pub planogram: Planogram,
}

impl Shop {
    /// The same shop with no plates on some shelves: what moves there is for cameras to see.
    #[must_use]
    pub fn without_plates(&self, off: &BTreeSet<ShelfIx>) -> Self {
        let mut shop = self.clone();
        let mut renamed: BTreeMap<PlateIx, PlateIx> = BTreeMap::new();
        shop.layout.plates.clear();
        for (i, shelf) in shop.layout.shelves.iter_mut().enumerate() {
            let first = shop.layout.plates.len() as u32;
            let own = shelf.plates.clone().map(PlateIx);
            for old in own.filter(|_| !off.contains(&ShelfIx::from(i))) {
                if let Some(plate) = self.layout.plates.get(old.usize()) {
                    renamed.insert(old, PlateIx::from(shop.layout.plates.len()));
                    shop.layout.plates.push(plate.clone());
                }
            }
            shelf.plates = first..shop.layout.plates.len() as u32;
        }
        for lane in &mut shop.planogram.lanes {
            let left = lane.plates.iter().filter_map(|p| renamed.get(p).copied());
            lane.plates = left.collect();
        }
        shop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plates_go_from_some_shelves_and_the_others_keep_theirs() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shops/corner");
        let shop = crate::files::load_shop(folder.as_ref()).unwrap();
        let off: BTreeSet<ShelfIx> = [ShelfIx(1), ShelfIx(2)].into();
        let bare = shop.without_plates(&off);
        assert_eq!(bare.planogram.lanes.len(), shop.planogram.lanes.len());
        for (old, new) in shop.planogram.lanes.iter().zip(&bare.planogram.lanes) {
            let name = |shop: &Shop, p: &PlateIx| shop.layout.plates[p.usize()].name.clone();
            let names = |shop: &Shop, l: &crate::Lane| -> Vec<String> {
                l.plates.iter().map(|p| name(shop, p)).collect()
            };
            let expected = match off.contains(&old.shelf) {
                true => Vec::new(),
                false => names(&shop, old),
            };
            assert_eq!(names(&bare, new), expected, "{}", old.name);
        }
        for (i, shelf) in bare.layout.shelves.iter().enumerate() {
            let ix = ShelfIx::from(i);
            assert!(
                bare.layout
                    .plates_of(ix)
                    .all(|p| bare.layout.plates[p.usize()].shelf == ix)
            );
            assert_eq!(shelf.plates.is_empty(), off.contains(&ix));
        }
    }
}
