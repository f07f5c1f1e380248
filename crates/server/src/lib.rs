//! HTTP API and the live page.
//!
//! [`router`] is everything; [`AppState`] is what it needs; [`Live`] is where the shop publishes
//! what the page shows. The API is described by `/openapi.json` and `docs/reference/api.md`.

mod api;
mod cameras;
pub mod convert;
mod health;
mod live;
mod openapi;
mod page;
mod plan;
mod problem;
mod state;
pub mod view;

pub use api::inside;
pub use cameras::{CAPTURED_AT, Cameras, PICTURE_BYTES_MAX, PictureSource};
pub use live::Live;
pub use openapi::document;
pub use plan::PlanView;
pub use problem::Problem;
pub use state::{AppState, Clock, ToShop};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::{get, post};

/// Largest body that any request may have, bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// The server.
pub fn router(app: AppState) -> Router {
    Router::new()
        .route("/", get(page::page))
        .route("/assets/{name}", get(page::asset))
        .route("/openapi.json", get(openapi::serve))
        .route("/healthz", get(health::healthz))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/live", get(live))
        .route("/api/v1/shop", get(api::shop))
        .route("/api/v1/state", get(health::state))
        .route("/api/v1/time", get(health::time))
        .route("/api/v1/codes", post(api::issue_code))
        .route("/api/v1/gates/{gate}/scan", post(api::scan))
        .route("/api/v1/sessions", get(api::sessions))
        .route("/api/v1/sessions/{session}", get(api::session))
        .route("/api/v1/sessions/{session}/receipt", get(api::receipt))
        .route("/api/v1/receipts", get(api::receipts))
        .route("/api/v1/stock", get(api::stock))
        .route("/api/v1/shelves", get(api::shelves))
        .route("/api/v1/stock/opening", post(api::opening))
        .route("/api/v1/restock", post(api::restock))
        .route("/api/v1/movements", get(api::movements))
        .route("/api/v1/movements/{movement}", get(api::movement))
        .route(
            "/api/v1/movements/{movement}/explanation",
            get(api::explanation),
        )
        .route(
            "/api/v1/sessions/{session}/lines/{gtin}/explanations",
            get(api::line_explanations),
        )
        .route("/api/v1/reviews", get(api::reviews))
        .route("/api/v1/reviews/{review}/answer", post(api::answer_review))
        .route("/api/v1/reviews/{review}/visit", post(api::answer_visit))
        .route("/api/v1/questions", get(api::questions))
        .route("/api/v1/questions/answer", post(api::answer_together))
        .route("/api/v1/cameras", get(cameras::list))
        .route(
            "/api/v1/cameras/{camera}/picture",
            get(cameras::picture)
                .put(cameras::put)
                .layer(DefaultBodyLimit::max(PICTURE_BYTES_MAX)),
        )
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(app)
}

async fn live(State(app): State<AppState>) -> impl axum::response::IntoResponse {
    app.live.stream()
}

async fn unknown(uri: axum::http::Uri) -> Problem {
    let path: String = uri.path().chars().take(80).collect();
    Problem::not_found(
        "no-such-path",
        format!("nothing at {path}: /openapi.json lists what there is"),
    )
}

async fn wrong_method(method: axum::http::Method) -> Problem {
    let detail = format!("not with {method}: /openapi.json says which methods there are");
    Problem::new(
        axum::http::StatusCode::METHOD_NOT_ALLOWED,
        "wrong-method",
        detail,
    )
}
