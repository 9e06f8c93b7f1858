//! [`Identity`]: what tells the snapshots of one registry from those of all others, on whatever machine.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Which registry a snapshot or a report is of.
///
/// The *instance* is the name that the program has chosen, the same after a restart; the
/// *incarnation* is a number of 128 random bits, another for each registry that is made. Counters
/// of one incarnation never go backwards.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Identity {
    /// The name that was chosen with
    /// [`RegistryBuilder::instance`](crate::registry::RegistryBuilder::instance); empty if none
    /// was.
    pub instance: Arc<str>,
    /// Unique: no other registry has it, in this or any other process.
    pub incarnation: u128,
    /// When the registry was made, by the time of day.
    pub started: SystemTime,
    /// When the registry was made, on its clock.
    pub(crate) started_at: Duration,
}

impl Identity {
    pub(crate) fn new(instance: &str, started: SystemTime, started_at: Duration) -> Self {
        // The keys of each are random: they come from the operating system.
        let half = || RandomState::new().build_hasher().finish();
        let mut mixed = RandomState::new().build_hasher();
        mixed.write_u32(std::process::id());
        mixed.write_u128(
            started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos(),
        );
        let incarnation = u128::from(half()) << 64 | u128::from(mixed.finish());
        Identity { instance: instance.into(), incarnation, started, started_at }
    }

    /// That of a report from elsewhere.
    #[cfg(feature = "serde")]
    pub(crate) fn received(instance: &str, incarnation: u128, started: SystemTime) -> Self {
        let (instance, started_at) = (instance.into(), Duration::ZERO);
        Identity { instance, incarnation, started, started_at }
    }

    /// Without what only this process understands.
    pub(crate) fn portable(&self) -> Self {
        Identity { started_at: Duration::ZERO, ..self.clone() }
    }

    /// The time of day of a moment on the registry's clock: the same whenever it is asked, however
    /// the time of day was set since the registry was made.
    pub(crate) fn time_of_day(&self, at: Duration) -> SystemTime {
        let later = self.started.checked_add(at.saturating_sub(self.started_at));
        later.unwrap_or(self.started)
    }
}

impl Default for Identity {
    /// That of a disabled registry.
    fn default() -> Self {
        let (instance, started) = (Arc::from(""), SystemTime::UNIX_EPOCH);
        Identity { instance, incarnation: 0, started, started_at: Duration::ZERO }
    }
}
