//! The collector's side of sets, families and actors: where closed epochs are added up.

mod delta;
mod family;
mod observed;
mod part;
mod reducer;
mod set;

pub(crate) use family::{FamilyTotals, Resumed};
pub(crate) use observed::ObservedTotals;
pub(crate) use part::{Tick, Totals};
pub(crate) use reducer::ReducerTotals;
pub(crate) use set::SetTotals;
