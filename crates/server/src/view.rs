//! What the API and the page show. Names and numbers only; times are microseconds since
//! 1970-01-01T00:00:00Z, money is in minor units of the shop's currency.

mod shelves;

pub use shelves::{FacingView, LaneCountView, NamedView, ShelvesView};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where everybody is.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct FloorView {
    /// Store time.
    pub t: i64,
    /// The tracks.
    pub people: Vec<PersonView>,
}

/// One track.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonView {
    /// The tracker's number.
    pub id: u64,
    /// East, metres.
    pub x: f64,
    /// North, metres.
    pub y: f64,
    /// The session it is bound to, if any.
    pub session: Option<String>,
    /// Hands that were seen: x, y.
    pub wrists: Vec<[f64; 2]>,
}

/// A camera and the pictures that come from it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PictureView {
    /// Its name in shop.toml.
    pub name: String,
    /// Width of the calibration's pictures.
    pub width_px: u32,
    /// Height of the calibration's pictures.
    pub height_px: u32,
    /// How many pictures have come.
    pub pictures: u64,
    /// Whether one has come in the last seconds, or whoever looks through the camera says that it is well.
    pub live: bool,
}

/// The shop's cameras.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CameraListView {
    /// In the order of shop.toml.
    pub cameras: Vec<PictureView>,
}

/// What is found in the pictures of the cameras that send any, or should. Places are shares of the picture's width and height.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct CamerasView {
    /// Store time.
    pub t: i64,
    /// The tracks were not seen in these pictures: another tracker, or a simulated one, told them.
    pub simulated: bool,
    /// The cameras.
    pub cameras: Vec<SeenView>,
}

/// One camera's picture and what is in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeenView {
    /// The camera.
    #[serde(flatten)]
    pub camera: PictureView,
    /// `good`, `silent`, `frozen`, `dark`, `bright`, `moved` or `misshapen`.
    pub health: String,
    /// How far its calibration is off, degrees; none if it holds.
    pub off_deg: Option<f32>,
    /// What is wrong with it, in words.
    pub error: Option<String>,
    /// Heads that the network found: across, down, radius as a share of the width, confidence.
    pub heads: Vec<[f64; 4]>,
    /// Hands: across, down, confidence.
    pub hands: Vec<[f64; 3]>,
    /// The tracks that fall into the picture.
    pub tracks: Vec<SeenTrackView>,
}

/// A track in a picture.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeenTrackView {
    /// The tracker's number.
    pub id: u64,
    /// The session it is bound to, if any.
    pub session: Option<String>,
    /// A head's height above where they stand.
    pub head: [f64; 2],
    /// Where they stand.
    pub foot: [f64; 2],
    /// Hands.
    pub wrists: Vec<[f64; 2]>,
}

/// Some units of a product and what they cost.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LineView {
    /// GTIN.
    pub gtin: String,
    /// Korean name.
    pub name_ko: String,
    /// English name.
    pub name_en: String,
    /// Units.
    pub units: i64,
    /// What they cost together.
    pub total_minor: i64,
}

/// A party in the shop.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// `s12`.
    pub id: String,
    /// `shopper` or `staff`.
    pub kind: String,
    /// Whose code it was.
    pub customer: String,
    /// People under the code.
    pub people: u8,
    /// `entering`, `refused`, `open`, `review`, `paying`, `settled` or `debt`.
    pub stage: String,
    /// When the code was scanned.
    pub t_in: i64,
    /// When the party left.
    pub t_out: Option<i64>,
    /// Units in the cart.
    pub items: i64,
    /// What they cost.
    pub total_minor: i64,
    /// Open reviews that could change the cart.
    pub reviews_open: usize,
    /// The cart.
    pub lines: Vec<LineView>,
}

/// One explanation of a change.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChoiceView {
    /// The session, or none for nobody known.
    pub who: Option<String>,
    /// GTIN, or none for no goods.
    pub gtin: Option<String>,
    /// Korean name.
    pub name_ko: String,
    /// English name.
    pub name_en: String,
    /// Units to the person; negative when put back.
    pub quantity: i32,
    /// Probability, 0–1.
    pub probability: f32,
}

/// What one kind of evidence said.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FactorView {
    /// `mass`, `place`, `reach`, `look`, `cart`, `stock`, `prior`.
    pub name: String,
    /// Natural log of its odds against the runner-up.
    pub log_odds: f32,
}

/// A movement with its probability and evidence.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MovementView {
    /// Id.
    pub id: String,
    /// When the goods moved.
    pub t: i64,
    /// When it was concluded.
    pub known_at: i64,
    /// Shelf.
    pub shelf: String,
    /// Lane, where known.
    pub lane: Option<String>,
    /// Whether a member of staff did it.
    pub staff: bool,
    /// `accept`, `review` or `leaveoff`.
    pub decision: String,
    /// The most probable explanation.
    pub best: ChoiceView,
    /// Others, most probable first.
    pub alternatives: Vec<ChoiceView>,
    /// Change of mass, grams.
    pub delta_g: f64,
    /// Its standard deviation, grams.
    pub sigma_g: f64,
    /// What the evidence said.
    pub factors: Vec<FactorView>,
    /// The shelf's sum about the change: milliseconds, grams.
    pub curve: Vec<(i32, f32)>,
}

