//! One time stamp per fact and clock, read when it is first asked for: of the system's monotonic clock for gauges, of the
//! registry's for what is timed.

use super::shard::Shard;
use std::cell::Cell;
use std::ptr;
use std::time::Duration;

thread_local! {
    /// The shard of the innermost fact with stamps that this thread is inside of, or null.
    static CURRENT: Cell<*const Shard> = const { Cell::new(ptr::null()) };
}

/// As long as it lives, [`stamp`] gives the stamp of the fact that this shard's owner is inside of. Facts of several
/// registries may be inside each other.
pub(super) struct Scope<'a> {
    before: *const Shard,
    /// Keeps the shard that `CURRENT` points to.
    _shard: &'a Shard,
}

impl<'a> Scope<'a> {
    #[inline]
    pub(super) fn new(shard: &'a Shard) -> Self {
        Scope { before: CURRENT.replace(shard), _shard: shard }
    }
}

impl Drop for Scope<'_> {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

/// The stamp of the fact that this thread is inside of; outside of any, one of its own. Never 0.
pub(crate) fn stamp() -> u64 {
    stamp_by(0, now)
}

/// The time of the fact that this thread is inside of, in nanoseconds, by its registry's clock, which `now` reads.
pub(crate) fn time(now: impl FnOnce() -> Duration) -> u64 {
    stamp_by(1, || u64::try_from(now().as_nanos()).unwrap_or(u64::MAX))
}

fn stamp_by(clock: usize, now: impl FnOnce() -> u64) -> u64 {
    let shard = CURRENT.get();
    // SAFETY: not null, it is the shard of a `Scope` that lives and holds a reference to it: scopes end in the reverse
    // order of their making, each putting back what it found.
    match unsafe { shard.as_ref() } {
        Some(shard) => shard.stamp(clock, now),
        None => now(),
    }
}

/// Nanoseconds on the system's monotonic clock, which respects happened-before between threads. Two facts that are
/// ordered by synchronisation and stamped the same would need a clock coarser than a cache line's way between cores.
fn now() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
}
