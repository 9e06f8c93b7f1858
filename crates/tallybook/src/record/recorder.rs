//! [`Record`]: where facts are recorded.

use crate::metric::Stats;
use std::time::Duration;

/// What facts are recorded on: a [`Set`](crate::Set) or an [`Entry`](crate::Entry), owned or
/// borrowed. Sealed.
///
/// Code that is generic over this trait counts on either. The handles have methods of the same
/// names, so that code which knows its handle does not need the trait in scope.
///
/// ```
/// use tallybook::{Counter, Record, Registry, Stats};
///
/// #[derive(Stats)]
/// struct Traffic {
///     messages: Counter,
///     #[stats(unit = "bytes")]
///     payload: Counter,
/// }
///
/// fn received(message: &[u8], on: &impl Record<Stats = Traffic>) {
///     on.record(|traffic| {
///         traffic.messages.inc();
///         traffic.payload.add(message.len() as u64);
///     });
/// }
///
/// let registry = Registry::new();
/// let all = registry.set::<Traffic>("all")?;
/// let peers = registry.family::<u32, Traffic>("peer", "id")?;
/// let peer = peers.entry(7)?;
/// received(b"hello", &all);
/// received(b"hello", &peer);
///
/// let now = registry.collector()?.tick();
/// assert_eq!(now.set(&all).payload, 5);
/// assert_eq!(now.family(&peers).total().payload, 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Record: sealed::Sealed {
    /// The set's type.
    type Stats: Stats;

    /// Records one fact. See [`Set::record`](crate::Set::record).
    fn record(&self, fact: impl FnOnce(&Self::Stats));

    /// The time on the registry's clock; zero in a disabled registry.
    #[doc(hidden)]
    fn now(&self) -> Duration;
}

pub(super) mod sealed {
    /// Seals [`Record`](super::Record).
    pub trait Sealed {}
    impl<T: Sealed> Sealed for &T {}
}

impl<R: Record> Record for &R {
    type Stats = R::Stats;
    #[inline(always)]
    fn record(&self, fact: impl FnOnce(&R::Stats)) {
        (**self).record(fact);
    }
    #[inline]
    fn now(&self) -> Duration {
        (**self).now()
    }
}
