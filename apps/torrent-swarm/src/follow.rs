//! The follower: sees every cut, checks the law on it, and writes it down.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tallybook::{Reader, Snapshot};
use tokio_util::sync::CancellationToken;

use crate::books::Books;
use crate::cut::Cut;
use crate::law::{Breach, World, breaches};
use crate::verdict::Verdict;
use crate::windows::Windows;

/// How long the follower may sleep through being told to stop.
const PATIENCE: Duration = Duration::from_millis(50);

/// A verdict that others may look at while it grows.
#[derive(Clone, Default)]
pub struct Shared(Arc<(Mutex<Verdict>, Condvar)>);

impl Shared {
    /// As it stands.
    pub fn get(&self) -> Verdict {
        self.lock().clone()
    }

    fn enter(&self, cut: &Cut, taken: u64, found: &[Breach]) {
        self.lock().enter(cut, taken, found);
        self.0.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Verdict> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the snapshots are written.
pub struct Journal {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Journal {
    /// Creates or empties the file.
    pub fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path: path.to_path_buf(), file: BufWriter::new(file) })
    }

    fn enter(&mut self, snapshot: &Snapshot) -> Result<()> {
        serde_json::to_writer(&mut self.file, snapshot)
            .map_err(anyhow::Error::from)
            .and_then(|()| Ok(self.file.write_all(b"\n")?))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }

    fn close(mut self) -> Result<()> {
        self.file.flush().with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// A thread of its own, so that a busy runtime cannot make it miss a cut.
pub struct Follower {
    stop: CancellationToken,
    /// The verdict so far.
    pub verdict: Shared,
    /// Cancelled when the snapshots cannot be written any more; [`Follower::finish`] says why.
    pub trouble: CancellationToken,
    thread: JoinHandle<Result<()>>,
}

impl Follower {
    /// Starts following `books`; call it before the collector starts.
    pub fn start(books: Books, world: World, journal: Option<Journal>) -> Result<Self> {
        let stop = CancellationToken::new();
        let verdict = Shared::default();
        let trouble = CancellationToken::new();
        let reader = books.registry.reader();
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .spawn({
                let (stop, verdict, trouble) = (stop.clone(), verdict.clone(), trouble.clone());
                move || follow(&reader, &books, world, journal, &stop, &verdict, &trouble)
            })
            .context("cannot start the follower")?;
        Ok(Self { stop, verdict, trouble, thread })
    }

    /// Waits, but not for ever, until one more cut was looked at.
    ///
    /// The reader shows the latest cut only. A collector that is stopped at any odd moment may
    /// publish its last cut right behind a regular one, and hide that from the follower; stopped
    /// just after a regular one was seen, it cannot.
    pub fn settle(&self, patience: Duration) {
        let verdict = self.verdict.lock();
        let before = verdict.checked;
        // Whether it was seen shows in the verdict.
        let _ = self
            .verdict
            .0
            .1
            .wait_timeout_while(verdict, patience, |verdict| verdict.checked == before);
    }

    /// Follows to the last cut published before this call and returns the verdict, and whether all
    /// was written down.
    pub fn finish(self) -> (Verdict, Result<()>) {
        self.stop.cancel();
        let written = self.thread.join().unwrap_or_else(|_| Err(anyhow!("the follower panicked")));
        (self.verdict.get(), written)
    }
}

fn follow(
    reader: &Reader,
    books: &Books,
    world: World,
    mut journal: Option<Journal>,
    stop: &CancellationToken,
    verdict: &Shared,
    trouble: &CancellationToken,
) -> Result<()> {
    let mut written = Ok(());
    let start = reader.latest();
    // Not epochs: where queues fill, more of them are closed than cuts are published.
    let collector = books.registry.collector_stats();
    let published = |snapshot: &Snapshot| snapshot.set(&collector).ticks;
    let first = published(&start);
    let mut seen = start.epoch();
    let mut windows = Windows::new(books.clone(), start);
    loop {
        // Asked before the wait: what was published before the stop is then still found by it.
        let last_round = stop.is_cancelled();
        let patience = if last_round { Duration::ZERO } else { PATIENCE };
        let Ok(snapshot) = reader.wait_next(seen, patience) else {
            if last_round {
                return written.and_then(|()| journal.map_or(Ok(()), Journal::close));
            }
            continue;
        };
        seen = snapshot.epoch();
        let cut = Cut::of(&snapshot, books);
        let mut found = breaches(&cut, world);
        found.extend(windows.enter(&snapshot));
        verdict.enter(&cut, published(&snapshot) - first, &found);
        if written.is_ok()
            && let Some(journal) = &mut journal
        {
            // The law is checked to the end all the same.
            written = journal.enter(&snapshot).inspect_err(|_| trouble.cancel());
        }
    }
}
