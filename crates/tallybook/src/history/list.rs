//! [`List`]: the stretches of a history, in versions that share what has not changed.
//!
//! Each stretch has a number, later ones larger ones, and lies in a chunk of [`Pages`]. Those that are joined or let go
//! leave holes; when there are several times as many numbers as stretches, the stretches are numbered anew. So what a
//! snapshot adds is the chunks that changed since the one before, however many stretches there are.

use super::Extremes;
use crate::pages::Pages;
use crate::snapshot::Snapshot;
use crate::user::Owned;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Stretches to a chunk.
const CHUNK: usize = 16;
/// So many numbers there may be to a stretch, and so many more.
const SPREAD: usize = 4;
const SPARE: usize = 4 * CHUNK;

/// Some time between two cuts.
#[derive(Clone)]
pub(crate) struct Stretch {
    /// The cut it begins at, without a history of its own. It may be the last owner of what the user's reducers made.
    pub(crate) from: Owned<Arc<Snapshot>>,
    pub(super) until: Duration,
    pub(crate) extremes: Arc<Extremes>,
}

type Chunk = [Option<Stretch>; CHUNK];

/// The stretches up to the present. Shared by whoever holds the snapshot.
#[derive(Clone, Default)]
pub(crate) struct Stretches(Option<Arc<Version>>);

struct Version {
    chunks: Pages<Chunk>,
    numbers: Range<usize>,
}

impl Stretches {
    pub(crate) fn is_empty(&self) -> bool {
        self.newest_first().next().is_none()
    }

    /// All of them, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Stretch> {
        self.0.iter().flat_map(|version| {
            let chunks = chunks_of(&version.numbers).rev();
            let chunks = chunks.filter_map(|chunk| version.chunks.get(chunk));
            chunks.flat_map(|chunk| chunk.iter().rev().flatten())
        })
    }
}

/// The chunks in which these numbers lie.
fn chunks_of(numbers: &Range<usize>) -> Range<usize> {
    numbers.start / CHUNK..numbers.end.div_ceil(CHUNK)
}

/// The collector's side.
pub(super) struct List {
    chunks: Pages<Chunk>,
    /// All stretches have numbers in here.
    numbers: Range<usize>,
    len: usize,
}

impl List {
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

    /// The stretches and their numbers, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Stretch)> {
        chunks_of(&self.numbers).flat_map(|chunk| {
            let slots = self.chunks.get(chunk).into_iter().flatten();
            let numbered = (chunk * CHUNK..).zip(slots);
            numbered.filter_map(|(number, slot)| Some((number, slot.as_ref()?)))
        })
    }

    pub(super) fn push(&mut self, stretch: Stretch) {
        *self.slot(self.numbers.end) = Some(stretch);
        self.numbers.end += 1;
        self.len += 1;
    }

    pub(super) fn update(&mut self, number: usize, f: impl FnOnce(&mut Stretch)) {
        f(self.slot(number).as_mut().expect("the caller has met this stretch"));
    }

    pub(super) fn take(&mut self, number: usize) -> Stretch {
        let taken = self.slot(number).take().expect("the caller has met this stretch");
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
    pub(super) fn share(&mut self) -> Stretches {
        if self.numbers.len() > SPREAD * self.len + SPARE {
            self.number_anew();
        }
        let version = Version { chunks: self.chunks.clone(), numbers: self.numbers.clone() };
        Stretches(Some(Arc::new(version)))
    }

    /// Costs as much as there are stretches, once for several times as many new ones.
    fn number_anew(&mut self) {
        let all: Vec<Stretch> = self.iter().map(|(_, stretch)| stretch.clone()).collect();
        self.chunks = self.chunks.emptied();
        (self.numbers, self.len) = (0..0, 0);
        all.into_iter().for_each(|stretch| self.push(stretch));
    }

    fn slot(&mut self, number: usize) -> &mut Option<Stretch> {
        let chunk = self.chunks.get_mut(number / CHUNK, || [const { None }; CHUNK]);
        &mut chunk[number % CHUNK]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Settings;
    use proptest::prelude::*;
    use std::time::SystemTime;

    fn stretch(at: u64) -> Stretch {
        let at = Duration::from_secs(at);
        let settings = Arc::<Settings>::default();
        let from = Arc::new(Snapshot::empty(1, at, SystemTime::UNIX_EPOCH, settings));
        let extremes = Arc::new(Extremes::new(Vec::new(), &Arc::default()));
        Stretch { from: Owned::new(from), until: at, extremes }
    }

    fn seconds(version: &Stretches) -> Vec<u64> {
        version.newest_first().map(|stretch| stretch.from.at().as_secs()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 128 }))]
        /// Versions show what was there when they were made, whatever is taken out or numbered anew afterwards.
        #[test]
        fn versions_show_what_they_had(steps in prop::collection::vec((0..8_u8, 0..400_usize), 1..500)) {
            let (mut list, mut model) = (List::new(), Vec::new());
            let mut held: Vec<(Stretches, Vec<u64>)> = Vec::new();
            for (next, (what, n)) in (0_u64..).zip(steps) {
                match what {
                    0..4 => {
                        list.push(stretch(next));
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
    fn numbers_stay_near_the_stretches() {
        let mut list = List::new();
        for at in 0..10_000 {
            list.push(stretch(at));
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
