//! [`Rows`]: the rows of a family's entries, in versions that share what has not changed.
//!
//! # How it is shared
//! Rows lie in pages, pages hang below branches of [`FAN`], and all of them are nodes of an
//! [`Arena`] of 64-bit words. Writing a row copies the page and the branches above it, unless they
//! were made since the last version already. A version is a root: publishing one is a new token and
//! nothing else.
//!
//! # How nodes are freed
//! Not by counts in the nodes: copying a branch would touch the count of each child, and the cost
//! of a tick would follow the size of the tree. Instead each node knows the version it was *born*
//! in, and each version has a list of the nodes that the version after it no longer has. When a
//! version is gone, the nodes in its list that were born after the version before it belong to
//! nobody, and the others move to that version's list. So a version that is kept forever keeps
//! what it shows, and nothing of what came later.
//!
//! # Cost
//! Words are written relaxed, which compiles to plain stores; a reader has the version from the
//! published snapshot, and a node is reused only after the token of the last version that showed
//! it has come back.

mod arena;
mod index;
mod shape;
mod tree;

pub(super) use arena::Arena;
pub(crate) use index::{Index, IndexView};
pub(crate) use tree::Tree;

use shape::{FAN, NOTHING, Shape, capacity, child_of};
use std::ops::Deref;
use std::sync::Arc;

/// About how many words a page has: one is copied per touched row, and kept for as long as a
/// version shows it.
const PAGE_WORDS: usize = 16;
/// Words of a chunk, about: what is set aside at a time.
const CHUNK_WORDS: usize = 8192;

/// The collector's side.
pub(crate) struct Rows {
    shape: Shape,
    pages: Nodes,
    branches: Nodes,
    root: u32,
    height: u32,
    /// The version being written.
    next: u64,
    /// Those that somebody may hold, oldest first.
    versions: Vec<Version>,
    /// How many branches and pages are in their lists of dead nodes.
    past: [usize; 2],
    row: Vec<u64>,
}

/// A version of all rows. Immutable; the rows are there as long as it is held.
pub(crate) struct RowsView {
    tree: Tree,
    _held: Arc<()>,
}

impl Deref for RowsView {
    type Target = Tree;
    fn deref(&self) -> &Tree {
        &self.tree
    }
}

struct Version {
    number: u64,
    token: Arc<()>,
    dead: Vec<Dead>,
}

/// A node that a version has and the one after it has not.
struct Dead {
    node: u32,
    is_page: bool,
    born: u64,
}

/// Nodes of one size, and which of them are free.
struct Nodes {
    arena: Arc<Arena>,
    /// By node, the version it was made in.
    born: Vec<u64>,
    free: Vec<u32>,
}

impl Nodes {
    fn new(words: usize, chunk_words: usize) -> Self {
        Nodes {
            arena: Arc::new(Arena::new(words, chunk_words)),
            born: Vec::new(),
            free: Vec::new(),
        }
    }

    /// A node of this version, with any contents.
    fn take(&mut self, version: u64) -> u32 {
        let node = self.free.pop().unwrap_or_else(|| {
            self.born.push(0);
            self.arena.grow_to(self.born.len());
            (self.born.len() - 1) as u32
        });
        self.born[node as usize] = version;
        node
    }
}

impl Rows {
    pub(crate) fn new(words: usize) -> Self {
        Self::with_pages(words, PAGE_WORDS, CHUNK_WORDS)
    }

    /// Rows in pages of about `page_words` words, for which memory is set aside in chunks of about
    /// `chunk_words`.
    pub(crate) fn with_pages(words: usize, page_words: usize, chunk_words: usize) -> Self {
        let page_bits = (page_words / words.max(1)).max(1).ilog2();
        Rows {
            shape: Shape { words, page_bits },
            pages: Nodes::new(words << page_bits, chunk_words),
            branches: Nodes::new(FAN / 2, chunk_words),
            root: NOTHING,
            height: 0,
            next: 1,
            versions: Vec::new(),
            past: [0; 2],
            row: vec![0; words],
        }
    }

    /// Lends the row to `f` and stores what it made of it. A row that was never written is zeros.
    pub(crate) fn update(&mut self, row: usize, f: impl FnOnce(&mut [u64])) {
        let page = self.shape.page_of(row);
        while page >= capacity(self.height) {
            self.grow();
        }
        let (root, page) = self.descend(self.root, self.height, page);
        self.root = root;
        let start = self.shape.start_of(row);
        self.pages.arena.load(page, start, &mut self.row);
        f(&mut self.row);
        self.pages.arena.store(page, start, &self.row);
    }

    /// The current version, and the start of the next.
    pub(crate) fn publish(&mut self) -> RowsView {
        self.free_dead();
        let token = Arc::new(());
        let version = Version { number: self.next, token: token.clone(), dead: Vec::new() };
        self.versions.push(version);
        self.next += 1;
        RowsView { tree: self.tree(), _held: token }
    }

    /// What is there now, to be read before the next writing.
    pub(crate) fn tree(&self) -> Tree {
        Tree {
            shape: self.shape,
            pages: self.pages.arena.clone(),
            branches: self.branches.arena.clone(),
            root: self.root,
            height: self.height,
        }
    }

