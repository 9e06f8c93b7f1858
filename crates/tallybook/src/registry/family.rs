//! [`FamilyBuilder`]: what can be chosen of a family.

use super::Registry;
use crate::averages;
use crate::error::RegisterError;
use crate::family::{Family, Key, Shared};
use crate::metric::{Counter, Stats};
use crate::snapshot::Declaration;
use crate::totals::{FamilyTotals, SetTotals};
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

impl<'a, K: Key, S: Stats> FamilyBuilder<'a, K, S> {
    pub(super) fn new(registry: &'a Registry, name: &'a str, label: &'a str) -> Self {
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
        let mut registered = crate::lock(&inner.registered);
        registered.names.take("family", self.name, Some(self.label), &S::group())?;
        let (refusals, refusals_index) =
            registered.add(inner, self.name, SetTotals::<Counter>::new);
        let settings = inner.published.load().settings.clone();
        let averages = self.averages.then(|| averages::words(S::FLOWS, &settings.constants));
        let mut shared = None;
        let (_, index) = registered.add_with(inner, self.name, |place, index| {
            let made = Arc::new(Shared::new(place.clone(), refusals, self.max_keys));
            shared = Some(made.clone());
            FamilyTotals::<K, S>::new(made, index, averages)
        });
        registered.declare(Declaration {
            name: self.name.into(),
            label: Some(self.label.into()),
            group: S::group(),
            place: index,
            refusals: refusals_index,
        });
        Ok(Family::new(shared))
    }
}
