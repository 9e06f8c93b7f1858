//! Fetching a given torrent from a given peer.

use std::fs::File;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use librqbit::{ByteBufOwned, CloneToOwned, ValidatedTorrentMetaV1Info, torrent_from_bytes};
use sha1::{Digest, Sha1};
use tempfile::NamedTempFile;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;

use crate::args::Rate;
use crate::books::Books;
use crate::member::{Joining, Member};
use crate::storage::WriteFault;
use crate::view::Goal;
use crate::wire::{Relay, Tap};

/// The name of the one member.
const NAME: &str = "fetcher";

/// A torrent file that was read and found valid.
pub struct Torrent {
    bytes: Vec<u8>,
    info: ValidatedTorrentMetaV1Info<ByteBufOwned>,
}

impl Torrent {
    /// Reads a torrent file.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path)
            .with_context(|| format!("cannot read the torrent {}", path.display()))?;
        let invalid = || format!("{} is not a valid torrent", path.display());
        let meta =
            torrent_from_bytes(&bytes).map_err(|error| anyhow!("{error}")).with_context(invalid)?;
        let info = meta.info.data.clone_to_owned(None).validate().with_context(invalid)?;
        ensure!(info.lengths().total_length() > 0, "{}: no payload", invalid());
        Ok(Self { bytes, info })
    }

    /// What there is to fetch.
    pub fn goal(&self) -> Goal {
        let lengths = self.info.lengths();
        Goal {
            title: self
                .info
                .name()
                .map_or_else(|| "a torrent without a name".into(), |name| name.into_owned()),
            bytes: lengths.total_length(),
            pieces: lengths.total_pieces().into(),
        }
    }

    /// Reads the files below `dir` again, all of them, and compares every piece with the hash in
    /// the torrent.
    pub fn verify(&self, dir: &Path) -> Result<()> {
        let length = self.info.lengths().default_piece_length() as usize;
        let mut pieces =
            Pieces { info: &self.info, piece: Vec::with_capacity(length), length, next: 0 };
        for file in self.info.iter_file_details() {
            let path = dir.join(file.filename.to_pathbuf());
            if file.attrs().padding {
                pieces.feed(&mut std::io::repeat(0).take(file.len), &path)?;
                continue;
            }
            let content =
                File::open(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let fed = pieces.feed(&mut content.take(file.len), &path)?;
            ensure!(fed == file.len, "{} is shorter than the torrent says", path.display());
        }
        pieces.close(dir)
    }
}

/// Cuts a stream of files into pieces and compares their hashes.
struct Pieces<'a> {
    info: &'a ValidatedTorrentMetaV1Info<ByteBufOwned>,
    piece: Vec<u8>,
    length: usize,
    next: u32,
}

impl Pieces<'_> {
    fn feed(&mut self, content: &mut impl Read, path: &Path) -> Result<u64> {
        let mut fed = 0;
        loop {
            let room = (self.length - self.piece.len()) as u64;
            let read = content
                .take(room)
                .read_to_end(&mut self.piece)
                .with_context(|| format!("cannot read {}", path.display()))?;
            fed += read as u64;
            if self.piece.len() == self.length {
                self.close(path)?;
            } else {
                return Ok(fed);
            }
        }
    }

    fn close(&mut self, path: &Path) -> Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let hash = Sha1::digest(&self.piece).into();
        if self.info.info().compare_hash(self.next, hash) != Some(true) {
            bail!(
                "piece {} in {} does not have the hash that the torrent gives",
                self.next,
                path.display()
            );
        }
        self.piece.clear();
        self.next += 1;
        Ok(())
    }
}

/// Finds the peer and makes sure that something accepts connections there.
pub async fn reach(peer: &str, patience: Duration) -> Result<SocketAddr> {
    let address = lookup_host(peer)
        .await
        .map_err(|error| anyhow!("{peer:?} is not an address such as 127.0.0.1:6881: {error}"))?
        .next()
        .with_context(|| format!("{peer} has no address"))?;
    match timeout(patience, TcpStream::connect(address)).await {
        Err(_) => bail!(
            "cannot reach the peer {address}: no answer in {}",
            humantime::format_duration(patience)
        ),
        Ok(connection) => connection.with_context(|| format!("cannot reach the peer {address}"))?,
    };
    Ok(address)
}

