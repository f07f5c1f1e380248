//! The handlers of `/api/v1`.

use crate::convert;
use crate::plan::PlanView;
use crate::problem::Problem;
use crate::state::{AppState, ToShop};
use crate::view::{
    AnswerBody, CodeBody, CodeView, MovementView, OpenedView, OpeningBody, QuestionView,
    ReceiptView, RecordedView, RestockBody, ReviewView, ScanBody, SessionView, SettledView,
    ShelvesView, StockView, TogetherBody, VisitBody,
};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::collections::BTreeMap;
use walkout_checkout::{
    AnswerError, CheckoutError, EntryRefused, Explanation, Language, OpeningStock, ReviewId,
    ReviewStatus, Stage,
};
use walkout_ledger::{Account, Cause, Draft, LedgerError, Movement};
use walkout_model::{CustomerId, GateIx, LaneIx, MovementId, PartyKind, SessionId};

type Answer<T> = Result<Json<T>, Problem>;

/// The shop for drawing.
#[utoipa::path(get, path = "/api/v1/shop", responses((status = 200, body = PlanView)))]
pub(crate) async fn shop(State(app): State<AppState>) -> Json<PlanView> {
    Json(PlanView::new(&app.shop))
}

/// An entry code for a phone to show, good for 20 s.
#[utoipa::path(post, path = "/api/v1/codes", request_body = CodeBody,
    responses((status = 200, body = CodeView), (status = 422, body = Problem)))]
pub(crate) async fn issue_code(
    State(app): State<AppState>,
    body: Result<Json<CodeBody>, JsonRejection>,
) -> Answer<CodeView> {
    let Json(body) = body?;
    let customer: CustomerId = body.customer.parse().map_err(|_| {
        let detail = format!("\"{}\" is no customer: write c12", short(&body.customer));
        Problem::unprocessable("bad-customer", detail)
    })?;
    let now = app.now();
    let code = if body.staff {
        app.checkout.issue_staff_code(customer, body.people, now)
    } else {
        app.checkout.issue_code(customer, body.people, now)
    };
    let code = code.map_err(|e| Problem::unprocessable("bad-party", e.to_string()))?;
    Ok(Json(CodeView {
        code,
        valid_s: 20,
        issued: now.0,
    }))
}

/// A gate's reader saw a code.
#[utoipa::path(post, path = "/api/v1/gates/{gate}/scan", request_body = ScanBody,
    params(("gate" = String, Path, description = "the gate's name in shop.toml")),
    responses((status = 200, body = OpenedView), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn scan(
    State(app): State<AppState>,
    Path(gate): Path<String>,
    body: Result<Json<ScanBody>, JsonRejection>,
) -> Answer<OpenedView> {
    let Json(body) = body?;
    let gates = &app.shop.layout.gates;
    let Some(at) = gates.iter().position(|g| g.name == gate) else {
        let known: Vec<_> = gates.iter().map(|g| g.name.as_str()).collect();
        let detail = format!(
            "no gate \"{}\": there is {}",
            short(&gate),
            known.join(", ")
        );
        return Err(Problem::not_found("unknown-gate", detail));
    };
    let opened = app
        .checkout
        .scan(&body.code, GateIx::from(at), app.now())
        .await
        .map_err(|refused| entry_refused(&refused))?;
    tell(&app, ToShop::Opened(opened)).await?;
    Ok(Json(OpenedView {
        session: opened.session.to_string(),
        people: opened.people,
    }))
}

/// The parties in the shop, and those whose payment is under way.
#[utoipa::path(get, path = "/api/v1/sessions", responses((status = 200, body = Vec<SessionView>)))]
pub(crate) async fn sessions(State(app): State<AppState>) -> Json<Vec<SessionView>> {
    Json(
        app.checkout
            .sessions()
            .iter()
            .map(convert::session)
            .collect(),
    )
}

/// One party with its cart, however long ago.
#[utoipa::path(get, path = "/api/v1/sessions/{session}",
    params(("session" = String, Path, description = "s12")),
    responses((status = 200, body = SessionView), (status = 404, body = Problem)))]
