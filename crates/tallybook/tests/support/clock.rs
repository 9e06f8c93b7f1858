//! A registry whose clock only the test moves.

use std::sync::Arc;
use tallybook::registry::RegistryBuilder;
use tallybook::{ManualClock, Registry};

/// Builds a registry on a [`ManualClock`] at zero. `configure` sets everything else.
pub fn manual(
    configure: impl FnOnce(RegistryBuilder) -> RegistryBuilder,
) -> (Registry, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let registry = configure(Registry::builder().clock(clock.clone())).build();
    (registry, clock)
}
