//! [`Queue`]: what one thread has put by for the closer.

use super::apart::Apart;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A bounded queue that grows as it is used, with one user at a time: the thread that owns the shard, or the closer once
/// the side is quiet.
///
/// Values go in and come out. No method below calls anything that could come back to the same queue while it is borrowed:
/// neither code of the values nor, as an allocator may record facts, too, the allocator.
pub(crate) struct Queue<T>(UnsafeCell<Waiting<T>>);

// SAFETY: the pointers are into the queue's own memory, which goes where it goes.
unsafe impl<T: Send> Send for Queue<T> {}

/// How much there may be in each of some queues, and what they take together.
pub(crate) struct Room {
    /// How many there may be, at least 1.
    capacity: usize,
    /// At how many whoever empties it is called, at least 1.
    call: usize,
    /// The memory of all queues that have this room. Relaxed: a number to look at. Not loom's, which need not know of it.
    bytes: AtomicUsize,
}

impl Room {
    pub(crate) const fn new(capacity: usize, call: usize) -> Self {
        Room { capacity, call, bytes: AtomicUsize::new(0) }
    }

    /// How many bytes the queues take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Something else of the same owner has grown or shrunk.
    pub(crate) fn resized(&self, before: usize, now: usize) {
        if before != now {
            self.bytes.fetch_add(now.wrapping_sub(before), Relaxed);
        }
    }
}

struct Waiting<T> {
    /// Where the next goes. Values are written here rather than at the end of the vector: one address to load and to store.
    next: *mut T,
    /// Where the straight way ends (see `widen`): not before `next`, nor after the room.
    limit: *mut T,
    /// The memory. As many are in it as `len` says; its own length is brought up to date by `settle`.
    values: Vec<T>,
    /// How many there is memory for and may be.
    room: usize,
    /// How many there are at most before the one that calls.
    uncalled: usize,
    /// Where the oldest is, once newer ones have taken the places of those before.
    oldest: usize,
}

/// The least memory that is made, in values.
const LEAST: usize = 16;

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let mut values = Vec::new();
        let start = values.as_mut_ptr();
        Queue(UnsafeCell::new(Waiting {
            next: start,
            limit: start,
            values,
            room: 0,
            uncalled: 0,
            oldest: 0,
        }))
    }

    /// Puts it at the end, and says whether it is the one that calls.
    ///
    /// # Errors
    /// Gives it back if there is no room.
    pub(crate) fn push(&self, value: T, room: &Room) -> Result<bool, T> {
        let Err(value) = self.push_within(value) else { return Ok(false) };
        let Some(calls) = self.widen(room) else { return Err(value) };
        self.push_within(value).map(|()| calls)
    }

    /// The same on the straight way: there is memory, and nobody is called.
    ///
    /// # Errors
    /// Gives it back if it is to be pushed the other way.
    #[inline(always)]
    pub(crate) fn push_within(&self, value: T) -> Result<(), T> {
        // SAFETY: one user at a time, and nothing is called while it is borrowed, so there is no other reference.
        let waiting = unsafe { &mut *self.0.get() };
        if waiting.next == waiting.limit {
            return Err(value);
        }
        // SAFETY: `next` is before `limit`, so there is memory, which holds nothing.
        unsafe { waiting.next.write(value) };
        waiting.next = waiting.next.wrapping_byte_add(Waiting::<T>::STRIDE);
        Ok(())
    }

    /// Makes sure that one more can be put straight, and says whether that is the one that calls; `None` if there may be no
    /// more.
    fn widen(&self, room: &Room) -> Option<bool> {
        while self.len() < room.capacity {
            self.grow(room);
            // SAFETY: as in `push_within`.
            let waiting = unsafe { &mut *self.0.get() };
            let len = waiting.len();
            // The one that calls goes this way, too.
            waiting.uncalled = room.call - 1;
            let is_called = len >= waiting.uncalled;
            waiting.aim(len, is_called);
            // Not so where much was sent meanwhile.
            if waiting.next != waiting.limit {
                return Some(len == waiting.uncalled);
            }
        }
        None
    }

    /// Makes memory for one more, if there is none and may be.
    fn grow(&self, limits: &Room) {
        let len = self.len();
        // SAFETY: as in `push_within`.
        if len < unsafe { &*self.0.get() }.room {
            return;
        }
        let room = (len * 2).max(LEAST).min(limits.capacity);
        // Or an allocator that sends what it does would come back here for ever.
        let _apart = Apart::begin();
        // Made, and further down given back, while nothing is borrowed: what is sent by that is pushed first.
        let mut values = Vec::with_capacity(room);
        // SAFETY: as in `push_within`.
        let waiting = unsafe { &mut *self.0.get() };
        let len = waiting.settle();
        if len < room {
            values.append(&mut waiting.values);
            std::mem::swap(&mut waiting.values, &mut values);
            limits.resized(waiting.room * size_of::<T>(), room * size_of::<T>());
            waiting.room = room;
            waiting.aim(len, true);
        }
        drop(values);
    }

    /// Puts it in the place of the oldest of a full queue, which it returns; or returns it if there is none.
    pub(crate) fn replace_oldest(&self, value: T) -> T {
        // SAFETY: as in `push_within`.
        let waiting = unsafe { &mut *self.0.get() };
        waiting.settle();
        let Some(oldest) = waiting.values.get_mut(waiting.oldest) else { return value };
        let oldest = std::mem::replace(oldest, value);
        waiting.oldest = (waiting.oldest + 1) % waiting.values.len();
        oldest
    }

    /// All, in any order and with their memory, for whoever drops them one by one.
    pub(crate) fn take_values(&mut self) -> Vec<T> {
        let waiting = self.0.get_mut();
        waiting.settle();
        let values = std::mem::take(&mut waiting.values);
        (waiting.room, waiting.oldest) = (0, 0);
        waiting.aim(0, false);
        values
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: as in `push_within`.
        unsafe { &*self.0.get() }.len()
    }

    /// Moves all to the end of `into`, the oldest first, and says how many there were.
    pub(crate) fn take(&self, into: &mut Vec<T>) -> usize {
        // Allocates here, where nothing is borrowed, and not below.
        into.reserve(self.len());
        // SAFETY: as in `push_within`: `into` has room for all.
        let waiting = unsafe { &mut *self.0.get() };
        let len = waiting.settle();
        waiting.values.rotate_left(std::mem::take(&mut waiting.oldest));
        into.append(&mut waiting.values);
        waiting.aim(0, false);
        len
    }
}

