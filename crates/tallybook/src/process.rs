//! The process itself as a set: memory, CPU time, threads, open files, start time.
//!
//! The numbers are asked for at each tick, as those of any [observed](crate::Registry::observe) set
//! are. They come from
//! [`sysinfo`](https://docs.rs/sysinfo), and the number of threads from Linux itself. A gauge that the platform has no value
//! for stays unset.
//!
//! ```
//! use tallybook::{Registry, process};
//!
//! let registry = Registry::new();
//! let process = process::observe(&registry)?;
//! let now = registry.collector()?.tick().set(&process);
//! if let Some(bytes) = now.resident_memory {
//!     println!("{} KiB, {} ms of CPU time", bytes / 1024, now.cpu_time);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::error::RegisterError;
use crate::metric::{Counter, Gauge};
use crate::record::Observed;
use crate::registry::Registry;
use std::fmt;
use sysinfo::{
    IS_SUPPORTED_SYSTEM, Pid, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid,
};

/// The name that [`observe`] registers under.
pub const NAME: &str = "process";

/// The numbers of the process.
#[derive(tallybook_derive::Stats)]
#[non_exhaustive]
pub struct Process {
    /// Physical memory in use.
    #[stats(unit = "bytes")]
    pub resident_memory: Gauge,
    /// Virtual memory.
    #[stats(unit = "bytes")]
    pub virtual_memory: Gauge,
    /// CPU time used by all threads, in user and kernel mode.
    #[stats(unit = "milliseconds")]
    pub cpu_time: Counter,
    /// Threads. On Linux only.
    pub threads: Gauge,
    /// Open files, sockets and pipes, those included that are opened to count them.
    pub open_files: Gauge,
    /// How many of them may be open at once.
    pub open_files_limit: Gauge,
    /// When the process was started, in seconds since 1970.
    #[stats(unit = "seconds")]
    pub start_time: Gauge,
}

/// Registers the set of the process as `process`. Reading the numbers takes some tens of
/// microseconds in each tick, and longer where thousands of files are open; see there for what
/// happens if it takes too long.
///
/// # Errors
/// As [`Registry::observe`]: also if it is registered already.
#[track_caller]
pub fn observe(registry: &Registry) -> Result<Observed<Process>, RegisterError> {
    let mut source = Source::new();
    registry.observe(NAME, move |process| source.record(process))
}

/// Where the numbers come from.
struct Source {
    /// `None` on a platform that has no such numbers.
    system: Option<(System, Pid)>,
}

impl Source {
    fn new() -> Self {
        Source { system: IS_SUPPORTED_SYSTEM.then(System::new).zip(get_current_pid().ok()) }
    }

    fn record(&mut self, into: &Process) {
        let Some((system, pid)) = &mut self.system else { return };
        let wanted = ProcessRefreshKind::nothing().with_memory().with_cpu();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[*pid]), false, wanted);
        let Some(process) = system.process(*pid) else { return };
        set(&into.resident_memory, Some(process.memory()));
        set(&into.virtual_memory, Some(process.virtual_memory()));
        into.cpu_time.add(process.accumulated_cpu_time());
        set(&into.threads, threads());
        set(&into.open_files, process.open_files().map(|count| count as u64));
        set(&into.open_files_limit, process.open_files_limit().map(|count| count as u64));
        set(&into.start_time, Some(process.start_time()));
    }
}

/// Sets a gauge to a number that is known. Of all of these none is zero where it is.
fn set(gauge: &Gauge, value: Option<u64>) {
    if let Some(value) = value.filter(|value| *value > 0) {
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    }
}

/// Not from `sysinfo`, which reads what each of them does to count them.
#[cfg(target_os = "linux")]
fn threads() -> Option<u64> {
    std::fs::read_dir("/proc/self/task").ok().map(|threads| threads.count() as u64)
}

#[cfg(not(target_os = "linux"))]
fn threads() -> Option<u64> {
    None
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").finish_non_exhaustive()
    }
}
