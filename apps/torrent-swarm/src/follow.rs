//! The follower: takes every cut, checks the law on it, and writes it down.
//!
//! It drives the collector itself, so there is no cut that it does not see, and a cut is looked at
//! before there is another.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tallybook::{Collector, Reader, Snapshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::books::Books;
use crate::cut::Cut;
use crate::journal::Journal;
use crate::law::{Breach, World, breaches};
use crate::verdict::Verdict;
use crate::windows::Windows;

/// A verdict that others may look at while it grows.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Verdict>>);

impl Shared {
    /// As it stands.
    pub fn get(&self) -> Verdict {
        self.lock().clone()
    }

    fn enter(&self, cut: &Cut, unseen: u64, found: &[Breach]) {
        self.lock().enter(cut, unseen, found);
    }

    fn lock(&self) -> MutexGuard<'_, Verdict> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The journal, and whether all was written.
type Written = (Option<Journal>, Result<()>);

/// A thread of its own, so that a busy runtime cannot keep it from its cuts, and a slow disk keeps
/// nobody else waiting.
pub struct Follower {
    stop: CancellationToken,
    /// The verdict so far.
    pub verdict: Shared,
    /// Cancelled when the journal cannot be written any more; [`Follower::finish`] says why.
    pub trouble: CancellationToken,
    thread: JoinHandle<Written>,
}

impl Follower {
    /// Starts to take a cut of `books` every `interval`.
    pub fn start(
        books: &Books,
        world: World,
        journal: Option<Journal>,
        interval: Duration,
    ) -> Result<Self> {
        let cannot = "cannot start the collector";
        let (stop, trouble) = (CancellationToken::new(), CancellationToken::new());
        let verdict = Shared::default();
        let timer = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let timer = timer.context(cannot)?;
        let collector = books.registry.collector().context(cannot)?;
        let watch = Watch::new(books.clone(), world, journal, verdict.clone(), trouble.clone());
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .spawn(move || timer.block_on(follow(collector, watch, interval, stopped)))
            .context(cannot)?;
        Ok(Self { stop, verdict, trouble, thread })
    }

    /// Takes the last cut and returns the verdict, the journal, and whether all was written down.
    pub fn finish(self) -> (Verdict, Option<Journal>, Result<()>) {
        self.stop.cancel();
        let panicked = |_| (None, Err(anyhow!("the follower panicked")));
        let (journal, written) = self.thread.join().unwrap_or_else(panicked);
        (self.verdict.get(), journal, written)
    }
}

async fn follow(
    collector: Collector,
    watch: Watch,
    interval: Duration,
    stop: CancellationToken,
) -> Written {
    let mut watch = watch;
    let mut due = Instant::now();
    let sleep = |time: Duration| {
        let now = Instant::now();
        // Cuts are at multiples of the interval, however long it takes to look at them.
        let until = if time == interval {
            due = (due + interval).max(now);
            due
        } else {
            now + time
        };
        tokio::time::sleep_until(until)
    };
    {
        let mut running = std::pin::pin!(collector.run(interval, sleep));
        // It lets others have their turn between any two cuts.
        let seeing = poll_fn(|context| {
            let poll = running.as_mut().poll(context);
            watch.look();
            poll
        });
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = seeing => {}
        }
    }
    // The collector is gone now, and has taken the last cut.
    watch.look();
    (watch.journal, watch.written)
}

/// Looks at cuts.
struct Watch {
    books: Books,
    world: World,
    journal: Option<Journal>,
    verdict: Shared,
    trouble: CancellationToken,
    written: Result<()>,
    reader: Reader,
    windows: Windows,
    seen: u64,
    /// Cuts that had been taken when this began, and those that were looked at since: stale ones
    /// left out.
    before: u64,
    whole: u64,
}

impl Watch {
    fn new(
        books: Books,
        world: World,
        journal: Option<Journal>,
        verdict: Shared,
        trouble: CancellationToken,
    ) -> Self {
        let reader = books.registry.reader();
        let start = reader.latest();
        let (seen, before) = (start.epoch(), taken(&start, &books));
        let windows = Windows::new(books.clone(), start);
        let (written, whole) = (Ok(()), 0);
        Self {
            books,
            world,
            journal,
            verdict,
            trouble,
            written,
            reader,
            windows,
            seen,
            before,
            whole,
        }
    }

    /// Looks at the latest cut, if it has not been.
    fn look(&mut self) {
        let snapshot = self.reader.latest();
        if snapshot.epoch() == self.seen {
            return;
        }
        self.seen = snapshot.epoch();
        let cut = Cut::of(&snapshot, &self.books);
        let mut found = breaches(&cut, self.world);
        found.extend(self.windows.enter(&snapshot));
        self.whole += u64::from(!snapshot.is_stale());
        let unseen = taken(&snapshot, &self.books).saturating_sub(self.before + self.whole);
        self.verdict.enter(&cut, unseen, &found);
        if self.written.is_ok()
            && let Some(journal) = &mut self.journal
        {
            // The law is checked to the end all the same.
            self.written =
                journal.enter(&cut, &snapshot, &self.books).inspect_err(|_| self.trouble.cancel());
        }
    }
}

/// How many cuts there have been, stale ones left out. Not epochs: where queues fill, more of them
/// are closed than cuts are published.
fn taken(snapshot: &Snapshot, books: &Books) -> u64 {
    snapshot.set(&books.registry.collector_stats()).ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However slowly they are looked at: each is looked at before the next one is taken.
    #[test]
    fn no_cut_is_missed() {
        let books = Books::new(None).expect("books");
        let page = books.page("m").expect("a member");
        let interval = Duration::from_millis(1);
        let follower = Follower::start(&books, World::Open, None, interval).expect("started");
        let reader = books.registry.reader();
        let whole = || taken(&reader.latest(), &books);
        while whole() < 200 {
            page.received(1, Duration::ZERO);
        }
        let (verdict, _, written) = follower.finish();
        written.expect("there was nothing to write");
        assert!(verdict.taken >= 200, "{verdict:?}");
        assert_eq!((verdict.checked, verdict.broken), (verdict.taken, 0), "{:?}", verdict.first);
        assert!(whole() <= verdict.checked, "the last one, too");
    }
}
