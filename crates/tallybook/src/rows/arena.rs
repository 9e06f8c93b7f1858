//! [`Arena`]: nodes of equal size, found by number, that never move.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Words of a chunk, about.
const CHUNK_WORDS: usize = 8192;

/// Grows by chunks and never shrinks. One thread writes; others read nodes that are not being written, which is for the
/// callers to see to: a mistake would be a wrong number, not undefined behaviour.
pub(super) struct Arena {
    words: usize,
    /// How many nodes are in a chunk, as a power of two.
    chunk_bits: u32,
    chunks: boxcar::Vec<Box<[AtomicU64]>>,
}

impl Arena {
    pub(super) fn new(words: usize) -> Self {
        let chunk_bits = (CHUNK_WORDS / words.max(1)).max(1).ilog2();
        Arena { words, chunk_bits, chunks: boxcar::Vec::new() }
    }

    /// Makes room for `nodes` nodes.
    pub(super) fn grow_to(&self, nodes: usize) {
        while self.chunks.count() << self.chunk_bits < nodes {
            let words = self.words << self.chunk_bits;
            self.chunks.push((0..words).map(|_| AtomicU64::new(0)).collect());
        }
    }

    pub(super) fn bytes(&self) -> usize {
        (self.chunks.count() << self.chunk_bits) * self.node_bytes()
    }

    pub(super) fn node_bytes(&self) -> usize {
        self.words * size_of::<u64>()
    }

    fn node(&self, node: u32) -> &[AtomicU64] {
        let node = node as usize;
        let at = node & ((1 << self.chunk_bits) - 1);
        &self.chunks[node >> self.chunk_bits][at * self.words..][..self.words]
    }

    pub(super) fn get(&self, node: u32, word: usize) -> u64 {
        self.node(node)[word].load(Relaxed)
    }

    pub(super) fn set(&self, node: u32, word: usize, value: u64) {
        self.node(node)[word].store(value, Relaxed);
    }

    pub(super) fn fill(&self, node: u32, value: u64) {
        self.node(node).iter().for_each(|word| word.store(value, Relaxed));
    }

    pub(super) fn copy(&self, from: u32, to: u32) {
        for (from, to) in self.node(from).iter().zip(self.node(to)) {
            to.store(from.load(Relaxed), Relaxed);
        }
    }

    /// Copies words of a node, from `start` on, into `to`.
    pub(super) fn load(&self, node: u32, start: usize, to: &mut [u64]) {
        for (to, word) in to.iter_mut().zip(&self.node(node)[start..]) {
            *to = word.load(Relaxed);
        }
    }

    /// Copies `from` over words of a node, from `start` on.
    pub(super) fn store(&self, node: u32, start: usize, from: &[u64]) {
        for (from, word) in from.iter().zip(&self.node(node)[start..]) {
            word.store(*from, Relaxed);
        }
    }
}
