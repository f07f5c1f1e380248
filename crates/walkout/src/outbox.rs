//! What eyes say on its way to the shop: bounded, the oldest of a camera goes first, and is counted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use walkout_model::{CameraFault, CameraIx, ShelfSight, Sighting};
use walkout_perception::nets::FrameQueue;

/// Words of one camera that may wait.
const WORDS: usize = 8;

/// What an eye says.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// What was seen in a picture.
    Saw(Sighting),
    /// What was seen of the facings in one; nothing new of a camera that is well.
    Shelf(ShelfSight),
    /// How the camera fares, if not well, or well again.
    Fares(CameraFault),
}

/// A queue from threads that see to a task that tells.
pub struct Outbox {
    words: Mutex<FrameQueue<Word>>,
    came: Notify,
    closed: AtomicBool,
}

impl Outbox {
    /// For a shop with so many cameras.
    pub fn new(cameras: usize) -> Self {
        Self {
            words: Mutex::new(FrameQueue::new(cameras, WORDS)),
            came: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Puts a camera's word in; its oldest goes where too many wait.
    pub fn push(&self, camera: CameraIx, word: Word) {
        drop(self.lock().push(camera.usize(), word));
        self.came.notify_one();
    }

    /// The next word, cameras in turn; `None` when no more will come.
    pub async fn next(&self) -> Option<Word> {
        loop {
            let came = self.came.notified();
            if let Some((_, word)) = self.lock().pop() {
                return Some(word);
            }
            if self.closed.load(Ordering::Acquire) {
                return None;
            }
            came.await;
        }
    }

    /// Words of a camera that were dropped.
    pub fn dropped(&self, camera: CameraIx) -> u64 {
        self.lock().dropped().nth(camera.usize()).unwrap_or(0)
    }

    /// Words of all cameras that were dropped.
    pub fn all_dropped(&self) -> u64 {
        self.lock().dropped().sum()
    }

    /// No more words will come; what waits can still be taken.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.came.notify_one();
    }

    /// Whether nobody takes words any more.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, FrameQueue<Word>> {
        // Words stay sound whoever panicked while holding them.
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use walkout_model::StoreTime;

    #[tokio::test]
    async fn a_camera_that_nobody_hears_loses_its_oldest_words_alone() {
        let outbox = Outbox::new(2);
        let saw = |camera, t| Word::Saw(Sighting::empty(CameraIx(camera), StoreTime(t)));
        outbox.push(CameraIx(1), saw(1, 77));
        for t in 0..20 {
            outbox.push(CameraIx(0), saw(0, t));
        }
        assert_eq!(outbox.dropped(CameraIx(0)), 12);
        assert_eq!((outbox.dropped(CameraIx(1)), outbox.all_dropped()), (0, 12));
        outbox.close();
        let mut told = Vec::new();
        while let Some(word) = outbox.next().await {
            told.push(word);
        }
        assert_eq!(told.len(), 9);
        assert_eq!(told[0], saw(0, 12), "the oldest that is left");
        assert!(told.contains(&saw(1, 77)));
    }
}
