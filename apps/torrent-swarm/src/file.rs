//! The file that is shared: made of random bytes, hashed while it is written, and hashed again
//! wherever it arrives.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context, Result, bail, ensure};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sha1w::{ISha1, ISha256, Sha1, Sha256};
use tokio_util::sync::CancellationToken;

use crate::files::Files;
use crate::torrent::Torrent;

/// Its name in every member's folder.
pub const NAME: &str = "swarm.bin";

/// Bytes added to a size that is an exact multiple of the piece length.
const ODD: u64 = 4099;

/// The largest file whose torrent can be read: a hash of 20 bytes for each MiB.
pub const LARGEST: u64 = 1 << 41;

const BUFFER: usize = 64 * 1024;

/// A SHA-256.
pub type Hash = [u8; 32];

/// The file and its torrent.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The file as the seed has it.
    pub files: Files,
    /// Its hash.
    pub hash: Hash,
    /// Its torrent.
    pub torrent: Torrent,
}

/// How far the making is. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Making {
    done: Arc<AtomicU64>,
    /// Cancelled when nobody wants it any more.
    pub stop: CancellationToken,
}

impl Making {
    /// The bytes that are made.
    pub fn done(&self) -> u64 {
        // Relaxed: the number is all there is.
        self.done.load(Relaxed)
    }
}

impl Payload {
    /// Makes a file of so many bytes in `dir`, and its torrent.
    pub async fn make(dir: &Path, bytes: u64, may_overwrite: bool, making: Making) -> Result<Self> {
        let dir = dir.to_path_buf();
        let make = move || {
            let length = piece_length(bytes);
            let place = Torrent::place_of(NAME, bytes, &dir);
            let files = Files::wanted(vec![place.clone()], may_overwrite);
            std::fs::create_dir_all(&dir)
                .with_context(|| format!("cannot create {}", dir.display()))?;
            let (hash, pieces) = write(&place.part(), bytes, length, &making)?;
            files.finish()?;
            let torrent = Torrent::parse(torrent(bytes, length, &pieces))?;
            Ok(Self { files: Files::whole(vec![place]), hash, torrent })
        };
        tokio::task::spawn_blocking(make).await?
    }
}

/// How large the file is that is made where `size` is asked for.
pub fn made_size(size: u64) -> u64 {
    uneven(size, piece_length(size))
}

/// The torrent file of a file with those piece hashes.
fn torrent(bytes: u64, piece_length: u32, pieces: &[u8]) -> Vec<u8> {
    let info = format!(
        "d4:infod6:lengthi{bytes}e4:name{}:{NAME}12:piece lengthi{piece_length}e6:pieces{}:",
        NAME.len(),
        pieces.len()
    );
    [info.as_bytes(), pieces, b"ee"].concat()
}

/// Bytes in a piece: some hundreds of pieces whatever the size.
fn piece_length(size: u64) -> u32 {
    let ideal = (size / 256).clamp(32 * 1024, 1024 * 1024);
    // At most 2^20 after the clamp.
    ideal.next_power_of_two() as u32
}

/// `size`, or a little more where it would fill its last piece: librqbit 9.1.0 then lists a piece
/// too many.
fn uneven(size: u64, piece_length: u32) -> u64 {
    if size.is_multiple_of(piece_length.into()) { size + ODD } else { size }
}

