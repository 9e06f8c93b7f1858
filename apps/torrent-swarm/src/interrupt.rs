//! Signals: one ends the run with the summary, and another one after a second ends it at once.
//!
//! `timeout` and a closed terminal signal twice in a row, which is one wish.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::terminal;

/// How long all signals are one.
const ONE: Duration = Duration::from_secs(1);

/// What a shell adds to the number of the signal that ended a program.
const ENDED: u8 = 128;

/// What ends the run.
const SIGNALS: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// The wish to end. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Interrupt {
    wish: Arc<Mutex<Wish>>,
    token: CancellationToken,
}

#[derive(Default)]
struct Wish {
    first: Option<(Instant, Signal)>,
    /// What has to go whatever happens.
    temporary: Option<PathBuf>,
}

impl Interrupt {
    /// Listens to signals from now on; not to those that whoever started the program has turned
    /// off, as `nohup` does.
    pub fn listen() -> Result<Self> {
        let interrupt = Self::default();
        let ignored = ignored();
        for kind in SIGNALS {
            if ignored >> (kind as u32 - 1) & 1 == 1 {
                continue;
            }
            let number = SignalKind::from_raw(kind as i32);
            let mut signals = signal(number).context("cannot listen to signals")?;
            let interrupt = interrupt.clone();
            tokio::spawn(async move {
                while signals.recv().await.is_some() {
                    interrupt.press(kind);
                }
            });
        }
        Ok(interrupt)
    }

    /// Asks for the end; if it was asked for a second ago or longer, that is now.
    pub fn press(&self, signal: Signal) {
        if self.is_second(signal, Instant::now()) {
            self.leave(signal);
        }
        self.token.cancel();
    }

    fn is_second(&self, signal: Signal, now: Instant) -> bool {
        let (first, _) = *self.lock().first.get_or_insert((now, signal));
        now.saturating_duration_since(first) >= ONE
    }

    /// Ends the program by the signal itself: no other thread is to see what an exit takes down.
    fn leave(&self, signal: Signal) {
        if let Some(dir) = &self.lock().temporary {
            // Whoever is still at work there may make a file meanwhile.
            let _ = (0..10).find(|_| std::fs::remove_dir_all(dir).is_ok() || !dir.exists());
        }
        terminal::leave();
        let _ = signal_hook::low_level::emulate_default_handler(signal as i32);
    }

    /// Names a directory that is to be removed if the program is ended at once.
    pub fn removes(&self, dir: PathBuf) {
        self.lock().temporary = Some(dir);
    }

    /// Waits until the end is asked for.
    pub async fn pressed(&self) {
        self.token.cancelled().await;
    }

    /// The exit status after that: 128 and the number of the signal, as shells have it.
    pub fn status(&self) -> u8 {
        let signal = self.lock().first.map_or(Signal::SIGINT, |(_, signal)| signal);
        ENDED + signal as u8
    }

    fn lock(&self) -> MutexGuard<'_, Wish> {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The signals that are ignored, a bit for each, where Linux tells.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_within_a_second_are_one() {
        let interrupt = Interrupt::default();
        assert_eq!(interrupt.status(), 130, "of a key");
        let start = Instant::now();
        let millis = |millis| start + Duration::from_millis(millis);
        assert!(!interrupt.is_second(Signal::SIGTERM, start));
        assert!(!interrupt.is_second(Signal::SIGHUP, millis(1)));
        assert!(!interrupt.is_second(Signal::SIGTERM, millis(999)));
        assert!(interrupt.is_second(Signal::SIGINT, millis(1000)));
        assert_eq!(interrupt.status(), 143, "that of the first");
    }
}
