//! [`Declaration`]: what is registered under a name.

use crate::schema::Group;
use std::sync::Arc;

/// What is registered under a name.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// The name of the set or family.
    pub name: Arc<str>,
    /// The label that tells the entries apart, where it is a family.
    pub label: Option<Arc<str>>,
    /// The fields.
    pub group: Group,
    pub(crate) place: usize,
    /// The place of a family's refusals.
    pub(crate) refusals: usize,
}
