//! [`List`]: the segments of a history, in versions that share what has not changed.
//!
//! Each segment has a number, later ones larger ones, and lies in a chunk of [`Pages`]. Those that
//! are joined or let go leave holes; when there are several times as many numbers as segments, the
//! segments are renumbered. So what a snapshot adds is the chunks that changed since the one
//! before, however many segments there are.

use crate::read::{CHUNK, Chunk, Segment, Segments, chunks_of};
use crate::row::Pages;
use std::ops::Range;

/// So many numbers there may be to a segment, and so many more.
const SPREAD: usize = 4;
const SPARE: usize = 4 * CHUNK;

/// The collector's side.
pub(super) struct List<C> {
    chunks: Pages<Chunk<C>>,
    /// All segments have numbers in here.
    numbers: Range<usize>,
    len: usize,
}

impl<C> List<C> {
    pub(super) fn new() -> Self {
        List { chunks: Pages::new(), numbers: 0..0, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many bytes all versions take.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.bytes()
    }

    /// The segments and their numbers, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Segment<C>)> {
        chunks_of(&self.numbers).flat_map(|chunk| {
            let slots = self.chunks.get(chunk).into_iter().flatten();
            let numbered = (chunk * CHUNK..).zip(slots);
            numbered.filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
        })
    }

    pub(super) fn push(&mut self, segment: Segment<C>) {
        *self.slot(self.numbers.end) = Some(segment);
        self.numbers.end += 1;
        self.len += 1;
    }

    pub(super) fn update(&mut self, number: usize, f: impl FnOnce(&mut Segment<C>)) {
        f(self.slot(number).as_mut().expect("the caller has met this segment"));
    }

    pub(super) fn take(&mut self, number: usize) -> Segment<C> {
        let taken = self.slot(number).take().expect("the caller has met this segment");
        let chunk = number / CHUNK;
        if self.chunks.get(chunk).is_some_and(|chunk| chunk.iter().all(Option::is_none)) {
            self.chunks.remove(chunk);
        }
        self.len -= 1;
        taken
    }

    /// Lets go of the oldest ones.
    pub(super) fn drop_first(&mut self, count: usize) {
        let gone: Vec<usize> = self.iter().take(count).map(|(number, _)| number).collect();
        gone.into_iter().for_each(|number| drop(self.take(number)));
        let first = self.iter().next().map(|(number, _)| number);
        self.numbers.start = first.unwrap_or(self.numbers.end);
    }

    /// The list as it is now.
    pub(super) fn share(&mut self) -> Segments<C> {
        if self.numbers.len() > SPREAD * self.len + SPARE {
            self.number_anew();
        }
        Segments::new(self.chunks.clone(), self.numbers.clone())
    }

    /// The list as it would be with another segment.
    pub(super) fn share_with(&mut self, next: Segment<C>) -> Segments<C> {
        self.push(next);
        let shared = self.share();
        self.numbers.end -= 1;
        drop(self.take(self.numbers.end));
        shared
    }

    /// Costs as much as there are segments, once for several times as many new ones.
    fn number_anew(&mut self) {
        let all: Vec<Segment<C>> = self.iter().map(|(_, segment)| segment.clone()).collect();
        self.chunks = self.chunks.emptied();
        (self.numbers, self.len) = (0..0, 0);
        all.into_iter().for_each(|segment| self.push(segment));
    }

    fn slot(&mut self, number: usize) -> &mut Option<Segment<C>> {
        let chunk = self.chunks.get_mut(number / CHUNK, || [const { None }; CHUNK]);
        &mut chunk[number % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{ExtremaList, Settings, Snapshot};
    use crate::support::user::Owned;
    use proptest::prelude::*;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    fn segment(at: u64) -> Segment<Snapshot> {
        let at = Duration::from_secs(at);
        let settings = Arc::<Settings>::default();
        let from = Arc::new(Snapshot::empty(1, at, SystemTime::UNIX_EPOCH, settings));
        let extrema = Arc::new(ExtremaList::new(Vec::new(), &Arc::default()));
        Segment { from: Owned::new(from), until: at, extrema }
    }

    fn seconds(version: &Segments<Snapshot>) -> Vec<u64> {
        version.newest_first().map(|segment| segment.from.at().as_secs()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 128 }))]
        /// Versions show what was there when they were made, whatever is taken out or renumbered
        /// afterwards.
        #[test]
        fn versions_show_what_they_had(steps in prop::collection::vec((0..8_u8, 0..400_usize), 1..500)) {
            let (mut list, mut model) = (List::new(), Vec::new());
            let mut held: Vec<(Segments<Snapshot>, Vec<u64>)> = Vec::new();
            for (next, (what, n)) in (0_u64..).zip(steps) {
                match what {
                    0..4 => {
                        list.push(segment(next));
                        model.push(next);
                    }
                    4..6 if !model.is_empty() => {
                        let at = n % model.len();
                        let number = list.iter().nth(at).unwrap().0;
                        prop_assert_eq!(list.take(number).from.at().as_secs(), model.remove(at));
                    }
                    6 => {
                        let gone = (n % 3).min(model.len());
                        list.drop_first(gone);
                        model.drain(..gone);
                    }
                    _ => {
                        let newest_first = model.iter().rev().copied().collect();
                        held.push((list.share(), newest_first));
                        if held.len() > 5 {
                            held.swap_remove(n % 5);
                        }
                    }
                }
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(list.iter().map(|(_, one)| one.from.at().as_secs()).eq(model.iter().copied()));
            }
            for (version, then) in &held {
                prop_assert_eq!(&seconds(version), then);
                prop_assert_eq!(version.is_empty(), then.is_empty());
            }
        }
    }

    #[test]
    fn numbers_stay_near_the_segments() {
        let mut list = List::new();
        for at in 0..10_000 {
            list.push(segment(at));
            if at % 10 != 0 {
                let last = list.iter().last().unwrap().0;
                list.take(last);
            }
            if list.len() > 20 {
                list.drop_first(1);
            }
            let version = list.share();
            assert_eq!(seconds(&version).len(), list.len());
            assert!(list.numbers.len() <= SPREAD * list.len() + SPARE);
            drop(version);
            assert!(list.bytes() < 30_000, "{}", list.bytes());
        }
    }
}