impl<T> Waiting<T> {
    /// How far it is from one value to the next. What has no size has addresses all the same, to count by.
    const STRIDE: usize = if size_of::<T>() == 0 { align_of::<T>() } else { size_of::<T>() };

    fn len(&self) -> usize {
        (self.next.addr() - self.values.as_ptr().addr()) / Self::STRIDE
    }

    /// Brings the length of the vector up to date, and returns it.
    fn settle(&mut self) -> usize {
        let len = self.len();
        // SAFETY: all before `next`, and no more than there is room for, were written.
        unsafe { self.values.set_len(len) };
        len
    }

    /// Makes the next one the one after `len`, with all the room or with what there is before somebody is called.
    fn aim(&mut self, len: usize, is_called: bool) {
        let limit = if is_called { self.room } else { self.room.min(self.uncalled) };
        let start = self.values.as_mut_ptr();
        self.next = start.wrapping_byte_add(len * Self::STRIDE);
        self.limit = start.wrapping_byte_add(limit * Self::STRIDE);
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        // The vector drops what is in it.
        self.0.get_mut().settle();
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
            (capacity, call) in (1_usize..70).prop_flat_map(|capacity| (Just(capacity), 1..=capacity)),
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let (queue, mut model) = (Queue::new(), VecDeque::new());
            let room = Room::new(capacity, call);
            let mut taken = Vec::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push => {
                        let refused = queue.push(Box::new(n), &room);
                        let calls = (model.len() < capacity).then_some(model.len() + 1 == call);
                        prop_assert_eq!(refused.ok(), calls);
                        if calls.is_some() {
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

    #[test]
    fn what_has_no_size_is_counted() {
        #[repr(align(16))]
        #[derive(Debug, PartialEq)]
        struct Nothing;
        let (queue, room) = (Queue::new(), Room::new(100, 30));
        let mut taken = Vec::new();
        for round in 1..=3 {
            let calls: Vec<_> = (1..=110).map(|n| (n, queue.push(Nothing, &room))).collect();
            for (n, called) in calls {
                assert_eq!(called, if n <= 100 { Ok(n == 30) } else { Err(Nothing) }, "{n}");
            }
            assert_eq!(queue.replace_oldest(Nothing), Nothing);
            assert_eq!((queue.take(&mut taken), taken.len()), (100, 100 * round));
        }
    }
}
