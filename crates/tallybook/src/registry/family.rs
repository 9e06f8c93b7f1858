//! [`FamilyBuilder`]: what can be chosen of a family.

use super::handle::Registry;
use crate::collect::{FamilyTotals, Known, Resumed, SetTotals, Totals, Wanted};
use crate::error::RegisterError;
use crate::metric::{Counter, Stats, averages};
use crate::record::{Family, Key, Shared};
use crate::support::lock;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

/// Builds a [`Family`]; made by [`Registry::family_builder`].
#[must_use = "call `register`"]
pub struct FamilyBuilder<'a, K, S> {
    registry: &'a Registry,
    name: &'a str,
    label: &'a str,
    max_keys: usize,
    averages: bool,
    types: PhantomData<fn() -> (K, S)>,
}

impl Registry {
    /// Registers a family: a set per key. `label` names what the key is, and becomes the label's
    /// name in exports. Where a family of the same types and the same label is registered under
    /// that name already, returns a handle to that one.
    ///
    /// # Errors
    /// As [`set`](Self::set); or if the label's name is not valid, or used inside the set.
    #[track_caller]
    pub fn family<K: Key, S: Stats>(
        &self,
        name: &str,
        label: &str,
    ) -> Result<Family<K, S>, RegisterError> {
        self.family_builder(name, label).register()
    }

    /// A family with a limit on its keys.
    pub fn family_builder<'a, K: Key, S: Stats>(
        &'a self,
        name: &'a str,
        label: &'a str,
    ) -> FamilyBuilder<'a, K, S> {
        FamilyBuilder::new(self, name, label)
    }
}

impl<'a, K: Key, S: Stats> FamilyBuilder<'a, K, S> {
    fn new(registry: &'a Registry, name: &'a str, label: &'a str) -> Self {
        let (max_keys, averages) = (u32::MAX as usize - 1, false);
        FamilyBuilder { registry, name, label, max_keys, averages, types: PhantomData }
    }

    /// The most keys it may hold at once, those that are about to retire included; more than four
    /// billion by default. Set it where the keys come from outside the program.
    pub fn max_keys(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys.min(u32::MAX as usize - 1);
        self
    }

    /// Keeps exponentially weighted averages for each entry too, and not for the total alone: 8
    /// bytes and 8 more for each rate and time constant (`Counter` and `UpDownCounter` have one
    /// rate, `Live` and `Histogram` two).
    pub fn averages(mut self) -> Self {
        self.averages = true;
        self
    }

    /// Registers it, or returns a handle to the family that is registered: its limit and its
    /// averages are those of the first registration then.
    ///
    /// # Errors
    /// As [`Registry::family`].
    #[track_caller]
    pub fn register(self) -> Result<Family<K, S>, RegisterError> {
        let Some(inner) = &self.registry.inner else { return Ok(Family::new(None)) };
        let at = Location::caller();
        let context = &inner.state.context;
        let created = context.time_of_day();
        let mut wanted = Wanted::new::<(K, S)>("family", self.name, S::group(), at, created);
        wanted.label = Some(self.label);
        let settings = context.published.latest.load().settings.clone();
        let averages = self.averages.then(|| averages::words(S::FLOWS, &settings.constants));
        let make = |index| {
            let place = context.place(self.name, index);
            // Refusals are counted in a place of their own.
            let refusals = context.place(self.name, index + 1);
            Arc::new(Shared::<K, S>::new(place, refusals, self.max_keys))
        };
        let mut catalog = lock(&context.catalog);
        let shared = match catalog.find(&wanted)? {
            Known::Registered(known) => {
                let known = known.downcast_ref::<Arc<Shared<K, S>>>();
                known.expect("families of the same types have handles of one type").clone()
            }
            Known::Kept(index) => {
                let shared = make(index);
                let with = Resumed { shared: shared.clone(), averages };
                catalog.resume(&wanted, Box::new(shared.clone()), Some(Box::new(with)));
                shared
            }
            Known::Nothing => {
                let index = catalog.reserve(&wanted, 2)?;
                let shared = make(index);
                let totals = FamilyTotals::<K, S>::new(shared.clone(), index, averages);
                let refusals = SetTotals::<Counter>::new(index + 1);
                let totals: [Box<dyn Totals>; 2] = [Box::new(totals), Box::new(refusals)];
                catalog.register(&wanted, index, Box::new(shared.clone()), totals);
                shared
            }
        };
        Ok(Family::new(Some(shared)))
    }
}

impl<K, S> fmt::Debug for FamilyBuilder<'_, K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilyBuilder")
            .field("name", &self.name)
            .field("label", &self.label)
            .field("max_keys", &self.max_keys)
            .field("averages", &self.averages)
            .finish_non_exhaustive()
    }
}
