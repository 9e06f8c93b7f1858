//! [`Words`]: cells on the heap, as many as are needed.

use super::apart::Apart;
use super::word::Word;
use std::cell::UnsafeCell;

/// A list of cells with one user at a time, as [`Word`] is one; empty, and without memory, at first.
///
/// Values go in and come out, and no reference to a cell does, so the list can be exchanged at any time.
pub(crate) struct Words(UnsafeCell<Box<[Word]>>);

impl Words {
    pub(crate) fn new() -> Self {
        Words(UnsafeCell::new(Box::new([])))
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.list().len()
    }

    /// The cell at `at`, if there is one.
    #[inline(always)]
    pub(crate) fn get(&self, at: usize) -> Option<u64> {
        self.list().get(at).map(Word::get)
    }

    /// Sets the cell at `at`, if there is one.
    #[inline(always)]
    pub(crate) fn set(&self, at: usize, value: u64) {
        if let Some(word) = self.list().get(at) {
            word.set(value);
        }
    }

    /// Puts `len` zeros in its place, and returns what was there.
    pub(crate) fn renew(&self, len: usize) -> Self {
        let words = {
            // An allocator that counts its work as facts must not find these cells half changed, nor come back here for ever.
            let _apart = Apart::begin();
            (0..len).map(|_| Word::new(0)).collect()
        };
        // SAFETY: as in `list`: no other reference is left.
        Words(UnsafeCell::new(std::mem::replace(unsafe { &mut *self.0.get() }, words)))
    }

    pub(crate) fn swap(&self, other: &Self) {
        // SAFETY: as in `list`: no other reference is left. Both may be the same cell, which `swap` of pointers allows.
        unsafe { std::ptr::swap(self.0.get(), other.0.get()) };
    }

    /// Only for the time of one call above: none of them calls anything that could exchange the list, and the cell has one
    /// user at a time and is not `Sync`.
    #[inline(always)]
    fn list(&self) -> &[Word] {
        // SAFETY: there is no mutable reference: those of `renew` and `swap` end before they return.
        unsafe { &*self.0.get() }
    }
}
