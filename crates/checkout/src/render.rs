//! Receipts as text for a narrow screen or printer, in Korean and English.

use crate::receipt::{Receipt, ReceiptStatus};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use walkout_model::{Money, StoreTime};

/// What to write in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Language {
    /// 한국어.
    Korean,
    /// English.
    English,
}

/// Columns of a receipt; a Korean syllable takes two.
const WIDTH: usize = 42;

struct Words {
    draft: &'static str,
    number: &'static str,
    entered: &'static str,
    left: &'static str,
    nothing: &'static str,
    total: &'static str,
    tax: &'static str,
    years: &'static str,
    held: &'static str,
    captured: &'static str,
    draft_note: &'static str,
}

const KOREAN: Words = Words {
    draft: "임시 영수증",
    number: "영수증 번호",
    entered: "입장",
    left: "퇴장",
    nothing: "구매한 상품이 없습니다",
    total: "합계",
    tax: "세금",
    years: "세 이상",
    held: "승인 보류",
    captured: "결제",
    draft_note: "확인 중인 항목이 있어 금액이 바뀔 수 있습니다",
};

const ENGLISH: Words = Words {
    draft: "DRAFT RECEIPT",
    number: "Receipt no.",
    entered: "Entered",
    left: "Left",
    nothing: "Nothing was taken",
    total: "Total",
    tax: "Tax",
    years: "+ only",
    held: "Held on the card",
    captured: "Charged",
    draft_note: "Some items are being checked",
};

impl Receipt {
    /// The receipt as text. Times are shown in the shop's zone, or in UTC if the zone is unknown.
    pub fn render(&self, language: Language) -> String {
        let words = match language {
            Language::Korean => &KOREAN,
            Language::English => &ENGLISH,
        };
        let zone = TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC);
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text.trim_end());
            out.push('\n');
        };
        line(&self.shop);
        match self.number {
            Some(number) => line(&format!("{} {number:06}", words.number)),
            None => line(words.draft),
        }
        line(&format!("{} {}", words.entered, local(self.entered, &zone)));
        if let Some(left) = self.left {
            line(&format!("{} {}", words.left, local(left, &zone)));
        }
        line(&"-".repeat(WIDTH));
        for item in &self.lines {
            let name = match language {
                Language::Korean => &item.name_ko,
                Language::English => &item.name_en,
            };
            let age = item
                .age_limit
                .map_or_else(String::new, |age| format!(" [{age}{}]", words.years));
            line(&format!("{name}{age}"));
            let units = format!("  {} × {}", item.units, amount(item.unit_price));
            line(&spread(&units, &amount(item.total)));
        }
        if self.lines.is_empty() {
            line(words.nothing);
        }
        line(&"-".repeat(WIDTH));
        for tax in &self.taxes {
            let class = match language {
                Language::Korean => korean_class(&tax.class),
                Language::English => &tax.class,
            };
            let rate = format!("{}.{:02}", tax.rate_bp / 100, tax.rate_bp % 100);
            let rate = rate.trim_end_matches('0').trim_end_matches('.');
            let left = format!("{} {class} {rate}% ({})", words.tax, amount(tax.gross));
            line(&spread(&left, &amount(tax.tax)));
        }
        line(&spread(words.total, &self.total.to_string()));
        match self.status {
            ReceiptStatus::Draft => {
                line(&spread(words.held, &amount(self.held)));
                line(words.draft_note);
            }
            ReceiptStatus::Final => line(&spread(words.captured, &amount(self.captured))),
        }
        out
    }
}

/// The classes that Korean receipts name; others keep the shop's own name.
fn korean_class(name: &str) -> &str {
    match name {
        "standard" => "과세",
        "exempt" => "면세",
        "zero" => "영세율",
        other => other,
    }
}

/// `2026-11-23 09:00:00`; the bare microseconds outside the years of the calendar.
pub(crate) fn local(t: StoreTime, zone: &TimeZone) -> String {
    Timestamp::from_microsecond(t.0).map_or_else(
        |_| t.0.to_string(),
        |stamp| {
            let zoned = stamp.to_zoned_datetime(zone.clone());
            zoned.strftime("%Y-%m-%d %H:%M:%S").to_string()
        },
    )
}

/// The amount without its currency, which the total names once.
fn amount(money: Money) -> String {
    let text = money.to_string();
    text.split_once(' ')
        .map_or(text.clone(), |(_, amount)| amount.to_owned())
}

/// One text at each end of the line.
fn spread(left: &str, right: &str) -> String {
    let gap = WIDTH.saturating_sub(columns(left) + columns(right)).max(1);
    format!("{left}{}{right}", " ".repeat(gap))
}

/// Columns of a text on a terminal or printer: Hangul and CJK take two (Unicode UAX #11, the
/// blocks that product names use).
fn columns(text: &str) -> usize {
    let wide = |c: char| matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{ff01}'..='\u{ff60}');
    text.chars().map(|c| 1 + usize::from(wide(c))).sum()
}