/// A receipt.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReceiptView {
    /// The session.
    pub session: String,
    /// The shop's running number; only a final receipt has one.
    pub number: Option<u64>,
    /// Whose.
    pub customer: String,
    /// When the party left.
    pub t: i64,
    /// `draft` while a review is open, then `final`.
    pub state: String,
    /// The lines.
    pub lines: Vec<LineView>,
    /// What is to be paid, tax included.
    pub total_minor: i64,
    /// The tax in it.
    pub tax_minor: i64,
    /// `pending`, `paid` or `owed`.
    pub payment: String,
}

/// A doubt that a person must settle.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewView {
    /// Id, as in `/api/v1/reviews/{id}/answer`.
    pub id: String,
    /// When it happened.
    pub t: i64,
    /// The party that most probably did it, if any is known.
    pub session: Option<String>,
    /// The lane, or the shelf where no lane is known.
    pub shelf: String,
    /// Why it was asked: `doubt`, `unknown_person`, `beyond_cart` …
    pub why: String,
    /// Money at stake.
    pub at_risk_minor: i64,
    /// The answers to choose from, most probable first, then that nothing moved.
    pub options: Vec<OptionView>,
    /// The shelf's sum about the change: milliseconds, grams.
    pub curve: Vec<(i32, f32)>,
    /// Change of mass, grams.
    pub delta_g: f64,
    /// When the one came in who most probably did it, where no code let them in: reviews with the same are of one visit
    /// and can be settled at once at `/api/v1/reviews/{id}/visit`.
    pub visit: Option<i64>,
}

/// Open reviews that one look settles, asked about together.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuestionView {
    /// `hand_over`: whether something passed from one party to another, and what; `exchange`: what came and went while a
    /// shelf was disturbed; `step`: who did what at once.
    pub kind: String,
    /// The moment to look at.
    pub t: i64,
    /// Of a hand-over, who may have given it and who may have been given it; none is nobody known.
    pub from: Option<String>,
    /// See `from`.
    pub to: Option<String>,
    /// The reviews' ids.
    pub reviews: Vec<String>,
    /// What may have happened, most probable first.
    pub answers: Vec<JointAnswerView>,
}

/// What may have happened.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JointAnswerView {
    /// Send these back as `answers` to `/api/v1/questions/answer`.
    pub answers: Vec<ReviewAnswer>,
    /// What each review comes to by it, in the same order.
    pub says: Vec<OptionView>,
    /// Probability, 0–1.
    pub probability: f32,
}

/// A verdict on one of several reviews.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewAnswer {
    /// `r3`.
    pub review: String,
    /// What happened.
    pub verdict: VerdictBody,
}

/// One answer to several reviews.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TogetherBody {
    /// A verdict on each, 1 to 64.
    pub answers: Vec<ReviewAnswer>,
    /// Who says so, 1 to 64 characters.
    pub reviewer: String,
}

/// One answer to a review.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OptionView {
    /// Send this back as `verdict`.
    pub verdict: VerdictBody,
    /// The session, or none.
    pub who: Option<String>,
    /// GTIN, or none for nothing taken.
    pub gtin: Option<String>,
    /// Korean name.
    pub name_ko: String,
    /// English name.
    pub name_en: String,
    /// Units to the person.
    pub quantity: i32,
    /// Probability, 0–1.
    pub probability: f32,
}

/// What a reviewer says happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VerdictBody {
    /// The session that moved the goods; none for nobody.
    pub who: Option<String>,
    /// GTIN; none for no goods.
    pub gtin: Option<String>,
    /// Units to the person: positive taken, negative put back, 0 with no goods.
    pub quantity: i32,
}

/// A faulty plate.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FaultView {
    /// The plate.
    pub plate: String,
    /// `dead`, `stuck` or `overload`.
    pub health: String,
    /// Since when.
    pub since: i64,
}

/// How often something was refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefusalView {
    /// Why.
    pub cause: String,
    /// Where it came from.
    pub source: String,
    /// How often.
    pub count: u64,
    /// What the last one said.
    pub last: String,
}

/// The bus.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct BusView {
    /// Whether the broker is connected.
    pub connected: bool,
    /// The broker's address.
    pub broker: String,
    /// How often the connection was lost.
    pub connections_lost: u64,
    /// Messages that came in.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Load samples that passed.
    pub samples: u64,
    /// Messages dropped because the estimators did not keep up.
    pub dropped: u64,
    /// Refused messages and records.
    pub refusals: Vec<RefusalView>,
}

