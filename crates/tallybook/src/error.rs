//! What can be refused, one type per operation.
//!
//! Errors of calls that may be made from many places name the line of the caller: `at` is where the
//! refused call is, `first` where that was registered which it conflicts with.

use std::fmt;
use std::panic::Location;
use std::time::Duration;
use thiserror::Error;

/// A set, a family or an actor could not be registered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name cannot be the first part of a metric's name.
    #[error(
        "`{name}` is not a valid name for a {what}: write a letter or `_`, then letters, digits \
         and `_` (not `__` at the start); refused at {at}"
    )]
    #[non_exhaustive]
    InvalidName {
        /// What it was to name: `set`, `observed set`, `family`, `actor` or `label`.
        what: &'static str,
        /// The refused name.
        name: String,
        /// The caller.
        at: &'static Location<'static>,
    },
    /// The name belongs to something else: of another kind, with other types or another label, or
    /// an actor or an observed set, of which there is one to a name.
    #[error(
        "the {what} `{name}` of {description} cannot be registered at {at}: the {other} `{name}` \
         of {other_description}, registered at {first}, has that name; choose another"
    )]
    #[non_exhaustive]
    NameTaken {
        /// What was to be registered: `set`, `observed set`, `family` or `actor`.
        what: &'static str,
        /// The refused name.
        name: String,
        /// The types, and the label, of what was to be registered.
        description: String,
        /// The caller.
        at: &'static Location<'static>,
        /// What has the name.
        other: &'static str,
        /// The types, and the label, of what has the name.
        other_description: String,
        /// Where that was registered.
        first: &'static Location<'static>,
    },
    /// The names are different, but two of their metrics would have the same full name.
    #[error(
        "`{name}` cannot be registered at {at}: its metric `{metric}` is also a metric of \
         `{other}`, registered at {first}; rename one of the two or a field \
         (`#[stats(name = \"…\")]`)"
    )]
    #[non_exhaustive]
    MetricTaken {
        /// The name of the refused set, family or actor.
        name: String,
        /// The full name that both would have.
        metric: String,
        /// The set, family or actor that has it.
        other: String,
        /// Where that was registered.
        first: &'static Location<'static>,
        /// The caller.
        at: &'static Location<'static>,
    },
    /// The family's own label is also a label inside its set.
    #[error(
        "the family `{name}` cannot use the label `{label}`: its set has fields per `{label}`; \
         choose another name for one of the two; refused at {at}"
    )]
    #[non_exhaustive]
    LabelTaken {
        /// The name of the refused family.
        name: String,
        /// The label.
        label: String,
        /// The caller.
        at: &'static Location<'static>,
    },
    /// The same label is used twice above one metric.
    #[error(
        "`{name}` cannot be registered at {at}: it has fields per `{label}` inside fields per \
         `{label}`; use another label enum for one of the two, or name one differently \
         (`#[label(name = \"…\")]`)"
    )]
    #[non_exhaustive]
    LabelTwice {
        /// The name of the refused set, family or actor.
        name: String,
        /// The label.
        label: String,
        /// The caller.
        at: &'static Location<'static>,
    },
}

/// A set, a family or an actor could not be unregistered.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnregisterError {
    /// Nothing is registered under that name.
    #[error("`{name}` cannot be unregistered at {at}: nothing is registered under that name")]
    #[non_exhaustive]
    NotRegistered {
        /// The name.
        name: String,
        /// The caller.
        at: &'static Location<'static>,
    },
    /// Something still holds it, and could record on it.
    #[error(
        "the {what} `{name}`, registered at {first}, cannot be unregistered at {at}: it is held \
         by {by}; drop what holds it first"
    )]
    #[non_exhaustive]
    Held {
        /// What it is: `set`, `observed set`, `family` or `actor`.
        what: &'static str,
        /// The name.
        name: String,
        /// What holds it.
        by: Holders,
        /// Where it was registered.
        first: &'static Location<'static>,
        /// The caller.
        at: &'static Location<'static>,
    },
    /// The collector's own statistics are always registered.
    #[error(
        "`{name}` cannot be unregistered at {at}: it is the set of the collector's own statistics"
    )]
    #[non_exhaustive]
    OwnStatistics {
        /// The name.
        name: String,
        /// The caller.
        at: &'static Location<'static>,
    },
}

/// What holds a set, a family or an actor, as counted at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holders {
    /// How many handles, and guards that own one. Those of a family's entries included.
    pub handles: usize,
    /// How many keys a family has, of which handles or guards may be among those counted; 0 for
    /// anything else. Keys that are about to retire are counted too.
    pub keys: usize,
    /// How many senders an actor has; 0 for anything else.
    pub senders: usize,
}

