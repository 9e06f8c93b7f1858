//! [`Pages`]: a growable array whose copies share what has not changed.
//!
//! A tree of pages, [`FAN`] to a node, behind `Arc`s. Cloning it is one reference count. Writing copies the page and the
//! nodes above it unless they are this tree's alone, which they are from the second write after a clone on. So what a
//! snapshot costs follows what was touched since the last one, and a snapshot that is kept keeps its own pages only.

use std::sync::Arc;

/// Children of a node.
const FAN: usize = 32;

/// See the module. `P` is a page: the caller decides how many elements are in one.
pub(crate) struct Pages<P> {
    root: Node<P>,
    /// Levels of branches above the pages.
    height: u32,
    pages: usize,
}

enum Node<P> {
    Empty,
    Branch(Arc<[Node<P>; FAN]>),
    Page(Arc<P>),
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
        Pages { root: self.root.clone(), height: self.height, pages: self.pages }
    }
}

impl<P: Clone> Pages<P> {
    pub(crate) fn new() -> Self {
        Pages { root: Node::Empty, height: 0, pages: 0 }
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
                Node::Page(page) => return Some(page),
                Node::Branch(children) => {
                    level -= 1;
                    node = &children[child_of(index, level)];
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
                *node = Node::Branch(Arc::new([const { Node::Empty }; FAN]));
            }
            let Node::Branch(children) = node else { unreachable!("pages are at level 0") };
            node = &mut Arc::make_mut(children)[child_of(index, level)];
        }
        if let Node::Empty = node {
            self.pages += 1;
            *node = Node::Page(Arc::new(make()));
        }
        let Node::Page(page) = node else { unreachable!("branches are above level 0") };
        Arc::make_mut(page)
    }

    /// How many pages exist.
    pub(crate) fn len(&self) -> usize {
        self.pages
    }

    fn capacity(&self) -> usize {
        FAN.saturating_pow(self.height)
    }

    fn grow(&mut self) {
        let root = std::mem::replace(&mut self.root, Node::Empty);
        if !matches!(root, Node::Empty) {
            let mut children = [const { Node::Empty }; FAN];
            children[0] = root;
            self.root = Node::Branch(Arc::new(children));
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
        assert_eq!(pages.len(), 100);
        assert_eq!(pages.get(100), None);
        assert_eq!(pages.get(usize::MAX), None);
    }
}
