//! How the shop fares: for people, for monitors.

use crate::problem::Problem;
use crate::state::AppState;
use crate::view::{CameraView, HealthView, StateView, TimeView};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write;
use std::sync::atomic::Ordering;

/// Broker, plates, counters of what was refused by cause. 503 while the broker is away.
#[utoipa::path(get, path = "/healthz",
    responses((status = 200, body = HealthView), (status = 503, body = HealthView)))]
pub(crate) async fn healthz(State(app): State<AppState>) -> Response {
    let Some(state) = app.live.last_state() else {
        return Problem::unavailable("the shop is opening: try again in a second").into_response();
    };
    let status = if state.health.bus.connected {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(&state.health)).into_response()
}

/// The shop's clock, and how far its conclusions are.
#[utoipa::path(get, path = "/api/v1/time", responses((status = 200, body = TimeView)))]
pub(crate) async fn time(State(app): State<AppState>) -> Json<TimeView> {
    Json(TimeView {
        t: app.now().0,
        concluded: app.concluded.load(Ordering::Relaxed),
    })
}

/// Everything that the page shows but the floor.
#[utoipa::path(get, path = "/api/v1/state", responses((status = 200, body = StateView)))]
pub(crate) async fn state(State(app): State<AppState>) -> Response {
    match app.live.last_state() {
        Some(state) => Json(&*state).into_response(),
        None => Problem::unavailable("the shop is opening: try again in a second").into_response(),
    }
}

/// The same in Prometheus' text format.
pub(crate) async fn metrics(State(app): State<AppState>) -> Response {
    let Some(state) = app.live.last_state() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, prometheus(&state)).into_response()
}

fn prometheus(state: &StateView) -> String {
    let health = &state.health;
    let bus = &health.bus;
    let mut out = String::new();
    let mut put = |name: &str, kind: &str, value: f64| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "# TYPE walkout_{name} {kind}\nwalkout_{name} {value}");
    };
    put("bus_connected", "gauge", f64::from(u8::from(bus.connected)));
    put(
        "bus_connections_lost_total",
        "counter",
        bus.connections_lost as f64,
    );
    put("bus_messages_total", "counter", bus.messages as f64);
    put("bus_bytes_total", "counter", bus.bytes as f64);
    put("bus_dropped_total", "counter", bus.dropped as f64);
    put("load_samples_total", "counter", bus.samples as f64);
    put("plates_good", "gauge", health.plates_good as f64);
    put("plates_faulty", "gauge", health.plates_faulty as f64);
    put("ledger_entries", "gauge", health.entries as f64);
    put("lag_seconds", "gauge", health.lag_s);
    put("people", "gauge", state.totals.people as f64);
    put("sessions", "gauge", state.sessions.len() as f64);
    put("movements_total", "counter", state.totals.movements as f64);
    put("receipts_total", "counter", state.totals.receipts as f64);
    put("reviews_open", "gauge", state.totals.reviews_open as f64);
    cameras(&mut out, &health.cameras);
    let _ = writeln!(out, "# TYPE walkout_refused_total counter");
    for refusal in bus.refusals.iter().chain(&health.refusals) {
        let (cause, source) = (
            &refusal.cause,
            refusal.source.replace(['"', '\\', '\n'], "_"),
        );
        let _ = writeln!(
            out,
            "walkout_refused_total{{cause=\"{cause}\",source=\"{source}\"}} {}",
            refusal.count
        );
    }
    out
}

fn cameras(out: &mut String, cameras: &[CameraView]) {
    type Value = fn(&CameraView) -> f64;
    let good: Value = |c| f64::from(u8::from(c.health == "good"));
    let connected: Value = |c| f64::from(u8::from(c.connected));
    let rows: [(&str, &str, Value); 9] = [
        ("camera_good", "gauge", good),
        ("camera_connected", "gauge", connected),
        ("camera_connections_total", "counter", |c| {
            c.connections as f64
        }),
        ("camera_frames_total", "counter", |c| c.frames as f64),
        ("camera_frames_dropped_total", "counter", |c| {
            c.dropped as f64
        }),
        ("camera_frames_damaged_total", "counter", |c| {
            c.damaged as f64
        }),
        ("camera_frames_skipped_total", "counter", |c| {
            c.skipped as f64
        }),
        ("camera_fps", "gauge", |c| c.fps),
        ("camera_calibration_off_degrees", "gauge", |c| {
            c.off_deg.map_or(0.0, f64::from)
        }),
    ];
    for (name, kind, value) in rows.iter().filter(|_| !cameras.is_empty()) {
        let _ = writeln!(out, "# TYPE walkout_{name} {kind}");
        for camera in cameras {
            let (name_of, value) = (&camera.camera, value(camera));
            let _ = writeln!(out, "walkout_{name}{{camera=\"{name_of}\"}} {value}");
        }
    }
}