pub(crate) async fn session(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> Answer<SessionView> {
    let session = session_id(&id)?;
    let view = app.checkout.session(session);
    let view = view.ok_or_else(|| unknown_session(&id))?;
    Ok(Json(convert::session(&view)))
}

#[derive(Deserialize)]
pub(crate) struct Limit {
    limit: Option<usize>,
}

/// The newest receipts, drafts of parties that left included.
#[utoipa::path(get, path = "/api/v1/receipts",
    params(("limit" = Option<usize>, Query, description = "at most 200, 50 if not given")),
    responses((status = 200, body = Vec<ReceiptView>)))]
pub(crate) async fn receipts(
    State(app): State<AppState>,
    query: Result<Query<Limit>, QueryRejection>,
) -> Answer<Vec<ReceiptView>> {
    let limit = query?.limit.unwrap_or(50).min(200);
    let receipts = app.checkout.receipts(limit).map_err(|e| failed(&e))?;
    let view = |r| convert::receipt(r, app.checkout.session(r.session).as_ref());
    Ok(Json(receipts.iter().map(view).collect()))
}

#[derive(Deserialize)]
pub(crate) struct Lang {
    lang: Option<String>,
}

/// A party's receipt as JSON, or as text with `Accept: text/plain`. The text is Korean or English by
/// `?lang=ko|en`, else by `Accept-Language`.
#[utoipa::path(get, path = "/api/v1/sessions/{session}/receipt",
    params(("session" = String, Path, description = "s12"), ("lang" = Option<String>, Query, description = "ko or en")),
    responses((status = 200, body = ReceiptView), (status = 404, body = Problem)))]
pub(crate) async fn receipt(
    State(app): State<AppState>,
    Path(id): Path<String>,
    query: Result<Query<Lang>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let session = session_id(&id)?;
    let receipt = app.checkout.receipt(session).map_err(|e| failed(&e))?;
    let receipt = receipt.ok_or_else(|| {
        let detail = format!("{} has no receipt: staff, or nobody was let in", short(&id));
        Problem::not_found("no-receipt", detail)
    })?;
    if wants_text(&headers) {
        return Ok(plain(receipt.render(language(&query?.0, &headers))));
    }
    let session = app.checkout.session(session);
    Ok(Json(convert::receipt(&receipt, session.as_ref())).into_response())
}

/// What stands in every lane and in the back room.
#[utoipa::path(get, path = "/api/v1/stock", responses((status = 200, body = Vec<StockView>)))]
pub(crate) async fn stock(State(app): State<AppState>) -> Json<Vec<StockView>> {
    let balances = app.ledger.balances();
    let view = |lane: &walkout_model::Lane| {
        let product = &app.shop.catalogue[lane.sku];
        StockView {
            lane: lane.name.clone(),
            shelf: app.shop.layout.shelves[lane.shelf.usize()].name.clone(),
            gtin: product.gtin.to_string(),
            name_ko: product.name_ko.clone(),
            name_en: product.name_en.clone(),
            units: balances.get(&Account::Lane(lane.name.clone()), product.gtin),
            capacity: lane.capacity,
            back_room: balances.get(&Account::BackRoom, product.gtin),
        }
    };
    Json(app.shop.planogram.lanes.iter().map(view).collect())
}

/// What cameras before shelves see: gaps, wrong items, and lanes whose books cannot be right.
#[utoipa::path(get, path = "/api/v1/shelves", responses((status = 200, body = ShelvesView)))]
pub(crate) async fn shelves(State(app): State<AppState>) -> Json<ShelvesView> {
    let state = app.live.last_state();
    Json(state.map_or_else(ShelvesView::default, |s| s.shelves.clone()))
}

/// The newest movements since the start, with probability and evidence.
#[utoipa::path(get, path = "/api/v1/movements",
    params(("limit" = Option<usize>, Query, description = "at most 500, 50 if not given")),
    responses((status = 200, body = Vec<MovementView>)))]
