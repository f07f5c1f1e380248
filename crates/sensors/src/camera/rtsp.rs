//! RTSP: a thread of its own reads the camera's packets, so that decoding never makes the network wait; units
//! that the decoder is too slow for are dropped up to the next key frame, and counted.

use super::error::{CameraError, Cause};
use super::h264::{AccessUnit, H264Decoder};
use super::open::{Clock, OpenOptions, Pictures, TimedPicture, cause_of};
use super::picture::{Picture, decode_picture};
use super::rtp_clock::{RtpClock, store_time_of_ntp};
use futures_util::StreamExt;
use retina::client::{
    Credentials, Demuxed, PlayOptions, Session, SessionOptions, SetupOptions, TeardownPolicy,
};
use retina::codec::{CodecItem, FrameFormat, VideoFrame};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::Duration;
use url::Url;
use walkout_model::{CameraSource, StoreTime};

/// Units that may wait for the decoder: two seconds at 30 a second.
const UNITS_MAX: usize = 60;

/// What the thread tells.
enum Told {
    /// The stream plays.
    Playing(Coding, u32),
    /// A sender report.
    Report { ntp: StoreTime, rtp: i64 },
    /// One picture.
    Unit(Unit),
    /// No more will come.
    Over(Cause),
}

struct Unit {
    data: Vec<u8>,
    rtp: i64,
    arrival: StoreTime,
    /// Whether packets before it were lost.
    lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Coding {
    H264,
    Jpeg,
}

/// A camera that speaks RTSP.
pub(super) struct Rtsp {
    source: CameraSource,
    told: Receiver<Told>,
    coding: Coding,
    clock: RtpClock,
    patience: Duration,
    decoder: H264Decoder,
    /// Store time of the pictures that the decoder still holds, by their RTP time.
    times: VecDeque<(i64, StoreTime)>,
    ready: VecDeque<(StoreTime, Picture)>,
    corrupt: u64,
}

impl Rtsp {
    pub(super) fn open(
        source: &CameraSource,
        url: &str,
        options: &OpenOptions,
    ) -> Result<Self, CameraError> {
        let fail = |cause| CameraError::new(source, cause);
        let (url, credentials) = credentials_of(url).map_err(fail)?;
        let (sender, told) = sync_channel(UNITS_MAX);
        let (clock, patience) = (options.clock.clone(), options.patience);
        std::thread::Builder::new()
            .name("rtsp".into())
            .spawn(move || read(url, credentials, patience, &clock, &sender))
            .map_err(|e| fail(e.into()))?;
        // Describing, setting up and playing may each take as long as patience lasts.
        match told.recv_timeout(patience * 4) {
            Ok(Told::Playing(coding, rate_hz)) => Ok(Self {
                source: source.clone(),
                told,
                coding,
                clock: RtpClock::new(rate_hz, options.delay),
                patience,
                decoder: H264Decoder::default(),
                times: VecDeque::new(),
                ready: VecDeque::new(),
                corrupt: 0,
            }),
            Ok(Told::Over(cause)) => Err(fail(cause)),
            Ok(_) | Err(_) => Err(fail(Cause::Silent((patience * 4).as_secs_f64()))),
        }
    }

