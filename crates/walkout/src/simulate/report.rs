//! What a simulated day came to, as a table and as JSON.

use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use walkout_bench::accuracy::{SLICE, prices};
use walkout_bench::score::{CaseRule, Run, Score};
use walkout_bench::table::Row;
use walkout_bench::truth::{Basket, Truth};
use walkout_checkout::{Checkout, Counters, Receipt, ReceiptStatus};
use walkout_ledger::{Account, Balances};
use walkout_model::{Gtin, Money, SessionId, Shop};

/// What a simulated day came to.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The shop.
    pub shop: String,
    /// What was played.
    pub program: String,
    /// Its seed.
    pub seed: u64,
    /// Store time that passed, seconds.
    pub store_s: f64,
    /// Time that it took, seconds.
    pub run_s: f64,
    /// Store seconds in a second.
    pub realtime_factor: f64,
    /// Codes shown at gates.
    pub entries: Entries,
    /// Who took what, against the truth, as `walkout bench accuracy` has it.
    pub accuracy: Row,
    /// Reviews still open.
    pub reviews: usize,
    /// Plates that changed health and clocks that were set right.
    pub faults: usize,
    /// What checkout counted.
    pub counters: Counters,
    /// The books' shelves beside a last count.
    pub stock: StockFigures,
    /// The state of the log.
    pub books: Books,
    /// The receipts of those who left.
    pub receipts: Receipts,
}

/// Codes shown at gates.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Entries {
    /// Accepted.
    pub opened: usize,
    /// Refused: wrong, used, in debt, or a card that could not be held.
    pub refused: usize,
}

/// The receipts of those who left.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Receipts {
    /// Final and charged.
    pub finals: usize,
    /// Waiting for a review.
    pub drafts: usize,
    /// Final ones that equal the truth line for line.
    pub finals_right: usize,
    /// Lines of all of them.
    pub lines: usize,
    /// Units of all of them.
    pub units: u64,
    /// Sum of the final ones, in the currency's minor units.
    pub final_minor: i64,
    /// Captured from cards, in minor units.
    pub captured_minor: i64,
    /// What those who left carried out, in minor units.
    pub true_minor: i64,
    /// The currency.
    pub currency: String,
    /// Every receipt, by session.
    pub all: Vec<Receipt>,
}

/// The books' shelves beside what stands there in the end.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct StockFigures {
    /// Places: a product on a shelf, where it belongs or not.
    pub places: usize,
    /// Those that are booked wrongly.
    pub places_off: usize,
    /// Units that stand there.
    pub units: u64,
    /// Σ |booked − there|.
    pub units_off: u64,
}

/// The state of the log.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    /// Entries.
    pub entries: u64,
    /// Movements in them.
    pub movements: u64,
    /// Whether the hash chain and the stored balances follow from the entries.
    pub sound: bool,
    /// What is wrong, if anything.
    pub fault: Option<String>,
    /// Products whose units over all accounts do not sum to zero.
    pub skus_out_of_balance: usize,
}

impl Report {
    /// Whether the log is sound and every product sums to zero.
    pub fn books_add_up(&self) -> bool {
        self.books.sound && self.books.skus_out_of_balance == 0
    }
}

/// The score of the day's inference, without any human.
pub fn accuracy(shop: &Shop, run: &Run, program: &str, seed: u64) -> Row {
    let mut score = Score::default();
    score.add(run, CaseRule::Slice(SLICE), &prices(shop));
    Row::new(
        walkout_bench::baselines::Engine::Walkout,
        program,
        &shop.name,
        seed,
        1,
        &score,
    )
}

/// The receipts of those who left, beside what they carried out.
pub fn receipts(
    shop: &Shop,
    checkout: &Checkout,
    truth: &Truth,
    phones: &BTreeMap<SessionId, u32>,
) -> Result<Receipts> {
    let mut all = checkout.receipts(usize::MAX)?;
    all.reverse();
    let prices = prices(shop);
    let true_minor = truth
        .leavers()
        .filter_map(|(phone, _)| truth.receipts.get(&phone))
        .map(|basket| walkout_bench::score::total(basket, &prices))
        .sum();
    let mut sum = Receipts {
        true_minor,
        currency: shop.currency.to_string(),
        ..Receipts::default()
    };
    for receipt in &all {
        sum.lines += receipt.lines.len();
        sum.units += receipt
            .lines
            .iter()
            .map(|line| u64::from(line.units))
            .sum::<u64>();
        if receipt.status == ReceiptStatus::Draft {
            sum.drafts += 1;
            continue;
        }
        sum.finals += 1;
        sum.final_minor += receipt.total.minor;
        if let Some(session) = checkout.session(receipt.session) {
            sum.captured_minor += session.captured.minor;
        }
        let charged: Basket = receipt.lines.iter().map(|l| (l.gtin, l.units)).collect();
        let carried = phones
            .get(&receipt.session)
            .and_then(|phone| truth.receipts.get(phone));
        sum.finals_right += usize::from(carried.unwrap_or(&Basket::new()) == &charged);
    }
    sum.all = all;
    Ok(sum)
}

