//! [`Registered`]: what the registry knows of one set, family or actor.

use super::wanted::Wanted;
use crate::error::{Holders, RegisterError};
use std::any::{Any, TypeId};
use std::panic::Location;

/// What a registry keeps of something registered, to hand it out again and to see what else holds
/// it.
pub(crate) trait Handle: Send + Sync {
    /// What holds it besides the registry and its collector; `None` if nothing does.
    fn holders(&self) -> Option<Holders>;
    /// The numbers of its places that have blocks.
    fn places(&self) -> Vec<u64>;
    /// What is handed out again.
    fn shared(&self) -> &dyn Any;
}

/// See the module.
pub(super) struct Registered {
    what: &'static str,
    types: TypeId,
    type_name: &'static str,
    label: Option<Box<str>>,
    pub(super) at: &'static Location<'static>,
    /// The index of its place; a family's refusals have the next.
    pub(super) index: usize,
    /// How many places it has, from `index` on.
    pub(super) places: usize,
    /// `None` once it was unregistered and its totals are kept.
    pub(super) handle: Option<Box<dyn Handle>>,
    /// Whether it is about to be unregistered.
    pub(super) leaving: Option<Leaving>,
}

/// An unregistering that has not taken effect yet.
#[derive(Clone, Copy)]
pub(super) struct Leaving {
    /// Which one of the registry it is.
    pub(super) number: u64,
    pub(super) keeps_totals: bool,
}

impl Registered {
    pub(super) fn new(
        wanted: &Wanted<'_>,
        index: usize,
        places: usize,
        handle: Box<dyn Handle>,
    ) -> Self {
        Registered {
            what: wanted.what,
            types: wanted.types,
            type_name: wanted.type_name,
            label: wanted.label.map(Into::into),
            at: wanted.at,
            index,
            places,
            handle: Some(handle),
            leaving: None,
        }
    }

    /// Whether what is wanted is the very same.
    pub(super) fn check(&self, wanted: &Wanted<'_>) -> Result<(), RegisterError> {
        let is_same = self.what == wanted.what && self.types == wanted.types;
        if is_same && self.label.as_deref() == wanted.label {
            return Ok(());
        }
        Err(self.taken(wanted))
    }

    /// The error that says that the name is taken by this.
    pub(super) fn taken(&self, wanted: &Wanted<'_>) -> RegisterError {
        RegisterError::NameTaken {
            what: wanted.what,
            name: wanted.name.to_owned(),
            description: describe(wanted.type_name, wanted.label),
            at: wanted.at,
            other: self.what,
            other_description: describe(self.type_name, self.label.as_deref()),
            first: self.at,
        }
    }

    pub(super) fn what(&self) -> &'static str {
        self.what
    }

    /// Its places' indices.
    pub(super) fn indices(&self) -> std::ops::Range<usize> {
        self.index..self.index + self.places
    }
}

/// What tells two of one name apart.
fn describe(type_name: &str, label: Option<&str>) -> String {
    match label {
        None => format!("`{type_name}`"),
        Some(label) => format!("`{type_name}` by `{label}`"),
    }
}
