//! Frames that wait for a network.

use std::collections::VecDeque;

/// Frames of some cameras, the newest few of each. A camera that is faster than the network loses its
/// oldest frames, which are counted, and takes nothing from the others. No locks and no clock: whoever
/// shares it between threads puts it behind a mutex.
#[derive(Clone, Debug)]
pub struct FrameQueue<T> {
    cameras: Vec<Waiting<T>>,
    capacity: usize,
    /// Whose turn it is.
    next: usize,
}

#[derive(Clone, Debug)]
struct Waiting<T> {
    frames: VecDeque<T>,
    dropped: u64,
}

impl<T> FrameQueue<T> {
    /// A queue for so many cameras that keeps at most `capacity` frames of each, and one at least.
    pub fn new(cameras: usize, capacity: usize) -> Self {
        let waiting = || Waiting {
            frames: VecDeque::new(),
            dropped: 0,
        };
        Self {
            cameras: (0..cameras).map(|_| waiting()).collect(),
            capacity: capacity.max(1),
            next: 0,
        }
    }

    /// Adds a frame. Gives back the frame that is dropped for it: the camera's oldest where it has too
    /// many, or the frame itself where there is no such camera (which is not counted).
    pub fn push(&mut self, camera: usize, frame: T) -> Option<T> {
        let Some(waiting) = self.cameras.get_mut(camera) else {
            return Some(frame);
        };
        waiting.frames.push_back(frame);
        if waiting.frames.len() <= self.capacity {
            return None;
        }
        waiting.dropped = waiting.dropped.saturating_add(1);
        waiting.frames.pop_front()
    }

    /// The oldest frame of the camera whose turn it is, among those that have one.
    pub fn pop(&mut self) -> Option<(usize, T)> {
        let n = self.cameras.len();
        for k in 0..n {
            let camera = (self.next + k) % n;
            if let Some(frame) = self.cameras.get_mut(camera)?.frames.pop_front() {
                self.next = (camera + 1) % n;
                return Some((camera, frame));
            }
        }
        None
    }

    /// Up to `most` frames at once, cameras in turn.
    pub fn pop_batch(&mut self, most: usize) -> Vec<(usize, T)> {
        std::iter::from_fn(|| self.pop()).take(most).collect()
    }

    /// How many frames wait.
    pub fn len(&self) -> usize {
        self.cameras.iter().map(|c| c.frames.len()).sum()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.cameras.iter().all(|c| c.frames.is_empty())
    }

    /// How many frames of each camera were dropped since the start.
    pub fn dropped(&self) -> impl Iterator<Item = u64> + '_ {
        self.cameras.iter().map(|c| c.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_oldest_goes_and_is_counted_and_cameras_take_turns() {
        let mut queue = FrameQueue::new(3, 2);
        for frame in 0..5 {
            let dropped = queue.push(0, frame);
            assert_eq!(dropped, (frame >= 2).then(|| frame - 2));
        }
        assert_eq!(queue.push(2, 20), None);
        assert_eq!(queue.push(7, 70), Some(70));
        assert_eq!(queue.dropped().collect::<Vec<_>>(), [3, 0, 0]);
        assert_eq!(queue.len(), 3);
        assert_eq!(queue.pop_batch(8), [(0, 3), (2, 20), (0, 4)]);
        assert!(queue.is_empty() && queue.pop().is_none());
        assert_eq!(FrameQueue::<u8>::new(0, 4).pop(), None);
    }

    proptest! {
        #[test]
        fn every_frame_is_given_out_or_counted(
            steps in proptest::collection::vec((0_usize..4, any::<bool>()), 0..200),
            capacity in 1_usize..5,
        ) {
            let mut queue = FrameQueue::new(4, capacity);
            let (mut pushed, mut popped) = (0_u64, 0_u64);
            for (camera, pop) in steps {
                queue.push(camera, ());
                pushed += 1;
                popped += u64::from(pop && queue.pop().is_some());
                prop_assert!(queue.len() <= 4 * capacity);
            }
            prop_assert_eq!(pushed, popped + queue.len() as u64 + queue.dropped().sum::<u64>());
        }
    }
}
