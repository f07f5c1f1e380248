use crate::shop::Open;
use serde_json::json;
use walkout_model::{
    Alternative, AttributedMovement, Decision, Evidence, LaneIx, MovementId, SessionExit,
    SessionId, TimeDelta, Who,
};
use walkout_server::ToShop;

fn code(open: &Open, customer: &str) -> String {
    let reply = open.post(
        "/api/v1/codes",
        &json!({ "customer": customer, "people": 2 }),
    );
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["code"].as_str().unwrap().to_owned()
}

fn enter(open: &mut Open, customer: &str) -> SessionId {
    let path = format!("/api/v1/gates/{}/scan", open.entry());
    let reply = open.post(&path, &json!({ "code": code(open, customer) }));
    assert_eq!(reply.status, 200, "{}", reply.text);
    let session = reply.json()["session"].as_str().unwrap().parse().unwrap();
    let Ok(ToShop::Opened(opened)) = open.told.try_recv() else {
        panic!("the estimators were not told")
    };
    assert_eq!((opened.session, opened.people), (session, 2));
    assert_eq!(opened.gate, open.entry_ix());
    session
}

fn took(open: &Open, session: SessionId, decision: Decision, id: u64) -> AttributedMovement {
    let lane = open.shop().planogram.get(LaneIx(0)).unwrap();
    AttributedMovement {
        id: MovementId(id),
        t: open.now(),
        known_at: open.now() + TimeDelta::from_secs(1),
        shelf: lane.shelf,
        lane: Some(LaneIx(0)),
        best: Alternative {
            who: Who::Session(session),
            sku: Some(lane.sku),
            quantity: 2,
            probability: 0.8,
        },
        alternatives: vec![],
        decision,
        supersedes: None,
        evidence: Evidence::default(),
    }
}

#[test]
fn codes_that_let_nobody_in() {
    let mut open = Open::new();
    let path = format!("/api/v1/gates/{}/scan", open.entry());
    let scan = |open: &Open, code: &str| {
        let reply = open.post(&path, &json!({ "code": code }));
        assert_eq!(reply.status, 403, "{}", reply.text);
        reply.problem()
    };
    let good = code(&open, "c1");
    let flipped = if good.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{flipped}", &good[..good.len() - 1]);
    assert_eq!(scan(&open, &forged), "code-refused");
    assert_eq!(scan(&open, "rubbish"), "code-refused");
    let used = code(&open, "c2");
    assert_eq!(open.post(&path, &json!({ "code": used })).status, 200);
    assert!(open.told.try_recv().is_ok());
    assert_eq!(scan(&open, &used), "code-replayed");
    open.pass(30);
    assert_eq!(scan(&open, &good), "code-refused");
    let refusals = open.app.checkout.refusals();
    assert_eq!(refusals.codes_forged, 1);
    assert_eq!(refusals.codes_malformed, 1);
    assert_eq!(refusals.codes_replayed, 1);
    assert_eq!(refusals.codes_expired, 1);
    assert!(open.told.try_recv().is_err(), "nobody was let in");
}

