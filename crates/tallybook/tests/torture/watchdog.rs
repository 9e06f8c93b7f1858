//! Makes a hang visible: aborts a process that makes no progress, and says where it is.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

static PROGRESS: AtomicU64 = AtomicU64::new(0);
/// What each thread is doing.
static STEPS: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());

/// Notes what this thread does from now on.
pub fn at(what: String) {
    let thread = format!("{:?}", thread::current().id());
    STEPS.lock().unwrap().insert(thread, what);
    PROGRESS.fetch_add(1, SeqCst);
}

/// Notes that this thread has finished.
pub fn done() {
    let thread = format!("{:?}", thread::current().id());
    STEPS.lock().unwrap().remove(&thread);
    PROGRESS.fetch_add(1, SeqCst);
}

/// Watches this process from now on.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let seconds = super::number("TALLYBOOK_TORTURE_PATIENCE", 60);
        thread::spawn(move || bark_after(Duration::from_secs(seconds)));
    });
}

fn bark_after(patience: Duration) {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        thread::park_timeout(Duration::from_millis(100));
        let now = PROGRESS.load(SeqCst);
        let steps = STEPS.lock().unwrap().clone();
        if now != last || steps.is_empty() {
            (last, since) = (now, Instant::now());
        } else if since.elapsed() > patience {
            // Not with `eprintln!`, whose output the test harness captures until the test has
            // ended.
            let mut all = format!("no progress for {patience:?}:\n");
            steps.iter().for_each(|(thread, step)| all += &format!("  {thread}: {step}\n"));
            let _ = std::io::stderr().write_all(all.as_bytes());
            std::process::abort();
        }
    }
}
