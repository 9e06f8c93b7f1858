//! [`Key`]: what tells the entries of a family apart.

use std::fmt;
use std::hash::Hash;

/// What the entries of a family are told apart by: an address, a path, a name. Its `Display` is the label's value.
///
/// Its `Hash`, `Eq`, `Clone` and `Drop` may use the family, and a panic in one of them ends the call that it is part of
/// and nothing else. Keys that are equal must hash equally, as ever.
pub trait Key: Eq + Hash + Clone + fmt::Display + Send + Sync + 'static {}
impl<K: Eq + Hash + Clone + fmt::Display + Send + Sync + 'static> Key for K {}
