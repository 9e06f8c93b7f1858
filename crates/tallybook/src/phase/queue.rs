//! [`Queue`]: values that one thread has queued for the closer.

use super::apart::Apart;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A bounded queue that grows on demand. It has one user at a time: the thread that owns the shard,
/// or the closer once the side is quiet.
///
/// Its methods take and return values. While the buffer is borrowed, none of them calls code that
/// could access the same queue: neither code of the values, nor the allocator, which may record
/// facts.
pub(crate) struct Queue<T>(UnsafeCell<Buffer<T>>);

// SAFETY: the pointers point into the queue's own memory, which moves with it.
unsafe impl<T: Send> Send for Queue<T> {}

/// The limits of each queue in a group, and the memory that the group uses.
pub(crate) struct Room {
    /// The maximum number of values, at least 1.
    capacity: usize,
    /// The number of values at which the collector must be woken, at least 1.
    wake_at: usize,
    /// The memory of all queues of the group. Relaxed: a statistic. Not loom's atomic: nothing is
    /// synchronised through it.
    bytes: AtomicUsize,
}

impl Room {
    pub(crate) const fn new(capacity: usize, wake_at: usize) -> Self {
        Room { capacity, wake_at, bytes: AtomicUsize::new(0) }
    }

    /// How many bytes the queues take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Accounts for other memory of the same owner that was resized.
    pub(crate) fn resized(&self, before: usize, now: usize) {
        if before != now {
            self.bytes.fetch_add(now.wrapping_sub(before), Relaxed);
        }
    }
}

struct Buffer<T> {
    /// Where the next value is written. Pushing needs no other address, and does not update the
    /// length of the vector.
    next: *mut T,
    /// The end of the fast path (see `widen`): not before `next`, not after the end of the memory.
    limit: *mut T,
    /// The memory. It holds `len()` values; `settle` updates the length of the vector.
    values: Vec<T>,
    /// How many values there is memory for, up to the capacity of the queue.
    room: usize,
    /// How many values precede the one that wakes the collector.
    before_wake: usize,
    /// The index of the oldest value, after newer ones have replaced those before it.
    oldest: usize,
}

/// The minimum memory to allocate, in values.
const MIN_ROOM: usize = 16;

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        let mut values = Vec::new();
        let start = values.as_mut_ptr();
        Queue(UnsafeCell::new(Buffer {
            next: start,
            limit: start,
            values,
            room: 0,
            before_wake: 0,
            oldest: 0,
        }))
    }

    /// Appends a value, and returns whether the collector must be woken now.
    ///
    /// # Errors
    /// Returns the value if the queue is full.
    pub(crate) fn push(&self, value: T, room: &Room) -> Result<bool, T> {
        let Err(value) = self.push_within(value) else { return Ok(false) };
        let Some(wakes) = self.widen(room) else { return Err(value) };
        self.push_within(value).map(|()| wakes)
    }

    /// The fast path of `push`: there is memory, and the collector need not be woken.
    ///
    /// # Errors
    /// Returns the value if it has to go through `push`.
    #[inline(always)]
    pub(crate) fn push_within(&self, value: T) -> Result<(), T> {
        // SAFETY: one user at a time, and no other code runs while it is borrowed, so there is no
        // other reference.
        let buffer = unsafe { &mut *self.0.get() };
        if buffer.next == buffer.limit {
            return Err(value);
        }
        // SAFETY: `next` is before `limit`, so there is memory, and it holds no value.
        unsafe { buffer.next.write(value) };
        buffer.next = buffer.next.wrapping_byte_add(Buffer::<T>::STRIDE);
        Ok(())
    }

    /// Makes sure that one more value fits the fast path, and returns whether the collector must be
    /// woken for it. `None` if the queue is full.
    fn widen(&self, room: &Room) -> Option<bool> {
        while self.len() < room.capacity {
            self.grow(room);
            // SAFETY: as in `push_within`.
            let buffer = unsafe { &mut *self.0.get() };
            let len = buffer.len();
            // The value that wakes the collector must come here, too.
            buffer.before_wake = room.wake_at - 1;
            let was_woken = len >= buffer.before_wake;
            buffer.aim(len, was_woken);
            // Unless values were pushed while memory was allocated.
            if buffer.next != buffer.limit {
                return Some(len == buffer.before_wake);
            }
        }
        None
    }

    /// Allocates memory for one more value, if there is none.
    fn grow(&self, limits: &Room) {
        let len = self.len();
        // SAFETY: as in `push_within`.
        if len < unsafe { &*self.0.get() }.room {
            return;
        }
        let room = (len * 2).max(MIN_ROOM).min(limits.capacity);
        // Otherwise an allocator that sends events would recurse here without end.
        let _apart = Apart::begin();
        // Allocated here, and freed below, while nothing is borrowed. Events that the allocator
        // sends are pushed first.
        let mut values = Vec::with_capacity(room);
        // SAFETY: as in `push_within`.
        let buffer = unsafe { &mut *self.0.get() };
        let len = buffer.settle();
        if len < room {
            values.append(&mut buffer.values);
            std::mem::swap(&mut buffer.values, &mut values);
            limits.resized(buffer.room * size_of::<T>(), room * size_of::<T>());
            buffer.room = room;
            buffer.aim(len, true);
        }
        drop(values);
    }

    /// Replaces the oldest value of a full queue, and returns it. Returns `value` if there is none.
    pub(crate) fn replace_oldest(&self, value: T) -> T {
        // SAFETY: as in `push_within`.
        let buffer = unsafe { &mut *self.0.get() };
        buffer.settle();
        let Some(oldest) = buffer.values.get_mut(buffer.oldest) else { return value };
        let oldest = std::mem::replace(oldest, value);
        buffer.oldest = (buffer.oldest + 1) % buffer.values.len();
        oldest
    }

    /// Takes all values with their memory, in any order, so that the caller can drop them one by
    /// one.
    pub(crate) fn take_values(&mut self) -> Vec<T> {
        let buffer = self.0.get_mut();
        buffer.settle();
        let values = std::mem::take(&mut buffer.values);
        (buffer.room, buffer.oldest) = (0, 0);
        buffer.aim(0, false);
        values
    }

    /// The number of values.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: as in `push_within`.
        unsafe { &*self.0.get() }.len()
    }

    /// Moves all values to the end of `into`, the oldest first, and returns how many there were.
    pub(crate) fn take(&self, into: &mut Vec<T>) -> usize {
        // Allocates here, while nothing is borrowed, and not below.
        into.reserve(self.len());
        // SAFETY: as in `push_within`; `into` has capacity for all values.
        let buffer = unsafe { &mut *self.0.get() };
        let len = buffer.settle();
        buffer.values.rotate_left(std::mem::take(&mut buffer.oldest));
        into.append(&mut buffer.values);
        buffer.aim(0, false);
        len
    }
}

