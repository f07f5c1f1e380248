//! Frames on their way to whoever looks at them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use walkout_model::CameraFrame;

/// A bounded queue that drops its oldest frame for a new one, and counts it: with cameras, late is worse than
/// missing. Clones share the queue. Until somebody asks for the first frame none counts as dropped.
#[derive(Clone, Debug)]
pub struct FrameQueue {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    came: Condvar,
    capacity: usize,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<CameraFrame>,
    dropped: u64,
    /// Whether anybody ever asked for a frame: what nobody wants is not missed.
    wanted: bool,
    closed: bool,
}

impl FrameQueue {
    /// A queue for so many frames, at least 1.
    pub fn new(capacity: usize) -> Self {
        Self {
            inner: Arc::new(Inner {
                state: Mutex::default(),
                came: Condvar::new(),
                capacity: capacity.max(1),
            }),
        }
    }

    /// Puts a frame in.
    pub fn push(&self, frame: CameraFrame) {
        let mut state = self.lock();
        if state.frames.len() >= self.inner.capacity {
            state.frames.pop_front();
            state.dropped += u64::from(state.wanted);
        }
        state.frames.push_back(frame);
        drop(state);
        self.inner.came.notify_one();
    }

    /// The oldest frame that waits.
    pub fn try_pop(&self) -> Option<CameraFrame> {
        let mut state = self.lock();
        state.wanted = true;
        state.frames.pop_front()
    }

    /// The oldest frame, waited for. `None` after `patience`, or if no more will come.
    pub fn pop(&self, patience: Duration) -> Option<CameraFrame> {
        let mut state = self.lock();
        state.wanted = true;
        let (mut state, _) = self
            .inner
            .came
            .wait_timeout_while(state, patience, |s| s.frames.is_empty() && !s.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.frames.pop_front()
    }

    /// Frames dropped because nobody took them in time.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// No more frames will come.
    pub fn close(&self) {
        self.lock().closed = true;
        self.inner.came.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Frames stay sound whoever panicked while holding them.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::{CameraIx, StoreTime};

    #[test]
    fn the_oldest_goes_and_is_counted() {
        let queue = FrameQueue::new(2);
        assert_eq!(queue.try_pop(), None);
        for n in 0..5 {
            let frame = CameraFrame::new(CameraIx(0), StoreTime(0), n, [1, 1], vec![0; 3]);
            queue.push(frame.unwrap());
        }
        let left: Vec<u64> = std::iter::from_fn(|| queue.try_pop())
            .map(|f| f.sequence)
            .collect();
        assert_eq!((left, queue.dropped()), (vec![3, 4], 3));
        queue.close();
        assert_eq!(queue.pop(Duration::from_secs(60)), None);
    }
}
