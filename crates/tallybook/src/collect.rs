//! Collecting: closing epochs, adding them up, publishing snapshots.

mod collector;
mod context;
mod core;
mod cuts;
mod history;
mod parts;
mod run;
mod state;
mod stats;
#[cfg(not(target_family = "wasm"))]
mod ticker;
mod totals;

pub use collector::Collector;
pub(crate) use context::{Catalog, Context};
pub(crate) use core::Core;
pub use cuts::Cut;
pub(crate) use cuts::Cuts;
pub(crate) use history::History;
pub(crate) use state::State;
pub(crate) use stats::NAME;
pub use stats::{CollectorStats, CollectorStatsRates, CollectorStatsSnapshot};
#[cfg(not(target_family = "wasm"))]
pub use ticker::Ticker;
pub(crate) use totals::{FamilyTotals, ReducerTotals, SetTotals};
