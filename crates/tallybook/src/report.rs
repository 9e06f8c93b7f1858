//! Reports: snapshots that travel.
//!
//! A [`Report`] is owned and knows no types: it is serialised, sent, stored, and read elsewhere by
//! the same
//! [walk](crate::walk) as a snapshot. Nothing in it depends on a process: times are times of day, and identities are
//! unique. Two reports of one incarnation are [subtracted](Report::since), and reports of different
//! registries are
//! [folded](Report::fold).
//!
//! ```
//! use tallybook::report::{Gauges, Report};
//! use tallybook::walk::Sample;
//! use tallybook::{Counter, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Requests { answered: Counter }
//!
//! let report_of = |answered| {
//!     let registry = Registry::new();
//!     let requests = registry.set::<Requests>("requests")?;
//!     requests.record(|r| r.answered.add(answered));
//!     Ok::<_, Box<dyn std::error::Error>>(Report::of(&registry.collector()?.tick()))
//! };
//! let both = report_of(3)?.fold(&report_of(4)?, Gauges::Latest)?;
//! let requests = both.walk().get("requests").expect("it is in both").values();
//! assert!(matches!(requests.values().get("answered"), Some(Sample::Counter(7))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod add;
mod contents;
#[cfg(feature = "serde")]
mod decode;
mod difference;
#[cfg(feature = "serde")]
mod encode;
mod error;
mod fold;
#[cfg(feature = "msgpack")]
mod msgpack;
#[cfg(feature = "serde")]
mod summary;
mod unify;
#[cfg(feature = "serde")]
mod wire;

pub use contents::{Report, ReportSource};
pub use difference::ReportDifference;
#[cfg(feature = "serde")]
pub use error::DecodeError;
pub use error::{FoldError, SinceError};
pub use fold::Gauges;
#[cfg(feature = "msgpack")]
pub use msgpack::MsgpackError;
#[cfg(feature = "serde")]
pub use summary::Summary;
