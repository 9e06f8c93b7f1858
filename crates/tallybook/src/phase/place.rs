//! [`Place`]: where a set, a family or an actor is found in each shard.

use super::hub::{Hub, next_id};
use crate::clock::Clock;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{Ordering::Acquire, fence};
use std::time::Duration;

/// Where the blocks of one set, family or actor are found in each shard of a hub.
#[derive(Clone)]
pub(crate) struct Place {
    /// Never used twice in a process; 0 in a disabled registry.
    pub(super) id: u64,
    /// The index of its blocks in a shard. It is here and not in `inner` because with handles of
    /// two words, opening and dropping a guard in a disabled registry would read `inner` twice (see
    /// the bench `off`).
    pub(super) index: usize,
    /// `None` in a disabled registry.
    pub(super) inner: Option<Arc<Inner>>,
}

/// How many bytes a slot of a thread's table takes, a power of two: see `recent`.
pub(super) const SLOT: usize = 32;

/// The id of the `n`th place. As an offset in bytes, its lower bits select a slot in a table of any
/// size. They are the upper bits of a Fibonacci hash in reverse order, so places that were made in
/// sequence have slots of their own.
fn spread(n: u64) -> u64 {
    // Each step can be reversed, so ids differ as numbers do.
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15).reverse_bits().rotate_left(SLOT.trailing_zeros())
}

pub(super) struct Inner {
    pub(super) hub: Arc<Hub>,
    name: Box<str>,
    clock: Arc<dyn Clock>,
}

impl Place {
    /// A place with an id of its own. At most one place of each index of a hub is in use at a time:
    /// another may be made once nothing holds the one before and its last epoch is drained. All of
    /// them must be used with one type of block only, so only the registry makes places.
    pub(crate) fn new(hub: Arc<Hub>, index: usize, name: &str, clock: Arc<dyn Clock>) -> Self {
        let id = spread(next_id());
        let inner = Arc::new(Inner { hub, name: name.into(), clock });
        Place { id, index, inner: Some(inner) }
    }

    /// The place of everything in a disabled registry: nothing is recorded there.
    pub(crate) const fn nowhere() -> Self {
        Place { id: 0, index: 0, inner: None }
    }

    /// The registered name; empty in a disabled registry.
    pub(crate) fn name(&self) -> &str {
        self.inner.as_ref().map_or("", |inner| &inner.name)
    }

    /// The time on the registry's clock; zero in a disabled registry.
    pub(crate) fn now(&self) -> Duration {
        self.inner.as_ref().map_or(Duration::ZERO, |inner| inner.clock.now())
    }

    /// Its id, which no other place of this process ever has; 0 in a disabled registry.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// How many clones of it there are, as [`owners`] counts; none in a disabled registry.
    pub(crate) fn owners(&self) -> usize {
        self.inner.as_ref().map_or(0, owners)
    }

    /// Where its registry was made; `None` in a disabled registry.
    pub(crate) fn made_at(&self) -> Option<&'static Location<'static>> {
        self.inner.as_ref().map(|inner| inner.hub.made_at())
    }

    /// Its index and the id of its hub; `None` in a disabled registry.
    pub(crate) fn found(&self) -> Option<(usize, u64)> {
        self.inner.as_ref().map(|inner| (self.index, inner.hub.id()))
    }
}

/// How many owners a value has. What former owners did with it happened before this returns.
pub(crate) fn owners<T>(value: &Arc<T>) -> usize {
    let count = Arc::strong_count(value);
    // Acquire: pairs with the Release with which each owner is dropped. A caller that finds no
    // other owner may free what the others used through theirs.
    fence(Acquire);
    count
}
