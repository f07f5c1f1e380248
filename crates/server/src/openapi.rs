//! The API's description, OpenAPI 3.1.

use crate::{api, cameras, health, view};
use axum::Json;
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Walkout",
        description = "A shop without tills. Times are microseconds since 1970-01-01T00:00:00Z by the shop's clock; money is in minor units of the shop's currency. Errors are problem details (RFC 9457)."
    ),
    paths(
        api::shop,
        api::issue_code,
        api::scan,
        api::sessions,
        api::session,
        api::receipt,
        api::receipts,
        api::stock,
        api::shelves,
        api::opening,
        api::restock,
        api::movements,
        api::movement,
        api::explanation,
        api::line_explanations,
        api::reviews,
        api::answer_review,
        api::answer_visit,
        api::questions,
        api::answer_together,
        cameras::list,
        cameras::picture,
        cameras::put,
        health::healthz,
        health::state,
        health::time,
    ),
    components(schemas(view::FloorView, view::CamerasView))
)]
struct Api;

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

pub(crate) async fn serve() -> Json<utoipa::openapi::OpenApi> {
    Json(document())
}
