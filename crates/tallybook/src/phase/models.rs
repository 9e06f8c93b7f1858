//! loom models of the protocol: every interleaving of a few threads within the bounds given, one claim to a model.
//!
//! Run by `scripts/loom`. The barrier is the fence, as loom knows nothing of `membarrier`: the two are one to the protocol.

mod mail;
mod sequencer;

use super::sync::Ordering::{AcqRel, Acquire, Release};
use super::{Barrier, Block, Closer, Hub, KeyedBlock, KeyedEntry, Patience};
use crate::metric::{Counter, Metric, Span};
use crate::row::{Drain, Rest};
use loom::sync::atomic::AtomicU64;
use loom::thread;
use std::sync::Arc;
use std::time::Duration;

#[derive(tallybook_derive::Stats)]
struct Two {
    one: Counter,
    other: Counter,
}

type Entry = KeyedEntry<u8, Two>;
type Cache = KeyedBlock<u8, Two>;

/// Checks with at most so many preemptions; its interleavings within that bound are searched wholly.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// A thread's part in a model: its shard, claimed as a real thread claims it and handed over at the end.
struct Writer {
    hub: Arc<Hub>,
    shard: Arc<super::shard::Shard>,
}

impl Writer {
    fn new(hub: &Arc<Hub>) -> Self {
        Writer { hub: hub.clone(), shard: hub.claim() }
    }

    /// One fact on the set at place 0.
    fn record(&self, f: impl FnOnce(&Two)) {
        // SAFETY: the shard is this writer's until it is dropped.
        let (block, fact) = unsafe {
            (
                self.shard.block(0, 0, Block::<Two>::new),
                self.shard.enter(&self.hub.epoch, self.hub.barrier),
            )
        };
        f(block.side(fact.side()));
    }

    /// One fact on an entry of the family at place 1.
    fn record_entry(&self, entry: &Arc<Entry>, home: u32, f: impl FnOnce(&Two)) {
        // SAFETY: as above, and the model holds the entry.
        unsafe {
            let block = self.shard.block(1, 0, Cache::new);
            let fact = self.shard.enter(&self.hub.epoch, self.hub.barrier);
            block.record(fact.side(), entry, home, f);
        }
    }

    /// As `release_entry`.
    fn release(&self, entry: &Arc<Entry>, home: u32) {
        // SAFETY: as above.
        unsafe {
            let block = self.shard.block(1, 0, Cache::new);
            let fact = self.shard.enter(&self.hub.epoch, self.hub.barrier);
            block.touch(fact.side(), entry, home);
            entry.release(fact.epoch());
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.hub.release(self.shard.clone());
    }
}

/// The collector's part: what it has added up.
struct Totals {
    closer: Closer,
    set: [u64; 2],
    entries: [u64; 2],
}

impl Totals {
    fn new(hub: &Arc<Hub>) -> Self {
        Totals { closer: Closer::new(hub.clone()), set: [0; 2], entries: [0; 2] }
    }

