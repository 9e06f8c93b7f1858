//! One run from the arguments to the summary.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, anyhow};
use tallybook::Actor;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::args::Args;
use crate::books::Books;
use crate::cut::Cut;
use crate::display::Display;
use crate::fetch::{Fetch, Torrent, reach};
use crate::file::Payload;
use crate::follow::{Follower, Journal};
use crate::interrupt::{Interrupt, STATUS};
use crate::law::World;
use crate::rate::Rates;
use crate::storage::WriteFault;
use crate::summary::{Ending, Summary};
use crate::swarm::{Outcome, Swarm};
use crate::view::Goal;
use crate::wire::{Tap, Wire};

/// How long the end may be put off so that no cut hides behind the last one. Where cuts are rarer
/// than that, none will.
const SETTLE: Duration = Duration::from_millis(500);

/// How many events of a kind each queue holds, and how many where queues are to overflow.
const ROOM: usize = 4096;
const FLOODED: usize = 8;

/// Where the files are: a directory that was asked for, or one that goes away at the end.
enum Workplace {
    Given(PathBuf),
    Temporary(TempDir),
}

impl Workplace {
    fn new(dir: Option<&Path>) -> Result<Self> {
        match dir {
            Some(dir) => {
                std::fs::create_dir_all(dir)
                    .with_context(|| format!("cannot create {}", dir.display()))?;
                Ok(Self::Given(dir.to_path_buf()))
            }
            None => TempDir::with_prefix("torrent-swarm-")
                .map(Self::Temporary)
                .context("cannot create a temporary directory"),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

/// The work of a run.
enum Job {
    Swarm { swarm: Swarm, leechers: u16 },
    Fetch { fetch: Box<Fetch>, books: Books, faults: UnboundedSender<WriteFault> },
}

impl Job {
    async fn run(self) -> Result<Outcome> {
        match self {
            Self::Swarm { swarm, leechers } => {
                swarm.run(leechers).await?;
                Ok(swarm.outcome())
            }
            Self::Fetch { fetch, books, faults } => {
                fetch.run(&books, &faults).await?;
                Ok(Outcome { verified: 1, ..Outcome::default() })
            }
        }
    }

    /// What became of the leechers until now.
    fn so_far(swarm: Option<&Swarm>) -> Outcome {
        swarm.map(Swarm::outcome).unwrap_or_default()
    }
}

/// Runs what `args` ask for and says how it went.
pub async fn run(args: Args) -> Result<ExitCode> {
    let interrupt = Interrupt::listen()?;
    let journal = args.json.as_deref().map(Journal::create).transpose()?;
    // Whatever can be wrong with the arguments is found before anything is shown.
    let prepared = tokio::select! {
        biased;
        () = interrupt.pressed() => {
            eprintln!("interrupted before anything was fetched");
            return Ok(ExitCode::from(STATUS));
        }
        prepared = prepare(&args) => prepared?,
    };
    let Prepared { workplace, goal, world, expected, plan } = prepared;
    // Opened only now, so that their time begins with the run.
    let room = if args.flood { FLOODED } else { ROOM };
    let books = Books::new((!args.no_tap).then_some(room))?;
    let opening = books.registry.reader().latest();
    let (faults, mut faulty) = unbounded_channel();
    let tap = |wire: &Actor<Wire>| Tap::new(wire.sender(), goal.pieces, args.flood);
    let tap = books.wire.as_ref().map(tap);
    let job = plan.job(&args, workplace.path(), &books, faults, tap);
    let watched = match &job {
        Job::Swarm { swarm, .. } => Some(swarm.clone()),
        Job::Fetch { .. } => None,
    };

    let follower = Follower::start(books.clone(), world, journal)?;
    let collector =
        books.registry.collect_every(args.interval).context("cannot start the collector")?;
    let display = Display::start(
        books.clone(),
        follower.verdict.clone(),
        goal.clone(),
        args.interval,
        interrupt.clone(),
    )?;
    let start = Instant::now();
    let (ending, outcome, error) = match work(job, &interrupt, &follower.trouble, &mut faulty).await
    {
        Ok(Some(outcome)) => (Ending::Finished, outcome, None),
        Ok(None) => (Ending::Interrupted, Job::so_far(watched.as_ref()), None),
        Err(error) => (Ending::Failed, Job::so_far(watched.as_ref()), Some(error)),
    };
    let time = start.elapsed();
    if args.interval <= SETTLE {
        tokio::task::block_in_place(|| follower.settle(SETTLE.min(args.interval * 2)));
    }
    // Publishes the last cut, which the follower still checks and the display then shows, with the
    // verdict.
    drop(collector);
    let (verdict, written) = follower.finish();
    let shown = display.finish();
    drop(workplace);
    shown?;
    let last = books.registry.reader().latest();
    let all = last.since(&opening).context("the last cut is not of the books that were opened")?;
    let rates = Rates::over(&all, &books);
    let last = Cut::of(&last, &books);
    let summary = Summary { ending, time, goal, expected, outcome, last, rates, verdict };
    writeln!(std::io::stdout().lock(), "{summary}").context("cannot write to standard output")?;
    written?;
    match (error, &summary.ending) {
        (Some(error), _) => Err(error),
        (None, Ending::Interrupted) => Ok(ExitCode::from(STATUS)),
        (None, _) if summary.holds() => Ok(ExitCode::SUCCESS),
        (None, _) => Ok(ExitCode::FAILURE),
    }
}

struct Prepared {
    workplace: Workplace,
    goal: Goal,
    world: World,
    expected: u64,
    plan: Plan,
}

/// What a job is made of.
enum Plan {
    Swarm(Payload),
    Fetch(Box<Torrent>, SocketAddr),
}

impl Plan {
    fn job(
        self,
        args: &Args,
        dir: &Path,
        books: &Books,
        faults: UnboundedSender<WriteFault>,
        tap: Option<Tap>,
    ) -> Job {
        let (rate, interval, books) = (args.rate_limit, args.interval, books.clone());
        match self {
            Self::Swarm(payload) => Job::Swarm {
                swarm: Swarm::new(books, payload, dir, rate, interval, faults, tap),
                leechers: args.leechers,
            },
            Self::Fetch(torrent, peer) => {
                let (dir, patience) = (dir.to_path_buf(), args.peer_timeout);
                let fetch = Fetch { torrent: *torrent, peer, dir, rate, patience, interval, tap };
                Job::Fetch { fetch: Box::new(fetch), books, faults }
            }
        }
    }
}

async fn prepare(args: &Args) -> Result<Prepared> {
    if let (Some(torrent), Some(peer)) = (&args.torrent, &args.peer) {
        let torrent = Torrent::read(torrent)?;
        let peer = reach(peer, args.peer_timeout).await?;
        let goal = torrent.goal();
        let workplace = Workplace::new(args.dir.as_deref())?;
        let plan = Plan::Fetch(Box::new(torrent), peer);
        return Ok(Prepared { workplace, goal, world: World::Open, expected: 1, plan });
    }
    let workplace = Workplace::new(args.dir.as_deref())?;
    let payload = Payload::make(workplace.path().join("seed"), args.size).await?;
    let goal =
        Goal { title: crate::file::NAME.into(), bytes: payload.bytes, pieces: payload.pieces() };
    let (expected, plan) = (args.leechers.into(), Plan::Swarm(payload));
    Ok(Prepared { workplace, goal, world: World::Closed, expected, plan })
}

/// Does the job; `None` when it was interrupted.
async fn work(
    job: Job,
    interrupt: &Interrupt,
    trouble: &CancellationToken,
    faults: &mut UnboundedReceiver<WriteFault>,
) -> Result<Option<Outcome>> {
    let done = tokio::select! {
        biased;
        () = interrupt.pressed() => return Ok(None),
        () = trouble.cancelled() => Err(anyhow!("the snapshots cannot be written")),
        Some(fault) = faults.recv() => Err(Error::new(fault)),
        done = job.run() => done,
    };
    // A failed write makes its member fail, too; the write says more.
    match (done, faults.try_recv()) {
        (Err(_), Ok(fault)) => Err(Error::new(fault)),
        (done, _) => done.map(Some),
    }
}
