//! [`Declaration`]: what is registered under a name.

use crate::schema::{Group, Text};
use std::sync::Arc;
use std::time::SystemTime;

/// What is registered under a name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Declaration {
    /// The name.
    pub name: Arc<str>,
    /// What it is.
    pub kind: DeclarationKind,
    /// The labels that tell the entries of a family apart; none in a set or an actor.
    pub labels: Arc<[Text]>,
    /// The fields: of a family those of its entries, of an actor those of its account.
    pub group: Arc<Group>,
    /// When it was registered, by the time of day.
    pub created: SystemTime,
    pub(crate) place: usize,
    /// The place of a family's refusals.
    pub(crate) refusals: usize,
}

/// What can be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeclarationKind {
    /// A [`Set`](crate::Set).
    Set,
    /// A [`Family`](crate::Family).
    Family,
    /// An [`Actor`](crate::Actor).
    Actor,
}

impl Declaration {
    /// Without what only this process understands.
    pub(crate) fn portable(&self) -> Self {
        Declaration { place: 0, refusals: 0, ..self.clone() }
    }

    /// What is registered at a place, with no labels.
    pub(crate) fn new(
        kind: DeclarationKind,
        name: &str,
        group: Group,
        place: usize,
        created: SystemTime,
    ) -> Self {
        Declaration {
            name: name.into(),
            kind,
            labels: Arc::default(),
            group: Arc::new(group),
            created,
            place,
            refusals: place,
        }
    }
}
