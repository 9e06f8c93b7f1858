//! [`Arena`]: nodes of equal size, found by number, that never move.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Grows by chunks and never shrinks. One thread writes; others read nodes that are not being
/// written, which is for the callers to see to: a mistake would be a wrong number, not undefined
/// behaviour.
pub(in crate::row) struct Arena {
    words: usize,
    /// How many nodes are in a chunk, as a power of two.
    chunk_bits: u32,
    chunks: boxcar::Vec<Box<[AtomicU64]>>,
}

impl Arena {
    /// Chunks are of about `chunk_words` words.
    pub(in crate::row) fn new(words: usize, chunk_words: usize) -> Self {
        let chunk_bits = (chunk_words / words.max(1)).max(1).ilog2();
        Arena { words, chunk_bits, chunks: boxcar::Vec::new() }
    }

    /// Makes room for `nodes` nodes.
    pub(in crate::row) fn grow_to(&self, nodes: usize) {
        while self.chunks.count() << self.chunk_bits < nodes {
            let words = self.words << self.chunk_bits;
            self.chunks.push((0..words).map(|_| AtomicU64::new(0)).collect());
        }
    }

    pub(in crate::row) fn bytes(&self) -> usize {
        (self.chunks.count() << self.chunk_bits) * self.node_bytes()
    }

    pub(in crate::row) fn node_bytes(&self) -> usize {
        self.words * size_of::<u64>()
    }

    #[inline]
    pub(in crate::row) fn node(&self, node: u32) -> &[AtomicU64] {
        let node = node as usize;
        let at = node & ((1 << self.chunk_bits) - 1);
        &self.chunks[node >> self.chunk_bits][at * self.words..][..self.words]
    }

    /// Calls `f` with those of some words of a node that are not zero, and their numbers.
    pub(in crate::row) fn each(
        &self,
        node: u32,
        words: Range<usize>,
        mut f: impl FnMut(usize, u64),
    ) {
        for (at, word) in words.clone().zip(&self.node(node)[words]) {
            match word.load(Relaxed) {
                0 => {}
                word => f(at, word),
            }
        }
    }

    /// One of the two halves of each word.
    pub(in crate::row) fn half(&self, node: u32, at: usize) -> u32 {
        (self.node(node)[at / 2].load(Relaxed) >> shift(at)) as u32
    }

    pub(in crate::row) fn set_half(&self, node: u32, at: usize, value: u32) {
        let word = &self.node(node)[at / 2];
        let other = word.load(Relaxed) & !(u64::from(u32::MAX) << shift(at));
        word.store(other | u64::from(value) << shift(at), Relaxed);
    }

    pub(in crate::row) fn fill(&self, node: u32, value: u64) {
        self.node(node).iter().for_each(|word| word.store(value, Relaxed));
    }

    pub(in crate::row) fn copy(&self, from: u32, to: u32) {
        for (from, to) in self.node(from).iter().zip(self.node(to)) {
            to.store(from.load(Relaxed), Relaxed);
        }
    }

    pub(in crate::row) fn word(&self, node: u32, at: usize) -> u64 {
        self.node(node)[at].load(Relaxed)
    }

    /// Copies words of a node, from `start` on, into `to`.
    pub(in crate::row) fn load(&self, node: u32, start: usize, to: &mut [u64]) {
        for (to, word) in to.iter_mut().zip(&self.node(node)[start..]) {
            *to = word.load(Relaxed);
        }
    }

    /// Copies `from` over words of a node, from `start` on.
    pub(in crate::row) fn store(&self, node: u32, start: usize, from: &[u64]) {
        for (from, word) in from.iter().zip(&self.node(node)[start..]) {
            word.store(*from, Relaxed);
        }
    }
}

/// How far up in its word a half stands.
fn shift(at: usize) -> u32 {
    at as u32 % 2 * 32
}
