//! [`ReadSet`]: what the values of a set are read by.

use super::set::Set;
use crate::metric::Stats;
use sealed::At;
use std::sync::Arc;

/// A handle by which snapshots, differences and averages read the values of a set: a [`Set`], or an
/// [`Observed`](super::Observed) one.
pub trait ReadSet: sealed::Sealed {
    /// The set's type.
    type Stats: Stats;
}

pub(crate) mod sealed {
    use crate::phase::Place;

    /// Where the values of a set are found.
    pub struct At<'a>(pub(crate) &'a Place);

    /// Closes [`ReadSet`](super::ReadSet) to other crates.
    pub trait Sealed {
        fn at(&self) -> At<'_>;
    }
}

impl<S: Stats> sealed::Sealed for Set<S> {
    fn at(&self) -> At<'_> {
        At(self.place())
    }
}

impl<S: Stats> ReadSet for Set<S> {
    type Stats = S;
}

macro_rules! through {
    ($($pointer:ty),*) => {$(
        impl<T: sealed::Sealed + ?Sized> sealed::Sealed for $pointer {
            fn at(&self) -> At<'_> {
                (**self).at()
            }
        }
        impl<T: ReadSet + ?Sized> ReadSet for $pointer {
            type Stats = T::Stats;
        }
    )*};
}

through!(&T, Arc<T>, Box<T>);
