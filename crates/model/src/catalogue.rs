//! What the shop sells.

use crate::{Gtin, Mass, Money, SkuIx};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a product is taxed. Prices include the tax, as shelf prices in Korea and the EU do.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaxClass {
    /// The shop's name for it, `standard` or `exempt`.
    pub name: String,
    /// Rate in basis points of the net price: 1,000 is 10 %.
    pub rate_bp: u32,
}

/// One stock-keeping unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Product {
    /// The number under its bar code.
    pub gtin: Gtin,
    /// Korean name.
    pub name_ko: String,
    /// English name.
    pub name_en: String,
    /// Price of one unit, tax included.
    pub price: Money,
    /// How it is taxed.
    pub tax: TaxClass,
    /// Mean mass of one unit, package included.
    pub unit_mass: Mass,
    /// Standard deviation of one unit's mass about the mean.
    pub unit_mass_sd: Mass,
    /// Package width (along the shelf), depth and height, millimetres.
    pub size_mm: [u32; 3],
    /// Units in the supplier's case.
    pub case_pack: u32,
    /// Youngest age that may buy it, in years.
    pub age_limit: Option<u8>,
}

/// All products, in the order of the file; [`SkuIx`] counts them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    products: Vec<Product>,
    by_gtin: BTreeMap<Gtin, SkuIx>,
}

impl Catalogue {
    /// A catalogue of these products. Of two with one GTIN, [`Catalogue::find`] knows the first.
    pub fn new(products: Vec<Product>) -> Self {
        let mut by_gtin = BTreeMap::new();
        for (i, product) in products.iter().enumerate() {
            by_gtin.entry(product.gtin).or_insert(SkuIx::from(i));
        }
        Self { products, by_gtin }
    }

    /// All products in order.
    pub fn products(&self) -> &[Product] {
        &self.products
    }

    /// One product.
    pub fn get(&self, sku: SkuIx) -> Option<&Product> {
        self.products.get(sku.usize())
    }

    /// The index of a GTIN.
    pub fn find(&self, gtin: Gtin) -> Option<SkuIx> {
        self.by_gtin.get(&gtin).copied()
    }

    /// How many products there are.
    pub fn len(&self) -> usize {
        self.products.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.products.is_empty()
    }
}

impl std::ops::Index<SkuIx> for Catalogue {
    type Output = Product;
    fn index(&self, sku: SkuIx) -> &Product {
        &self.products[sku.usize()]
    }
}
