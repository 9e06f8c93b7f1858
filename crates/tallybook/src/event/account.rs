//! The account of events: how many were sent, applied, merged, dropped and lost.

use crate::metric::{Boxed, Counter, Label, Metric, PerLabel, Stats};
use crate::schema::{Field, Group};

/// The account of one kind of event. In every snapshot
/// `sent == applied + coalesced + dropped + lost`, because no event is queued at a cut.
#[derive(Debug, tallybook_derive::Stats)]
pub struct EventStats {
    /// Events sent.
    pub sent: Counter,
    /// Events that the reducer applied. One that others were merged into counts once.
    pub applied: Counter,
    /// Events that were merged into another, because the queue was full.
    pub coalesced: Counter,
    /// Events that were dropped, because the queue was full or the actor was closed.
    pub dropped: Counter,
    /// Events that were not applied, because the reducer, the event or its key panicked.
    pub lost: Counter,
}

/// One `T` for each kind of event.
pub type ByKind<K, T> = PerLabel<K, T, Boxed>;

/// The cells of an account.
pub(crate) type Account<K> = ByKind<K, EventStats>;

// Registered by actors alone.
#[diagnostic::do_not_recommend]
impl<K: Label> Stats for Account<K> {
    fn group() -> Group {
        let help = "What became of the events that were sent.";
        Group::new(help, vec![Field::new("events", help, None, Self::kind())])
    }
}
