//! The nodes of chains, and [`Bytes`], which are read along them.

use super::handle::{Handle, INLINE};
use crate::row::rows::Arena;

/// Words of a node. The lower half of the first is the number of the next node, and the last one of
/// the first node of a chain is the version it was made in. The rest is bytes.
pub(super) const WORDS: usize = 4;
pub(super) const BYTES: usize = WORDS * size_of::<u64>();
/// Bytes before those of the string.
const LINK: usize = size_of::<u32>();
pub(super) const BORN: usize = WORDS - 1;
/// The next node after the last.
pub(super) const NOTHING: u32 = u32::MAX;

/// How many bytes of a string a node has room for.
pub(super) fn capacity(is_first: bool) -> usize {
    BYTES - LINK - if is_first { size_of::<u64>() } else { 0 }
}

pub(super) fn words_of(bytes: &[u8], next: u32) -> [u64; WORDS] {
    let mut all = [0; BYTES];
    all[..LINK].copy_from_slice(&next.to_le_bytes());
    all[LINK..][..bytes.len()].copy_from_slice(bytes);
    std::array::from_fn(|at| {
        let word = all[at * 8..].first_chunk().expect("there are as many words");
        u64::from_le_bytes(*word)
    })
}

/// How many nodes a chain has.
pub(super) fn length(nodes: &Arena, first: u32) -> usize {
    let next = |node: &u32| Some(nodes.half(*node, 0)).filter(|next| *next != NOTHING);
    std::iter::successors(Some(first), next).count()
}

/// The bytes of a string, and zeros.
pub(super) struct Bytes<'a> {
    nodes: &'a Arena,
    /// The bytes of one node, of which those from `at` to `end` are still to come.
    buffer: [u8; BYTES],
    at: usize,
    end: usize,
    next: u32,
}

impl<'a> Bytes<'a> {
    pub(super) fn new(nodes: &'a Arena, handle: Handle) -> Self {
        let mut bytes = Bytes { nodes, buffer: [0; BYTES], at: 0, end: 0, next: NOTHING };
        if let Some(first) = handle.first() {
            bytes.load(first, true);
        } else {
            bytes.buffer[..=INLINE].copy_from_slice(&handle.0.to_le_bytes());
            (bytes.at, bytes.end) = (1, 1 + INLINE);
        }
        bytes
    }

    fn load(&mut self, node: u32, is_first: bool) {
        let mut words = [0; WORDS];
        self.nodes.load(node, 0, &mut words);
        for (bytes, word) in self.buffer.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        self.next = words[0] as u32;
        (self.at, self.end) = (LINK, LINK + capacity(is_first));
    }

    /// Appends all that is still to come.
    pub(super) fn append_to(mut self, to: &mut Vec<u8>) {
        loop {
            to.extend_from_slice(&self.buffer[self.at..self.end]);
            if self.next == NOTHING {
                return;
            }
            self.load(self.next, false);
        }
    }
}

impl Iterator for Bytes<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        if self.at == self.end {
            if self.next == NOTHING {
                return None;
            }
            self.load(self.next, false);
        }
        let byte = self.buffer.get(self.at).copied();
        self.at += 1;
        byte
    }
}
