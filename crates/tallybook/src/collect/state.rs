//! [`State`]: what a registry and its collector share.

use super::context::Context;
use super::core::Core;
use crate::support::lock;
use std::sync::Mutex;

/// See the module.
pub(crate) struct State {
    pub(crate) context: Context,
    /// The collector's own part, while there is no collector.
    pub(super) core: Mutex<Option<Box<Core>>>,
}

impl State {
    pub(crate) fn new(context: Context, core: Box<Core>) -> Self {
        State { context, core: Mutex::new(Some(core)) }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // There is no collector: that would keep this.
        let core = lock(&self.core).take();
        if let Some(mut core) = core {
            core.end(&self.context);
        }
    }
}
