//! [`Shape`]: where rows lie in pages, and pages below branches.

/// Children of a branch, two to a word.
pub(super) const FAN: usize = 32;
/// A child that does not exist.
pub(super) const NOTHING: u32 = u32::MAX;

#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) words: usize,
    /// How many rows are in a page, as a power of two.
    pub(super) page_bits: u32,
}

impl Shape {
    pub(super) fn page_of(self, row: usize) -> usize {
        row >> self.page_bits
    }

    /// The first word of a row in its page.
    pub(super) fn start_of(self, row: usize) -> usize {
        (row & ((1 << self.page_bits) - 1)) * self.words
    }
}

/// How many pages there can be below a node of this height.
pub(super) fn capacity(height: u32) -> usize {
    1_usize.checked_shl(height * FAN.ilog2()).unwrap_or(usize::MAX)
}

/// Which child leads to a page from a branch above the given level.
pub(super) fn child_of(page: usize, level: u32) -> usize {
    (page >> (level * FAN.ilog2())) % FAN
}