#[test]
fn a_visit_from_code_to_receipt() {
    let mut open = Open::new();
    open.fill();
    let session = enter(&mut open, "c7");
    let sessions = open.get("/api/v1/sessions").json();
    assert_eq!(sessions[0]["customer"], "c7");
    assert_eq!(sessions[0]["stage"], "open");

    let certain = took(&open, session, Decision::Accept, 1);
    let doubtful = took(&open, session, Decision::Review, 2);
    for movement in [&certain, &doubtful] {
        let applied = open.app.checkout.apply(movement);
        open.runtime.block_on(applied).unwrap();
    }
    let view = open.get(&format!("/api/v1/sessions/{session}")).json();
    assert_eq!(
        (&view["items"], &view["reviews_open"]),
        (&json!(2), &json!(1))
    );
    let why = open.get(&format!("/api/v1/movements/{}/explanation", certain.id));
    assert_eq!(why.json()["chosen"]["who"], session.to_string());
    let text = |path: &str| open.get_with(path, &[("accept", "text/plain")]).text;
    let korean = text(&format!(
        "/api/v1/movements/{}/explanation?lang=ko",
        certain.id
    ));
    assert!(korean.contains("2개를 집었습니다"), "{korean}");
    let gtin = view["lines"][0]["gtin"].as_str().unwrap();
    let line = format!("/api/v1/sessions/{session}/lines/{gtin}/explanations");
    assert_eq!(open.get(&line).json().as_array().unwrap().len(), 2);
    let sentences = text(&line);
    assert!(sentences.lines().count() == 2 && sentences.contains("A person was asked."));
    for wrong in [
        format!("/api/v1/sessions/{session}/lines/2000000000000/explanations"),
        "/api/v1/sessions/s99/lines/1/explanations".to_owned(),
        "/api/v1/movements/m99/explanation".to_owned(),
    ] {
        assert_eq!(open.get(&wrong).status, 404, "{wrong}");
    }

    let lane = open.get("/api/v1/stock").json()[0].clone();
    let held_back = lane["capacity"].as_i64().unwrap() - lane["units"].as_i64().unwrap();
    assert_eq!(held_back, 4, "two in the cart, two under review: {lane}");

    let exit = SessionExit {
        session,
        t: open.now(),
        known_at: open.now(),
        probability: 1.0,
    };
    let left = open.app.checkout.exit(&exit);
    open.runtime.block_on(left).unwrap();
    let receipt = format!("/api/v1/sessions/{session}/receipt");
    assert_eq!(open.get(&receipt).json()["state"], "draft");

    let reviews = open.get("/api/v1/reviews").json();
    let review = &reviews[0];
    let path = format!("/api/v1/reviews/{}/answer", review["id"].as_str().unwrap());
    let yes = json!({ "verdict": review["options"][0]["verdict"], "reviewer": "Kim" });
    assert_eq!(open.post(&path, &yes).json(), json!({ "recorded": true }));
    assert_eq!(open.post(&path, &yes).json(), json!({ "recorded": false }));
    let no = json!({ "verdict": { "who": null, "gtin": null, "quantity": 0 }, "reviewer": "Lee" });
    let late = open.post(&path, &no);
    assert_eq!(
        (late.status, late.problem().as_str()),
        (409, "already-settled")
    );
    assert_eq!(open.get("/api/v1/reviews").json(), json!([]));

    let done = open.get(&receipt).json();
    assert_eq!(done["state"], "final");
    assert_eq!(done["payment"], "paid");
    assert_eq!(done["lines"][0]["units"], 4);
    assert_eq!(open.get("/api/v1/receipts").json()[0], done);
    let text = |lang: &str, accept_language: &str| {
        let headers = [
            ("accept", "text/plain"),
            ("accept-language", accept_language),
        ];
        open.get_with(&format!("{receipt}{lang}"), &headers).text
    };
    assert!(text("", "ko-KR,ko;q=0.9").contains("합계"));
    assert!(text("", "en").contains("Total"));
    assert!(text("?lang=ko", "en").contains("합계"));
    let movement = open
        .get(&format!("/api/v1/movements/{}", MovementId(2)))
        .json();
    assert_eq!(movement["decision"], "review");
}

