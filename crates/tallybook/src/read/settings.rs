//! [`Settings`]: the settings of a registry that its snapshots tell.

use super::identity::Identity;
use std::sync::Arc;
use std::time::Duration;

/// See the module.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) windows: Box<[Duration]>,
    pub(crate) constants: Arc<[Duration]>,
    pub(crate) identity: Identity,
}
