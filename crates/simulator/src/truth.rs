//! What really happened, as JSON lines. Nothing but the text leaves the crate: the types that read
//! it live with the scorer.

use serde::Serialize;
use walkout_model::{Gtin, PartyKind, StoreTime};

/// Collects the lines.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    lines: String,
    /// Shoppers' actions so far, and how many of them were adversarial.
    pub actions: u32,
    pub adversarial: u32,
}

/// One line of the truth.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Line<'a> {
    Session {
        phone: u32,
        people: u8,
        kind: PartyKind,
        t_in: StoreTime,
        t_out: Option<StoreTime>,
    },
    Action(Action<'a>),
    Receipt {
        phone: u32,
        t: StoreTime,
        lines: Vec<ReceiptLine>,
    },
    Stock {
        t: StoreTime,
        lines: Vec<StockLine<'a>>,
    },
    People {
        t: StoreTime,
        people: Vec<Bystander>,
    },
}

/// Where a person is; metres, radians.
#[derive(Serialize)]
pub(crate) struct Bystander {
    pub person: u32,
    pub x: f64,
    pub y: f64,
    pub heading: f64,
    pub height_m: f64,
    pub head: [f64; 3],
    pub wrists: [[f64; 3]; 2],
}

/// Something a hand did.
#[derive(Serialize)]
pub(crate) struct Action<'a> {
    pub action: &'static str,
    pub t_start: StoreTime,
    pub t_end: StoreTime,
    pub person: u32,
    pub phone: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_phone: Option<u32>,
    pub gtin: Option<Gtin>,
    pub units: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shelf: Option<&'a str>,
    pub plates: Vec<&'a str>,
    pub home: bool,
    /// What the shelf gained, grams; 0 where no shelf did.
    pub mass_g: f64,
    pub adversarial: bool,
}

/// A line of a receipt.
#[derive(Serialize)]
pub(crate) struct ReceiptLine {
    pub gtin: Gtin,
    pub units: u32,
}

/// Units of a product on a shelf.
#[derive(Serialize)]
pub(crate) struct StockLine<'a> {
    pub shelf: &'a str,
    pub gtin: Gtin,
    pub units: u32,
}

impl Truth {
    /// Adds a line.
    pub fn write(&mut self, line: &Line<'_>) {
        if let Line::Action(action) = line
            && !matches!(action.action, "restock" | "tidy")
        {
            self.actions += 1;
            self.adversarial += u32::from(action.adversarial);
        }
        // Plain structs with text keys always serialise.
        if let Ok(text) = serde_json::to_string(line) {
            self.lines.push_str(&text);
            self.lines.push('\n');
        }
    }

    /// One line alone, apart from the others.
    pub fn line(line: &Line<'_>) -> String {
        // Plain structs with text keys always serialise.
        serde_json::to_string(line).unwrap_or_default()
    }

    /// The lines since the last call.
    pub fn drain(&mut self) -> String {
        std::mem::take(&mut self.lines)
    }
}