pub(crate) async fn movements(
    State(app): State<AppState>,
    query: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Problem> {
    let limit = query?.limit.unwrap_or(50).min(500);
    let kept = app.live.movements(limit);
    let shown: Vec<&MovementView> = kept.iter().map(|m| &**m).collect();
    Ok(Json(shown).into_response())
}

/// One movement, however long ago.
#[utoipa::path(get, path = "/api/v1/movements/{movement}",
    params(("movement" = String, Path, description = "m00000000000000ff")),
    responses((status = 200, body = MovementView), (status = 404, body = Problem)))]
pub(crate) async fn movement(
    State(app): State<AppState>,
    Path(id): Path<String>,
) -> Answer<MovementView> {
    let record = id.parse::<MovementId>().ok();
    let record = record.and_then(|id| app.checkout.movement(id));
    let record = record.ok_or_else(|| {
        Problem::not_found(
            "unknown-movement",
            format!("no movement \"{}\"", short(&id)),
        )
    })?;
    let staff = is_staff(&app, &record);
    Ok(Json(convert::movement(&app.shop, &record, staff)))
}

/// Why a movement was concluded: evidence, the other explanations, the log-odds against each by kind
/// of evidence, and a sentence in Korean and English. With `Accept: text/plain` the sentence alone,
/// by `?lang=ko|en`, else by `Accept-Language`.
#[utoipa::path(get, path = "/api/v1/movements/{movement}/explanation",
    params(("movement" = String, Path, description = "m00000000000000ff"), ("lang" = Option<String>, Query, description = "ko or en")),
    responses((status = 200, body = serde_json::Value), (status = 404, body = Problem)))]
pub(crate) async fn explanation(
    State(app): State<AppState>,
    Path(id): Path<String>,
    query: Result<Query<Lang>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query?;
    let record = id.parse().ok().and_then(|id| app.checkout.movement(id));
    let record = record.ok_or_else(|| {
        let detail = format!(
            "no movement \"{}\": GET /api/v1/movements lists the newest",
            short(&id)
        );
        Problem::not_found("unknown-movement", detail)
    })?;
    let told = record.explain(&app.shop);
    if wants_text(&headers) {
        let sentence = told.sentence.in_language(language(&query, &headers));
        return Ok(plain(format!("{sentence}\n")));
    }
    Ok(Json(told).into_response())
}

/// Why a line is on a party's cart or receipt: the explanations of the movements behind it, in order
/// of time. With `Accept: text/plain` their sentences, one a line.
#[utoipa::path(get, path = "/api/v1/sessions/{session}/lines/{gtin}/explanations",
    params(("session" = String, Path, description = "s12"), ("gtin" = String, Path, description = "the product"),
        ("lang" = Option<String>, Query, description = "ko or en")),
    responses((status = 200, body = Vec<serde_json::Value>), (status = 404, body = Problem)))]
pub(crate) async fn line_explanations(
    State(app): State<AppState>,
    Path((id, gtin)): Path<(String, String)>,
    query: Result<Query<Lang>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query?;
    let session = session_id(&id)?;
    let view = app.checkout.session(session);
    view.ok_or_else(|| unknown_session(&id))?;
    let behind = gtin.parse().map(|gtin| app.checkout.behind(session, gtin));
    let behind = behind.ok().filter(|found| !found.is_empty());
    let behind = behind.ok_or_else(|| {
        let detail = format!("{} never had \"{}\" in its cart", short(&id), short(&gtin));
        Problem::not_found("unknown-line", detail)
    })?;
    let told: Vec<Explanation> = behind.iter().map(|r| r.explain(&app.shop)).collect();
    if wants_text(&headers) {
        let language = language(&query, &headers);
        let sentences = told.iter().map(|t| t.sentence.in_language(language));
        return Ok(plain(
            sentences.map(|sentence| format!("{sentence}\n")).collect(),
        ));
    }
    Ok(Json(told).into_response())
}

