//! The file that is shared: made of random bytes, hashed while it is written, and hashed again
//! wherever it arrives.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use librqbit::spawn_utils::BlockingSpawner;
use librqbit::{CreateTorrentOptions, create_torrent};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Its name in every member's folder.
pub const NAME: &str = "swarm.bin";

/// Bytes added to a size that is an exact multiple of the piece length.
const ODD: u64 = 4099;

const BUFFER: usize = 64 * 1024;

/// A SHA-256.
pub type Hash = [u8; 32];

/// The file and its torrent.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The folder it was made in.
    pub dir: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// The bytes in a piece.
    pub piece_length: u32,
    /// Its hash.
    pub hash: Hash,
    /// The torrent file.
    pub torrent: Vec<u8>,
}

impl Payload {
    /// Makes a file of about `size` bytes in `dir`, and its torrent.
    pub async fn make(dir: PathBuf, size: u64) -> Result<Self> {
        let piece_length = piece_length(size);
        let bytes = uneven(size, piece_length);
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("cannot create {}", dir.display()))?;
        let path = dir.join(NAME);
        let hash = {
            let path = path.clone();
            tokio::task::spawn_blocking(move || write(&path, bytes)).await??
        };
        let options = CreateTorrentOptions {
            name: Some(NAME),
            piece_length: Some(piece_length),
            ..Default::default()
        };
        let torrent = create_torrent(&path, options, &BlockingSpawner::new(1))
            .await
            .and_then(|torrent| torrent.as_bytes())
            .with_context(|| format!("cannot make a torrent of {}", path.display()))?;
        Ok(Self { dir, bytes, piece_length, hash, torrent: torrent.to_vec() })
    }

    /// How many pieces it has.
    pub fn pieces(&self) -> u64 {
        self.bytes.div_ceil(self.piece_length.into())
    }
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

fn write(path: &Path, bytes: u64) -> Result<Hash> {
    let cannot = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(cannot)?);
    let mut rng = SmallRng::from_rng(&mut rand::rng());
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    let mut left = bytes;
    while left > 0 {
        let part = &mut buffer[..left.min(BUFFER as u64) as usize];
        rng.fill_bytes(part);
        hasher.update(&*part);
        file.write_all(part).with_context(cannot)?;
        left -= part.len() as u64;
    }
    file.flush().with_context(cannot)?;
    Ok(hasher.finalize().into())
}

/// The hash of a file.
pub fn hash(path: &Path) -> Result<Hash> {
    let cannot = || format!("cannot read {}", path.display());
    let mut file = File::open(path).with_context(cannot)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer).with_context(cannot)? {
            0 => return Ok(hasher.finalize().into()),
            read => hasher.update(&buffer[..read]),
        }
    }
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
        let written = write(&path, 200_001).expect("written");
        assert_eq!(std::fs::metadata(&path).expect("there").len(), 200_001);
        assert_eq!(hash(&path).expect("readable"), written);
    }

    #[test]
    fn a_full_disk_is_named() {
        let error = write(Path::new("/dev/full"), 1 << 20).expect_err("nothing fits");
        assert!(
            format!("{error:#}").starts_with("cannot write /dev/full: No space left"),
            "{error:#}"
        );
    }
}