/// A camera that the shop keeps open, or that somebody else looks through for it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CameraView {
    /// Its name.
    pub camera: String,
    /// Where its pictures come from, without the password; `bus` where a worker tells what it sees, `page` where pictures
    /// alone come.
    pub source: String,
    /// `good`, `silent`, `frozen`, `dark`, `bright`, `moved` or `misshapen`.
    pub health: String,
    /// Since when.
    pub since: i64,
    /// Whether the source is open now.
    pub connected: bool,
    /// How often it was opened.
    pub connections: u64,
    /// Frames that came.
    pub frames: u64,
    /// Frames that the estimators did not take in time.
    pub dropped: u64,
    /// Pictures that could not be decoded.
    pub damaged: u64,
    /// Pictures left off while a key frame was awaited.
    pub skipped: u64,
    /// Pixels along a row of the newest frame.
    pub width: Option<u32>,
    /// Its rows.
    pub height: Option<u32>,
    /// Frames a second lately.
    pub fps: f64,
    /// When the newest frame was taken.
    pub last: Option<i64>,
    /// Why it was opened anew, or cannot be; or that its calibration is off, and what to do.
    pub error: Option<String>,
    /// How far its calibration is off by what other cameras see, degrees; none if it holds.
    pub off_deg: Option<f32>,
    /// What that makes at people's usual distance from it, metres.
    pub off_m: Option<f32>,
}

/// How the shop fares.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct HealthView {
    /// The bus.
    pub bus: BusView,
    /// Plates in order.
    pub plates_good: usize,
    /// How many are not.
    pub plates_faulty: usize,
    /// The first of those.
    pub faults: Vec<FaultView>,
    /// The cameras that have a source or were heard of.
    pub cameras: Vec<CameraView>,
    /// Entries in the ledger.
    pub entries: u64,
    /// How far the estimators are behind the newest device time, seconds.
    pub lag_s: f64,
    /// What perception, fusion and checkout refused.
    pub refusals: Vec<RefusalView>,
}

/// Sums for the head of the page.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct TotalsView {
    /// People seen now.
    pub people: usize,
    /// Movements so far.
    pub movements: u64,
    /// Final receipts so far.
    pub receipts: u64,
    /// Of the newest receipts, those that wait for a review.
    pub drafts: usize,
    /// Reviews open.
    pub reviews_open: usize,
}

/// Everything but the floor.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct StateView {
    /// Store time.
    pub t: i64,
    /// Sums.
    pub totals: TotalsView,
    /// Parties in the shop.
    pub sessions: Vec<SessionView>,
    /// The newest receipts, newest first.
    pub receipts: Vec<ReceiptView>,
    /// Open reviews.
    pub reviews: Vec<ReviewView>,
    /// Those that are asked about together.
    pub questions: Vec<QuestionView>,
    /// Units in each lane, in the planogram's order.
    pub lanes: Vec<i64>,
    /// What shelf cameras see.
    pub shelves: ShelvesView,
    /// Health.
    pub health: HealthView,
}

/// A phone asks for a code.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// `c12`.
    pub customer: String,
    /// People who come in under the code, 1 to 127.
    #[serde(default = "one")]
    pub people: u8,
    /// For a member of staff.
    #[serde(default)]
    pub staff: bool,
}

const fn one() -> u8 {
    1
}

/// A code.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CodeView {
    /// What the QR code says.
    pub code: String,
    /// Seconds of store time that it is good for.
    pub valid_s: u32,
    /// From when on.
    pub issued: i64,
}

/// What a gate's reader saw.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanBody {
    /// The code's text.
    pub code: String,
}

/// The gate may open.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct OpenedView {
    /// The session.
    pub session: String,
    /// How many people to let pass.
    pub people: u8,
}

/// An answer to a review.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerBody {
    /// What happened.
    pub verdict: VerdictBody,
    /// Who says so, 1 to 64 characters.
    pub reviewer: String,
}

/// Who somebody was whom no code let in.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VisitBody {
    /// The session, or none: nobody known.
    pub who: Option<String>,
    /// Who says so, 1 to 64 characters.
    pub reviewer: String,
}

/// Reviews that were settled.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SettledView {
    /// Their ids.
    pub settled: Vec<String>,
}

/// The opening count.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpeningBody {
    /// Units in each lane by its name; lanes left out are taken to be empty.
    pub lanes: std::collections::BTreeMap<String, u32>,
}

/// A refill by hand.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestockBody {
    /// Names the act for good.
    pub key: String,
    /// The lane.
    pub lane: String,
    /// Units put in, 1 or more.
    pub units: u32,
    /// Who did it.
    pub by: String,
}

/// Whether something was recorded now, or had been before.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordedView {
    /// True if now.
    pub recorded: bool,
}

/// What stands in a lane.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StockView {
    /// The lane.
    pub lane: String,
    /// Its shelf.
    pub shelf: String,
    /// What belongs there.
    pub gtin: String,
    /// Korean name.
    pub name_ko: String,
    /// English name.
    pub name_en: String,
    /// Units by the books.
    pub units: i64,
    /// Most units it holds.
    pub capacity: u32,
    /// Units in the back room by the books.
    pub back_room: i64,
}

/// The shop's clock.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub struct TimeView {
    /// Store time.
    pub t: i64,
    /// Up to when everything that devices said has been concluded.
    pub concluded: i64,
}
