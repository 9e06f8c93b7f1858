//! One time stamp per fact and clock, read when it is first asked for: from the system's monotonic
//! clock for gauges, from the registry's clock for timed fields.
//!
//! A field that asks for the stamp does not know its shard. The shard is found by the field's
//! address: while a fact on stamped cells runs, a [`Scope`] says which memory it has lent. Facts of
//! several registries may be nested, and a closure may write through the reference of any of them.

use super::shard::Shard;
use crate::support::nanos;
use std::cell::Cell;
use std::ptr;
use std::time::Duration;

thread_local! {
    /// The innermost scope that this thread is inside, or null.
    static CURRENT: Cell<*const Scope> = const { Cell::new(ptr::null()) };
}

/// When a gauge was set. Ordered by fact and, within a fact, by call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp {
    /// When its fact first asked for the stamp, in nanoseconds. Never 0.
    pub(crate) fact: u64,
    /// Grows from call to call of one fact. Of two facts with the same stamp, all numbers of one
    /// are larger than those of the other.
    pub(crate) call: u64,
}

/// The cells that a fact of a shard's owner has been lent.
struct Scope {
    shard: *const Shard,
    /// Where the cells begin, and how many bytes they take.
    cells: [usize; 2],
    /// The scope around this one, or null.
    outer: *const Scope,
}

/// Lends the cells to `f`. If they are stamped, [`stamp`] and [`time`] then return those of the
/// fact that the calling thread, which owns the shard, is inside.
#[inline(always)]
pub(super) fn lend<S, T>(stamped: bool, shard: &Shard, cells: &S, f: impl FnOnce(&S) -> T) -> T {
    if !stamped {
        return f(cells);
    }
    let start = ptr::from_ref(cells).addr();
    let outer = CURRENT.get();
    let scope = Scope { shard, cells: [start, size_of::<S>()], outer };
    CURRENT.set(&raw const scope);
    let _leave = Leave(outer);
    f(cells)
}

/// Restores the previous innermost scope, on unwinding too.
struct Leave(*const Scope);

impl Drop for Leave {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// The stamp for a field of the cells of a fact; outside of any fact, a stamp of its own.
#[inline]
pub(crate) fn stamp<F>(field: &F) -> Stamp {
    match shard_of(ptr::from_ref(field).addr()) {
        Some(shard) => Stamp { fact: shard.stamp(0, now), call: shard.next_call() },
        None => Stamp { fact: now(), call: 0 },
    }
}

/// The time of the fact whose cells the field belongs to, in nanoseconds on its registry's clock,
/// which `now` reads.
pub(crate) fn time<F>(field: &F, now: impl FnOnce() -> Duration) -> u64 {
    let now = || nanos(now());
    match shard_of(ptr::from_ref(field).addr()) {
        Some(shard) => shard.stamp(1, now),
        None => now(),
    }
}

/// The shard whose fact has been lent the field at this address; if there is none, that of the
/// innermost fact; `None` outside of facts.
#[inline]
fn shard_of<'a>(field: usize) -> Option<&'a Shard> {
    // SAFETY: if it is not null, it is a scope in the frame of a `lend` that is running: they end
    // in reverse order, and each restores what it found.
    let innermost = unsafe { CURRENT.get().as_ref() }?;
    let scope = if innermost.has(field) { innermost } else { innermost.around(field) };
    // SAFETY: `lend` has a reference to it for as long as its scope is in the chain.
    Some(unsafe { &*scope.shard })
}

impl Scope {
    #[inline(always)]
    fn has(&self, field: usize) -> bool {
        field.wrapping_sub(self.cells[0]) < self.cells[1]
    }

    /// The nearest scope around this one that has the field, otherwise this one.
    #[cold]
    fn around(&self, field: usize) -> &Scope {
        let mut next = self.outer;
        // SAFETY: as in `shard_of`.
        while let Some(scope) = unsafe { next.as_ref() } {
            if scope.has(field) {
                return scope;
            }
            next = scope.outer;
        }
        self
    }
}

/// Nanoseconds on the system's monotonic clock, which respects happened-before between threads. Two
/// facts that are ordered by synchronisation get the same stamp only if the clock is coarser than a
/// cache line's transfer between cores.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
fn now() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
}

/// There is no clock; a growing number orders facts in the same way.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
fn now() -> u64 {
    super::hub::next_id()
}
