//! Collecting: closing epochs, adding them up, publishing snapshots.

mod catalog;
mod collector;
mod context;
mod core;
mod cuts;
mod handles;
mod history;
mod names;
mod pace;
mod parts;
mod registered;
mod run;
mod state;
mod stats;
#[cfg(not(target_family = "wasm"))]
mod ticker;
mod totals;
mod wanted;

pub(crate) use catalog::{Catalog, Known};
pub use collector::Collector;
pub(crate) use context::Context;
pub(crate) use core::Core;
pub use cuts::Cut;
pub(crate) use cuts::Cuts;
pub(crate) use history::History;
pub(crate) use state::State;
pub(crate) use stats::NAME;
pub use stats::{CollectorStats, CollectorStatsRates, CollectorStatsSnapshot};
#[cfg(not(target_family = "wasm"))]
pub use ticker::Ticker;
pub(crate) use totals::{FamilyTotals, ObservedTotals, ReducerTotals, Resumed, SetTotals, Totals};
pub(crate) use wanted::Wanted;
