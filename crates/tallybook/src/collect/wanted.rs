//! [`Wanted`]: what a caller asks to register.

use crate::schema::Group;
use std::any::{TypeId, type_name};
use std::panic::Location;
use std::time::SystemTime;

/// See the module.
pub(crate) struct Wanted<'a> {
    /// What it is: a set, an observed set, a family or an actor.
    pub(crate) what: &'static str,
    pub(crate) name: &'a str,
    pub(crate) label: Option<&'a str>,
    pub(crate) group: Group,
    /// The types by which it is told from another of that name.
    pub(crate) types: TypeId,
    pub(crate) type_name: &'static str,
    /// The caller.
    pub(crate) at: &'static Location<'static>,
    /// The time of day.
    pub(crate) created: SystemTime,
}

impl<'a> Wanted<'a> {
    /// `T` names all types that it has.
    pub(crate) fn new<T: 'static>(
        what: &'static str,
        name: &'a str,
        group: Group,
        at: &'static Location<'static>,
        created: SystemTime,
    ) -> Self {
        let (types, type_name) = (TypeId::of::<T>(), type_name::<T>());
        Wanted { what, name, label: None, group, types, type_name, at, created }
    }
}
