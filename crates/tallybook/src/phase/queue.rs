//! [`Queue`]: what one thread has put by for the closer.

use std::cell::UnsafeCell;

/// A bounded queue that grows as it is used, with one user at a time: the thread that owns the shard, or the closer once
/// the side is quiet.
///
/// Values go in and come out. No method below calls anything that could come back to the same queue while it is borrowed:
/// neither code of the values nor, as an allocator may record facts, too, the allocator.
pub(crate) struct Queue<T>(UnsafeCell<Waiting<T>>);

struct Waiting<T> {
    values: Vec<T>,
    /// How many there is memory for and may be.
    room: usize,
    /// Where the oldest is, once newer ones have taken the places of those before.
    oldest: usize,
}

/// The least memory that is made, in values.
const LEAST: usize = 16;

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Queue(UnsafeCell::new(Waiting { values: Vec::new(), room: 0, oldest: 0 }))
    }

    /// Puts it at the end, and says how many there are then.
    ///
    /// # Errors
    /// Gives it back if there are `capacity` already.
    #[inline(always)]
    pub(crate) fn push(&self, value: T, capacity: usize) -> Result<usize, T> {
        if self.is_tight() && !self.grow(capacity) {
            return Err(value);
        }
        // SAFETY: one user at a time, and nothing is called while it is borrowed, so there is no other reference.
        let waiting = unsafe { &mut *self.0.get() };
        let len = waiting.values.len();
        // SAFETY: `room`, which is at most the capacity, is greater than `len`, so there is memory at `len`, which holds
        // nothing.
        unsafe {
            waiting.values.as_mut_ptr().add(len).write(value);
            waiting.values.set_len(len + 1);
        }
        Ok(len + 1)
    }

    /// Whether there is no memory for one more, or it may not be used.
    #[inline(always)]
    fn is_tight(&self) -> bool {
        // SAFETY: as in `push`.
        let waiting = unsafe { &*self.0.get() };
        waiting.values.len() >= waiting.room
    }

    /// Makes room for one more, if there may be: answers whether it is not tight any more.
    #[cold]
    #[inline(never)]
    fn grow(&self, capacity: usize) -> bool {
        let len = self.len();
        if len >= capacity {
            return false;
        }
        let room = (len * 2).max(LEAST).min(capacity);
        // Made, and further down given back, while nothing is borrowed: what is sent by that is pushed first.
        let mut values = Vec::with_capacity(room);
        // SAFETY: as in `push`.
        let waiting = unsafe { &mut *self.0.get() };
        if waiting.values.len() < room {
            values.append(&mut waiting.values);
            std::mem::swap(&mut waiting.values, &mut values);
            waiting.room = room;
        }
        drop(values);
        // It may be, where much was sent meanwhile.
        !self.is_tight() || self.grow(capacity)
    }

    /// Puts it in the place of the oldest of a full queue, which it returns; or returns it if there is none.
    pub(crate) fn replace_oldest(&self, value: T) -> T {
        // SAFETY: as in `push`.
        let waiting = unsafe { &mut *self.0.get() };
        let Some(oldest) = waiting.values.get_mut(waiting.oldest) else { return value };
        let oldest = std::mem::replace(oldest, value);
        waiting.oldest = (waiting.oldest + 1) % waiting.values.len();
        oldest
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: as in `push`.
        unsafe { &*self.0.get() }.values.len()
    }

    /// Moves all to the end of `into`, the oldest first, and says how many there were.
    pub(crate) fn take(&self, into: &mut Vec<T>) -> usize {
        // Allocates here, where nothing is borrowed, and not below.
        into.reserve(self.len());
        // SAFETY: as in `push`: `into` has room for all.
        let waiting = unsafe { &mut *self.0.get() };
        let len = waiting.values.len();
        waiting.values.rotate_left(std::mem::take(&mut waiting.oldest));
        into.append(&mut waiting.values);
        len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[derive(Clone, Debug)]
    enum Step {
        Push,
        ReplaceOldest,
        Take,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![30 => Just(Step::Push), 10 => Just(Step::ReplaceOldest), 1 => Just(Step::Take)]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 5 } else { 500 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        // Boxed, so that a value dropped twice or never is found by miri.
        #[test]
        fn it_does_what_a_bounded_deque_does(
            capacity in 1_usize..70,
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let (queue, mut model) = (Queue::new(), VecDeque::new());
            let mut taken = Vec::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push => {
                        let refused = queue.push(Box::new(n), capacity);
                        prop_assert_eq!(refused.is_err(), model.len() == capacity);
                        if refused.is_ok() {
                            model.push_back(n);
                        }
                    }
                    Step::ReplaceOldest if model.len() == capacity => {
                        model.push_back(n);
                        let out = *queue.replace_oldest(Box::new(n));
                        prop_assert_eq!(Some(out), model.pop_front());
                    }
                    Step::ReplaceOldest => {}
                    Step::Take => {
                        taken.clear();
                        prop_assert_eq!(queue.take(&mut taken), model.len());
                        prop_assert_eq!(taken.drain(..).map(|n| *n).collect::<VecDeque<_>>(), std::mem::take(&mut model));
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
