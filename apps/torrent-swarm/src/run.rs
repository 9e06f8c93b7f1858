//! One run from the arguments to the summary.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow};
use tallybook::{Actor, Snapshot};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::args::Args;
use crate::books::Books;
use crate::cut::Cut;
use crate::display::{Display, Source};
use crate::fetch::Fetch;
use crate::follow::Follower;
use crate::interrupt::Interrupt;
use crate::journal::{Journal, is_stdout};
use crate::output::{complain, say};
use crate::prepare::{Plan, Prepared, prepare};
use crate::rate::Rates;
use crate::storage::WriteFault;
use crate::summary::{Ending, Summary};
use crate::swarm::{Outcome, Swarm};
use crate::wire::{Tap, Wire};

/// How long members may take to let go of everything when the run is over.
const FAREWELL: Duration = Duration::from_secs(5);

/// How many events of a kind each queue holds, and how many where queues are to overflow.
const ROOM: usize = 4096;
const FLOODED: usize = 8;

/// The work of a run.
enum Job {
    Swarm { swarm: Swarm, stays: bool },
    Fetch { fetch: Option<Box<Fetch>>, books: Books, faults: UnboundedSender<WriteFault> },
}

impl Job {
    async fn run(&mut self) -> Result<()> {
        match self {
            Self::Swarm { swarm, .. } => swarm.run().await,
            Self::Fetch { fetch, books, faults } => match fetch.take() {
                Some(fetch) => fetch.run(books, faults).await,
                None => Ok(()),
            },
        }
    }

    /// What has become of it, if it came to its end.
    fn outcome(&self, came_to_its_end: bool) -> Outcome {
        match self {
            Self::Swarm { swarm, .. } => swarm.outcome(),
            Self::Fetch { .. } => {
                Outcome { verified: came_to_its_end.into(), ..Outcome::default() }
            }
        }
    }

    /// Whether it has done all it has to, and only waits to be interrupted.
    fn waits(&self) -> bool {
        matches!(self, Self::Swarm { swarm, stays: true } if swarm.outcome().complete)
    }
}

