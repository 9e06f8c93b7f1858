//! The swarm: a seed, and leechers that join one after the other, leave, come back or stay.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;

use crate::args::Rate;
use crate::books::Books;
use crate::file::{Hash, Payload, hash};
use crate::files::Files;
use crate::line::Retry;
use crate::member::{Joining, Member};
use crate::storage::WriteFault;
use crate::wire::Tap;

/// Time between two leechers.
const STAGGER: Duration = Duration::from_millis(700);

/// The name of the seed, and of its folder.
pub const SEED: &str = "seed";

/// The name of a leecher, and of its folder.
fn leecher(number: u16) -> String {
    format!("leecher-{number}")
}

/// How long a member may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// What a leecher does with its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Leaves as soon as it has the file.
    Leaves,
    /// Breaks off half-way and comes back for the rest.
    Returns,
    /// Stays and seeds to the end.
    Stays,
}

impl Manner {
    fn of(number: u16) -> Self {
        match number % 3 {
            1 => Self::Leaves,
            2 => Self::Returns,
            _ => Self::Stays,
        }
    }
}

/// What became of the leechers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Files that arrived with the right hash.
    pub verified: u64,
    /// Leechers that left as soon as they had the file.
    pub departed: u64,
    /// Leechers that broke off and came back.
    pub returned: u64,
    /// Whether all of them are done.
    pub complete: bool,
    /// Whether what was to be fetched was there already.
    pub was_there: bool,
}

/// What a swarm is made of.
pub struct Plan {
    /// The file.
    pub payload: Payload,
    /// The torrent file of the seed, if a tracker tells it of others.
    pub announced: Option<Vec<u8>>,
    /// The folder of the leechers' folders.
    pub dir: PathBuf,
    /// Whether files there may be overwritten.
    pub may_overwrite: bool,
    /// How many leechers there are.
    pub leechers: u16,
    /// Whether the swarm stays when the leechers have the file.
    pub stays: bool,
    /// What each member may send per second.
    pub rate: Rate,
}

/// Everything a leecher shares with the others. Cheap to clone.
#[derive(Clone)]
pub struct Swarm {
    books: Books,
    plan: Arc<Plan>,
    faults: UnboundedSender<WriteFault>,
    tap: Option<Tap>,
    addresses: Arc<Mutex<Vec<(String, SocketAddr)>>>,
    outcome: Arc<Mutex<Outcome>>,
    /// Told where the seed is, once it is there.
    seeded: Arc<dyn Fn(SocketAddr) + Send + Sync>,
}

impl Swarm {
    /// A swarm without members yet.
    pub fn new(
        books: Books,
        plan: Plan,
        faults: UnboundedSender<WriteFault>,
        tap: Option<Tap>,
        seeded: impl Fn(SocketAddr) + Send + Sync + 'static,
    ) -> Self {
        let (addresses, outcome) = Default::default();
        let (plan, seeded) = (Arc::new(plan), Arc::new(seeded));
        Self { books, plan, faults, tap, addresses, outcome, seeded }
    }

    /// What has become of the leechers so far.
    pub fn outcome(&self) -> Outcome {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder of a leecher.
    pub fn folder(dir: &Path, number: u16) -> PathBuf {
        dir.join(leecher(number))
    }

    /// Seeds the file and sees all leechers through; ends then, unless the swarm is to stay.
    pub async fn run(&self) -> Result<()> {
        let mut seed = self.join(SEED, self.plan.payload.files.clone()).await?;
        seed.ready().await?;
        seed.complete().await.context("the seed has to have the whole file")?;
        (self.seeded)(seed.address);
        let mut lives = JoinSet::new();
        for number in 1..=self.plan.leechers {
            let swarm = self.clone();
            lives.spawn(async move {
                tokio::time::sleep(STAGGER * u32::from(number - 1)).await;
                swarm.live(number).await
            });
        }
        let mut present = vec![seed];
        while let Some(life) = lives.join_next().await {
            present.extend(life.context("a leecher panicked")??);
        }
        self.note(|outcome| outcome.complete = true);
        if self.plan.stays {
            std::future::pending::<()>().await;
        }
        let mut farewells = JoinSet::new();
        for member in present {
            let swarm = self.clone();
            farewells.spawn(async move { swarm.leave(member).await });
        }
        while let Some(farewell) = farewells.join_next().await {
            farewell.context("a member panicked")??;
        }
        Ok(())
    }

    /// One leecher from its first join on. Comes back with the member if that stays.
    async fn live(&self, number: u16) -> Result<Option<Member>> {
        let (name, manner) = (leecher(number), Manner::of(number));
        let Plan { payload, dir, may_overwrite, .. } = &*self.plan;
        let places = payload.torrent.places(&Self::folder(dir, number));
        let files = Files::wanted(places, *may_overwrite);
        let mut member = self.join(&name, files.clone()).await?;
        if manner == Manner::Returns {
            member.half().await?;
            self.leave(member).await?;
            member = self.join(&name, files.clone()).await?;
            self.note(|outcome| outcome.returned += 1);
        }
        member.complete().await?;
        self.verify(&name, &files).await?;
        if manner == Manner::Leaves {
            self.leave(member).await?;
            self.note(|outcome| outcome.departed += 1);
            return Ok(None);
        }
        Ok(Some(member))
    }

    async fn join(&self, name: &str, files: Files) -> Result<Member> {
        let peers = self
            .with_addresses(|addresses| addresses.iter().map(|(_, address)| *address).collect());
        let joining = Joining {
            name: name.to_string(),
            files,
            torrent: self.plan.payload.torrent.clone(),
            peers,
            rate: self.plan.rate,
            peer_timeout: CONNECT,
            tap: self.tap.clone(),
            allowed: None,
            announced: self.plan.announced.clone().filter(|_| name == SEED),
            retry: Retry::default(),
        };
        let member = Member::join(&self.books, &self.faults, joining).await?;
        self.with_addresses(|addresses| addresses.push((name.to_string(), member.address)));
        Ok(member)
    }

    async fn leave(&self, member: Member) -> Result<()> {
        self.with_addresses(|addresses| addresses.retain(|(name, _)| *name != member.name));
        member.leave().await
    }

    /// Compares the hash of what arrived, and gives the file its name.
    async fn verify(&self, name: &str, files: &Files) -> Result<()> {
        let found = {
            let paths: Vec<PathBuf> = files.solid().map(|place| files.current(place)).collect();
            tokio::task::spawn_blocking(move || paths.iter().map(|path| hash(path)).collect())
        };
        let found: Result<Vec<Hash>> = found.await?;
        if found? != [self.plan.payload.hash] {
            bail!("member {name}: what arrived is not the file that was seeded");
        }
        files.finish()?;
        self.note(|outcome| outcome.verified += 1);
        Ok(())
    }

    fn note(&self, change: impl FnOnce(&mut Outcome)) {
        change(&mut self.outcome.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn with_addresses<T>(&self, f: impl FnOnce(&mut Vec<(String, SocketAddr)>) -> T) -> T {
        f(&mut self.addresses.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_leechers_show_all_manners() {
        assert_eq!([1, 2, 3].map(Manner::of), [Manner::Leaves, Manner::Returns, Manner::Stays]);
    }
}
