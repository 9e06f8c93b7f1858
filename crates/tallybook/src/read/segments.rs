//! [`Segments`]: the earlier cuts that a snapshot is compared with.

use super::extrema::ExtremaList;
use crate::row::Pages;
use crate::support::user::Owned;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Segments to a chunk.
pub(crate) const CHUNK: usize = 16;

/// Some time between two cuts.
pub(crate) struct Segment<C> {
    /// The cut it begins at, without a history of its own. It may be the last owner of what the
    /// user's reducers made.
    pub(crate) from: Owned<Arc<C>>,
    pub(crate) until: Duration,
    pub(crate) extrema: Arc<ExtremaList>,
}

/// Segments lie in chunks, so that versions share them.
pub(crate) type Chunk<C> = [Option<Segment<C>>; CHUNK];

/// The segments up to the present, shared by all that hold the snapshot.
pub(crate) struct Segments<C>(Option<Arc<Version<C>>>);

struct Version<C> {
    chunks: Pages<Chunk<C>>,
    numbers: Range<usize>,
}

impl<C> Segments<C> {
    pub(crate) fn new(chunks: Pages<Chunk<C>>, numbers: Range<usize>) -> Self {
        Segments(Some(Arc::new(Version { chunks, numbers })))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.newest_first().next().is_none()
    }

    /// All of them, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Segment<C>> {
        self.0.iter().flat_map(|version| {
            let chunks = chunks_of(&version.numbers).rev();
            let chunks = chunks.filter_map(|chunk| version.chunks.get(chunk));
            chunks.flat_map(|chunk| chunk.iter().rev().flatten())
        })
    }
}

/// The chunks in which these numbers lie.
pub(crate) fn chunks_of(numbers: &Range<usize>) -> Range<usize> {
    numbers.start / CHUNK..numbers.end.div_ceil(CHUNK)
}

impl<C> Clone for Segment<C> {
    fn clone(&self) -> Self {
        let Segment { from, until, extrema } = self;
        Segment { from: Owned::new(Arc::clone(from)), until: *until, extrema: extrema.clone() }
    }
}

impl<C> Clone for Segments<C> {
    fn clone(&self) -> Self {
        Segments(self.0.clone())
    }
}

impl<C> Default for Segments<C> {
    fn default() -> Self {
        Segments(None)
    }
}
