//! [`Part`]: what one place holds in a snapshot.

use super::family_part::AnyFamily;
use crate::metric::Metric;
use crate::row::{BucketsView, Row, Span};
use crate::support::user::Owned;
use std::any::Any;
use std::sync::Arc;

/// What one place holds.
#[derive(Clone)]
pub(crate) enum Part {
    Set(Arc<SetPart>),
    Family(Arc<dyn AnyFamily>),
    Reducer(Arc<ReducerPart>),
    /// It has shown nothing yet.
    Nothing,
}

/// What all places hold. The number of a place is never used again, so some numbers have no place
/// any more.
#[derive(Clone, Default)]
pub(crate) struct PartList(Arc<[(usize, Part)]>);

impl PartList {
    /// `parts` is in the order of the places.
    pub(crate) fn new(parts: impl IntoIterator<Item = (usize, Part)>) -> Self {
        PartList(parts.into_iter().collect())
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Part> {
        let index = position(&self.0, place, |(place, _)| *place)?;
        Some(&self.0[index].1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The places, and what they hold.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(usize, Part)> {
        self.0.iter()
    }
}

/// Where a place is in a list that is in the order of the places, most of which are there.
pub(crate) fn position<T>(list: &[T], place: usize, of: impl Fn(&T) -> usize) -> Option<usize> {
    let guess = place.checked_sub(of(list.first()?))?;
    let is_there = list.get(guess).is_some_and(|found| of(found) == place);
    if is_there { Some(guess) } else { list.binary_search_by_key(&place, of).ok() }
}

/// An actor's published state.
pub(crate) struct ReducerPart {
    pub(crate) account: Arc<SetPart>,
    pub(crate) state: Owned<Arc<dyn Any + Send + Sync>>,
    /// Why there is no reducer any more.
    pub(crate) failure: Option<Arc<str>>,
    /// How the state is serialised, where that was chosen.
    #[cfg(feature = "serde")]
    pub(crate) show: Option<ShowState>,
}

/// A state as something that can be serialised, if it is of the right type.
#[cfg(feature = "serde")]
pub(crate) type ShowState =
    for<'a> fn(&'a (dyn Any + Send + Sync)) -> Option<&'a dyn erased_serde::Serialize>;

impl Part {
    /// What can be read as a set.
    pub(crate) fn set(&self) -> Option<&SetPart> {
        match self {
            Part::Set(part) => Some(part),
            Part::Reducer(part) => Some(&part.account),
            Part::Family(_) | Part::Nothing => None,
        }
    }
}

/// What a set holds.
pub(crate) struct SetPart {
    pub(crate) words: Box<[u64]>,
    pub(crate) buckets: Option<Arc<BucketsView>>,
    pub(crate) averages: Box<[u64]>,
    /// The first values of an observed set, whose counters did not start from zero.
    pub(crate) first: Option<Arc<SetPart>>,
}

impl SetPart {
    pub(crate) fn zeros(words: usize) -> Self {
        SetPart {
            words: vec![0; words].into(),
            buckets: None,
            averages: Box::default(),
            first: None,
        }
    }

    pub(crate) fn row(&self, span: Span) -> Row<'_> {
        Row::new(&self.words, self.buckets.as_deref(), 0, span)
    }
}

/// The values of a row in which nothing has happened.
pub(crate) fn nothing<M: Metric>(span: Span) -> M::Value {
    // Enough for nearly all sets, so that looking at what is not there allocates nothing.
    static ZEROS: [u64; 512] = [0; 512];
    match ZEROS.get(..M::WORDS) {
        Some(zeros) => M::read(&mut Row::of_words(zeros, span)),
        None => M::read(&mut Row::of_words(&vec![0; M::WORDS], span)),
    }
}
