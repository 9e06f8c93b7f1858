//! What can be refused, one type per operation.

use std::time::Duration;
use thiserror::Error;

/// A set or a family could not be registered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name cannot stand at the head of a metric's name.
    #[error(
        "`{name}` is not a valid name for a {what}: write a letter or `_`, then letters, digits and `_` (not `__` at the start)"
    )]
    InvalidName {
        /// What it was to name: `set`, `family` or `label`.
        what: &'static str,
        /// The refused name.
        name: String,
    },
    /// Something of that name is registered already.
    #[error(
        "the {what} `{name}` cannot be registered: the {other} `{name}` has that name; choose another"
    )]
    NameTaken {
        /// What was to be registered: `set` or `family`.
        what: &'static str,
        /// The refused name.
        name: String,
        /// What has the name: `set` or `family`.
        other: &'static str,
    },
    /// The names are different but two of their metrics would have the same full name.
    #[error(
        "`{name}` cannot be registered: its metric `{metric}` is also a metric of `{other}`; rename one of the two or a field (`#[stats(name = \"…\")]`)"
    )]
    MetricTaken {
        /// The name of the refused set or family.
        name: String,
        /// The full name that both would have.
        metric: String,
        /// The set or family that has it.
        other: String,
    },
    /// The family's own label is also a label inside of its set.
    #[error(
        "the family `{name}` cannot use the label `{label}`: its set has fields per `{label}`; choose another name for one of the two"
    )]
    LabelTaken {
        /// The name of the refused family.
        name: String,
        /// The label.
        label: String,
    },
    /// The same label stands twice above one metric.
    #[error(
        "`{name}` cannot be registered: fields per `{label}` stand inside of fields per `{label}`; use another label enum for one of the two, or name one differently (`#[label(name = \"…\")]`)"
    )]
    LabelTwice {
        /// The name of the refused set or family.
        name: String,
        /// The label.
        label: String,
    },
}

/// The family holds as many keys as it may; the refused key comes back.
///
/// Raise [`max_keys`](crate::registry::FamilyBuilder::max_keys), or drop the handles and guards of keys that are over: a key
/// leaves when nothing holds it and its last change has been published. The refusal is counted
/// ([`FamilySnapshot::refused`](crate::FamilySnapshot::refused)).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the family is full: it holds {max_keys} keys, the most it may")]
pub struct FamilyFull<K> {
    /// The refused key.
    pub key: K,
    /// The limit.
    pub max_keys: usize,
}

/// A collector could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The registry has one: drop that one first.
    #[error("the registry is being collected already: drop its collector first")]
    Collecting,
    /// The interval between ticks is zero.
    #[error("the interval between two ticks must be longer than zero")]
    ZeroInterval,
    /// The system gave no thread.
    #[error("the collector's thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// A set or a family was looked up in a snapshot of another registry.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{name}` belongs to registry {own}, and this is a snapshot of registry {other}")]
pub struct WrongRegistry {
    /// The name of the set or family.
    pub name: String,
    /// The number of the registry that it belongs to.
    pub own: u64,
    /// The number of the snapshot's registry.
    pub other: u64,
}

/// A collector was stopped, and the last snapshot is not what it should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopError {
    /// A thread stayed inside a fact: the last snapshot is an older cut, marked stale.
    #[error(
        "the last snapshot lacks what was recorded lately: a thread stayed inside a fact for longer than {timeout:?}; do not wait inside a fact, or raise `RegistryBuilder::shutdown_timeout`"
    )]
    Incomplete {
        /// For how long it was waited for.
        timeout: Duration,
    },
    /// The collector's thread panicked: readers keep the last snapshot it published.
    #[error("the collector's thread panicked: {0}")]
    Panicked(String),
}

/// Nothing will be published: the registry has no collector, or is disabled or gone.
///
/// Start one by [`Registry::collect_every`](crate::Registry::collect_every) and keep the [`Ticker`](crate::Ticker), or
/// use [`Registry::collector`](crate::Registry::collector).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("nobody collects: the registry has no collector, or is disabled or gone")]
pub struct NotCollected;

/// There was no snapshot to return.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitError {
    /// The time was over first.
    #[error("there was no snapshot in time")]
    TimedOut,
    /// There will not be one.
    #[error("nobody collects: the registry has no collector, or is disabled or gone")]
    NotCollected,
}

impl From<NotCollected> for WaitError {
    fn from(_: NotCollected) -> Self {
        WaitError::NotCollected
    }
}
