//! The account of events: what became of those that were sent.

use crate::metric::{Boxed, Counter, Label, Metric, PerLabel, Stats};
use crate::schema::{Field, Group};

/// What became of the events of one kind: in every snapshot `sent == applied + coalesced + dropped + lost`, for nothing is
/// queued at a cut.
#[derive(tallybook_derive::Stats)]
pub struct EventStats {
    /// Events sent.
    pub sent: Counter,
    /// Events that the reducer took. One that others were merged into counts once.
    pub applied: Counter,
    /// Events that were merged into another, because there was no room.
    pub coalesced: Counter,
    /// Events dropped, because there was no room or the actor was closed.
    pub dropped: Counter,
    /// Events that reached no reducer, because it had panicked, or a method of the event or its key did.
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
        Group { help, fields: vec![Field::new("events", help, None, Self::kind())] }
    }
}