    fn take(&mut self, unit: Unit) -> Result<(), Cause> {
        let t = self.clock.frame(unit.rtp, unit.arrival);
        match self.coding {
            Coding::Jpeg => match decode_picture(&unit.data) {
                Ok(picture) => self.ready.push_back((t, picture)),
                Err(_) => self.corrupt += 1,
            },
            Coding::H264 => {
                let mut out = Vec::new();
                if unit.lost {
                    self.decoder.lost(&mut out);
                }
                if self.times.len() == UNITS_MAX {
                    self.times.pop_front();
                }
                self.times.push_back((unit.rtp, t));
                let access = AccessUnit {
                    annex_b: unit.data,
                    pts: unit.rtp,
                };
                self.decoder.push(&access, &mut out).map_err(cause_of)?;
                for (rtp, picture) in out {
                    let at = self.times.iter().position(|&(r, _)| r == rtp);
                    let t = at.and_then(|i| self.times.remove(i)).map_or(t, |(_, t)| t);
                    self.ready.push_back((t, picture));
                }
            }
        }
        Ok(())
    }
}

impl Pictures for Rtsp {
    fn next(&mut self) -> Result<Option<TimedPicture>, CameraError> {
        loop {
            if let Some((t, picture)) = self.ready.pop_front() {
                return Ok(Some(TimedPicture::at(t, picture)));
            }
            let fail = |cause| CameraError::new(&self.source, cause);
            match self.told.recv_timeout(self.patience) {
                Ok(Told::Unit(unit)) => {
                    let taken = self.take(unit);
                    taken.map_err(|cause| CameraError::new(&self.source, cause))?;
                }
                Ok(Told::Report { ntp, rtp }) => self.clock.sender_report(ntp, rtp),
                Ok(Told::Over(Cause::Ended)) => {
                    let mut out = Vec::new();
                    self.decoder.finish(&mut out);
                    for (rtp, picture) in out {
                        let at = self.times.iter().position(|&(r, _)| r == rtp);
                        if let Some((_, t)) = at.and_then(|i| self.times.remove(i)) {
                            self.ready.push_back((t, picture));
                        }
                    }
                    if self.ready.is_empty() {
                        return Err(fail(Cause::Ended));
                    }
                }
                Ok(Told::Over(cause)) => return Err(fail(cause)),
                Ok(Told::Playing(..)) => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(fail(Cause::Silent(self.patience.as_secs_f64())));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(fail(Cause::Ended)),
            }
        }
    }

