//! [`Lamport`]: numbers for what happens on many threads, in an order in which no effect comes before its cause.

use super::sync::{AtomicU64, Ordering::Relaxed};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

/// How many words there are, in one cache line. The last belongs to all threads that have none of their own.
const WORDS: usize = if cfg!(tallybook_small) { 2 } else { 8 };
const SHARED: usize = WORDS - 1;

/// A logical clock (L. Lamport, "Time, Clocks, and the Ordering of Events in a Distributed System", 1978), whose messages
/// are the loads of a line of words.
///
/// A thread takes the number after the greatest in any word and stores it in its own. Why the order is right: if A happened
/// before B, so did the store of A's number, and write-read coherence makes B find that or a later one in A's word. No word
/// ever goes back: its one owner reads it before writing it, and the shared one takes the greater of two. So B's number is
/// greater than A's. Numbers may be equal where neither happened before the other.
///
/// Two threads that take numbers at once hand the line to and fro, as with a shared counter; but loads and plain stores do
/// not make the thread wait for it, as a read-modify-write does.
pub(crate) struct Lamport {
    words: CachePadded<[AtomicU64; WORDS]>,
    /// How many words were lent, the last as often as it was. A thread does that before it first writes to one, so whoever
    /// has to find the number finds the word.
    used: AtomicU64,
}

/// What a thread takes numbers with. Used by one thread at a time, which may have several.
pub(crate) struct Pen {
    /// Which word it writes; [`NONE`] at first.
    word: AtomicU64,
    /// The number that was taken last with this pen.
    last: AtomicU64,
    /// The word of all pens of the thread.
    common: Arc<AtomicU64>,
}

const NONE: u64 = u64::MAX;

impl Lamport {
    pub(crate) fn new() -> Self {
        let words = std::array::from_fn(|_| AtomicU64::new(0));
        Lamport { words: CachePadded::new(words), used: AtomicU64::new(0) }
    }

    /// The next number: greater than 0, and than all that were taken before. Out of line: within a fact it would leave no
    /// registers to the rest.
    #[inline(never)]
    pub(crate) fn next(&self, pen: &Pen) -> u64 {
        // Relaxed, all below: each word is for itself, see above. The pen's are only used by one thread at a time.
        let last = pen.last.load(Relaxed);
        let used = &self.words[..(self.used.load(Relaxed) as usize).min(WORDS)];
        let greatest = used.iter().fold(0, |greatest, word| greatest.max(word.load(Relaxed)));
        // A branch, which is foreseen: without it each number would wait for the maximum of the line.
        let number = if greatest > last { after(greatest) } else { last + 1 };
        pen.last.store(number, Relaxed);
        let word = pen.word.load(Relaxed) as usize;
        if word < SHARED {
            self.words[word].store(number, Relaxed);
        } else {
            self.write(pen, number);
        }
        number
    }

    /// Writes the number to the word that is shared, or to one that the pen gets now.
    #[cold]
    #[inline(never)]
    fn write(&self, pen: &Pen, number: u64) {
        let mut word = pen.common.load(Relaxed);
        if word == NONE {
            word = self.used.fetch_add(1, Relaxed).min(SHARED as u64);
            pen.common.store(word, Relaxed);
        }
        pen.word.store(word, Relaxed);
        match word as usize {
            word @ ..SHARED => self.words[word].store(number, Relaxed),
            _ => _ = self.words[SHARED].fetch_max(number, Relaxed),
        }
    }
}

#[cold]
#[inline(never)]
fn after(number: u64) -> u64 {
    number + 1
}

impl Pen {
    /// Two pens of one thread.
    pub(crate) fn pair() -> [Self; 2] {
        let common = Arc::new(AtomicU64::new(NONE));
        [common.clone(), common].map(|common| Pen {
            word: AtomicU64::new(NONE),
            last: AtomicU64::new(0),
            common,
        })
    }
}

#[cfg(all(test, not(tallybook_loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_greater_than_all_before_whoever_takes_it() {
        let clock = Lamport::new();
        // More than there are words.
        let pens: Vec<[Pen; 2]> = (0..2 * WORDS).map(|_| Pen::pair()).collect();
        let mut last = 0;
        for round in 0..1000 {
            let pen = &pens[round * 7 % pens.len()][round / 3 % 2];
            let number = clock.next(pen);
            assert!(number > last, "{number} after {last}");
            last = number;
        }
        assert_eq!(last, 1000, "numbers are not skipped where nothing happens at once");
    }
}
