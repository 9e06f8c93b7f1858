//! [`Cells`] and [`Mergeable`]: what the protocol needs to know of the memory that facts write.

/// Memory that facts write: one thread's part of a set, a family's entry or an actor's mailbox.
///
/// Metrics and mailboxes implement it; the protocol knows neither. Cells have one user at a time,
/// so they need not be `Sync`.
pub(crate) trait Cells: Send + Sized + 'static {
    /// Cells in which nothing has been recorded.
    fn empty() -> Self;
}

/// Cells that can be merged into other cells of their type, as the cells of a family's entries are
/// when a thread's cache evicts them.
pub(crate) trait Mergeable: Cells {
    /// Whether they hold a field that asks for the [stamp](super::stamp()) or the
    /// [time](super::time()) of its fact.
    const STAMPED: bool;
    /// Whether `merge` may allocate.
    const ALLOCATES: bool;

    /// Moves what the cells hold into other cells, and leaves `self` empty.
    fn merge(&self, into: &Self);
}

#[cfg(test)]
mod tests {
    use super::super::word::Word;
    use super::*;

    /// A word that counts is enough for the tests of the protocol.
    impl Cells for Word {
        fn empty() -> Self {
            Word::new(0)
        }
    }

    impl Mergeable for Word {
        const STAMPED: bool = false;
        const ALLOCATES: bool = false;

        fn merge(&self, into: &Self) {
            into.add(self.take());
        }
    }
}