impl fmt::Display for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let Holders { handles, keys, senders } = *self;
        match (handles, senders) {
            (0, senders) => write!(f, "{senders} sender{}", plural(senders)),
            (handles, 0) => write!(f, "{handles} handle{0} or guard{0}", plural(handles)),
            (handles, senders) => {
                write!(f, "{handles} handle{} and ", plural(handles))?;
                write!(f, "{senders} sender{}", plural(senders))
            }
        }?;
        if keys > 0 {
            write!(f, " (the family has {keys} key{})", plural(keys))?;
        }
        Ok(())
    }
}

/// The family holds as many keys as it may; the refused key comes back.
///
/// Raise [`max_keys`](crate::registry::FamilyBuilder::max_keys), or drop the handles and guards of
/// keys that are no longer needed: a key leaves when nothing holds it and its last change has been
/// published. The refusal is counted ([`FamilySnapshot::refused`](crate::FamilySnapshot::refused)).
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the family is full: it holds {max_keys} keys, the most it may")]
#[non_exhaustive]
pub struct FamilyFull<K> {
    /// The refused key.
    pub key: K,
    /// The limit.
    pub max_keys: usize,
}

impl<K> FamilyFull<K> {
    pub(crate) fn new(key: K, max_keys: usize) -> Self {
        FamilyFull { key, max_keys }
    }
}

/// A collector could not be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CollectError {
    /// The registry has a collector: drop that one first.
    #[error("the registry is being collected already: drop its collector first")]
    Collecting,
    /// The interval between ticks is zero.
    #[error("the interval between two ticks must be longer than zero")]
    ZeroInterval,
    /// The system gave no thread.
    #[error("the collector's thread could not be started")]
    Thread(#[source] std::io::Error),
}

/// A set, a family or an actor was looked up in a snapshot of another registry, or two snapshots of
/// different registries were compared.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{} belongs to {own}, but is looked up in a snapshot of {other}; use handles and snapshots of one registry",
    quoted(name)
)]
#[non_exhaustive]
pub struct WrongRegistry {
    /// What was looked up: the name of the set, family or actor, or `the earlier snapshot`.
    pub name: String,
    /// The registry that it belongs to.
    pub own: RegistryOrigin,
    /// The registry of the snapshot.
    pub other: RegistryOrigin,
}

/// Names are in backquotes; what describes something has spaces.
fn quoted(name: &str) -> String {
    if name.contains(' ') { name.to_owned() } else { format!("`{name}`") }
}

impl WrongRegistry {
    pub(crate) fn new(name: String, own: RegistryOrigin, other: RegistryOrigin) -> Self {
        WrongRegistry { name, own, other }
    }
}

/// What the panicking forms of look-ups share.
pub(crate) trait OrPanic<T> {
    /// The value, or a panic at the caller's line. A closure would hide that line.
    #[track_caller]
    fn or_panic(self) -> T;
}

impl<T> OrPanic<T> for Result<T, WrongRegistry> {
    #[track_caller]
    fn or_panic(self) -> T {
        match self {
            Ok(value) => value,
            Err(wrong) => panic!("{wrong}"),
        }
    }
}

/// Which registry it is, of those that the process has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryOrigin {
    /// Its number, which no other registry of this process has.
    pub number: u64,
    /// Where it was made: the caller of [`Registry::new`](crate::Registry::new) or
    /// [`RegistryBuilder::build`](crate::registry::RegistryBuilder::build). `None` for the snapshot of a disabled registry.
    pub made_at: Option<&'static Location<'static>>,
}

impl RegistryOrigin {
    pub(crate) fn new(number: u64, made_at: Option<&'static Location<'static>>) -> Self {
        RegistryOrigin { number, made_at }
    }
}

impl fmt::Display for RegistryOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.made_at {
            Some(at) => write!(f, "the registry made at {at} (number {})", self.number),
            None => f.write_str("a disabled registry"),
        }
    }
}

/// A collector was stopped, and the last snapshot is not what it should be.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopError {
    /// A thread stayed inside a fact: the last snapshot is an older cut, marked stale.
    #[error(
        "the last snapshot lacks what was recorded lately: a thread stayed inside a fact for \
         longer than {timeout:?}; do not wait inside a fact, or raise \
         `RegistryBuilder::shutdown_timeout`"
    )]
    Incomplete {
        /// How long the collector waited.
        timeout: Duration,
    },
    /// The collector's thread panicked: readers keep the last snapshot it published.
    #[error("the collector's thread panicked: {0}")]
    Panicked(String),
}

/// Nothing will be published: the registry has no collector, or is disabled or gone.
///
/// Start one by [`Registry::collect_every`](crate::Registry::collect_every) and keep the
/// [`Ticker`](crate::Ticker), or use [`Registry::collector`](crate::Registry::collector).
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
