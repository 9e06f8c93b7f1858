//! [`Tree`]: reading the rows of a version.

use super::arena::Arena;
use super::shape::{FAN, NOTHING, Shape, capacity, child_of};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The way to all rows of a version, as long as somebody sees to it that it is there.
pub(crate) struct Tree {
    pub(super) shape: Shape,
    pub(super) pages: Arc<Arena>,
    pub(super) branches: Arc<Arena>,
    pub(super) root: u32,
    pub(super) height: u32,
}

impl Tree {
    /// Copies a row into `to`; zeros if it was never written.
    pub(crate) fn read(&self, row: usize, to: &mut Vec<u64>) {
        to.clear();
        to.resize(self.shape.words, 0);
        self.load(row, to);
    }

    /// Copies the words of a row over `to`; nothing if it was never written.
    pub(crate) fn load(&self, row: usize, to: &mut [u64]) {
        if let Some(page) = self.page(self.shape.page_of(row)) {
            self.pages.load(page, self.shape.start_of(row), to);
        }
    }

    /// The words of a page from a row on; `None` if none of the page was ever written.
    #[inline]
    pub(super) fn page_from(&self, row: usize) -> Option<&[AtomicU64]> {
        let node = self.page(self.shape.page_of(row))?;
        Some(&self.pages.node(node)[self.shape.start_of(row)..])
    }

    #[inline]
    fn page(&self, page: usize) -> Option<u32> {
        page_below(&self.branches, self.root, self.height, page)
    }

    /// Calls `f` with each word that is not zero, in order, and its number, counted over all rows.
    pub(crate) fn each_word(&self, words: Range<usize>, mut f: impl FnMut(usize, u64)) {
        let page_words = self.shape.words << self.shape.page_bits;
        let end = capacity(self.height).saturating_mul(page_words).min(words.end);
        if self.root != NOTHING && words.start < end {
            self.each_word_below(self.root, self.height, 0, &(words.start..end), &mut f);
        }
    }

    /// The same below a node whose first page is `page`.
    fn each_word_below(
        &self,
        node: u32,
        level: u32,
        page: usize,
        words: &Range<usize>,
        f: &mut impl FnMut(usize, u64),
    ) {
        let page_words = self.shape.words << self.shape.page_bits;
        if level == 0 {
            let first = page * page_words;
            let own = first.max(words.start)..(first + page_words).min(words.end);
            self.pages.each(node, own.start - first..own.end - first, |at, n| f(first + at, n));
            return;
        }
        // The children that have any of the words.
        let size = capacity(level - 1);
        let (first, last) = (words.start / page_words, (words.end - 1) / page_words);
        let buckets = first.saturating_sub(page) / size..=((last - page) / size).min(FAN - 1);
        for bucket in buckets {
            let child = self.branches.half(node, bucket);
            if child != NOTHING {
                self.each_word_below(child, level - 1, page + bucket * size, words, f);
            }
        }
    }
}

/// The node of a page below a root, if there is one.
#[inline]
pub(super) fn page_below(branches: &Arena, root: u32, height: u32, page: usize) -> Option<u32> {
    if page >= capacity(height) {
        return None;
    }
    let mut node = root;
    for level in (0..height).rev() {
        if node == NOTHING {
            return None;
        }
        node = branches.half(node, child_of(page, level));
    }
    (node != NOTHING).then_some(node)
}
