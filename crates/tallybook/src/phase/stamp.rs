//! One time stamp per fact, read when its first gauge is set.

use std::cell::Cell;

struct Stamp {
    /// The shard and the fact that the stamp belongs to.
    fact: Cell<(usize, u64)>,
    /// The stamp, or 0 where it has not been read yet.
    value: Cell<u64>,
}

thread_local! {
    static STAMP: Stamp = const { Stamp { fact: Cell::new((0, 0)), value: Cell::new(0) } };
}

/// Names the fact that the coming calls of [`stamp`] belong to.
#[inline]
pub(super) fn begin(shard: usize, fact: u64) {
    STAMP.with(|stamp| {
        if stamp.fact.get() != (shard, fact) {
            stamp.fact.set((shard, fact));
            stamp.value.set(0);
        }
    });
}

/// The stamp of the fact that this thread is inside of; never 0.
pub(crate) fn stamp() -> u64 {
    STAMP.with(|stamp| {
        if stamp.value.get() == 0 {
            stamp.value.set(now());
        }
        stamp.value.get()
    })
}

/// Nanoseconds on the system's monotonic clock, which respects happened-before between threads. Two facts that are
/// ordered by synchronisation and stamped the same would need a clock coarser than a cache line's way between cores.
fn now() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
}