    fn damage(&self) -> (u64, u64) {
        let (damaged, skipped) = self.decoder.damage();
        (damaged + self.corrupt, skipped)
    }
}

/// The thread: until the stream ends or nobody listens.
fn read(
    url: Url,
    credentials: Option<(String, String)>,
    patience: Duration,
    clock: &Clock,
    sender: &SyncSender<Told>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let over = match runtime {
        Ok(runtime) => runtime.block_on(async {
            match play(url, credentials, patience, sender).await {
                Ok(stream) => relay(stream, patience, clock, sender).await,
                Err(cause) => cause,
            }
        }),
        Err(error) => Cause::Read(error),
    };
    // Nobody may listen any more.
    let _ = sender.send(Told::Over(over));
}

async fn play(
    url: Url,
    credentials: Option<(String, String)>,
    patience: Duration,
    sender: &SyncSender<Told>,
) -> Result<Demuxed, Cause> {
    let limit = |cause: Cause| move |_: tokio::time::error::Elapsed| cause;
    let silent = || limit(Cause::Silent(patience.as_secs_f64()));
    let credentials = credentials.map(|(username, password)| Credentials { username, password });
    let options = SessionOptions::default()
        .creds(credentials)
        .user_agent("walkout".into())
        .teardown(TeardownPolicy::Auto);
    let described = tokio::time::timeout(patience, Session::describe(url, options));
    let unreachable = Cause::Unreachable("no answer in time".into());
    let mut session = described
        .await
        .map_err(limit(unreachable))?
        .map_err(cause)?;
    let streams = session.streams();
    let video = |wanted: &str| {
        let mut all = streams.iter();
        all.position(|s| s.media() == "video" && s.encoding_name() == wanted)
    };
    let (stream, coding) = match (video("h264"), video("jpeg")) {
        (Some(i), _) => (i, Coding::H264),
        (None, Some(i)) => (i, Coding::Jpeg),
        (None, None) => {
            let has: Vec<&str> = streams.iter().map(|s| s.encoding_name()).collect();
            return Err(Cause::Format(match has.as_slice() {
                [] => "nothing".into(),
                some => some.join(" and "),
            }));
        }
    };
    let rate_hz = streams.get(stream).map_or(90_000, |s| s.clock_rate_hz());
    let setup = SetupOptions::default().frame_format(FrameFormat::SIMPLE);
    let set_up = tokio::time::timeout(patience, session.setup(stream, setup));
    set_up.await.map_err(silent())?.map_err(cause)?;
    let playing = tokio::time::timeout(patience, session.play(PlayOptions::default()));
    let playing = playing.await.map_err(silent())?.map_err(cause)?;
    // The receiver waits for nothing else yet.
    let _ = sender.send(Told::Playing(coding, rate_hz));
    playing.demuxed().map_err(cause)
}

/// Hands over what comes; says why it ended.
async fn relay(
    mut stream: Demuxed,
    patience: Duration,
    clock: &Clock,
    sender: &SyncSender<Told>,
) -> Cause {
    let mut lost = false;
    loop {
        let item = match tokio::time::timeout(patience, stream.next()).await {
            Err(_) => return Cause::Silent(patience.as_secs_f64()),
            Ok(None) => return Cause::Ended,
            Ok(Some(Err(error))) => return cause(error),
            Ok(Some(Ok(item))) => item,
        };
        let told = match item {
            CodecItem::VideoFrame(frame) => Told::Unit(unit_of(frame, clock, lost)),
            CodecItem::Rtcp(packet) => {
                let report = packet
                    .pkts()
                    .find_map(|p| p.as_sender_report().ok().flatten());
                let ntp = report.and_then(|r| store_time_of_ntp(r.ntp_timestamp().0));
                match (ntp, packet.rtp_timestamp()) {
                    (Some(ntp), Some(rtp)) => Told::Report {
                        ntp,
                        rtp: rtp.timestamp(),
                    },
                    _ => continue,
                }
            }
            _ => continue,
        };
        let is_unit = matches!(told, Told::Unit(_));
        match sender.try_send(told) {
            Ok(()) => lost &= !is_unit,
            // The decoder is behind: what is dropped counts as lost, and the next key frame mends it.
            Err(TrySendError::Full(_)) => lost |= is_unit,
            Err(TrySendError::Disconnected(_)) => return Cause::Ended,
        }
    }
}

fn unit_of(frame: VideoFrame, clock: &Clock, lost: bool) -> Unit {
    Unit {
        rtp: frame.timestamp().timestamp(),
        arrival: clock(),
        lost: lost || frame.loss() > 0,
        data: frame.into_data(),
    }
}

/// The library's words, in one line and without its packet numbers.
fn cause(error: retina::Error) -> Cause {
    match error.status_code() {
        Some(401 | 403) => return Cause::Unauthorised,
        Some(404) => return Cause::NoSuchStream,
        _ => {}
    }
    let said = error.to_string();
    let line = said
        .lines()
        .next()
        .unwrap_or("")
        .trim_end_matches([':', ' ']);
    if line.starts_with("Unable to connect") {
        return Cause::Unreachable(line.rsplit(": ").next().unwrap_or(line).to_owned());
    }
    if said.contains("401") || said.to_ascii_lowercase().contains("authentication") {
        return Cause::Unauthorised;
    }
    Cause::Protocol(line.chars().take(200).collect())
}

/// A URL without user and password, and those.
pub(super) fn credentials_of(url: &str) -> Result<(Url, Option<(String, String)>), Cause> {
    let mut url = Url::parse(url).map_err(|e| Cause::Protocol(format!("this is no URL: {e}")))?;
    let user = percent_decoded(url.username());
    let password = percent_decoded(url.password().unwrap_or(""));
    // Neither can fail where there is a host, and nothing else has credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Ok((url, (!user.is_empty()).then_some((user, password))))
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let hex = |b: Option<u8>| char::from(b?).to_digit(16);
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out_of_the_url() {
        let (url, login) = credentials_of("rtsp://me:p%40ss%2@h:8554/s?x=1").unwrap();
        assert_eq!(url.as_str(), "rtsp://h:8554/s?x=1");
        assert_eq!(login, Some(("me".into(), "p@ss%2".into())));
        assert_eq!(credentials_of("rtsp://h/s").unwrap().1, None);
    }
}
