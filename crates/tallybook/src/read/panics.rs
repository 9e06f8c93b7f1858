//! [`UserPanics`]: panics of the user's code that the collector caught.

use std::sync::Arc;

/// Panics of the user's code that the collector caught; see
/// [`Snapshot::panics`](crate::Snapshot::panics).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserPanics {
    /// The name of the set, family or actor whose code it was; `tallybook` where it was the clock,
    /// a waker, or the `Drop` of something that only an earlier snapshot showed.
    pub name: Arc<str>,
    /// How many there were since the registry was made.
    pub count: u64,
    /// The message of the last.
    pub last: Arc<str>,
}
