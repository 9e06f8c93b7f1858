//! [`BucketsView`]: reading the buckets of a version.

use super::chains::Held;
use super::handle::Handle;
use super::nodes::Bytes;
use super::packed::Unpacker;
use crate::row::rows::{RowsView, Tree};
use std::ops::Range;

/// How many buckets are packed into one string: all of a histogram at the default scale, and so few
/// that packing them anew for each change costs little where a row has thousands.
pub(super) const PART: usize = 1024;

/// A version of all buckets. Immutable.
pub(crate) struct BucketsView {
    handles: RowsView,
    strings: Held,
}

impl BucketsView {
    pub(super) fn new(handles: RowsView, strings: Held) -> Self {
        BucketsView { handles, strings }
    }

    /// Calls `f` with each bucket that has a count, in order, and its number, counted over all
    /// rows.
    pub(crate) fn each(&self, buckets: Range<usize>, f: impl FnMut(usize, u64)) {
        each(&self.handles, |handle| self.strings.bytes_of(handle), buckets, f);
    }
}

/// The same, with the handles of a version and what they lead to.
pub(super) fn each<'a>(
    handles: &Tree,
    bytes_of: impl Fn(Handle) -> Bytes<'a>,
    buckets: Range<usize>,
    mut f: impl FnMut(usize, u64),
) {
    let parts = buckets.start / PART..buckets.end.div_ceil(PART);
    handles.each_word(parts, |part, handle| {
        let first = part * PART;
        Unpacker::new(bytes_of(Handle(handle)))
            .map(|(bucket, n)| (first + bucket, n))
            .skip_while(|(bucket, _)| *bucket < buckets.start)
            .take_while(|(bucket, _)| *bucket < buckets.end)
            .for_each(|(bucket, n)| f(bucket, n));
    });
}
