//! [`List`]: a list behind a lock under which nothing is allocated.

use super::sync::{Mutex, lock};

/// A shared list. Memory is allocated and freed while the lock is not held: an allocator that
/// counts its work records facts, and a fact may need this very list.
pub(super) struct List<T>(Mutex<Vec<T>>);

impl<T> List<T> {
    pub(super) fn new() -> Self {
        List(Mutex::new(Vec::new()))
    }

    pub(super) fn push(&self, value: T) {
        // Dropped after the lock is released. Empty at first, then larger than the list, and
        // finally the list's previous memory.
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

    /// Takes out those that `is` holds for, and keeps the order of the others.
    pub(super) fn take(&self, is: impl Fn(&T) -> bool) -> Vec<T> {
        let mut taken = Vec::new();
        loop {
            let wanted = {
                let mut list = lock(&self.0);
                let wanted = list.iter().filter(|value| is(value)).count();
                if wanted <= taken.capacity() {
                    // It allocates nothing: there is room for all of them.
                    taken.extend(list.extract_if(.., |value| is(value)));
                    return taken;
                }
                wanted
            };
            taken.reserve(wanted);
        }
    }

    pub(super) fn pop(&self) -> Option<T> {
        lock(&self.0).pop()
    }

    /// Adds to `known`, which holds a prefix of the list, the rest of it. `T::clone` must not
    /// allocate.
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
