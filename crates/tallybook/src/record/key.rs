//! [`Key`]: identifies an entry of a family.

use std::fmt;
use std::hash::Hash;

/// What identifies an entry of a family: an address, a path, a name. Its `Display` is the label's
/// value. Implemented for every type that meets the bounds.
///
/// Its `Hash`, `Eq`, `Clone` and `Drop` may use the family. A panic in one of them ends the call
/// that it is part of and has no other effect. As always, equal keys must have equal hashes.
pub trait Key: Eq + Hash + Clone + fmt::Display + Send + Sync + 'static {}
impl<K: Eq + Hash + Clone + fmt::Display + Send + Sync + 'static> Key for K {}
