//! [`Chains`]: strings of bytes of any length, in versions.
//!
//! A string lies in a *chain* of nodes of [`WORDS`] words, each with the number of the next; a
//! string of up to [`INLINE`] bytes lies in its handle, and needs none. Chains are not changed,
//! they are replaced, and freed as the nodes of [`Rows`](crate::row::Rows) are: by lists of what a
//! version has and the one after it has not.

use super::handle::{Handle, INLINE};
use super::nodes::{BORN, BYTES, Bytes, NOTHING, WORDS, capacity, length, words_of};
use crate::row::rows::Arena;
use std::sync::Arc;

/// The collector's side.
pub(super) struct Chains {
    nodes: Arc<Arena>,
    used: usize,
    free: Vec<u32>,
    /// The version being written.
    next: u64,
    /// Those that somebody may hold, oldest first.
    versions: Vec<Version>,
    /// How many nodes are in the chains in their lists.
    past: usize,
}

/// Its strings are there as long as it is held.
pub(super) struct Held {
    nodes: Arc<Arena>,
    _token: Arc<()>,
}

struct Version {
    number: u64,
    token: Arc<()>,
    /// The first nodes of the chains that it has and the version after it has not.
    dead: Vec<u32>,
}

impl Chains {
    /// Memory is set aside in chunks of about `chunk_words`.
    pub(super) fn new(chunk_words: usize) -> Self {
        Chains {
            nodes: Arc::new(Arena::new(WORDS, chunk_words)),
            used: 0,
            free: Vec::new(),
            next: 1,
            versions: Vec::new(),
            past: 0,
        }
    }

    /// Makes a string, with zeros behind it, in the place of another.
    pub(super) fn replace(&mut self, old: Handle, bytes: &[u8]) -> Handle {
        self.remove(old);
        match bytes.len() {
            0 => Handle::EMPTY,
            1..=INLINE => Handle::inline(bytes),
            _ => Handle::chain(self.store(bytes)),
        }
    }

    /// The current version, and the start of the next.
    pub(super) fn publish(&mut self) -> Held {
        self.free_dead();
        let token = Arc::new(());
        self.versions.push(Version { number: self.next, token: token.clone(), dead: Vec::new() });
        self.next += 1;
        Held { nodes: self.nodes.clone(), _token: token }
    }

    /// The bytes of a string, and zeros.
    pub(super) fn bytes_of(&self, handle: Handle) -> Bytes<'_> {
        Bytes::new(&self.nodes, handle)
    }

    /// Copies a string, and zeros, in the place of what `to` holds.
    pub(super) fn read(&self, handle: Handle, to: &mut Vec<u8>) {
        to.clear();
        self.bytes_of(handle).append_to(to);
    }

    /// How many bytes all versions take.
    pub(super) fn bytes(&self) -> usize {
        self.nodes.bytes()
    }

    /// How many of these bytes only versions of the past have.
    pub(super) fn past_bytes(&self) -> usize {
        let lists: usize = self.versions.iter().map(|version| version.dead.capacity()).sum();
        self.past * BYTES + lists * size_of::<u32>()
    }

    fn remove(&mut self, handle: Handle) {
        let Some(first) = handle.first() else { return };
        match self.versions.last_mut() {
            // A version shows it, or may.
            Some(last) if self.nodes.word(first, BORN) <= last.number => {
                last.dead.push(first);
                self.past += length(&self.nodes, first);
            }
            _ => self.free(first),
        }
    }

    fn free(&mut self, first: u32) {
        let mut node = first;
        while node != NOTHING {
            self.free.push(node);
            node = self.nodes.half(node, 0);
        }
    }

    /// Stores a string in nodes of this version, from the last to the first.
    fn store(&mut self, bytes: &[u8]) -> u32 {
        let (head, rest) = bytes.split_at(bytes.len().min(capacity(true)));
        let next = rest.chunks(capacity(false)).rev().fold(NOTHING, |next, bytes| {
            let node = self.take();
            self.nodes.store(node, 0, &words_of(bytes, next));
            node
        });
        let mut words = words_of(head, next);
        words[BORN] = self.next;
        let first = self.take();
        self.nodes.store(first, 0, &words);
        first
    }

    fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.nodes.grow_to(self.used);
            (self.used - 1) as u32
        })
    }

    /// Forgets the versions that nobody holds any more, and frees what only they had.
    fn free_dead(&mut self) {
        let mut kept: Vec<Version> = Vec::with_capacity(self.versions.len() + 1);
        for mut version in std::mem::take(&mut self.versions) {
            if Arc::get_mut(&mut version.token).is_none() {
                kept.push(version);
                continue;
            }
            for first in version.dead {
                match kept.last_mut() {
                    Some(before) if self.nodes.word(first, BORN) <= before.number => {
                        before.dead.push(first);
                    }
                    _ => {
                        self.past -= length(&self.nodes, first);
                        self.free(first);
                    }
                }
            }
        }
        self.versions = kept;
    }
}