#[test]
fn what_one_look_settles_is_asked_and_answered_once() {
    let mut open = Open::new();
    open.fill();
    let session = enter(&mut open, "c7");
    for id in [1, 2] {
        let mut part = took(&open, session, Decision::Review, id);
        part.evidence.steps = vec![9];
        let applied = open.app.checkout.apply(&part);
        open.runtime.block_on(applied).unwrap();
    }
    let questions = open.get("/api/v1/questions").json();
    assert_eq!(questions.as_array().unwrap().len(), 1);
    let asked = &questions[0];
    assert_eq!(
        (&asked["kind"], &asked["reviews"], &asked["from"]),
        (&json!("step"), &json!(["r1", "r2"]), &json!(null))
    );
    assert_eq!(asked["answers"][0]["says"][0]["who"], session.to_string());
    let answers = &asked["answers"][0]["answers"];
    let path = "/api/v1/questions/answer";
    let wrong = |answers: &serde_json::Value, reviewer: &str| {
        let reply = open.post(path, &json!({ "answers": answers, "reviewer": reviewer }));
        (reply.status, reply.problem())
    };
    let one = &answers[0];
    let unknown = json!([one, { "review": "r9", "verdict": one["verdict"] }]);
    let nameless = json!([one, { "review": "second", "verdict": one["verdict"] }]);
    for (answers, expected) in [
        (json!([]), (422, "bad-answers")),
        (json!([one, one]), (422, "bad-answers")),
        (unknown, (404, "unknown-review")),
        (nameless, (404, "unknown-review")),
    ] {
        let told = wrong(&answers, "Kim");
        assert_eq!((told.0, told.1.as_str()), expected, "{answers}");
    }
    assert_eq!(wrong(answers, ""), (422, "answer-refused".to_owned()));
    assert_eq!(
        open.get("/api/v1/reviews").json().as_array().unwrap().len(),
        2
    );
    let body = json!({ "answers": answers, "reviewer": "Kim" });
    let settled = open.post(path, &body).json();
    assert_eq!(settled["settled"], json!(["r1", "r2"]));
    assert_eq!(open.get("/api/v1/questions").json(), json!([]));
    assert_eq!(open.get("/api/v1/reviews").json(), json!([]));
    let late = json!([{ "review": "r1", "verdict": { "who": null, "gtin": null, "quantity": 0 } }]);
    assert_eq!(wrong(&late, "Lee"), (409, "already-settled".to_owned()));
}

#[test]
fn counts_and_refills() {
    let mut open = Open::new();
    let lane = open.shop().planogram.get(LaneIx(0)).unwrap().name.clone();
    let count = json!({ "lanes": { lane.as_str(): 3 } });
    let recorded = |reply: crate::shop::Reply| reply.json()["recorded"].as_bool().unwrap();
    assert!(recorded(open.post("/api/v1/stock/opening", &count)));
    assert!(!recorded(open.post("/api/v1/stock/opening", &count)));
    let refill = |units: u32| json!({ "key": "k1", "lane": lane, "units": units, "by": "Park" });
    assert!(recorded(open.post("/api/v1/restock", &refill(2))));
    assert!(!recorded(open.post("/api/v1/restock", &refill(2))));
    assert_eq!(
        open.post("/api/v1/restock", &refill(3)).problem(),
        "key-conflict"
    );
    assert_eq!(open.get("/api/v1/stock").json()[0]["units"], 5);
    assert_eq!(open.told.try_recv(), Ok(ToShop::Counted));
}

#[test]
fn the_page_and_its_stream() {
    let open = Open::new();
    assert_eq!(open.get("/healthz").status, 503);
    open.app.live.state(walkout_server::view::StateView {
        t: 42,
        ..Default::default()
    });
    let first = open.stream_until("/api/v1/live", "\n\n");
    assert!(
        first.starts_with("event: state\ndata: {\"t\":42"),
        "{first}"
    );
    let page = open.get("/");
    assert!(page.kind.starts_with("text/html"));
    for asset in ["style.css", "main.js", "floor.js", "panels.js", "text.js"] {
        let reply = open.get(&format!("/assets/{asset}"));
        assert_eq!(reply.status, 200, "{asset}");
        // Works without any other host. The namespace of SVG is a name, not an address.
        let text = reply.text.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "{asset}"
        );
    }
    assert!(!page.text.contains("http"), "{}", page.text);
    let plan = open.get("/api/v1/shop").json();
    assert_eq!(
        plan["lanes"].as_array().unwrap().len(),
        open.shop().planogram.lanes.len()
    );
    let metrics = open.get("/metrics").text;
    assert!(metrics.contains("walkout_bus_connected 0"), "{metrics}");
}

#[test]
fn every_path_is_described() {
    let document = serde_json::to_value(walkout_server::document()).unwrap();
    let described = document["paths"].as_object().unwrap();
    let routes = include_str!("../../src/lib.rs");
    let served: Vec<&str> = routes
        .split(".route(\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|path| path.starts_with("/api/") && *path != "/api/v1/live")
        .collect();
    assert!(served.len() > 10);
    for path in served {
        assert!(
            described.contains_key(path),
            "{path} is not in /openapi.json"
        );
    }
}