/// Writes random bytes; returns their hash, and those of the pieces one after the other.
fn write(path: &Path, bytes: u64, piece_length: u32, making: &Making) -> Result<(Hash, Vec<u8>)> {
    let cannot = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(cannot)?);
    let mut rng = SmallRng::from_rng(&mut rand::rng());
    let (mut hasher, mut piece, mut pieces) = (Sha256::new(), Sha1::new(), Vec::new());
    let mut buffer = vec![0; BUFFER];
    let (mut left, mut left_in_piece) = (bytes, u64::from(piece_length));
    while left > 0 {
        if making.stop.is_cancelled() {
            bail!("the making of {} was interrupted", path.display());
        }
        let size = left.min(left_in_piece).min(BUFFER as u64);
        let part = &mut buffer[..size as usize];
        rng.fill_bytes(part);
        hasher.update(part);
        piece.update(part);
        file.write_all(part).with_context(cannot)?;
        left -= size;
        left_in_piece -= size;
        if left_in_piece == 0 || left == 0 {
            pieces.extend(std::mem::replace(&mut piece, Sha1::new()).finish());
            left_in_piece = piece_length.into();
        }
        making.done.fetch_add(size, Relaxed);
    }
    file.flush().with_context(cannot)?;
    Ok((hasher.finish(), pieces))
}

/// The hash of a file.
pub fn hash(path: &Path) -> Result<Hash> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(cannot)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer).with_context(cannot)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// Fails if the disk under `dir`, which need not be there yet, does not have so much room.
pub fn ensure_room(dir: &Path, needed: u64) -> Result<()> {
    let there = dir.ancestors().find(|dir| dir.exists()).filter(|dir| !dir.as_os_str().is_empty());
    let stat = nix::sys::statvfs::statvfs(there.unwrap_or(Path::new(".")))
        .with_context(|| format!("cannot look at {}", dir.display()))?;
    let free = stat.blocks_available().saturating_mul(stat.fragment_size());
    let [needed_text, free_text] = [needed, free].map(crate::text::bytes);
    ensure!(
        needed <= free,
        "{needed_text} are needed in {}, and {free_text} are free",
        dir.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_size_fills_its_last_piece() {
        assert_eq!(uneven(64 << 20, 256 << 10), (64 << 20) + 4099);
        assert_eq!(uneven((64 << 20) + 1, 256 << 10), (64 << 20) + 1);
        assert_eq!(uneven(1, 32 << 10), 1);
    }

    #[test]
    fn pieces_are_powers_of_two_within_bounds() {
        for (size, expected) in
            [(1, 32 << 10), (3 << 20, 32 << 10), (64 << 20, 256 << 10), (1 << 40, 1 << 20)]
        {
            assert_eq!(piece_length(size), expected, "for {size} bytes");
        }
    }

    #[test]
    fn the_hash_taken_while_writing_is_the_hash_of_the_file() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("file");
        let (written, pieces) = write(&path, 200_001, 65_536, &Making::default()).expect("written");
        assert_eq!(pieces.len(), 4 * 20);
        assert_eq!(std::fs::metadata(&path).expect("there").len(), 200_001);
        assert_eq!(hash(&path).expect("readable"), written);
    }

    #[test]
    fn a_full_disk_is_named() {
        let error = write(Path::new("/dev/full"), 1 << 20, 1 << 15, &Making::default())
            .expect_err("nothing fits");
        assert!(
            format!("{error:#}").starts_with("cannot write /dev/full: No space left"),
            "{error:#}"
        );
    }

    #[test]
    fn a_disk_without_room_is_refused_before_anything_is_written() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let below = dir.path().join("not/there/yet");
        ensure_room(&below, 1).expect("a byte fits");
        let error = ensure_room(&below, 1 << 62).expect_err("that much does not fit").to_string();
        assert!(error.contains("4.0 EiB are needed in ") && error.contains(" are free"), "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0);
    }

    #[tokio::test]
    async fn the_torrent_is_that_of_the_file_and_the_making_can_be_stopped() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let making = Making::default();
        let made = Payload::make(dir.path(), 100_001, false, making.clone()).await.expect("made");
        assert_eq!(making.done(), 100_001);
        assert_eq!((made.torrent.total, made.torrent.pieces()), (100_001, 4));
        made.torrent.verify(&made.files, false).expect("its hashes");
        making.stop.cancel();
        let error = Payload::make(dir.path(), 100_001, true, making).await.expect_err("stopped");
        assert!(error.to_string().ends_with("was interrupted"), "{error}");
    }
}
