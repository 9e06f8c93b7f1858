//! Reading: snapshots, what happened between two of them, and readers that wait for the next.

mod actor;
mod averaged;
mod declaration;
mod difference;
mod extrema;
mod family;
mod family_part;
mod guard;
mod identity;
mod owners;
mod panics;
mod part;
mod reader;
mod segments;
mod settings;
mod snapshot;
mod stream;
mod tracker;

pub use averaged::Averaged;
pub use declaration::{Declaration, DeclarationKind};
pub use difference::Difference;
pub(crate) use extrema::{ExtremaBuffer, ExtremaList, FieldExtrema, TOTAL};
pub use family::{FamilyEntries, FamilySnapshot};
pub(crate) use family_part::{AnyFamily, FamilyPart, RETIRED_BUCKETS, TOTAL_BUCKETS, buckets_of};
pub use guard::SnapshotGuard;
pub use identity::Identity;
pub(crate) use owners::{Changed, OWNERS, Owners};
pub use panics::UserPanics;
#[cfg(feature = "serde")]
pub(crate) use part::ShowState;
pub(crate) use part::{Part, PartList, ReducerPart, SetPart, position};
pub(crate) use reader::Published;
pub use reader::{CachedReader, Reader};
pub(crate) use segments::{CHUNK, Chunk, Segment, Segments, chunks_of};
pub(crate) use settings::Settings;
pub use snapshot::Snapshot;
pub use stream::Snapshots;
pub use tracker::RateTracker;