impl Held {
    /// The bytes of a string, and zeros.
    pub(super) fn bytes_of(&self, handle: Handle) -> Bytes<'_> {
        Bytes::new(&self.nodes, handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_as(bytes: Bytes<'_>, model: &[u8]) -> bool {
        let found: Vec<u8> = bytes.collect();
        found.starts_with(model) && found[model.len()..].iter().all(|byte| *byte == 0)
    }

    type Strings = Vec<(Handle, Vec<u8>)>;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 256 }))]
        /// Versions are published, kept and dropped in any order: each has what was there when it
        /// was made.
        #[test]
        fn versions_keep_what_they_had(
            steps in prop::collection::vec((0..6_u8, 0..20_usize, 0..120_usize), 1..200),
        ) {
            let mut chains = Chains::new(16);
            let mut model: Strings = vec![(Handle::EMPTY, Vec::new()); 20];
            let mut held: Vec<(Held, Strings)> = Vec::new();
            for (step, (what, at, len)) in steps.into_iter().enumerate() {
                match what {
                    0..=3 => {
                        let bytes: Vec<u8> = (0..len).map(|at| (step + at) as u8 | 1).collect();
                        model[at] = (chains.replace(model[at].0, &bytes), bytes);
                    }
                    4 => held.push((chains.publish(), model.clone())),
                    _ if held.is_empty() => {}
                    _ => drop(held.swap_remove(at % held.len())),
                }
            }
            for (handle, bytes) in &model {
                prop_assert!(is_as(chains.bytes_of(*handle), bytes));
                let mut read = vec![1; 50];
                chains.read(*handle, &mut read);
                prop_assert!(chains.bytes_of(*handle).eq(read));
            }
            for (view, then) in &held {
                for (handle, bytes) in then {
                    prop_assert!(is_as(view.bytes_of(*handle), bytes));
                }
            }
            drop(held);
            model.iter().for_each(|(handle, _)| chains.remove(*handle));
            chains.publish();
            chains.publish();
            prop_assert_eq!((chains.past, chains.free.len()), (0, chains.used));
        }
    }

    /// A version that is never let go keeps its own strings, and not those of every version after
    /// it.
    #[test]
    fn an_old_version_does_not_keep_the_new_ones() {
        let mut chains = Chains::new(64);
        let mut handles = [Handle::EMPTY; 50].map(|handle| chains.replace(handle, &[1; 100]));
        let old = (chains.publish(), handles);
        let mut latest = None;
        let mut bytes = 0;
        for tick in 0..if cfg!(miri) { 300 } else { 2000_usize } {
            let handle = &mut handles[tick * 7 % 50];
            *handle = chains.replace(*handle, &[2; 100]);
            latest = Some(chains.publish());
            if tick == 200 {
                bytes = chains.bytes();
            }
        }
        assert_eq!(chains.bytes(), bytes);
        drop((latest.take(), chains.publish()));
        assert_eq!(chains.past, 50 * length(&chains.nodes, handles[0].first().unwrap()));
        assert!(old.1.iter().all(|handle| is_as(old.0.bytes_of(*handle), &[1; 100])));
    }
}