    /// Closes an epoch and adds it up. Returns its number.
    fn cut(&mut self) -> u64 {
        let epoch = self
            .closer
            .close_within(&mut Patience::new(Duration::MAX))
            .expect("a model's writers are never stuck");
        let span = Span { first: epoch, last: epoch, ..Span::default() };
        let mut rest = Rest::default();
        let (set, entries) = (&mut self.set, &mut self.entries);
        self.closer.drain(epoch, |_, block, quiet| {
            if let Some(block) = block.downcast_ref::<Block<Two>>() {
                block.quiet(quiet).drain(&mut Drain::new(set, &mut rest, span));
            } else if let Some(cache) = block.downcast_ref::<Cache>() {
                cache.drain(quiet, |_, cells| {
                    cells.drain(&mut Drain::new(entries, &mut rest, span));
                });
            }
        });
        epoch
    }
}

/// Two facts of two fields against two cuts: never half of one, and both in the end.
fn a_fact_is_whole(barrier: Barrier) {
    check(3, move || {
        let hub = Hub::new(barrier);
        let writer = Writer::new(&hub);
        let thread = thread::spawn(move || {
            for _ in 0..2 {
                writer.record(|two| {
                    two.one.inc();
                    two.other.inc();
                });
            }
        });
        let mut totals = Totals::new(&hub);
        for _ in 0..2 {
            totals.cut();
            assert_eq!(totals.set[0], totals.set[1], "a law is broken: half a fact");
        }
        thread.join().unwrap();
        totals.cut();
        assert_eq!(totals.set, [2, 2], "a law is broken: lost or doubled");
    });
}

#[test]
fn whole_facts() {
    a_fact_is_whole(Barrier::Fence);
}

#[test]
#[should_panic(expected = "a law is broken")]
fn without_a_barrier_facts_break() {
    a_fact_is_whole(Barrier::Broken);
}

/// Open on one thread, tell another, close there: no cut holds the closing without the opening.
fn never_closed_without_opened(barrier: Barrier) {
    check(3, move || {
        let hub = Hub::new(barrier);
        let told = Arc::new(AtomicU64::new(0));
        let (opener, closer, heard) = (Writer::new(&hub), Writer::new(&hub), told.clone());
        let opens = thread::spawn(move || {
            opener.record(|two| two.one.inc());
            // Release and Acquire: the program's own synchronisation.
            told.store(1, Release);
        });
        let closes = thread::spawn(move || {
            if heard.load(Acquire) == 1 {
                closer.record(|two| two.other.inc());
            }
        });
        let mut totals = Totals::new(&hub);
        totals.cut();
        assert!(totals.set[1] <= totals.set[0], "a law is broken: closed without opened");
        opens.join().unwrap();
        closes.join().unwrap();
        totals.cut();
        assert_eq!(totals.set[0], 1, "a law is broken: lost or doubled");
    });
}

#[test]
fn cuts_are_consistent() {
    never_closed_without_opened(Barrier::Fence);
}

#[test]
#[should_panic(expected = "a law is broken")]
fn without_a_barrier_cuts_break() {
    never_closed_without_opened(Barrier::Broken);
}

/// A thread ends between two epochs and the next one takes over its shard: nothing is lost or doubled.
#[test]
fn a_shard_changes_hands() {
    check(3, || {
        let hub = Hub::new(Barrier::Fence);
        let others = hub.clone();
        let threads = thread::spawn(move || {
            for _ in 0..2 {
                let writer = Writer::new(&others);
                writer.record(|two| two.one.inc());
            }
        });
        let mut totals = Totals::new(&hub);
        totals.cut();
        assert!(totals.set[0] <= 2);
        threads.join().unwrap();
        totals.cut();
        assert_eq!(totals.set[0], 2);
        assert_eq!(totals.closer.shards(), 1);
    });
}

/// Two threads write to three entries that want one line, so each evicts two of them and merges one, both into the same
/// entry perhaps: nothing is lost or doubled.
#[test]
fn lines_are_evicted() {
    check(2, || {
        let hub = Hub::new(Barrier::Fence);
        let entries: [Arc<Entry>; 3] = std::array::from_fn(|key| Entry::new(key as u8));
        let others = (hub.clone(), entries.clone());
        let thread = thread::spawn(move || {
            let (hub, entries) = others;
            let writer = Writer::new(&hub);
            for entry in &entries {
                writer.record_entry(entry, 0, |two| two.one.inc());
            }
        });
        let writer = Writer::new(&hub);
        for entry in &entries {
            writer.record_entry(entry, 0, |two| two.one.inc());
        }
        let mut totals = Totals::new(&hub);
        totals.cut();
        thread.join().unwrap();
        totals.cut();
        totals.cut();
        assert_eq!(totals.entries[0], 6);
    });
}

/// The last holder goes while the collector closes epochs, and another thread may find the entry again: when the entry
/// retires, all of it has been drained, and nobody can hold it any more.
#[test]
fn an_entry_retires() {
    check(3, || {
        let hub = Hub::new(Barrier::Fence);
        let entry = Entry::new(0);
        let recorded = Arc::new(AtomicU64::new(1));
        let (writer, held) = (Writer::new(&hub), entry.clone());
        writer.record_entry(&held, 0, |two| two.one.inc());
        let again = (Writer::new(&hub), entry.clone(), recorded.clone());
        let last = thread::spawn(move || writer.release(&held, 0));
        let finds = thread::spawn(move || {
            let (writer, entry, recorded) = again;
            if entry.hold() {
                writer.record_entry(&entry, 1, |two| two.one.inc());
                recorded.fetch_add(1, AcqRel);
                writer.release(&entry, 1);
            }
        });
        let mut totals = Totals::new(&hub);
        totals.cut();
        // The snapshot after the first cut has shown that; this one is of two epochs.
        let interval = [totals.cut(), totals.cut()];
        let retired = entry.retire(interval[0], interval[1]).then_some(totals.entries[0]);
        last.join().unwrap();
        finds.join().unwrap();
        totals.cut();
        totals.cut();
        assert_eq!(totals.entries[0], recorded.load(Acquire), "lost or doubled");
        if let Some(then) = retired {
            assert_eq!(then, totals.entries[0], "retired with something left");
            assert!(!entry.hold());
        }
    });
}
