//! Fetching a given torrent from a given peer.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tempfile::NamedTempFile;
use tokio::net::lookup_host;
use tokio::sync::mpsc::UnboundedSender;

use crate::args::Rate;
use crate::books::Books;
use crate::files::Files;
use crate::line::{Door, Line, Retry};
use crate::member::{Joining, Member};
use crate::pieces::Pieces;
use crate::storage::WriteFault;
use crate::torrent::Torrent;
use crate::wire::Tap;

/// The name of the one member.
pub const NAME: &str = "fetcher";

/// Finds the address of the peer. Nothing is sent to it: some answer a second connection late.
pub async fn find(peer: &str) -> Result<SocketAddr> {
    lookup_host(peer)
        .await
        .map_err(|error| anyhow!("{peer:?} is not an address such as 127.0.0.1:6881: {error}"))?
        .next()
        .with_context(|| format!("{peer} has no address"))
}

/// What to fetch, from whom and where to.
pub struct Fetch {
    /// The torrent.
    pub torrent: Torrent,
    /// Who has it.
    pub peer: SocketAddr,
    /// Where the files go.
    pub files: Files,
    /// What may be sent per second.
    pub rate: Rate,
    /// How long the peer may take to accept the connection, and again to answer the handshake.
    pub patience: Duration,
    /// What sees the wire, if anything does.
    pub tap: Option<Tap>,
}

/// Where the files of a torrent are to go.
pub enum Destination {
    /// All of them are there, with the right hashes.
    Reached,
    /// So many bytes are missing.
    Free(u64),
}

/// Looks at what is there already: fails if something is in the way.
pub fn look_at(torrent: &Torrent, files: &Files, may_overwrite: bool) -> Result<Destination> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    if files.solid().all(|place| is_there(&place.path)) && torrent.verify(files, false).is_ok() {
        return Ok(Destination::Reached);
    }
    files.refuse_what_is_there(false)?;
    if !may_overwrite {
        torrent.refuse_strange_parts(files)?;
    }
    let there = files.solid().map(|place| place.part().metadata().map_or(0, |part| part.len()));
    Ok(Destination::Free(torrent.total.saturating_sub(there.sum())))
}

/// Takes back what came to nothing.
struct Tidy {
    files: Files,
    pieces: OnceLock<Arc<Pieces>>,
}

impl Drop for Tidy {
    fn drop(&mut self) {
        let is_good = |span| self.pieces.get().is_some_and(|pieces| pieces.is_good_in(span));
        self.files.tidy(is_good);
    }
}

impl Fetch {
    /// Fetches all of it and verifies it.
    pub async fn run(self, books: &Books, faults: &UnboundedSender<WriteFault>) -> Result<()> {
        let Self { torrent, peer, files, rate, patience, tap } = self;
        let tidy = Tidy { files: files.clone(), pieces: OnceLock::new() };
        let door = Door::open().await?;
        let allowed = tap.as_ref().map(|_| loopback()).transpose()?;
        let retry = Retry::default();
        let joining = Joining {
            name: NAME.into(),
            files: files.clone(),
            torrent: torrent.clone(),
            peers: vec![door.address],
            rate,
            peer_timeout: patience,
            tap: tap.clone(),
            allowed: allowed.as_ref().map(|list| format!("file://{}", list.path().display())),
            announced: None,
            retry: retry.clone(),
        };
        let mut member = Member::join(books, faults, joining).await?;
        // Set once, here.
        let _ = tidy.pieces.set(member.pieces.clone());
        member.ready().await?;
        let line = Line {
            door,
            peer,
            patience,
            torrent: member.info_hash(),
            tap,
            redial: member.redial(),
            retry,
            opened: books.opened,
        };
        tokio::select! {
            biased;
            done = member.complete() => done?,
            error = line.keep() => return Err(error),
        }
        member.leave().await?;
        let finish = move || {
            torrent.verify(&files, true)?;
            files.finish()
        };
        tokio::task::spawn_blocking(finish).await?
    }
}

/// A list of the one address that a tapped member may connect to. The peer may tell it of others,
/// and what came from those would not have been seen.
fn loopback() -> Result<NamedTempFile> {
    let list = NamedTempFile::new().context("cannot create a temporary file")?;
    std::fs::write(list.path(), "relays:127.0.0.1-127.0.0.1\n")
        .with_context(|| format!("cannot write {}", list.path().display()))?;
    Ok(list)
}