/// The open reviews, what to look at first first.
#[utoipa::path(get, path = "/api/v1/reviews", responses((status = 200, body = Vec<ReviewView>)))]
pub(crate) async fn reviews(State(app): State<AppState>) -> Json<Vec<ReviewView>> {
    let open = app.checkout.reviews(app.now());
    Json(open.iter().map(|r| convert::review(&app.shop, r)).collect())
}

/// Settles a review. Sending the same answer again changes nothing.
#[utoipa::path(post, path = "/api/v1/reviews/{review}/answer", request_body = AnswerBody,
    params(("review" = String, Path, description = "r3")),
    responses((status = 200, body = RecordedView), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn answer_review(
    State(app): State<AppState>,
    Path(id): Path<String>,
    body: Result<Json<AnswerBody>, JsonRejection>,
) -> Answer<RecordedView> {
    let Json(body) = body?;
    let unknown = || Problem::not_found("unknown-review", format!("no review \"{}\"", short(&id)));
    let review: ReviewId = id.parse().map_err(|_| unknown())?;
    let now = app.now();
    let view = app.checkout.review(review, now).ok_or_else(unknown)?;
    let verdict = convert::verdict(&view, &body.verdict)
        .map_err(|why| Problem::unprocessable("bad-verdict", why))?;
    let was_open = view.status == ReviewStatus::Open;
    let answered = app
        .checkout
        .answer_review(review, &verdict, &body.reviewer, now)
        .await;
    match answered {
        Ok(_) => Ok(Json(RecordedView { recorded: was_open })),
        Err(why) => Err(not_answered(why, was_open)),
    }
}

/// Settles all open reviews of the visit that one is of: says who somebody was whom no code let in. The goods of each are
/// those of its first option.
#[utoipa::path(post, path = "/api/v1/reviews/{review}/visit", request_body = VisitBody,
    params(("review" = String, Path, description = "r3")),
    responses((status = 200, body = SettledView), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn answer_visit(
    State(app): State<AppState>,
    Path(id): Path<String>,
    body: Result<Json<VisitBody>, JsonRejection>,
) -> Answer<SettledView> {
    let Json(body) = body?;
    let unknown = || Problem::not_found("unknown-review", format!("no review \"{}\"", short(&id)));
    let review: ReviewId = id.parse().map_err(|_| unknown())?;
    let now = app.now();
    let view = app.checkout.review(review, now).ok_or_else(unknown)?;
    let who = convert::who(body.who.as_deref())
        .map_err(|why| Problem::unprocessable("bad-verdict", why))?;
    let was_open = view.status == ReviewStatus::Open;
    let settled = app
        .checkout
        .answer_visit(review, who, &body.reviewer, now)
        .await
        .map_err(|why| not_answered(why, was_open))?;
    let settled = settled.iter().map(ToString::to_string).collect();
    Ok(Json(SettledView { settled }))
}

/// The open reviews that one look settles, together.
#[utoipa::path(get, path = "/api/v1/questions", responses((status = 200, body = Vec<QuestionView>)))]
pub(crate) async fn questions(State(app): State<AppState>) -> Json<Vec<QuestionView>> {
    let open = app.checkout.questions(app.now());
    let told = open.iter().filter_map(|q| convert::question(&app.shop, q));
    Json(told.collect())
}

/// Settles several reviews by one answer.
#[utoipa::path(post, path = "/api/v1/questions/answer", request_body = TogetherBody,
    responses((status = 200, body = SettledView), (status = 404, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn answer_together(
    State(app): State<AppState>,
    body: Result<Json<TogetherBody>, JsonRejection>,
) -> Answer<SettledView> {
    let Json(body) = body?;
    if !(1..=64).contains(&body.answers.len()) {
        let detail = format!("{} answers: give 1 to 64", body.answers.len());
        return Err(Problem::unprocessable("bad-answers", detail));
    }
    let now = app.now();
    let mut answers = BTreeMap::new();
    let mut were_open = true;
    for answer in &body.answers {
        let id = &answer.review;
        let unknown =
            || Problem::not_found("unknown-review", format!("no review \"{}\"", short(id)));
        let review: ReviewId = id.parse().map_err(|_| unknown())?;
        let view = app.checkout.review(review, now).ok_or_else(unknown)?;
        let verdict = convert::verdict(&view, &answer.verdict)
            .map_err(|why| Problem::unprocessable("bad-verdict", why))?;
        were_open &= view.status == ReviewStatus::Open;
        if answers.insert(review, verdict).is_some() {
            let detail = format!("review \"{}\" is answered twice", short(id));
            return Err(Problem::unprocessable("bad-answers", detail));
        }
    }
    let answers: Vec<_> = answers.into_iter().collect();
    let settled = app
        .checkout
        .answer_together(&answers, &body.reviewer, now)
        .await
        .map_err(|why| not_answered(why, were_open))?;
    let settled = settled.iter().map(ToString::to_string).collect();
    Ok(Json(SettledView { settled }))
}

fn not_answered(why: AnswerError, was_open: bool) -> Problem {
    match why {
        AnswerError::Refused(why) if was_open => {
            Problem::unprocessable("answer-refused", why.to_string())
        }
        AnswerError::Refused(why) => {
            Problem::new(StatusCode::CONFLICT, "already-settled", why.to_string())
        }
        AnswerError::Checkout(error) => failed(&error),
    }
}

/// The opening count. Taken once in a ledger's life; later counts are another matter.
#[utoipa::path(post, path = "/api/v1/stock/opening", request_body = OpeningBody,
    responses((status = 200, body = RecordedView), (status = 422, body = Problem)))]
pub(crate) async fn opening(
    State(app): State<AppState>,
    body: Result<Json<OpeningBody>, JsonRejection>,
) -> Answer<RecordedView> {
    let Json(body) = body?;
    let mut lanes: BTreeMap<LaneIx, u32> = BTreeMap::new();
    for (name, units) in &body.lanes {
        let lane = app.shop.planogram.find(name);
        let lane = lane.ok_or_else(|| unknown_lane(name))?;
        lanes.insert(lane, *units);
    }
    let stock = OpeningStock {
        lanes,
        ..OpeningStock::full(&app.shop)
    };
    let recorded = app.checkout.seed_stock(&stock, app.now()).await;
    let recorded = recorded.map_err(|e| failed(&e))?;
    tell(&app, ToShop::Counted).await?;
    Ok(Json(RecordedView { recorded }))
}

/// Somebody refilled a lane by hand: back room → lane. The key names the act for good; the same key
/// again changes nothing. (Refills by staff who came in under a staff code are seen by the shop.)
#[utoipa::path(post, path = "/api/v1/restock", request_body = RestockBody,
    responses((status = 200, body = RecordedView), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn restock(
    State(app): State<AppState>,
    body: Result<Json<RestockBody>, JsonRejection>,
) -> Answer<RecordedView> {
    let Json(body) = body?;
    let lane = app.shop.planogram.find(&body.lane);
    let lane = lane.and_then(|ix| app.shop.planogram.get(ix));
    let lane = lane.ok_or_else(|| unknown_lane(&body.lane))?;
    let draft = Draft {
        key: format!("restock:{}", body.key),
        time: app.now(),
        cause: Cause {
            kind: "restock".to_owned(),
            body: serde_json::json!({ "by": body.by }),
        },
        evidence: None,
        movements: vec![Movement {
            from: Account::BackRoom,
            to: Account::Lane(lane.name.clone()),
            sku: app.shop.catalogue[lane.sku].gtin,
            units: body.units,
        }],
    };
    // The time is part of an entry's content, so a repetition is looked for by its key.
    let found = app.ledger.find(&draft.key).await.map_err(|e| ledger(&e))?;
    if let Some(found) = found {
        if found.draft.movements == draft.movements {
            return Ok(Json(RecordedView { recorded: false }));
        }
        let detail = "another refill was recorded under this key: choose a new one";
        return Err(Problem::new(StatusCode::CONFLICT, "key-conflict", detail));
    }
    app.ledger.append(draft).await.map_err(|e| ledger(&e))?;
    tell(&app, ToShop::Counted).await?;
    Ok(Json(RecordedView { recorded: true }))
}

/// Whether the best explanation names a member of staff.
pub(crate) fn is_staff(app: &AppState, record: &walkout_checkout::MovementRecorded) -> bool {
    let who = record.candidates.first().map(|c| c.who);
    let Some(walkout_model::Who::Session(session)) = who else {
        return false;
    };
    let session = app.checkout.session(session);
    session.is_some_and(|s| s.kind == PartyKind::Staff)
}

async fn tell(app: &AppState, what: ToShop) -> Result<(), Problem> {
    let sent = app.to_shop.send(what).await;
    sent.map_err(|_| Problem::unavailable("the shop is closing: try again when it is open"))
}

fn session_id(text: &str) -> Result<SessionId, Problem> {
    text.parse().map_err(|_| unknown_session(text))
}

fn unknown_session(text: &str) -> Problem {
    let detail = format!(
        "no session \"{}\": GET /api/v1/sessions lists them",
        short(text)
    );
    Problem::not_found("unknown-session", detail)
}

fn unknown_lane(text: &str) -> Problem {
    let detail = format!("no lane \"{}\": GET /api/v1/stock lists them", short(text));
    Problem::unprocessable("unknown-lane", detail)
}

fn entry_refused(refused: &EntryRefused) -> Problem {
    let kind = match refused {
        EntryRefused::Code(_) => "code-refused",
        EntryRefused::Replayed => "code-replayed",
        EntryRefused::Debt { .. } => "debt",
        EntryRefused::Hold(_) => "card-refused",
        EntryRefused::WrongGate => "wrong-gate",
        EntryRefused::Checkout(error) => return failed(error),
    };
    Problem::new(StatusCode::FORBIDDEN, kind, refused.to_string())
}

fn failed(error: &CheckoutError) -> Problem {
    tracing::error!("checkout: {error}");
    Problem::unavailable(
        "the shop's books cannot be written or read now: try again; the log says why",
    )
}

fn ledger(error: &LedgerError) -> Problem {
    match error {
        LedgerError::Invalid { source, .. } => {
            Problem::unprocessable("bad-movement", source.to_string())
        }
        error => {
            tracing::error!("ledger: {error}");
            Problem::unavailable("the ledger cannot be written now: try again; the log says why")
        }
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> &str {
    let value = headers.get(name);
    value.and_then(|v| v.to_str().ok()).unwrap_or_default()
}

fn wants_text(headers: &HeaderMap) -> bool {
    let accept = text_of(headers, header::ACCEPT);
    accept.contains("text/plain") && !accept.contains("application/json")
}

fn plain(text: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (kind, text).into_response()
}

/// The language asked for by the query, else the one that the reader's program prefers.
fn language(query: &Lang, headers: &HeaderMap) -> Language {
    let asked = query.lang.as_deref();
    let wanted = asked.unwrap_or_else(|| text_of(headers, header::ACCEPT_LANGUAGE));
    match prefers_korean(wanted) {
        true => Language::Korean,
        false => Language::English,
    }
}

/// Whether the first language named is Korean; weights are rare enough to leave out.
fn prefers_korean(languages: &str) -> bool {
    let first = languages
        .split([',', ';'])
        .next()
        .unwrap_or_default()
        .trim();
    first == "ko" || first.starts_with("ko-")
}

/// Parties that are in the shop now.
pub fn inside(app: &AppState) -> Vec<SessionView> {
    let sessions = app.checkout.sessions();
    let inside = sessions.iter().filter(|s| s.stage == Stage::Open);
    inside.map(convert::session).collect()
}
