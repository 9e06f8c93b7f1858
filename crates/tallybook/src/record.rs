//! Handles that record: sets, families and their entries, guards.

mod entry;
mod family;
mod key;
mod keyed;
mod map;
mod observed;
mod open;
mod readable;
mod recorder;
mod select;
mod set;
mod shared;
mod timer;

pub use entry::Entry;
pub use family::Family;
pub use key::Key;
pub(crate) use keyed::{Keyed, Meta};
pub use observed::Observed;
pub use open::{Open, OpenLabel};
pub use readable::ReadSet;
pub use recorder::Record;
pub use select::{Labelled, Select};
pub use set::Set;
pub(crate) use shared::{Hasher, Shared};
pub use timer::{Timer, TimerLabel};
