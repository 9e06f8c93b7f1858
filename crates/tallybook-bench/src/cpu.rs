//! CPU time, which neither waiting nor other work on the machine stretches.

use std::time::Duration;

/// How long the calling thread has run.
#[cfg(unix)]
pub fn of_thread() -> Duration {
    read(rustix::time::ClockId::ThreadCPUTime)
}

/// How long all threads have run, together.
#[cfg(unix)]
pub fn of_process() -> Duration {
    read(rustix::time::ClockId::ProcessCPUTime)
}

#[cfg(unix)]
fn read(clock: rustix::time::ClockId) -> Duration {
    let now = rustix::time::clock_gettime(clock);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec as u32)
}

/// Where the system does not say, time as such.
#[cfg(not(unix))]
pub fn of_thread() -> Duration {
    of_process()
}

#[cfg(not(unix))]
pub fn of_process() -> Duration {
    static STARTED: std::sync::LazyLock<std::time::Instant> =
        std::sync::LazyLock::new(std::time::Instant::now);
    STARTED.elapsed()
}