    /// The first word of a row as it is now; zero if it was never written.
    pub(crate) fn word(&self, row: usize) -> u64 {
        let page = self.shape.page_of(row);
        let page = tree::page_below(&self.branches.arena, self.root, self.height, page);
        page.map_or(0, |page| self.pages.arena.word(page, self.shape.start_of(row)))
    }

    /// Whether anybody holds a version.
    pub(crate) fn is_shown(&mut self) -> bool {
        self.versions.iter_mut().any(|version| Arc::get_mut(&mut version.token).is_none())
    }

    /// How many bytes all versions take.
    pub(crate) fn bytes(&self) -> usize {
        self.pages.arena.bytes() + self.branches.arena.bytes()
    }

    /// How many of these bytes only versions of the past have.
    pub(crate) fn past_bytes(&self) -> usize {
        let bytes = |nodes: &Nodes| nodes.arena.node_bytes() + size_of::<Dead>();
        self.past[1] * bytes(&self.pages) + self.past[0] * bytes(&self.branches)
    }

    /// The node in this version and the page below it, both writable.
    fn descend(&mut self, node: u32, level: u32, page: usize) -> (u32, u32) {
        let node = self.writable(node, level == 0);
        if level == 0 {
            return (node, node);
        }
        let index = child_of(page, level - 1);
        let child = self.branches.arena.half(node, index);
        let (new, found) = self.descend(child, level - 1, page);
        if new != child {
            self.branches.arena.set_half(node, index, new);
        }
        (node, found)
    }

    /// The node itself if it is of this version, else a copy; one that is empty if it does not
    /// exist.
    fn writable(&mut self, node: u32, is_page: bool) -> u32 {
        let nodes = if is_page { &mut self.pages } else { &mut self.branches };
        if node == NOTHING {
            let new = nodes.take(self.next);
            nodes.arena.fill(new, if is_page { 0 } else { u64::MAX });
            return new;
        }
        let born = nodes.born[node as usize];
        if born == self.next {
            return node;
        }
        let new = nodes.take(self.next);
        nodes.arena.copy(node, new);
        match self.versions.last_mut() {
            Some(last) => {
                self.past[usize::from(is_page)] += 1;
                last.dead.push(Dead { node, is_page, born });
            }
            None => nodes.free.push(node),
        }
        new
    }

    fn grow(&mut self) {
        if self.root != NOTHING {
            let root = self.writable(NOTHING, false);
            self.branches.arena.set_half(root, 0, self.root);
            self.root = root;
        }
        self.height += 1;
    }

    /// Forgets the versions that nobody holds any more, and frees what only they had.
    fn free_dead(&mut self) {
        let mut kept: Vec<Version> = Vec::with_capacity(self.versions.len() + 1);
        for mut version in std::mem::take(&mut self.versions) {
            if Arc::get_mut(&mut version.token).is_none() {
                kept.push(version);
                continue;
            }
            for dead in version.dead {
                match kept.last_mut() {
                    Some(before) if dead.born <= before.number => before.dead.push(dead),
                    _ => {
                        self.past[usize::from(dead.is_page)] -= 1;
                        let nodes = if dead.is_page { &mut self.pages } else { &mut self.branches };
                        nodes.free.push(dead.node);
                    }
                }
            }
        }
        self.versions = kept;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows_of(view: &RowsView, count: usize) -> Vec<Vec<u64>> {
        let read = |row| {
            let mut to = Vec::new();
            view.read(row, &mut to);
            to
        };
        (0..count).map(read).collect()
    }

    proptest! {
        /// Versions are published, kept and dropped in any order: each shows what was there when it
        /// was made.
        #[test]
        fn versions_keep_what_they_had(steps in prop::collection::vec((0..4_u8, 0..3000_usize), 1..200)) {
            const ROWS: usize = 3000;
            let mut rows = Rows::new(5);
            let mut model = vec![vec![0; 5]; ROWS];
            let mut held: Vec<(RowsView, Vec<Vec<u64>>)> = Vec::new();
            for (step, (what, n)) in steps.into_iter().enumerate() {
                match what {
                    0 | 1 => {
                        rows.update(n, |row| row[n % 5] += step as u64);
                        model[n][n % 5] += step as u64;
                    }
                    2 => held.push((rows.publish(), model.clone())),
                    _ if held.is_empty() => {}
                    _ => drop(held.swap_remove(n % held.len())),
                }
            }
            for (view, then) in &held {
                prop_assert_eq!(&rows_of(view, ROWS), then);
            }
        }
    }

    /// A snapshot that is never let go keeps its own rows, and not those of every tick after it.
    #[test]
    fn an_old_version_does_not_keep_the_new_ones() {
        let mut rows = Rows::new(8);
        (0..1000).for_each(|row| rows.update(row, |row| row[0] = 1));
        let old = rows.publish();
        let mut latest = None;
        let mut bytes = 0;
        for tick in 0..10_000_usize {
            rows.update(tick * 7 % 1000, |row| row[0] += 1);
            latest = Some(rows.publish());
            if tick == 2000 {
                bytes = rows.bytes();
            }
        }
        assert_eq!(rows.bytes(), bytes);
        assert_eq!(rows_of(&old, 1000), vec![vec![1, 0, 0, 0, 0, 0, 0, 0]; 1000]);
        drop(latest);
    }
}
