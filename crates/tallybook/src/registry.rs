//! Registration: names, and what can be chosen of a registry, a family and an actor.

mod actor;
mod builder;
mod family;
mod handle;
mod observe;
mod unregister;

pub use crate::phase::FenceKind;
pub use actor::ActorBuilder;
pub use builder::RegistryBuilder;
pub use family::FamilyBuilder;
pub use handle::Registry;
pub use unregister::Totals;
