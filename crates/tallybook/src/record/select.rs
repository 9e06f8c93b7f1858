//! [`Select`]: which metric of a set a guard is about.

use crate::metric::LabelledField;
use std::fmt;

/// What selects a metric `M` of a set `S` for a guard: a function or closure from the set to the
/// metric, or [`Labelled`]. Sealed.
pub trait Select<S, M>: sealed::Sealed<S, M> {}
impl<S, M, F: sealed::Sealed<S, M>> Select<S, M> for F {}

mod sealed {
    /// The method of [`Select`](super::Select), hidden from other crates.
    pub trait Sealed<S, M> {
        fn select<'a>(&self, stats: &'a S) -> &'a M;
    }
}

impl<S, M, F: Fn(&S) -> &M> sealed::Sealed<S, M> for F {
    #[inline(always)]
    fn select<'a>(&self, stats: &'a S) -> &'a M {
        self(stats)
    }
}

/// The metric under one value of a label, as guards keep it.
#[derive(Clone, Copy)]
pub struct Labelled<S, K, M> {
    field: LabelledField<S, K, M>,
    label: K,
}

impl<S, K: Copy, M> Labelled<S, K, M> {
    pub(super) fn new(field: LabelledField<S, K, M>, label: K) -> Self {
        Labelled { field, label }
    }
}

impl<S, K: Copy, M> sealed::Sealed<S, M> for Labelled<S, K, M> {
    #[inline(always)]
    fn select<'a>(&self, stats: &'a S) -> &'a M {
        (self.field)(stats, self.label)
    }
}

impl<S, K: fmt::Debug, M> fmt::Debug for Labelled<S, K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labelled").field("label", &self.label).finish_non_exhaustive()
    }
}
