//! Handles that record: sets, families and their entries, guards.

mod entry;
mod family;
mod key;
mod keyed;
mod map;
mod open;
mod recorder;
mod set;
mod shared;

pub use entry::Entry;
pub use family::Family;
pub use key::Key;
pub(crate) use keyed::{Keyed, Meta};
pub use open::Open;
pub use recorder::Record;
pub use set::Set;
pub(crate) use shared::Shared;
