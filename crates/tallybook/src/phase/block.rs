//! [`Block`]: one thread's cells of one set or mailbox, both sides.

use super::cells::Cells;
use super::closer::Quiet;

/// Two sides of cells. The owner of the shard writes the side of the open epoch, the closer drains
/// the other.
#[repr(align(64))]
pub(crate) struct Block<S> {
    sides: [S; 2],
}

// SAFETY: a side has one user at a time, as the head of `phase` explains: the owner calls `side`
// inside a fact of that side's epoch, and the closer calls `quiet` after that epoch was closed and
// before the next epoch of its parity opens. The sequence and the epoch hand a side over with
// Release and Acquire, so `S: Send` is enough.
unsafe impl<S: Send> Sync for Block<S> {}

impl<S: Cells> Block<S> {
    pub(crate) fn new() -> Self {
        Block { sides: [S::empty(), S::empty()] }
    }

    #[inline(always)]
    pub(super) fn side(&self, side: usize) -> &S {
        &self.sides[side]
    }

    /// The cells of the closed epoch.
    pub(crate) fn quiet(&self, quiet: Quiet) -> &S {
        &self.sides[quiet.side]
    }
}
