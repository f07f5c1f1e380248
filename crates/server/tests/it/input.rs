//! Wrong on purpose.

use crate::shop::Open;

#[test]
fn wrong_input_is_answered_with_what_to_do() {
    let open = Open::new();
    let entry = open.entry();
    let scan = format!("/api/v1/gates/{entry}/scan");
    let deep = "[".repeat(30_000);
    let json = "application/json";
    let cases = [
        (scan.as_str(), json, "{", 400, "bad-body"),
        (scan.as_str(), json, "", 400, "bad-body"),
        (scan.as_str(), json, &deep, 422, "bad-body"),
        (scan.as_str(), json, "{}", 422, "bad-body"),
        (scan.as_str(), json, r#"{"code":7}"#, 422, "bad-body"),
        (
            scan.as_str(),
            json,
            r#"{"code":"x","open":true}"#,
            422,
            "bad-body",
        ),
        (
            scan.as_str(),
            "text/plain",
            r#"{"code":"x"}"#,
            415,
            "not-json",
        ),
        (
            "/api/v1/gates/nowhere/scan",
            json,
            r#"{"code":"x"}"#,
            404,
            "unknown-gate",
        ),
        (
            "/api/v1/codes",
            json,
            r#"{"customer":"Kim"}"#,
            422,
            "bad-customer",
        ),
        (
            "/api/v1/codes",
            json,
            r#"{"customer":"c1","people":0}"#,
            422,
            "bad-party",
        ),
        (
            "/api/v1/codes",
            json,
            r#"{"customer":"c1","people":300}"#,
            422,
            "bad-body",
        ),
        (
            "/api/v1/codes",
            json,
            r#"{"customer":"c1","people":-1}"#,
            422,
            "bad-body",
        ),
        (
            "/api/v1/reviews/r9/answer",
            json,
            r#"{"verdict":{"who":null,"gtin":null,"quantity":0},"reviewer":"K"}"#,
            404,
            "unknown-review",
        ),
        (
            "/api/v1/stock/opening",
            json,
            r#"{"lanes":{"nowhere":1}}"#,
            422,
            "unknown-lane",
        ),
        (
            "/api/v1/restock",
            json,
            r#"{"key":"k","lane":"nowhere","units":1,"by":"K"}"#,
            422,
            "unknown-lane",
        ),
        ("/api/v1/nothing", json, "{}", 404, "no-such-path"),
        ("/api/v1/sessions", json, "{}", 405, "wrong-method"),
    ];
    for (path, kind, body, status, problem) in cases {
        let shown: String = body.chars().take(60).collect();
        let reply = open.post_text(path, kind, body);
        assert_eq!(reply.status, status, "{path} {shown}: {}", reply.text);
        assert_eq!(reply.problem(), problem, "{path} {shown}");
    }
    // The server hangs up on a body that goes on, so no more is sent than it takes to be refused.
    let huge = open.post_begun(&scan, 1 << 30, walkout_server::BODY_BYTES_MAX + 1);
    assert!(huge.starts_with("HTTP/1.1 413 "), "{huge}");
    assert!(
        huge.contains("urn:walkout:problem:body-too-large"),
        "{huge}"
    );
    let lane = &open.shop().planogram.lanes[0].name;
    for units in [0, 2_000_000] {
        let body = format!(r#"{{"key":"k","lane":"{lane}","units":{units},"by":"K"}}"#);
        let reply = open.post_text("/api/v1/restock", json, &body);
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (422, "bad-movement")
        );
    }
    for (path, problem) in [
        ("/api/v1/sessions/s99", "unknown-session"),
        ("/api/v1/sessions/x", "unknown-session"),
        ("/api/v1/sessions/s99/receipt", "no-receipt"),
        ("/api/v1/movements/zz", "unknown-movement"),
        ("/api/v1/receipts?limit=many", "bad-query"),
    ] {
        assert_eq!(open.get(path).problem(), problem, "{path}");
    }
    // After all that it still serves, and nobody came in.
    assert_eq!(open.get("/api/v1/sessions").text, "[]");
}