#[cfg(test)]
mod tests {
    use librqbit::spawn_utils::BlockingSpawner;
    use librqbit::{CreateTorrentOptions, create_torrent};
    use tempfile::TempDir;

    use super::*;
    use crate::view::Goal;

    /// Two files in a folder called `both`, and the torrent of both.
    async fn two_files() -> (TempDir, Torrent) {
        let root = tempfile::tempdir().expect("a temporary directory");
        let dir = root.path().join("both");
        std::fs::create_dir(&dir).expect("created");
        std::fs::write(dir.join("a"), vec![1; 50_000]).expect("written");
        std::fs::write(dir.join("b"), vec![2; 50_001]).expect("written");
        let options = CreateTorrentOptions { piece_length: Some(32 * 1024), ..Default::default() };
        let torrent =
            create_torrent(&dir, options, &BlockingSpawner::new(1)).await.expect("a torrent");
        let bytes = torrent.as_bytes().expect("serialised");
        (root, Torrent::parse(bytes.to_vec()).expect("valid"))
    }

    fn look(root: &TempDir, torrent: &Torrent, may_overwrite: bool) -> Result<u64, String> {
        let files = Files::wanted(torrent.places(root.path()), may_overwrite);
        match look_at(torrent, &files, may_overwrite) {
            Ok(Destination::Reached) => Ok(0),
            Ok(Destination::Free(missing)) => Ok(missing),
            Err(error) => Err(format!("{error:#}")),
        }
    }

    #[tokio::test]
    async fn good_files_verify_and_a_flipped_byte_does_not() {
        let (root, torrent) = two_files().await;
        let dir = root.path().join("both");
        let goal = Goal { title: "both".into(), bytes: 100_001, pieces: 4, copies: 1 };
        assert_eq!(torrent.goal(), goal);
        let files = Files::whole(torrent.places(root.path()));
        torrent.verify(&files, false).expect("as they were made");
        let mut content = vec![2; 50_001];
        content[50_000] = 3;
        std::fs::write(dir.join("b"), content).expect("written");
        let error = torrent.verify(&files, false).expect_err("one piece is wrong").to_string();
        assert!(error.ends_with("b does not have the hash that the torrent gives"), "{error}");
        std::fs::write(dir.join("b"), "short").expect("written");
        let error = torrent.verify(&files, false).expect_err("too short").to_string();
        assert!(error.ends_with("b has 5 bytes, not 50001"), "{error}");
    }

    #[tokio::test]
    async fn what_is_there_is_taken_for_what_it_is() {
        let (root, torrent) = two_files().await;
        let dir = root.path().join("both");
        assert_eq!(look(&root, &torrent, false), Ok(0), "all of it is there");
        // As large as it should be, and something else.
        std::fs::write(dir.join("b"), vec![3; 50_001]).expect("written");
        let refused = look(&root, &torrent, false).expect_err("another file");
        assert!(refused.contains(" is there already: move it away"), "{refused}");
        assert_eq!(look(&root, &torrent, true), Ok(100_001));
        // Left by a run that was interrupted.
        std::fs::remove_file(dir.join("b")).expect("removed");
        std::fs::rename(dir.join("a"), dir.join("a.part")).expect("renamed");
        assert_eq!(look(&root, &torrent, false), Ok(50_001));
        std::fs::write(dir.join("a.part"), vec![7; 50_000]).expect("written");
        let refused = look(&root, &torrent, false).expect_err("somebody else's");
        assert!(refused.contains("a.part is there already and holds nothing"), "{refused}");
        assert_eq!(look(&root, &torrent, true), Ok(50_001));
    }

    #[test]
    fn a_torrent_that_is_none_is_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("bad.torrent");
        let missing = format!("{:#}", Torrent::read(&path).expect_err("missing"));
        assert!(
            missing.contains("cannot read the torrent") && missing.contains("bad.torrent"),
            "{missing}"
        );
        std::fs::write(&path, "d4:infoi3ee").expect("written");
        let invalid = format!("{:#}", Torrent::read(&path).expect_err("invalid"));
        assert!(invalid.contains("bad.torrent is not a valid torrent: "), "{invalid}");
    }

    #[tokio::test]
    async fn a_peer_that_is_no_address_is_named() {
        let error = find("nowhere").await.expect_err("no port").to_string();
        assert!(error.starts_with("\"nowhere\" is not an address such as "), "{error}");
    }
}
