//! A shop: its layout, its catalogue and its planogram, loaded and known to be consistent.

use crate::{Catalogue, Currency, Layout, Planogram};

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
