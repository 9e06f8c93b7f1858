//! [`Settings`]: the settings of a registry that its snapshots tell.

use super::identity::Identity;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// See the module.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) windows: Box<[Duration]>,
    pub(crate) constants: Arc<[Duration]>,
    pub(crate) identity: Identity,
    /// Where the registry was made; `None` for a disabled one.
    pub(crate) made_at: Option<&'static Location<'static>>,
}