/// Units by shelf and product as the books have them.
pub fn booked(balances: &Balances) -> BTreeMap<(String, Gtin), i64> {
    let mut booked = BTreeMap::new();
    for (account, gtin, units) in balances.iter() {
        if let Account::Lane(name) = account {
            let shelf = name
                .rsplit_once('/')
                .map_or(name.as_str(), |(shelf, _)| shelf);
            *booked.entry((shelf.to_owned(), gtin)).or_default() += units;
        }
    }
    booked
}

/// The books' shelves beside the truth's.
pub fn stock(balances: &Balances, truth: &Truth) -> StockFigures {
    let mut booked = booked(balances);
    let mut figures = StockFigures::default();
    let Some(closing) = &truth.closing else {
        return figures;
    };
    for (place, &units) in closing {
        let off = (booked.remove(place).unwrap_or(0) - i64::from(units)).unsigned_abs();
        figures.places += 1;
        figures.places_off += usize::from(off > 0);
        figures.units += u64::from(units);
        figures.units_off += off;
    }
    // What the books alone know of.
    for units in booked.into_values().filter(|&units| units != 0) {
        figures.places += 1;
        figures.places_off += 1;
        figures.units_off += units.unsigned_abs();
    }
    figures
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let money = |minor: i64| match self.receipts.currency.parse() {
            Ok(currency) => Money::new(minor, currency).to_string(),
            Err(_) => minor.to_string(),
        };
        let r = &self.receipts;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, value: String| {
            writeln!(f, "{name:<18}{value}")
        };
        row(
            f,
            "shop",
            format!("{}, {}, seed {}", self.shop, self.program, self.seed),
        )?;
        row(
            f,
            "time",
            format!(
                "{:.1} min of store time in {:.1} s: {:.0} × real time",
                self.store_s / 60.0,
                self.run_s,
                self.realtime_factor
            ),
        )?;
        row(
            f,
            "entries",
            format!(
                "{} let in, {} refused",
                self.entries.opened, self.entries.refused
            ),
        )?;
        row(
            f,
            "receipts",
            format!(
                "{} final ({} right to the line), {} drafts waiting for review",
                r.finals, r.finals_right, r.drafts
            ),
        )?;
        row(f, "lines", format!("{} of {} units", r.lines, r.units))?;
        row(
            f,
            "money",
            format!(
                "{} on final receipts, {} captured; {} was carried out",
                money(r.final_minor),
                money(r.captured_minor),
                money(r.true_minor)
            ),
        )?;
        row(f, "reviews", format!("{} open", self.reviews))?;
        row(
            f,
            "inference",
            format!(
                "F1 {:.4} without any human, {:.1} false charges per 1000, calibration error {:.4}",
                self.accuracy.f1, self.accuracy.false_charges_per_1000, self.accuracy.ece
            ),
        )?;
        row(
            f,
            "stock",
            format!(
                "{} of {} products on shelves booked wrongly, {} of {} units",
                self.stock.places_off, self.stock.places, self.stock.units_off, self.stock.units
            ),
        )?;
        row(f, "plate faults", self.faults.to_string())?;
        row(
            f,
            "ledger",
            format!(
                "{} entries, {} movements, {}",
                self.books.entries,
                self.books.movements,
                match &self.books.fault {
                    None => "sound".to_owned(),
                    Some(fault) => format!("BAD: {fault}"),
                }
            ),
        )?;
        row(
            f,
            "balance",
            match self.books.skus_out_of_balance {
                0 => "every product sums to zero over all accounts".to_owned(),
                n => format!("{n} PRODUCTS DO NOT SUM TO ZERO"),
            },
        )
    }
}
