//! The account of events: each event that was sent has exactly one fate.

use tallybook::Label;
use tallybook::event::{ByKind, EventStatsSnapshot};

/// Asserts that the fates add up to the events sent, for each kind.
#[track_caller]
pub fn check_account<K: Label>(events: &ByKind<K, EventStatsSnapshot>, context: &str) {
    for (kind, e) in events {
        let fates = e.applied + e.coalesced + e.dropped + e.lost;
        assert_eq!(e.sent, fates, "{context}, {}: {e:?}", kind.value());
    }
}
