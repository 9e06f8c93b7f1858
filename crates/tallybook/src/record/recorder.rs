//! [`Record`]: what facts are recorded on.

use crate::metric::Stats;
use std::time::Duration;

/// What facts can be recorded on: sets and entries, owned or borrowed.
pub trait Record: sealed::Sealed {
    /// The set's type.
    type Stats: Stats;
    #[doc(hidden)]
    fn record_fact(&self, fact: impl FnOnce(&Self::Stats));
    /// The time on the registry's clock.
    #[doc(hidden)]
    fn now(&self) -> Duration;
}

pub(super) mod sealed {
    /// Closes [`Record`](super::Record) to other crates.
    pub trait Sealed {}
    impl<T: Sealed> Sealed for &T {}
}

impl<R: Record> Record for &R {
    type Stats = R::Stats;
    #[inline(always)]
    fn record_fact(&self, fact: impl FnOnce(&R::Stats)) {
        (**self).record_fact(fact);
    }
    #[inline]
    fn now(&self) -> Duration {
        (**self).now()
    }
}
