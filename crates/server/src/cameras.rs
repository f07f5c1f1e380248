//! Camera pictures for the page: the newest of each camera, and nothing older. Those of the shop's own cameras are asked of
//! whoever keeps them open ([`PictureSource`]); whoever else runs a camera puts its pictures here. What networks found in
//! them is drawn over by the page ([`crate::view::CamerasView`]).

use crate::problem::Problem;
use crate::state::AppState;
use crate::view::{CameraListView, PictureView};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use walkout_model::{CameraIx, Shop, StoreTime};

/// Largest picture, bytes.
pub const PICTURE_BYTES_MAX: usize = 512 << 10;
/// The header that tells when a picture was taken, seconds since 1970-01-01T00:00:00Z by the shop's clock.
pub const CAPTURED_AT: &str = "x-captured-at";
/// A camera without a new picture for so long is called silent.
const SILENT: Duration = Duration::from_millis(1_500);

/// Cameras that are kept open in this process.
pub trait PictureSource: Send + Sync + std::fmt::Debug {
    /// How many pictures of a camera have come, and whether they still come; `None` if the camera is somebody else's.
    fn state(&self, camera: CameraIx) -> Option<(u64, bool)>;

    /// A camera's newest picture as a JPEG, and when it was taken. May take a while: it is made when it is asked for.
    fn newest(&self, camera: CameraIx) -> Option<(Vec<u8>, StoreTime)>;
}

/// The newest pictures of a shop's cameras.
#[derive(Clone, Debug, Default)]
pub struct Cameras {
    shots: Arc<Mutex<Vec<Shot>>>,
    own: Option<Arc<dyn PictureSource>>,
}

/// A camera's newest picture.
#[derive(Clone, Debug)]
struct Shot {
    jpeg: Bytes,
    number: u64,
    /// When it was taken, if that was told.
    t: Option<HeaderValue>,
    came: Option<Instant>,
}

impl Cameras {
    /// No picture yet, of the cameras of this shop.
    pub fn of(shop: &Shop) -> Self {
        let none = Shot {
            jpeg: Bytes::new(),
            number: 0,
            t: None,
            came: None,
        };
        Self {
            shots: Arc::new(Mutex::new(vec![none; shop.layout.cameras.len()])),
            own: None,
        }
    }

    /// The same beside cameras that are kept open here.
    #[must_use]
    pub fn beside(mut self, own: Arc<dyn PictureSource>) -> Self {
        self.own = Some(own);
        self
    }

    /// How many pictures of a camera have come, and whether the newest is recent.
    pub fn state(&self, camera: CameraIx) -> (u64, bool) {
        if let Some(state) = self.own.as_ref().and_then(|own| own.state(camera)) {
            return state;
        }
        let shots = self.lock();
        let shot = shots.get(camera.usize());
        shot.map_or((0, false), |s| {
            let live = s.came.is_some_and(|at| at.elapsed() < SILENT);
            (s.number, live)
        })
    }

    fn put(&self, camera: CameraIx, jpeg: Bytes, t: Option<HeaderValue>) -> bool {
        let mut shots = self.lock();
        let Some(shot) = shots.get_mut(camera.usize()) else {
            return false;
        };
        shot.jpeg = jpeg;
        shot.t = t;
        shot.number += 1;
        shot.came = Some(Instant::now());
        true
    }

    async fn newest(&self, camera: CameraIx) -> Option<(Bytes, Option<HeaderValue>)> {
        let own = self.own.clone().filter(|own| own.state(camera).is_some());
        let Some(own) = own else {
            return self.get(camera);
        };
        let made = tokio::task::spawn_blocking(move || own.newest(camera));
        let (jpeg, t) = made.await.ok()??;
        Some((
            jpeg.into(),
            HeaderValue::try_from(format!("{:.6}", t.as_secs_f64())).ok(),
        ))
    }

    fn get(&self, camera: CameraIx) -> Option<(Bytes, Option<HeaderValue>)> {
        let shots = self.lock();
        let shot = shots.get(camera.usize()).filter(|s| s.number > 0)?;
        Some((shot.jpeg.clone(), shot.t.clone()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Shot>> {
        self.shots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The shop's cameras and whether pictures come from them.
#[utoipa::path(get, path = "/api/v1/cameras", responses((status = 200, body = CameraListView)))]
pub(crate) async fn list(State(app): State<AppState>) -> axum::Json<CameraListView> {
    let cameras = app.shop.layout.cameras.iter().enumerate();
    axum::Json(CameraListView {
        cameras: cameras
            .map(|(i, c)| {
                let (pictures, live) = app.cameras.state(i.into());
                PictureView {
                    name: c.name.clone(),
                    width_px: c.width_px,
                    height_px: c.height_px,
                    pictures,
                    live,
                }
            })
            .collect(),
    })
}

/// A camera's newest picture.
#[utoipa::path(get, path = "/api/v1/cameras/{camera}/picture",
    params(("camera" = String, Path, description = "the camera's name in shop.toml")),
    responses((status = 200, content_type = "image/jpeg"), (status = 404, body = Problem)))]
pub(crate) async fn picture(
    State(app): State<AppState>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let camera = find(&app, &name)?;
    let (jpeg, t) = app.cameras.newest(camera).await.ok_or_else(|| {
        Problem::not_found("no-picture", format!("no picture has come from {name} yet"))
    })?;
    let headers = [
        (header::CONTENT_TYPE, "image/jpeg"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut response = (headers, jpeg).into_response();
    if let Some(t) = t {
        response.headers_mut().insert(CAPTURED_AT, t);
    }
    Ok(response)
}

/// A camera's new picture, as a JPEG of at most 512 KiB.
#[utoipa::path(put, path = "/api/v1/cameras/{camera}/picture",
    params(("camera" = String, Path, description = "the camera's name in shop.toml")),
    request_body(content_type = "image/jpeg"),
    responses((status = 204), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(crate) async fn put(
    State(app): State<AppState>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let camera = find(&app, &name)?;
    // The mark at the beginning of every JPEG, and the one at its end.
    let whole = body.starts_with(&[0xff, 0xd8, 0xff]) && body.ends_with(&[0xff, 0xd9]);
    if !whole {
        let detail = format!("{} bytes that are no whole JPEG", body.len());
        return Err(Problem::unprocessable("no-jpeg", detail));
    }
    app.cameras
        .put(camera, body, headers.get(CAPTURED_AT).cloned());
    Ok(StatusCode::NO_CONTENT)
}

fn find(app: &AppState, name: &str) -> Result<CameraIx, Problem> {
    let cameras = &app.shop.layout.cameras;
    let at = cameras.iter().position(|c| c.name == name);
    at.map(CameraIx::from).ok_or_else(|| {
        let shown: String = name.chars().take(40).collect();
        let known: Vec<&str> = cameras.iter().take(20).map(|c| c.name.as_str()).collect();
        let detail = format!("no camera \"{shown}\": there is {}", known.join(", "));
        Problem::not_found("unknown-camera", detail)
    })
}
