//! Loom models of the protocol. Each checks one claim in every interleaving of a few threads, up to
//! a given number of preemptions.
//!
//! Run by `scripts/loom`. Loom does not know `membarrier`, so the models use fences; the protocol
//! does not distinguish the two.

mod sequencer;

use super::sync::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use super::{
    Block, Cells, Closer, FenceKind, Hub, KeyedBlock, KeyedEntry, Mergeable, Patience, Quiet, Word,
};
use loom::thread;
use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

/// The cells of the models: two counts.
struct Two {
    one: Word,
    other: Word,
}

impl Two {
    /// Moves the counts into sums.
    fn drain(&self, sums: &mut [u64; 2]) {
        sums[0] += self.one.take();
        sums[1] += self.other.take();
    }
}

impl Cells for Two {
    fn empty() -> Self {
        Two { one: Word::new(0), other: Word::new(0) }
    }
}

impl Mergeable for Two {
    const STAMPED: bool = false;
    const ALLOCATES: bool = false;

    fn merge(&self, into: &Self) {
        into.one.add(self.one.take());
        into.other.add(self.other.take());
    }
}

type Entry = KeyedEntry<u8, Two>;
type Cache = KeyedBlock<u8, Two>;

/// Checks a model in all interleavings that have at most this many preemptions.
pub(crate) fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// Something one thread of a model tells the others: the synchronisation of the program that
/// records.
#[derive(Clone)]
pub(crate) struct Told(Arc<AtomicU64>);

impl Told {
    pub(crate) fn new(value: u64) -> Self {
        Told(Arc::new(AtomicU64::new(value)))
    }

    pub(crate) fn tell(&self, value: u64) {
        // Release: pairs with the Acquire in `heard`.
        self.0.store(value, Release);
    }

    pub(crate) fn heard(&self) -> u64 {
        // Acquire: pairs with the Release in `tell`.
        self.0.load(Acquire)
    }
}

/// A thread that records. It claims its shard as a real thread does, and releases it at the end.
pub(crate) struct Writer {
    hub: Arc<Hub>,
    shard: Arc<super::shard::Shard>,
}

impl Writer {
    pub(crate) fn new(hub: &Arc<Hub>) -> Self {
        Writer { hub: hub.clone(), shard: hub.claim() }
    }

    /// One fact on the cells at place 0.
    pub(crate) fn record<C: Cells>(&self, f: impl FnOnce(&C)) {
        // SAFETY: the shard is this writer's until it is dropped.
        let (block, fact) = unsafe {
            (
                self.shard.block(1, 0, 0, Block::<C>::new),
                self.shard.enter(&self.hub.epoch, self.hub.fence),
            )
        };
        f(block.side(fact.side()));
    }

    /// One fact on an entry of the family at place 1.
    fn record_entry(&self, entry: &Arc<Entry>, home: u32, f: impl FnOnce(&Two)) {
        // SAFETY: as above, and the model holds the entry.
        unsafe {
            let block = self.shard.block(2, 1, 0, Cache::new);
            let fact = self.shard.enter(&self.hub.epoch, self.hub.fence);
            block.record(fact.side(), entry, home, f);
        }
    }

