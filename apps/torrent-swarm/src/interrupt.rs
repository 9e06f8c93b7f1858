//! Ctrl-C: once to end with the summary, twice to end at once.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit status after Ctrl-C: 128 and the number of SIGINT, as shells have it.
pub const STATUS: u8 = 130;

/// The wish to end. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Interrupt {
    pressed: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Interrupt {
    /// Listens to SIGINT and SIGTERM from now on.
    pub fn listen() -> Result<Self> {
        let interrupt = Self::default();
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            let mut signals = signal(kind).context("cannot listen to signals")?;
            let interrupt = interrupt.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    interrupt.press();
                }
            });
        }
        Ok(interrupt)
    }

    /// Asks for the end; the second time there is no more asking, and a temporary directory stays
    /// behind.
    pub fn press(&self) {
        if self.pressed.swap(true, Ordering::Relaxed) {
            if std::io::stdout().is_terminal() {
                ratatui::restore();
            }
            std::process::exit(STATUS.into());
        }
        self.token.cancel();
    }

    /// Waits until it is asked for.
    pub async fn pressed(&self) {
        self.token.cancelled().await;
    }
}