impl<T> Buffer<T> {
    /// The distance between two values in bytes. Values of size zero get addresses, too, so that
    /// they can be counted.
    const STRIDE: usize = if size_of::<T>() == 0 { align_of::<T>() } else { size_of::<T>() };

    fn len(&self) -> usize {
        (self.next.addr() - self.values.as_ptr().addr()) / Self::STRIDE
    }

    /// Updates the length of the vector, and returns it.
    fn settle(&mut self) -> usize {
        let len = self.len();
        // SAFETY: all values before `next` were written, and they are within the capacity.
        unsafe { self.values.set_len(len) };
        len
    }

    /// Sets `next` behind `len` values. The fast path ends before the value that wakes the
    /// collector, unless it was woken already.
    fn aim(&mut self, len: usize, was_woken: bool) {
        let limit = if was_woken { self.room } else { self.room.min(self.before_wake) };
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

        // Boxed, so that miri finds a value that is dropped twice or never.
        #[test]
        fn it_behaves_like_a_bounded_deque(
            (capacity, wake_at) in (1_usize..70)
                .prop_flat_map(|capacity| (Just(capacity), 1..=capacity)),
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let (queue, mut model) = (Queue::new(), VecDeque::new());
            let room = Room::new(capacity, wake_at);
            let mut taken = Vec::new();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push => {
                        let pushed = queue.push(Box::new(n), &room);
                        let wakes = (model.len() < capacity).then_some(model.len() + 1 == wake_at);
                        prop_assert_eq!(pushed.ok(), wakes);
                        if wakes.is_some() {
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
                        let taken: VecDeque<_> = taken.drain(..).map(|n| *n).collect();
                        prop_assert_eq!(taken, std::mem::take(&mut model));
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }

    #[test]
    fn values_of_size_zero_are_counted() {
        #[repr(align(16))]
        #[derive(Debug, PartialEq)]
        struct Nothing;
        let (queue, room) = (Queue::new(), Room::new(100, 30));
        let mut taken = Vec::new();
        for round in 1..=3 {
            let pushes: Vec<_> = (1..=110).map(|n| (n, queue.push(Nothing, &room))).collect();
            for (n, pushed) in pushes {
                assert_eq!(pushed, if n <= 100 { Ok(n == 30) } else { Err(Nothing) }, "{n}");
            }
            assert_eq!(queue.replace_oldest(Nothing), Nothing);
            assert_eq!((queue.take(&mut taken), taken.len()), (100, 100 * round));
        }
    }
}
