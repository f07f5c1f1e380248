//! The live page and what it needs, all inside the binary: no other host is asked for anything.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const ASSETS: &[(&str, &str, &str)] = &[
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("../assets/style.css"),
    ),
    (
        "main.js",
        "text/javascript; charset=utf-8",
        include_str!("../assets/main.js"),
    ),
    (
        "floor.js",
        "text/javascript; charset=utf-8",
        include_str!("../assets/floor.js"),
    ),
    (
        "cameras.js",
        "text/javascript; charset=utf-8",
        include_str!("../assets/cameras.js"),
    ),
    (
        "panels.js",
        "text/javascript; charset=utf-8",
        include_str!("../assets/panels.js"),
    ),
    (
        "text.js",
        "text/javascript; charset=utf-8",
        include_str!("../assets/text.js"),
    ),
];

/// A door with a way out, in the colour of its surroundings.
const MARK: &str = r#"<svg class="mark" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M12 3H5a1 1 0 0 0-1 1v12a1 1 0 0 0 1 1h7M9 10h9M15 7l3 3-3 3"/></svg>"#;

pub(crate) async fn asset(axum::extract::Path(name): axum::extract::Path<String>) -> Response {
    match ASSETS.iter().find(|(known, _, _)| *known == name) {
        Some((_, kind, body)) => {
            let headers = [
                (header::CONTENT_TYPE, *kind),
                (header::CACHE_CONTROL, "no-cache"),
            ];
            (headers, *body).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(crate) async fn page() -> axum::response::Html<String> {
    axum::response::Html(markup().into_string())
}

fn markup() -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Walkout" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/assets/style.css";
                script type="module" src="/assets/main.js" {}
            }
            body {
                div #offline data-t="lost" {}
                header {
                    h1 { (PreEscaped(MARK)) span.shop #title { "Walkout" } }
                    span #clock {}
                    span.spacer {}
                    div.figures #figures {}
                    button.tool #lang type="button" { "한국어" }
                    button.tool #theme type="button" aria-label="theme" { "☾" }
                }
                nav {
                    @for id in ["floor", "cameras", "shelves", "carts", "moves", "reviews", "receipts", "health"] {
                        a href={ "#" (id) } data-t=(id) hidden[matches!(id, "cameras" | "shelves")] {}
                    }
                }
                main {
                    div.column {
                        section.card #floor {
                            svg #plan role="img" aria-label="floor plan" {}
                            div.legend #legend {}
                            div.elevation #elevation {}
                        }
                        section.card #cameras hidden {
                            h2 { span data-t="cameras" {} }
                            div.cameras #cameras-list {}
                            div.legend #cameras-legend {}
                        }
                        (list("moves", false))
                    }
                    div.column {
                        (list("shelves", true))
                        (list("carts", false))
                        (list("reviews", false))
                        (list("receipts", false))
                    }
                    section.card #health {
                        h2 { span data-t="health" {} }
                        div.body #health-list {}
                    }
                }
            }
        }
    }
}

fn list(id: &str, hidden: bool) -> Markup {
    html! {
        section.card id=(id) hidden[hidden] {
            h2 { span data-t=(id) {} span.count id={ (id) "-count" } {} }
            div.body.scroll id={ (id) "-list" } {}
        }
    }
}