/// What to fetch, from whom and where to.
pub struct Fetch {
    /// The torrent.
    pub torrent: Torrent,
    /// Who has it.
    pub peer: SocketAddr,
    /// Where the files go.
    pub dir: PathBuf,
    /// What may be sent per second.
    pub rate: Rate,
    /// How long the peer may take to accept the connection, and again to answer the handshake.
    pub patience: Duration,
    /// The time between two cuts.
    pub interval: Duration,
    /// What sees the wire, if anything does.
    pub tap: Option<Tap>,
}

impl Fetch {
    /// Fetches all of it and verifies it.
    pub async fn run(self, books: &Books, faults: &UnboundedSender<WriteFault>) -> Result<()> {
        let Self { torrent, peer, dir, rate, patience, interval, tap } = self;
        // In front of the peer, which cannot be told of any other way to the member.
        let (relay, allowed) = match &tap {
            Some(tap) => {
                (Some(Relay::open(tap.clone(), &peer.to_string()).await?), Some(loopback()?))
            }
            None => (None, None),
        };
        let joining = Joining {
            name: NAME.into(),
            dir: dir.clone(),
            torrent: torrent.bytes.clone(),
            peers: vec![relay.as_ref().map_or(peer, |relay| relay.aim(peer))],
            rate,
            peer_timeout: patience,
            tap,
            allowed: allowed.as_ref().map(|list| format!("file://{}", list.path().display())),
        };
        let mut member = Member::join(books, faults, joining).await?;
        member.ready().await?;
        if !member.met(patience).await? {
            bail!(
                "the peer {peer} did not complete a BitTorrent handshake for this torrent in {}",
                humantime::format_duration(patience)
            );
        }
        member.complete().await?;
        member.leave(books, interval).await?;
        if let Some(relay) = relay {
            relay.close().await;
        }
        tokio::task::spawn_blocking(move || torrent.verify(&dir)).await?
    }
}

/// A list of the one address that a tapped member may connect to. The peer may tell it of others,
/// and what came from those would not have come through the relay.
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

    /// Two files, and the torrent of both.
    async fn two_files() -> (TempDir, Torrent) {
        let root = tempfile::tempdir().expect("a temporary directory");
        let dir = root.path().join("both");
        std::fs::create_dir(&dir).expect("created");
        std::fs::write(dir.join("a"), vec![1; 50_000]).expect("written");
        std::fs::write(dir.join("b"), vec![2; 50_001]).expect("written");
        let options = CreateTorrentOptions { piece_length: Some(32 * 1024), ..Default::default() };
        let torrent =
            create_torrent(&dir, options, &BlockingSpawner::new(1)).await.expect("a torrent");
        let path = root.path().join("both.torrent");
        std::fs::write(&path, torrent.as_bytes().expect("serialised")).expect("written");
        let torrent = Torrent::read(&path).expect("valid");
        (root, torrent)
    }

    #[tokio::test]
    async fn good_files_verify_and_a_flipped_byte_does_not() {
        let (root, torrent) = two_files().await;
        let dir = root.path().join("both");
        assert_eq!(torrent.goal(), Goal { title: "both".into(), bytes: 100_001, pieces: 4 });
        torrent.verify(&dir).expect("as they were made");
        let mut content = vec![2; 50_001];
        content[50_000] = 3;
        std::fs::write(dir.join("b"), content).expect("written");
        let error = torrent.verify(&dir).expect_err("one piece is wrong").to_string();
        assert!(error.ends_with("does not have the hash that the torrent gives"), "{error}");
        std::fs::write(dir.join("b"), "short").expect("written");
        let error = torrent.verify(&dir).expect_err("too short").to_string();
        assert!(error.ends_with("b is shorter than the torrent says"), "{error}");
    }

    #[test]
    fn a_torrent_that_is_none_is_named() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("bad.torrent");
        let missing = format!("{:#}", Torrent::read(&path).err().expect("missing"));
        assert!(
            missing.contains("cannot read the torrent") && missing.contains("bad.torrent"),
            "{missing}"
        );
        std::fs::write(&path, "d4:infoi3ee").expect("written");
        let invalid = format!("{:#}", Torrent::read(&path).err().expect("invalid"));
        assert!(invalid.contains("bad.torrent is not a valid torrent: "), "{invalid}");
    }

    #[tokio::test]
    async fn a_peer_that_is_no_address_is_named() {
        let error =
            reach("nowhere", Duration::from_secs(1)).await.expect_err("no port").to_string();
        assert!(error.starts_with("\"nowhere\" is not an address such as "), "{error}");
    }
}
