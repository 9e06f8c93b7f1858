//! Which types are `Send` and `Sync`, asserted at compile time.

use static_assertions::{assert_impl_all, assert_not_impl_any};
use std::panic::{RefUnwindSafe, UnwindSafe};
use tallybook::collector::Cut;
use tallybook::error::{
    CollectError, FamilyFull, NotCollected, RegisterError, StopError, UnregisterError, WaitError,
    WrongRegistry,
};
use tallybook::event::Reply;
use tallybook::metric::LiveField;
use tallybook::reader::{CachedReader, SnapshotGuard};
use tallybook::registry::RegistryBuilder;
use tallybook::{
    Collector, Counter, Difference, Entry, Family, FamilySnapshot, Gauge, Label, Live, ManualClock,
    Max, Min, Open, PerLabel, Reader, Registry, Set, Snapshot, Stats, SystemClock, Ticker,
    UpDownCounter,
};

/// One of everything.
#[derive(Stats)]
struct All {
    counter: Counter,
    by: PerLabel<Side, Inner>,
}

/// Nested.
#[derive(Stats)]
struct Inner {
    live: Live,
}

/// A label.
#[derive(Clone, Copy, Label)]
enum Side {
    Left,
    Right,
}

// Handles go anywhere and are used from anywhere.
assert_impl_all!(Registry: Send, Sync, Clone, Default);
assert_impl_all!(RegistryBuilder: Send, Sync);
assert_impl_all!(Set<All>: Send, Sync, Clone);
assert_impl_all!(Family<String, All>: Send, Sync, Clone);
assert_impl_all!(Entry<String, All>: Send, Sync, Clone);
assert_impl_all!(Reader: Send, Sync, Clone);
assert_impl_all!(CachedReader: Send, Clone);
assert_impl_all!(SnapshotGuard: Send, Sync);
assert_impl_all!(Reply<std::cell::Cell<u64>>: Send, Sync, UnwindSafe, RefUnwindSafe);

// A guard closes wherever it is dropped.
assert_impl_all!(Open<Set<All>, LiveField<All>>: Send, Sync);
assert_impl_all!(Open<Entry<String, All>, LiveField<All>>: Send, Sync);
assert_impl_all!(Open<&'static Set<All>, LiveField<All>>: Send, Sync);
assert_impl_all!(Open<&'static Entry<String, All>, LiveField<All>>: Send, Sync);

// Snapshots are shared freely. There is one collector, which may move between threads.
assert_impl_all!(Snapshot: Send, Sync, Clone);
assert_impl_all!(FamilySnapshot<String, All>: Send, Sync, Clone);
assert_impl_all!(Difference: Send, Sync, Clone);
assert_impl_all!(AllSnapshot: Send, Sync, Clone, PartialEq, Default);
assert_impl_all!(Collector: Send);
assert_impl_all!(Ticker: Send, Sync);
assert_impl_all!(Cut: Send, Sync, Unpin);
assert_not_impl_any!(Collector: Clone);
assert_not_impl_any!(Ticker: Clone);

// What is observed is read, and never recorded on.
assert_impl_all!(tallybook::Observed<All>: Send, Sync, Clone, std::fmt::Debug);
assert_impl_all!(tallybook::Observed<All>: tallybook::record::ReadSet);
assert_not_impl_any!(tallybook::Observed<All>: tallybook::Record);

// Cells are written with plain loads and stores: shared with a second thread, they would lose
// additions.
assert_impl_all!(All: Send);
assert_not_impl_any!(Counter: Sync, Clone);
assert_not_impl_any!(UpDownCounter: Sync, Clone);
assert_not_impl_any!(Gauge: Sync, Clone);
assert_not_impl_any!(Gauge<f64>: Sync, Clone);
assert_not_impl_any!(Live: Sync, Clone);
assert_not_impl_any!(Max: Sync, Clone);
assert_not_impl_any!(Min: Sync, Clone);
assert_not_impl_any!(PerLabel<Side, Counter>: Sync);
assert_not_impl_any!(All: Sync, Clone);

// `?` converts errors into any boxed error.
assert_impl_all!(RegisterError: std::error::Error, Send, Sync);
assert_impl_all!(UnregisterError: std::error::Error, Send, Sync);
assert_impl_all!(CollectError: std::error::Error, Send, Sync);
assert_impl_all!(StopError: std::error::Error, Send, Sync);
assert_impl_all!(NotCollected: std::error::Error, Send, Sync);
assert_impl_all!(WaitError: std::error::Error, Send, Sync);
assert_impl_all!(WrongRegistry: std::error::Error, Send, Sync);
assert_impl_all!(FamilyFull<String>: std::error::Error, Send, Sync);

assert_impl_all!(SystemClock: tallybook::Clock);
assert_impl_all!(std::sync::Arc<ManualClock>: tallybook::Clock);

/// The collector's future may move between the threads of a runtime.
#[test]
fn futures_are_send() {
    fn is_send<T: Send>(_: &T) {}
    let registry = Registry::disabled();
    let reader = registry.reader();
    is_send(&reader.next(0));
    let collector = registry.collector().unwrap();
    is_send(&collector.run(std::time::Duration::from_secs(1), tokio::time::sleep));
    assert_eq!(Side::VALUES.len(), [Side::Left, Side::Right].len());
}
