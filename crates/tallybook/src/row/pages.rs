//! [`Pages`]: a growable array whose copies share what has not changed.
//!
//! A tree of pages, [`FAN`] to a node, behind `Arc`s. Cloning it is one reference count. Writing
//! copies the page and the nodes above it unless they are this tree's alone, which they are from
//! the second write after a clone on. So what a snapshot costs follows what was touched since the
//! last one, and a snapshot that is kept keeps its own pages only.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Children of a node.
const FAN: usize = 32;

/// See the module. `P` is a page: the caller decides how many elements are in one.
pub(crate) struct Pages<P> {
    root: Node<P>,
    /// Levels of branches above the pages.
    height: u32,
    pages: usize,
    branches: usize,
    /// How many pages and branches there are, those included that only copies have.
    alive: [Arc<AtomicUsize>; 2],
}

enum Node<P> {
    Empty,
    Branch(Arc<Counted<[Node<P>; FAN]>>),
    Page(Arc<Counted<P>>),
}

/// What is counted as long as it exists.
struct Counted<T> {
    value: T,
    alive: Arc<AtomicUsize>,
}

impl<T> Counted<T> {
    fn new(value: T, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Relaxed);
        Counted { value, alive: alive.clone() }
    }

    /// With the counts of its `Arc`.
    const BYTES: usize = size_of::<Self>() + 2 * size_of::<usize>();
}

impl<T: Clone> Clone for Counted<T> {
    fn clone(&self) -> Self {
        Counted::new(self.value.clone(), &self.alive)
    }
}

impl<T> Drop for Counted<T> {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Relaxed);
    }
}

impl<P> Clone for Node<P> {
    fn clone(&self) -> Self {
        match self {
            Node::Empty => Node::Empty,
            Node::Branch(children) => Node::Branch(children.clone()),
            Node::Page(page) => Node::Page(page.clone()),
        }
    }
}

impl<P> Clone for Pages<P> {
    fn clone(&self) -> Self {
        Pages {
            root: self.root.clone(),
            height: self.height,
            pages: self.pages,
            branches: self.branches,
            alive: self.alive.clone(),
        }
    }
}

impl<P: Clone> Pages<P> {
    pub(crate) fn new() -> Self {
        Pages { root: Node::Empty, height: 0, pages: 0, branches: 0, alive: Default::default() }
    }

    /// One without pages, which counts together with this one.
    pub(crate) fn emptied(&self) -> Self {
        Pages { root: Node::Empty, height: 0, pages: 0, branches: 0, alive: self.alive.clone() }
    }

    /// The page at `index`, if it exists.
    pub(crate) fn get(&self, index: usize) -> Option<&P> {
        if index >= self.capacity() {
            return None;
        }
        let mut node = &self.root;
        let mut level = self.height;
        loop {
            match node {
                Node::Empty => return None,
                Node::Page(page) => return Some(&page.value),
                Node::Branch(children) => {
                    level -= 1;
                    node = &children.value[child_of(index, level)];
                }
            }
        }
    }

    /// The page at `index`, for writing; made by `make` if it does not exist.
    pub(crate) fn get_mut(&mut self, index: usize, make: impl FnOnce() -> P) -> &mut P {
        while index >= self.capacity() {
            self.grow();
        }
        let mut level = self.height;
        let mut node = &mut self.root;
        while level > 0 {
            level -= 1;
            if let Node::Empty = node {
                self.branches += 1;
                let children = Counted::new([const { Node::Empty }; FAN], &self.alive[1]);
                *node = Node::Branch(Arc::new(children));
            }
            let Node::Branch(children) = node else { unreachable!("pages are at level 0") };
            node = &mut Arc::make_mut(children).value[child_of(index, level)];
        }
        if let Node::Empty = node {
            self.pages += 1;
            *node = Node::Page(Arc::new(Counted::new(make(), &self.alive[0])));
        }
        let Node::Page(page) = node else { unreachable!("branches are above level 0") };
        &mut Arc::make_mut(page).value
    }

    /// Takes out a page, if it exists.
    pub(crate) fn remove(&mut self, index: usize) {
        if self.get(index).is_none() {
            return;
        }
        let mut node = &mut self.root;
        for level in (0..self.height).rev() {
            let Node::Branch(children) = node else { unreachable!("the page was found") };
            node = &mut Arc::make_mut(children).value[child_of(index, level)];
        }
        *node = Node::Empty;
        self.pages -= 1;
    }

    /// How many bytes this and all copies take.
    pub(crate) fn bytes(&self) -> usize {
        let [pages, branches] = self.alive.each_ref().map(|alive| alive.load(Relaxed));
        Self::bytes_of(pages, branches)
    }

    /// How many of these bytes only copies have.
    pub(crate) fn past_bytes(&self) -> usize {
        self.bytes().saturating_sub(Self::bytes_of(self.pages, self.branches))
    }

    fn bytes_of(pages: usize, branches: usize) -> usize {
        pages * Counted::<P>::BYTES + branches * Counted::<[Node<P>; FAN]>::BYTES
    }

    fn capacity(&self) -> usize {
        FAN.saturating_pow(self.height)
    }

    fn grow(&mut self) {
        let root = std::mem::replace(&mut self.root, Node::Empty);
        if !matches!(root, Node::Empty) {
            let mut children = [const { Node::Empty }; FAN];
            children[0] = root;
            self.branches += 1;
            self.root = Node::Branch(Arc::new(Counted::new(children, &self.alive[1])));
        }
        self.height += 1;
    }
}

fn child_of(index: usize, level: u32) -> usize {
    (index >> (level * FAN.ilog2())) % FAN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_keep_what_they_had() {
        let mut pages = Pages::new();
        let mut copies = Vec::new();
        for step in 0..200_usize {
            let index = step * 37 % 100;
            *pages.get_mut(index, || 0) = step;
            copies.push((pages.clone(), index, step));
        }
        for (copy, index, step) in &copies {
            assert_eq!(copy.get(*index), Some(step));
        }
        assert_eq!(pages.pages, 100);
        assert_eq!(pages.get(100), None);
        assert_eq!(pages.get(usize::MAX), None);
        assert!(pages.past_bytes() > 0);
        drop(copies);
        assert_eq!((pages.past_bytes(), pages.bytes()), (0, Pages::<usize>::bytes_of(100, 5)));
    }

    #[test]
    fn pages_that_are_taken_out_stay_in_copies() {
        let mut pages = Pages::new();
        for index in 0..100 {
            *pages.get_mut(index, || 0) = index;
        }
        let copy = pages.clone();
        (10..100).chain([10, 500]).for_each(|index| pages.remove(index));
        for index in 0..100 {
            assert_eq!(pages.get(index), Some(&index).filter(|index| **index < 10));
            assert_eq!(copy.get(index), Some(&index));
        }
        assert!(pages.past_bytes() >= 90 * size_of::<usize>());
        drop(copy);
        assert_eq!(pages.past_bytes(), 0);
        *pages.get_mut(50, || 0) = 7;
        assert_eq!(pages.get(50), Some(&7));
        let other = pages.emptied();
        assert_eq!((other.get(50), other.bytes()), (None, pages.bytes()));
    }
}
