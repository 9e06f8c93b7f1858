//! The shards that a thread owns, until it ends.

use super::apart::Apart;
use super::hub::Hub;
use super::recent;
use super::shard::Shard;
use crate::support::user;
use std::cell::RefCell;
use std::sync::{Arc, Weak};

thread_local! {
    static CLAIMS: Claims = const { Claims(RefCell::new(Vec::new())) };
}

/// The shards that this thread owns. Dropped when the thread ends, which releases them.
///
/// Borrowed only while facts stand apart, and those do not use it.
struct Claims(RefCell<Vec<Claim>>);

struct Claim {
    /// The hub's.
    id: u64,
    shard: user::Owned<Arc<Shard>>,
    hub: Weak<Hub>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        let _apart = Apart::begin();
        let hub = self.hub.upgrade();
        // If the process exits inside a fact, that fact never ends, and no other thread may take
        // over its shard.
        if let Some(hub) = &hub
            && !self.shard.is_inside()
        {
            hub.release(Arc::clone(&self.shard));
        }
        // If the hub is gone, this may drop the shard, and with it events that were not collected.
        let _told = user::call(|| drop(hub));
    }
}

impl Drop for Claims {
    fn drop(&mut self) {
        // Before other threads can own the shards: a fact in a later thread-local destructor must
        // not find them in the table.
        recent::clear();
        self.0.take();
    }
}

/// This thread's shard in a hub, which it claims the first time. `None` if the thread is ending and
/// owns no shards any more.
///
/// The caller must hold an [`Apart`].
pub(super) fn owned(hub: &Arc<Hub>) -> Option<*const Shard> {
    let find = |claims: &Claims| {
        let mut claims = claims.0.borrow_mut();
        if let Some(known) = claims.iter().find(|claim| claim.id == hub.id()) {
            return Arc::as_ptr(&known.shard);
        }
        claims.retain(|claim| claim.hub.strong_count() > 0);
        let shard = hub.claim();
        let pointer = Arc::as_ptr(&shard);
        let shard = user::Owned::new(shard);
        claims.push(Claim { id: hub.id(), shard, hub: Arc::downgrade(hub) });
        pointer
    };
    CLAIMS.try_with(find).ok()
}

/// How many blocks this thread has used, in all shards that it owns.
///
/// The caller must hold an [`Apart`].
pub(super) fn blocks() -> usize {
    let count = |claims: &Claims| claims.0.borrow().iter().map(|claim| claim.shard.known()).sum();
    CLAIMS.try_with(count).unwrap_or(0)
}