/// Runs what `args` ask for and says how it went.
pub async fn run(args: Args) -> Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let mut journal =
        args.json.as_deref().map(|path| Journal::create(path, args.json_full)).transpose()?;
    let is_silent = args.json.as_deref().is_some_and(is_stdout);
    let display = Display::start(interrupt.clone(), is_silent)?;
    let prepared = prepare(&args, &interrupt, &display).await;
    let prepared = match prepared {
        Ok(Some(prepared)) => prepared,
        ended => {
            let shown = display.finish();
            ended?;
            shown?;
            complain("interrupted before anything was fetched");
            return Ok(ExitCode::from(interrupt.status()));
        }
    };
    if let Some(journal) = &mut journal {
        journal.begin(&args, &prepared.goal, prepared.world)?;
    }
    let (summary, journal, error) = perform(&args, &interrupt, display, prepared, journal).await?;
    let written = journal.map_or(Ok(()), |mut journal| journal.end(&summary));
    // Standard output may be the journal, and what is said there may have nobody who takes it.
    let said = if is_silent {
        complain(&summary.to_string());
        Ok(())
    } else {
        say(&summary.to_string())
    };
    let was_interrupted = summary.ending == Ending::Interrupted;
    match error {
        Some(error) => Err(error),
        None if was_interrupted => Ok(ExitCode::from(interrupt.status())),
        None => {
            written?;
            said?;
            Ok(if summary.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// Does what was prepared. Returns the error that ended it beside what there is to say.
async fn perform(
    args: &Args,
    interrupt: &Interrupt,
    display: Display,
    prepared: Prepared,
    journal: Option<Journal>,
) -> Result<(Summary, Option<Journal>, Option<Error>)> {
    let Prepared { workplace, goal, world, expected, was_there, plan } = prepared;
    // Opened only now, so that their time begins with the run.
    let room = if args.flood { FLOODED } else { ROOM };
    let books = Books::new((!args.no_tap).then_some(room))?;
    let opening = books.registry.reader().latest();
    let (faults, mut faulty) = unbounded_channel();
    let tap = |wire: &Actor<Wire>| Tap::new(wire.sender(), goal.pieces, args.flood);
    let tap = books.wire.as_ref().map(tap);
    let mut job = job(plan, args, &books, faults, tap, &display, workplace.path());

    let follower = Follower::start(&books, world, journal, args.interval)?;
    display.board.running(Source {
        books: books.clone(),
        verdict: follower.verdict.clone(),
        goal: goal.clone(),
        interval: args.interval,
    });
    let start = Instant::now();
    let trouble = async {
        tokio::select! {
            () = follower.trouble.cancelled() => anyhow!("the cuts cannot be written"),
            () = display.trouble.cancelled() => anyhow!("nothing can be shown any more"),
        }
    };
    let done = work(&mut job, interrupt, trouble, &mut faulty).await;
    let time = start.elapsed();
    let (ending, error) = match done {
        Ok(true) => (Ending::Finished, None),
        Ok(false) if job.waits() => (Ending::Finished, None),
        Ok(false) => (Ending::Interrupted, None),
        Err(error) => (Ending::Failed, Some(error)),
    };
    let outcome = Outcome { was_there, ..job.outcome(ending == Ending::Finished) };
    drop(job);
    // Whoever has not left by now is leaving: the last cut shows it gone.
    let _ = timeout(FAREWELL, books.deserted()).await;
    let (verdict, journal, written) = tokio::task::block_in_place(|| follower.finish());
    let shown = tokio::task::block_in_place(|| display.finish());
    drop(workplace);
    let (last, rates) = closing(&books, &opening)?;
    let summary = Summary { ending, time, goal, expected, outcome, last, rates, verdict };
    // The terminal may have gone with a signal.
    let shown = if summary.ending == Ending::Interrupted { Ok(()) } else { shown };
    // What made the journal or the display fail says more than that it did.
    Ok((summary, journal, written.and(shown).err().or(error)))
}

/// The last cut, and the rates from the opening of the books to it.
fn closing(books: &Books, opening: &Arc<Snapshot>) -> Result<(Cut, Rates)> {
    let last = books.registry.reader().latest();
    let all = last.since(opening).context("the last cut is not of the books that were opened")?;
    Ok((Cut::of(&last, books), Rates::over(&all, books)))
}

fn job(
    plan: Plan,
    args: &Args,
    books: &Books,
    faults: UnboundedSender<WriteFault>,
    tap: Option<Tap>,
    display: &Display,
    dir: &Path,
) -> Job {
    match plan {
        Plan::Swarm(plan, tracker) => {
            let (stays, board, seen) = (plan.stays, display.board.clone(), tap.clone());
            let torrent: PathBuf = dir.join(crate::prepare::TORRENT);
            let seeded = move |address| {
                if let Some(tracker) = &tracker {
                    tracker.aim(address, seen.clone());
                    board.notice(format!(
                        "the seed is at {address}, its torrent in {}",
                        torrent.display()
                    ));
                }
            };
            Job::Swarm { swarm: Swarm::new(books.clone(), plan, faults, tap, seeded), stays }
        }
        Plan::Fetch { torrent, peer, files, is_there } => {
            let (rate, patience) = (args.rate_limit, args.peer_timeout);
            let fetch = Fetch { torrent: *torrent, peer, files, rate, patience, tap };
            let fetch = (!is_there).then(|| Box::new(fetch));
            Job::Fetch { fetch, books: books.clone(), faults }
        }
    }
}

/// Does the job; `false` when it was interrupted.
async fn work(
    job: &mut Job,
    interrupt: &Interrupt,
    trouble: impl Future<Output = Error>,
    faults: &mut UnboundedReceiver<WriteFault>,
) -> Result<bool> {
    let done = tokio::select! {
        biased;
        () = interrupt.pressed() => return Ok(false),
        error = trouble => Err(error),
        Some(fault) = faults.recv() => Err(Error::new(fault)),
        done = job.run() => done,
    };
    // A failed write makes its member fail, too; the write says more.
    match (done, faults.try_recv()) {
        (Err(_), Ok(fault)) => Err(Error::new(fault)),
        (done, _) => done.map(|()| true),
    }
}
