//! [`Span`]: the epochs that a row covers.

use std::time::Duration;

/// The epochs that a drain or a snapshot is about: `first..=last`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first epoch of the interval.
    pub first: u64,
    /// The epoch that closed it.
    pub last: u64,
    /// When the last one was closed, on the registry's clock.
    pub at: Duration,
}
