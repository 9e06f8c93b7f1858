//! One time stamp per fact and clock, read when it is first asked for: of the system's monotonic clock for gauges, of the
//! registry's for what is timed.
//!
//! A cell that wants the stamp knows no shard. It is found by the cell's address: each fact on a set with stamps says, as
//! long as it runs, which memory it has lent ([`Scope`]). Facts of several registries may be inside each other, and a
//! closure may write through the reference of any of them.

use super::shard::Shard;
use std::cell::Cell;
use std::ptr;
use std::time::Duration;

thread_local! {
    /// The innermost scope that this thread is inside of, or null.
    static CURRENT: Cell<*const Scope> = const { Cell::new(ptr::null()) };
}

/// When a gauge was set, in the order of its fields: by facts and, within one, by calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// When its fact asked first, in nanoseconds. Never 0.
    pub(crate) fact: u64,
    /// Grows from call to call of one fact; of two facts with the same stamp one has the larger numbers throughout.
    pub(crate) call: u64,
}

/// Cells that are lent to a fact of a shard's owner.
struct Scope {
    shard: *const Shard,
    /// Where the cells begin, and how many bytes they take.
    cells: [usize; 2],
    before: *const Scope,
}

/// Lends the cells to `f`. If they have stamps, [`stamp`] and [`time`] then give those of the fact that the shard's owner,
/// the calling thread, is inside of.
#[inline(always)]
pub(super) fn lend<S, T>(stamped: bool, shard: &Shard, cells: &S, f: impl FnOnce(&S) -> T) -> T {
    if !stamped {
        return f(cells);
    }
    let start = ptr::from_ref(cells).addr();
    let before = CURRENT.get();
    let scope = Scope { shard, cells: [start, size_of::<S>()], before };
    CURRENT.set(&raw const scope);
    let _leave = Leave(before);
    f(cells)
}

/// Puts back what was the innermost scope before, on unwinding too.
struct Leave(*const Scope);

impl Drop for Leave {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// The stamp for a gauge whose cells are at this address; outside of any fact, one of its own.
#[inline]
pub(crate) fn stamp<C>(cell: &C) -> Stamp {
    match shard_of(ptr::from_ref(cell).addr()) {
        Some(shard) => Stamp { fact: shard.stamp(0, now), call: shard.next_call() },
        None => Stamp { fact: now(), call: 0 },
    }
}

/// The time of the fact that has the cells at this address, in nanoseconds, by its registry's clock, which `now` reads.
pub(crate) fn time<C>(cell: &C, now: impl FnOnce() -> Duration) -> u64 {
    let now = || u64::try_from(now().as_nanos()).unwrap_or(u64::MAX);
    match shard_of(ptr::from_ref(cell).addr()) {
        Some(shard) => shard.stamp(1, now),
        None => now(),
    }
}

/// The shard whose fact has the cell; that of the innermost fact if none says so; `None` outside of facts.
#[inline]
fn shard_of<'a>(cell: usize) -> Option<&'a Shard> {
    // SAFETY: not null, it is a scope in the frame of a `lend` that is running: they end in the reverse order of their
    // beginning, each putting back what it found.
    let innermost = unsafe { CURRENT.get().as_ref() }?;
    let scope = if innermost.has(cell) { innermost } else { innermost.around(cell) };
    // SAFETY: `lend` has a reference to it for as long as its scope is in the chain.
    Some(unsafe { &*scope.shard })
}

impl Scope {
    #[inline(always)]
    fn has(&self, cell: usize) -> bool {
        cell.wrapping_sub(self.cells[0]) < self.cells[1]
    }

    /// The scope around this one that has the cell, or else this one.
    #[cold]
    fn around(&self, cell: usize) -> &Scope {
        let mut next = self.before;
        // SAFETY: as in `shard_of`.
        while let Some(scope) = unsafe { next.as_ref() } {
            if scope.has(cell) {
                return scope;
            }
            next = scope.before;
        }
        self
    }
}

/// Nanoseconds on the system's monotonic clock, which respects happened-before between threads. Two facts that are
/// ordered by synchronisation and stamped the same would need a clock coarser than a cache line's way between cores.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn now() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
}

/// There is no clock; a number that grows puts facts in the same order.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn now() -> u64 {
    super::hub::next_id()
}
