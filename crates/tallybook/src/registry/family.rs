//! [`FamilyBuilder`]: what can be chosen of a family.

use super::handle::Registry;
use crate::collect::{FamilyTotals, SetTotals};
use crate::error::RegisterError;
use crate::metric::{Counter, Stats, averages};
use crate::read::{Declaration, DeclarationKind};
use crate::record::{Family, Key, Shared};
use crate::schema::Text;
use crate::support::lock;
use std::marker::PhantomData;
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
    /// Registers a family: a set per key. `label` names what the key is, and becomes the label's name in exports.
    ///
    /// # Errors
    /// As [`set`](Self::set); or if the label's name is not valid, or used inside the set.
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

    /// The most keys it may hold at once, those that are about to retire included; more than four billion by default.
    /// Set it where somebody else chooses the keys.
    pub fn max_keys(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys.min(u32::MAX as usize - 1);
        self
    }

    /// Keeps exponentially weighted averages for each entry too, and not for the total alone: 8 bytes and 8 more for each
    /// rate and time constant (`Counter` and `UpDownCounter` have one rate, `Live` and `Histogram` two).
    pub fn averages(mut self) -> Self {
        self.averages = true;
        self
    }

    /// Registers it.
    ///
    /// # Errors
    /// As [`Registry::family`].
    pub fn register(self) -> Result<Family<K, S>, RegisterError> {
        let Some(inner) = &self.registry.inner else { return Ok(Family::new(None)) };
        let context = &inner.state.context;
        let created = context.time_of_day();
        let mut names = lock(&inner.names);
        names.take("family", self.name, Some(self.label), &S::group())?;
        let mut catalog = lock(&context.catalog);
        let (refusals, refusals_index) =
            catalog.add(context, self.name, |_, index| SetTotals::<Counter>::new(index));
        let settings = context.published.latest.load().settings.clone();
        let averages = self.averages.then(|| averages::words(S::FLOWS, &settings.constants));
        let mut shared = None;
        let (_, index) = catalog.add(context, self.name, |place, index| {
            let made = Arc::new(Shared::new(place.clone(), refusals, self.max_keys));
            shared = Some(made.clone());
            FamilyTotals::<K, S>::new(made, index, averages)
        });
        let kind = DeclarationKind::Family;
        let declared = Declaration::new(kind, self.name, S::group(), index, created);
        let labels = [Text::Owned(self.label.to_owned())].into();
        let declared = Declaration { labels, refusals: refusals_index, ..declared };
        catalog.declare(declared);
        Ok(Family::new(shared))
    }
}