    /// Stops holding the entry, as `release_entry` does.
    fn release(&self, entry: &Arc<Entry>, home: u32) {
        // SAFETY: as above.
        unsafe {
            let block = self.shard.block(2, 1, 0, Cache::new);
            let fact = self.shard.enter(&self.hub.epoch, self.hub.fence);
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

/// Closes an epoch, waiting for the writers inside it, and drains its blocks. Returns its number.
pub(crate) fn cut(
    closer: &mut Closer,
    mut drain: impl FnMut(&(dyn Any + Send + Sync), Quiet),
) -> u64 {
    let epoch = closer
        .close_within(&mut Patience::new(Duration::MAX))
        .expect("a model's writers are never stuck");
    closer.drain(epoch, |_, block, quiet| drain(block, quiet));
    epoch
}

/// The collector and its totals.
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
        let (set, entries) = (&mut self.set, &mut self.entries);
        cut(&mut self.closer, |block, quiet| {
            if let Some(block) = block.downcast_ref::<Block<Two>>() {
                block.quiet(quiet).drain(set);
            } else if let Some(cache) = block.downcast_ref::<Cache>() {
                cache.drain(quiet, |_, cells| cells.drain(entries));
            }
        })
    }
}

/// Two facts on two fields during two cuts: no cut holds half a fact, and the totals are exact in
/// the end.
fn a_fact_is_whole(fence: FenceKind) {
    check(3, move || {
        let hub = Hub::new(fence);
        let writer = Writer::new(&hub);
        let thread = thread::spawn(move || {
            for _ in 0..2 {
                writer.record(|two: &Two| {
                    two.one.add(1);
                    two.other.add(1);
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
        assert_eq!(totals.set, [2, 2], "a law is broken: lost or counted twice");
    });
}

#[test]
fn whole_facts() {
    a_fact_is_whole(FenceKind::Fence);
}

#[test]
#[should_panic(expected = "a law is broken")]
fn without_a_fence_facts_break() {
    a_fact_is_whole(FenceKind::Broken);
}

/// One thread opens and tells another, which closes: no cut holds the closing without the opening.
fn never_closed_without_opened(fence: FenceKind) {
    check(3, move || {
        let hub = Hub::new(fence);
        let told = Told::new(0);
        let (opener, closer, heard) = (Writer::new(&hub), Writer::new(&hub), told.clone());
        let opens = thread::spawn(move || {
            opener.record(|two: &Two| two.one.add(1));
            told.tell(1);
        });
        let closes = thread::spawn(move || {
            if heard.heard() == 1 {
                closer.record(|two: &Two| two.other.add(1));
            }
        });
        let mut totals = Totals::new(&hub);
        totals.cut();
        assert!(totals.set[1] <= totals.set[0], "a law is broken: closed without opened");
        opens.join().unwrap();
        closes.join().unwrap();
        totals.cut();
        assert_eq!(totals.set[0], 1, "a law is broken: lost or counted twice");
    });
}

#[test]
fn cuts_are_consistent() {
    never_closed_without_opened(FenceKind::Fence);
}

#[test]
#[should_panic(expected = "a law is broken")]
fn without_a_fence_cuts_break() {
    never_closed_without_opened(FenceKind::Broken);
}

/// A thread ends and the next one takes over its shard while an epoch is closed: nothing is lost or
/// counted twice.
#[test]
fn a_shard_changes_hands() {
    check(3, || {
        let hub = Hub::new(FenceKind::Fence);
        let others = hub.clone();
        let threads = thread::spawn(move || {
            for _ in 0..2 {
                let writer = Writer::new(&others);
                writer.record(|two: &Two| two.one.add(1));
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

/// Two threads write to three entries that share a home line. Each thread evicts two of them and
/// merges one, perhaps both into the same entry: nothing is lost or counted twice.
#[test]
fn lines_are_evicted() {
    check(2, || {
        let hub = Hub::new(FenceKind::Fence);
        let entries: [Arc<Entry>; 3] = std::array::from_fn(|key| Entry::new(key as u8));
        let others = (hub.clone(), entries.clone());
        let thread = thread::spawn(move || {
            let (hub, entries) = others;
            let writer = Writer::new(&hub);
            for entry in &entries {
                writer.record_entry(entry, 0, |two| two.one.add(1));
            }
        });
        let writer = Writer::new(&hub);
        for entry in &entries {
            writer.record_entry(entry, 0, |two| two.one.add(1));
        }
        let mut totals = Totals::new(&hub);
        totals.cut();
        thread.join().unwrap();
        totals.cut();
        totals.cut();
        assert_eq!(totals.entries[0], 6);
    });
}

/// The last holder releases an entry while the collector closes epochs and another thread may find
/// the entry again: once the entry retires, it is drained completely and cannot be held again.
#[test]
fn an_entry_retires() {
    check(3, || {
        let hub = Hub::new(FenceKind::Fence);
        let entry = Entry::new(0);
        let recorded = Told::new(1);
        let (writer, held) = (Writer::new(&hub), entry.clone());
        writer.record_entry(&held, 0, |two| two.one.add(1));
        let again = (Writer::new(&hub), entry.clone(), recorded.clone());
        let last = thread::spawn(move || writer.release(&held, 0));
        let finds = thread::spawn(move || {
            let (writer, entry, recorded) = again;
            if entry.hold() {
                writer.record_entry(&entry, 1, |two| two.one.add(1));
                recorded.tell(2);
                writer.release(&entry, 1);
            }
        });
        let mut totals = Totals::new(&hub);
        totals.cut();
        // A snapshot has shown the first cut; the next one has an interval of two epochs.
        let interval = [totals.cut(), totals.cut()];
        let retired = entry.retire(interval[0], interval[1]).then_some(totals.entries[0]);
        last.join().unwrap();
        finds.join().unwrap();
        totals.cut();
        totals.cut();
        assert_eq!(totals.entries[0], recorded.heard(), "lost or counted twice");
        if let Some(then) = retired {
            assert_eq!(then, totals.entries[0], "retired with something left");
            assert!(!entry.hold());
        }
    });
}
