//! What cameras before shelves see.

use serde::Serialize;
use utoipa::ToSchema;

/// A product by its names.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NamedView {
    /// GTIN.
    pub gtin: String,
    /// Korean name.
    pub name_ko: String,
    /// English name.
    pub name_en: String,
}

/// A facing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FacingView {
    /// The lane.
    pub lane: String,
    /// Its shelf.
    pub shelf: String,
    /// Its column, from the left; the first is 1.
    pub facing: u32,
    /// What belongs there.
    #[serde(flatten)]
    pub product: NamedView,
    /// `gap`: nothing stands in its front half; `wrong`: another product stands in front.
    pub verdict: String,
    /// Its probability, 0–1.
    pub probability: f64,
    /// Of another product, which it seems to be.
    pub seems: Option<NamedView>,
    /// When it was first seen to be so.
    pub since: i64,
    /// When it was last seen.
    pub seen: i64,
}

/// A lane whose books cannot be right by what is seen of it: it should be counted.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LaneCountView {
    /// The lane.
    pub lane: String,
    /// Its shelf.
    pub shelf: String,
    /// What belongs there.
    #[serde(flatten)]
    pub product: NamedView,
    /// Units by the books.
    pub units: i64,
    /// Fewest units that can stand there: one in each filled facing.
    pub least: u32,
    /// Most: as many as the facings hold, less what would stand in front where there is a gap.
    pub most: u32,
}

/// What is seen of the shelves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct ShelvesView {
    /// Facings that were seen long enough to say what they are.
    pub watched: usize,
    /// Those of them that are not as they should be, in the planogram's order.
    pub facings: Vec<FacingView>,
    /// Lanes to count.
    pub counts: Vec<LaneCountView>,
}
