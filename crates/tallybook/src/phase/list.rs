//! [`List`]: a list behind a lock under which nothing is allocated.

use super::sync::{Mutex, lock};

/// Whoever allocates may be made to record a fact, by an allocator that counts what it does, and a fact may need this very
/// list. So memory is made and given back while the lock is free.
pub(super) struct List<T>(Mutex<Vec<T>>);

impl<T> List<T> {
    pub(super) fn new() -> Self {
        List(Mutex::new(Vec::new()))
    }

    pub(super) fn push(&self, value: T) {
        // Dropped after the lock is free: at first empty, then larger than the list, at last what the list had before.
        let mut spare = Vec::new();
        loop {
            let wanted = {
                let mut list = lock(&self.0);
                if list.len() == list.capacity() && spare.capacity() > list.len() {
                    spare.append(&mut list);
                    std::mem::swap(&mut *list, &mut spare);
                }
                if list.len() < list.capacity() {
                    list.push(value);
                    return;
                }
                (list.len() * 2).max(4)
            };
            spare = Vec::with_capacity(wanted);
        }
    }

    pub(super) fn pop(&self) -> Option<T> {
        lock(&self.0).pop()
    }

    /// Adds to `known`, which holds the first of them, all others. `T`'s clone must not allocate.
    pub(super) fn list(&self, known: &mut Vec<T>)
    where
        T: Clone,
    {
        loop {
            let missing = {
                let list = lock(&self.0);
                let new = &list[known.len()..];
                if new.len() <= known.capacity() - known.len() {
                    known.extend_from_slice(new);
                    return;
                }
                new.len()
            };
            known.reserve(missing);
        }
    }
}
