//! The [`Handle`]s of sets, families and actors.

use super::registered::Handle;
use crate::error::Holders;
use crate::event::{ActorShared, Reducer};
use crate::metric::Stats;
use crate::phase::owners;
use crate::record::{Key, Observed, Set, Shared};
use std::any::Any;
use std::sync::{Arc, Weak};

/// The holders, if there are any.
fn held(holders: Holders) -> Option<Holders> {
    (holders.handles + holders.senders > 0).then_some(holders)
}

impl<S: Stats> Handle for Set<S> {
    fn holders(&self) -> Option<Holders> {
        // But for this one.
        held(Holders { handles: self.place().owners() - 1, ..Holders::default() })
    }
    fn places(&self) -> Vec<u64> {
        vec![self.place().id()]
    }
    fn shared(&self) -> &dyn Any {
        self
    }
}

impl<S: Stats> Handle for Observed<S> {
    fn holders(&self) -> Option<Holders> {
        // But for this one.
        held(Holders { handles: self.place().owners() - 1, ..Holders::default() })
    }
    fn places(&self) -> Vec<u64> {
        Vec::new()
    }
    fn shared(&self) -> &dyn Any {
        self
    }
}

impl<K: Key, S: Stats> Handle for Arc<Shared<K, S>> {
    fn holders(&self) -> Option<Holders> {
        // But for this one and that of the totals.
        let handles = owners(self).saturating_sub(2);
        held(Holders { handles, keys: self.keys(), ..Holders::default() })
    }
    fn places(&self) -> Vec<u64> {
        vec![self.place.id(), self.refusals.id()]
    }
    fn shared(&self) -> &dyn Any {
        self
    }
}

/// An actor is not given out again, and what it keeps is dropped with its totals.
impl<R: Reducer> Handle for Weak<ActorShared<R>> {
    fn holders(&self) -> Option<Holders> {
        let shared = self.upgrade()?;
        // But for this one and that of the totals; the mailbox is its own.
        let handles = owners(&shared).saturating_sub(2);
        let senders = owners(&shared.mailbox).saturating_sub(1);
        held(Holders { handles, senders, ..Holders::default() })
    }
    fn places(&self) -> Vec<u64> {
        self.upgrade().map(|shared| shared.mailbox.place.id()).into_iter().collect()
    }
    fn shared(&self) -> &dyn Any {
        self
    }
}
