//! Who is behind a peer id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use librqbit_core::hash_id::Id20;

/// The members' names by the peer ids of their sessions. Cheap to clone.
#[derive(Clone, Default)]
pub struct Roster(Arc<Mutex<HashMap<Id20, Arc<str>>>>);

impl Roster {
    /// A new peer id, for the session of the member of that name.
    pub fn enrol(&self, name: &str) -> Id20 {
        let mut id = *b"-TB0100-############";
        id[8..].copy_from_slice(&rand::random::<[u8; 12]>());
        let id = Id20::new(id);
        self.lock().insert(id, name.into());
        id
    }

    /// Who has that peer id; for strangers the program that it names, such as `-TR3000-`.
    pub fn name(&self, id: Id20) -> Arc<str> {
        if let Some(name) = self.lock().get(&id) {
            return name.clone();
        }
        let program = id.0[..8].iter().map(|byte| char::from(*byte));
        let is_told = program.clone().all(|letter| letter.is_ascii_graphic());
        if is_told { program.collect::<String>().into() } else { "a stranger".into() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id20, Arc<str>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_known_and_strangers_are_not() {
        let roster = Roster::default();
        let (seed, leecher) = (roster.enrol("seed"), roster.enrol("leecher-1"));
        assert_eq!((&*roster.name(seed), &*roster.name(leecher)), ("seed", "leecher-1"));
        assert_eq!(&*roster.name(Id20::new(*b"-TR3000-abcdefghijkl")), "-TR3000-");
        assert_eq!(&*roster.name(Id20::new([0; 20])), "a stranger");
    }
}
