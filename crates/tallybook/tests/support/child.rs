//! A test in a process of its own, for what may end a process or sets one up.

use std::io::Write;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

/// Starts this program again to run only the test `name`, with `variable` set to that name. Returns
/// what came out of that process, or `None` in that process itself.
pub fn run_again(variable: &str, name: &str) -> Option<Output> {
    if std::env::var(variable).as_deref() == Ok(name) {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    let command = command.args([name, "--exact", "--nocapture"]).env(variable, name);
    Some(command.output().unwrap())
}

/// Aborts this process after a minute, in which each test here ends unless it hangs. It allocates
/// nothing then, as the allocator may be what hangs.
pub fn abort_if_it_hangs() {
    const PATIENCE: Duration = Duration::from_secs(60);
    let since = Instant::now();
    thread::spawn(move || {
        while let Some(left) = PATIENCE.checked_sub(since.elapsed()).filter(|left| !left.is_zero())
        {
            thread::park_timeout(left);
        }
        let _ = std::io::stderr().write_all(b"the process hangs\n");
        std::process::abort();
    });
}
