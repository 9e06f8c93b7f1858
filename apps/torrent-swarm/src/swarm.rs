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
use crate::file::{NAME, Payload, hash};
use crate::member::{Joining, Member};
use crate::storage::WriteFault;
use crate::wire::Tap;

/// Time between two leechers.
const STAGGER: Duration = Duration::from_millis(700);

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
}

/// Everything a leecher shares with the others. Cheap to clone.
#[derive(Clone)]
pub struct Swarm {
    books: Books,
    payload: Arc<Payload>,
    dir: PathBuf,
    rate: Rate,
    interval: Duration,
    faults: UnboundedSender<WriteFault>,
    tap: Option<Tap>,
    addresses: Arc<Mutex<Vec<(String, SocketAddr)>>>,
    outcome: Arc<Mutex<Outcome>>,
}

impl Swarm {
    /// A swarm without members yet, whose books are closed every `interval`.
    pub fn new(
        books: Books,
        payload: Payload,
        dir: &Path,
        rate: Rate,
        interval: Duration,
        faults: UnboundedSender<WriteFault>,
        tap: Option<Tap>,
    ) -> Self {
        let payload = Arc::new(payload);
        let (addresses, outcome) = Default::default();
        let dir = dir.to_path_buf();
        Self { books, payload, dir, rate, interval, faults, tap, addresses, outcome }
    }

    /// What has become of the leechers so far.
    pub fn outcome(&self) -> Outcome {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seeds the file and sees all leechers through.
    pub async fn run(&self, leechers: u16) -> Result<()> {
        let mut seed = self.join("seed", self.payload.dir.clone()).await?;
        seed.ready().await?;
        seed.complete().await.context("the seed has to have the whole file")?;
        let mut lives = JoinSet::new();
        for number in 1..=leechers {
            let swarm = self.clone();
            lives.spawn(async move {
                tokio::time::sleep(STAGGER * u32::from(number - 1)).await;
                swarm.live(&format!("leecher-{number}"), Manner::of(number)).await
            });
        }
        let mut present = vec![seed];
        while let Some(life) = lives.join_next().await {
            present.extend(life.context("a leecher panicked")??);
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
    async fn live(&self, name: &str, manner: Manner) -> Result<Option<Member>> {
        let dir = self.dir.join(name);
        let mut member = self.join(name, dir.clone()).await?;
        if manner == Manner::Returns {
            member.half().await?;
            self.leave(member).await?;
            member = self.join(name, dir.clone()).await?;
            self.note(|outcome| outcome.returned += 1);
        }
        member.complete().await?;
        self.verify(name, &dir).await?;
        if manner == Manner::Leaves {
            self.leave(member).await?;
            self.note(|outcome| outcome.departed += 1);
            return Ok(None);
        }
        Ok(Some(member))
    }

    async fn join(&self, name: &str, dir: PathBuf) -> Result<Member> {
        let peers = self
            .with_addresses(|addresses| addresses.iter().map(|(_, address)| *address).collect());
        let joining = Joining {
            name: name.to_string(),
            dir,
            torrent: self.payload.torrent.clone(),
            peers,
            rate: self.rate,
            peer_timeout: CONNECT,
            tap: self.tap.clone(),
            allowed: None,
        };
        let member = Member::join(&self.books, &self.faults, joining).await?;
        self.with_addresses(|addresses| addresses.push((name.to_string(), member.address)));
        Ok(member)
    }

    async fn leave(&self, member: Member) -> Result<()> {
        self.with_addresses(|addresses| addresses.retain(|(name, _)| *name != member.name));
        member.leave(&self.books, self.interval).await
    }

    async fn verify(&self, name: &str, dir: &Path) -> Result<()> {
        let path = dir.join(NAME);
        let found = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || hash(&path)).await??
        };
        if found != self.payload.hash {
            bail!("member {name}: {} is not the file that was seeded", path.display());
        }
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
