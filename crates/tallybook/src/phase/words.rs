//! [`Words`]: a table of words on the heap, of any length.

use super::apart::Apart;
use super::word::Word;
use std::cell::UnsafeCell;

/// A table of [`Word`]s with one user at a time. Empty at first, without memory.
///
/// Its methods take and return values, never references to words, so the table can be replaced at
/// any time.
pub(crate) struct Words(UnsafeCell<Box<[Word]>>);

impl Words {
    pub(crate) fn new() -> Self {
        Words(UnsafeCell::new(Box::new([])))
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.list().len()
    }

    /// The word at `at`, if there is one.
    #[inline(always)]
    pub(crate) fn get(&self, at: usize) -> Option<u64> {
        self.list().get(at).map(Word::get)
    }

    /// Sets the word at `at`, if there is one.
    #[inline(always)]
    pub(crate) fn set(&self, at: usize, value: u64) {
        if let Some(word) = self.list().get(at) {
            word.set(value);
        }
    }

    /// Replaces the table by `len` zeros, and returns the previous one.
    pub(crate) fn renew(&self, len: usize) -> Self {
        let words = {
            // An allocator that counts its work as facts must not find these words half changed,
            // nor recurse here without end.
            let _apart = Apart::begin();
            (0..len).map(|_| Word::new(0)).collect()
        };
        // SAFETY: as in `list`: there is no other reference.
        Words(UnsafeCell::new(std::mem::replace(unsafe { &mut *self.0.get() }, words)))
    }

    pub(crate) fn swap(&self, other: &Self) {
        // SAFETY: as in `list`: there is no other reference. Both may be the same table, which
        // `swap` of pointers allows.
        unsafe { std::ptr::swap(self.0.get(), other.0.get()) };
    }

    /// Borrowed within one of the calls above only. None of them calls code that could replace the
    /// table, which has one user at a time and is not `Sync`.
    #[inline(always)]
    fn list(&self) -> &[Word] {
        // SAFETY: there is no mutable reference: those of `renew` and `swap` end before they
        // return.
        unsafe { &*self.0.get() }
    }
}
