//! What comes before a run: everything that can be wrong with the arguments, and the file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::args::Args;
use crate::display::Display;
use crate::fetch::{Destination, find, look_at};
use crate::file::{Making, NAME, Payload, ensure_room, made_size};
use crate::files::{Files, exists, in_the_way};
use crate::interrupt::Interrupt;
use crate::law::World;
use crate::swarm::{self, SEED, Swarm};
use crate::torrent::Torrent;
use crate::tracker::Tracker;
use crate::view::Goal;

/// The name of the torrent file that is left for other programs.
pub const TORRENT: &str = "swarm.torrent";

/// Where the files are: a directory that was asked for, or one that goes away at the end.
pub enum Workplace {
    /// It was asked for, and need not be there yet.
    Given(PathBuf),
    /// It goes away.
    Temporary(TempDir),
}

impl Workplace {
    fn new(dir: Option<&Path>, interrupt: &Interrupt) -> Result<Self> {
        let Some(dir) = dir else {
            let dir = TempDir::with_prefix("torrent-swarm-")
                .context("cannot create a temporary directory")?;
            interrupt.removes(dir.path().to_path_buf());
            return Ok(Self::Temporary(dir));
        };
        Ok(Self::Given(dir.to_path_buf()))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }
}

/// What a run is made of.
pub struct Prepared {
    /// Where the files are.
    pub workplace: Workplace,
    /// What is fetched.
    pub goal: Goal,
    /// Who takes part.
    pub world: World,
    /// How many files, or torrents, are to arrive.
    pub expected: u64,
    /// Whether all of it was there already.
    pub was_there: bool,
    /// What is to be done.
    pub plan: Plan,
}

/// What a job is made of.
pub enum Plan {
    /// A swarm of our own, and what tells others of it, if it is to stay.
    Swarm(swarm::Plan, Option<Tracker>),
    /// A torrent from somebody else.
    Fetch {
        /// Which.
        torrent: Box<Torrent>,
        /// From whom.
        peer: SocketAddr,
        /// Where to.
        files: Files,
        /// Whether they are there already.
        is_there: bool,
    },
}

/// Prepares a run; `None` when it was interrupted.
pub async fn prepare(
    args: &Args,
    interrupt: &Interrupt,
    display: &Display,
) -> Result<Option<Prepared>> {
    let making = Making::default();
    let workplace = Workplace::new(args.dir.as_deref(), interrupt)?;
    let preparing = async {
        match (&args.torrent, &args.peer) {
            (Some(torrent), Some(peer)) => fetching(args, torrent, peer, workplace).await,
            _ => swarming(args, workplace, display, &making).await,
        }
    };
    let mut preparing = std::pin::pin!(preparing);
    let stopped = async {
        tokio::select! {
            () = interrupt.pressed() => {}
            () = display.trouble.cancelled() => {}
        }
    };
    tokio::select! {
        biased;
        () = stopped => {
            making.stop.cancel();
            // Its directory goes with it, when the making has ended.
            let _ = preparing.await;
            Ok(None)
        }
        prepared = &mut preparing => prepared.map(Some),
    }
}

async fn fetching(
    args: &Args,
    torrent: &Path,
    peer: &str,
    workplace: Workplace,
) -> Result<Prepared> {
    let torrent = Torrent::read(torrent)?;
    let peer = find(peer).await?;
    let files = Files::wanted(torrent.places(workplace.path()), args.overwrite);
    let destination = {
        let (torrent, files, may_overwrite) = (torrent.clone(), files.clone(), args.overwrite);
        tokio::task::spawn_blocking(move || look_at(&torrent, &files, may_overwrite)).await??
    };
    let is_there = match destination {
        Destination::Reached => true,
        Destination::Free(missing) => {
            ensure_room(workplace.path(), missing)?;
            false
        }
    };
    let goal = torrent.goal();
    let plan = Plan::Fetch { torrent: Box::new(torrent), peer, files, is_there };
    let (world, expected, was_there) = (World::Open, 1, is_there);
    Ok(Prepared { workplace, goal, world, expected, was_there, plan })
}

async fn swarming(
    args: &Args,
    workplace: Workplace,
    display: &Display,
    making: &Making,
) -> Result<Prepared> {
    let (dir, bytes) = (workplace.path().to_path_buf(), made_size(args.size));
    let (may_overwrite, stays) = (args.overwrite, args.seed);
    let torrent = dir.join(TORRENT);
    if !may_overwrite {
        let folders = (1..=args.leechers).map(|number| Swarm::folder(&dir, number));
        for folder in folders.chain([dir.join(SEED)]) {
            let place = Torrent::place_of(NAME, bytes, &folder);
            Files::wanted(vec![place], false).refuse_what_is_there(true)?;
        }
        ensure!(!stays || !exists(&torrent)?, in_the_way(&torrent));
    }
    ensure_room(&dir, bytes.saturating_mul(u64::from(args.leechers) + 1))?;
    display.board.making(making.clone(), bytes);
    let payload = Payload::make(&dir.join(SEED), bytes, may_overwrite, making.clone()).await?;
    let tracker = if stays { Some(Tracker::open().await?) } else { None };
    if let Some(tracker) = &tracker {
        std::fs::write(&torrent, tracker.for_others(&payload.torrent.bytes))
            .with_context(|| format!("cannot write {}", torrent.display()))?;
    }
    let goal = Goal { copies: args.leechers.into(), ..payload.torrent.goal() };
    let announced = tracker.as_ref().map(|tracker| tracker.for_seed(&payload.torrent.bytes));
    let plan = swarm::Plan {
        payload,
        announced,
        dir,
        may_overwrite,
        leechers: args.leechers,
        stays,
        rate: args.rate_limit,
    };
    // Whoever fetches from the seed may also serve the leechers.
    let world = if stays { World::Open } else { World::Closed };
    let (expected, was_there, plan) = (args.leechers.into(), false, Plan::Swarm(plan, tracker));
    Ok(Prepared { workplace, goal, world, expected, was_there, plan })
}
