//! [`Senders`]: who sent the chunks of which piece, in case its hash is wrong.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Way;

/// A piece on its way to a member.
type Parcel = (Arc<str>, u32);

/// The direction in which it came, and from whom.
type Sender = (Way, Arc<str>);

/// Who sent what. Cheap to clone.
#[derive(Clone, Default)]
pub struct Senders(Arc<Mutex<Sent>>);

#[derive(Default)]
struct Sent {
    /// Those of pieces that are arriving.
    arriving: HashMap<Parcel, Vec<Sender>>,
    /// Those of pieces that are being checked.
    checked: HashMap<Parcel, Vec<Sender>>,
}

impl Senders {
    /// Notes a chunk.
    pub fn sent(&self, to: &Arc<str>, piece: u32, way: Way, from: &Arc<str>) {
        let mut sent = self.lock();
        let senders = sent.arriving.entry((to.clone(), piece)).or_default();
        if !senders.iter().any(|(known, _)| *known == way) {
            senders.push((way, from.clone()));
        }
    }

    /// A piece is complete, and its hash is to be compared.
    pub fn suspect(&self, to: &Arc<str>, piece: u32) {
        let (mut sent, parcel) = (self.lock(), (to.clone(), piece));
        if let Some(senders) = sent.arriving.remove(&parcel) {
            sent.checked.insert(parcel, senders);
        }
    }

    /// Its hash was right.
    pub fn acquit(&self, to: &Arc<str>, piece: u32) {
        let (mut sent, parcel) = (self.lock(), (to.clone(), piece));
        sent.arriving.remove(&parcel);
        sent.checked.remove(&parcel);
    }

    /// Its hash was wrong: who sent it.
    pub fn blamed(&self, to: &Arc<str>, piece: u32) -> Vec<Sender> {
        self.lock().checked.remove(&(to.clone(), piece)).unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_sends_it_again_is_not_to_blame() {
        let senders = Senders::default();
        let (to, bad, good) = (Arc::from("leecher"), Arc::from("bad"), Arc::from("good"));
        let way = |link| Way { link, back: true };
        senders.sent(&to, 3, way(1), &bad);
        senders.sent(&to, 3, way(1), &bad);
        senders.suspect(&to, 3);
        senders.sent(&to, 3, way(2), &good);
        assert_eq!(senders.blamed(&to, 3), [(way(1), bad)]);
        senders.suspect(&to, 3);
        senders.acquit(&to, 3);
        assert_eq!(senders.blamed(&to, 3), []);
    }
}
