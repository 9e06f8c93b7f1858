//! [`Rows`]: the rows of a family's entries, shared page by page between snapshots.

use crate::pages::Pages;

/// Rows of equal length, some of them to a page.
#[derive(Clone)]
pub(crate) struct Rows {
    words: usize,
    per_page: usize,
    pages: Pages<Box<[u64]>>,
}

/// About how many words a page has: copying one page per touched entry must stay cheap.
const PAGE_WORDS: usize = 64;

impl Rows {
    pub(crate) fn new(words: usize) -> Self {
        let per_page = (PAGE_WORDS / words.max(1)).max(1);
        Rows { words, per_page, pages: Pages::new() }
    }

    /// A row that exists.
    pub(crate) fn get(&self, row: usize) -> &[u64] {
        let page = self.pages.get(row / self.per_page);
        let start = row % self.per_page * self.words;
        page.map_or(&[], |page| &page[start..start + self.words])
    }

    /// A row, zeros if it did not exist.
    pub(crate) fn get_mut(&mut self, row: usize) -> &mut [u64] {
        let length = self.per_page * self.words;
        let page = self.pages.get_mut(row / self.per_page, || vec![0; length].into());
        let start = row % self.per_page * self.words;
        &mut page[start..start + self.words]
    }

    /// How many bytes they take.
    pub(crate) fn bytes(&self) -> usize {
        self.pages.len() * (self.per_page * self.words + 4) * size_of::<u64>()
    }
}
