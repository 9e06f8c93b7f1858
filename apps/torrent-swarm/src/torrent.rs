//! A torrent file: what it says, held against everything that could harm us.

use std::collections::HashSet;
use std::io::Read;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use sha1w::{ISha1, Sha1};

use crate::bencode::{Value, entry};
use crate::files::{Files, Place};
use crate::text::plain;
use crate::view::Goal;

/// The largest torrent file that is read. Those of the largest torrents have a tenth of it.
const LARGEST: u64 = 64 << 20;

/// The longest piece that is taken: a piece is held in memory when it is checked.
const LONGEST_PIECE: u64 = 256 << 20;

/// The unit in which pieces are asked for.
const CHUNK: u64 = 16 << 10;

/// Bytes in the hash of a piece.
const HASH: usize = 20;

/// The name of what has none, as librqbit gives it.
const NAMELESS: &str = "torrent-content";

/// A torrent that was read and found valid.
#[derive(Clone, Debug)]
pub struct Torrent {
    /// A torrent file with nothing but what there is to fetch.
    pub bytes: Vec<u8>,
    /// What it calls itself, fit to be shown.
    pub title: String,
    /// The bytes in a piece.
    pub piece_length: u64,
    /// The bytes of all files.
    pub total: u64,
    /// Its files, with paths from where they are to go.
    places: Vec<Place>,
    hashes: Vec<u8>,
}

impl Torrent {
    /// Reads a torrent file.
    pub fn read(path: &Path) -> Result<Self> {
        let cannot = || format!("cannot read the torrent {}", path.display());
        let file = std::fs::File::open(path).with_context(cannot)?;
        let mut bytes = Vec::new();
        file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(cannot)?;
        Self::parse(bytes).with_context(|| format!("{} is not a valid torrent", path.display()))
    }

    /// Reads the bytes of a torrent file.
    pub fn parse(bytes: Vec<u8>) -> Result<Self> {
        ensure!(bytes.len() as u64 <= LARGEST, "larger than {LARGEST} bytes");
        let all = Value::read(&bytes)?;
        let info = all.get("info").context("no `info`")?;
        let amount = |name| info.get(name).and_then(Value::amount);
        let piece_length = amount("piece length").context("no `piece length`")?;
        ensure!(
            (1..=LONGEST_PIECE).contains(&piece_length),
            "a `piece length` of {piece_length}, not from 1 to {LONGEST_PIECE}"
        );
        let name = match info.get("name") {
            None => String::new(),
            Some(name) => written(name)?,
        };
        let name = if name.is_empty() { NAMELESS.into() } else { name };
        let places = places(info, &name)?;
        let total = places.last().map_or(0, |last| last.span().end);
        ensure!(total > 0, "no payload");
        let hashes = info.get("pieces").and_then(Value::text).context("no `pieces`")?;
        let pieces = total.div_ceil(piece_length);
        ensure!(
            hashes.len() % HASH == 0 && (hashes.len() / HASH) as u64 == pieces,
            "{} bytes of hashes for {pieces} pieces",
            hashes.len()
        );
        let chunks = pieces * piece_length.div_ceil(CHUNK);
        ensure!(u32::try_from(chunks).is_ok(), "{chunks} chunks are too many");
        // It is a number of eight bits to librqbit, which does not look whether it fits.
        let private = info.get("private");
        ensure!(
            private.is_none_or(|private| matches!(private.amount(), Some(0 | 1))),
            "`private` is neither 0 nor 1"
        );
        let (title, hashes) = (plain(&name).into_owned(), hashes.to_vec());
        // All that is needed: the rest, of which some would be read as well, is left out.
        let info = entry(&bytes, "info").context("no `info`")?;
        let bytes = [b"d4:info", info, b"e"].concat();
        let torrent = Self { title, piece_length, total, places, hashes, bytes };
        torrent.suits_librqbit()?;
        Ok(torrent)
    }

    /// It reads the bytes itself, and says what it makes of them.
    fn suits_librqbit(&self) -> Result<()> {
        let meta = librqbit::torrent_from_bytes(&self.bytes).map_err(|error| anyhow!("{error}"))?;
        let info = meta.info.data.validate()?;
        let lengths = info.lengths();
        let agrees = u64::from(lengths.default_piece_length()) == self.piece_length
            && lengths.total_length() == self.total
            && u64::from(lengths.total_pieces()) == self.pieces()
            && info.iter_file_lengths().eq(self.places.iter().map(|place| place.bytes))
            && info
                .iter_file_details()
                .map(|file| file.attrs().padding)
                .eq(self.places.iter().map(|place| place.is_padding));
        ensure!(agrees, "it can be read in two ways");
        Ok(())
    }

    /// How many pieces it has.
    pub fn pieces(&self) -> u64 {
        (self.hashes.len() / HASH) as u64
    }

    /// What there is to fetch.
    pub fn goal(&self) -> Goal {
        let (title, bytes, pieces) = (self.title.clone(), self.total, self.pieces());
        Goal { title, bytes, pieces, copies: 1 }
    }

    /// Where its files lie if it goes to `dir`: those of a torrent of many files in a folder of its
    /// name.
    pub fn places(&self, dir: &Path) -> Vec<Place> {
        let at = |place: &Place| Place { path: dir.join(&place.path), ..place.clone() };
        self.places.iter().map(at).collect()
    }

    /// Where a file alone in its torrent lies if it goes to `dir`.
    pub fn place_of(name: &str, bytes: u64, dir: &Path) -> Place {
        Place { path: dir.join(name), start: 0, bytes, is_padding: false }
    }

    /// The bytes of a piece.
    fn span(&self, piece: u64) -> Range<u64> {
        let start = piece * self.piece_length;
        start..self.total.min(start + self.piece_length)
    }

    /// Whether a piece is there with the right hash.
    fn is_right(&self, piece: u64, files: &Files, parts: bool) -> bool {
        let hash = &self.hashes[piece as usize * HASH..][..HASH];
        files.read(self.span(piece), parts).is_some_and(|bytes| {
            let mut hasher = Sha1::new();
            hasher.update(&bytes);
            hasher.finish() == *hash
        })
    }

    /// Fails unless each piece is there with the right hash, in files of the right size.
    pub fn verify(&self, files: &Files, parts: bool) -> Result<()> {
        for place in files.solid() {
            let path = if parts { place.part() } else { place.path.clone() };
            let bytes = std::fs::metadata(&path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .len();
            ensure!(
                bytes == place.bytes,
                "{} has {bytes} bytes, not {}",
                path.display(),
                place.bytes
            );
        }
        match (0..self.pieces()).find(|piece| !self.is_right(*piece, files, parts)) {
            None => Ok(()),
            Some(piece) => {
                let start = self.span(piece).start;
                let place = files.solid().find(|place| place.span().end > start);
                let path = place.map(|place| place.path.display().to_string()).unwrap_or_default();
                bail!("piece {piece} in {path} does not have the hash that the torrent gives")
            }
        }
    }

    /// Fails if a `.part` is there that holds no piece of this torrent: it is somebody else's.
    pub fn refuse_strange_parts(&self, files: &Files) -> Result<()> {
        for place in files.solid() {
            let part = place.part();
            let Ok(meta) = std::fs::symlink_metadata(&part) else { continue };
            let pieces =
                place.start / self.piece_length..place.span().end.div_ceil(self.piece_length);
            let mut pieces = pieces.filter(|_| meta.is_file());
            if meta.is_file() && meta.len() == 0
                || pieces.any(|piece| self.is_right(piece, files, true))
            {
                continue;
            }
            bail!(
                "{} is there already and holds nothing of this torrent: move it away, or replace it with --overwrite",
                part.display()
            );
        }
        Ok(())
    }
}

/// The files that a torrent names.
fn places(info: &Value<'_>, name: &str) -> Result<Vec<Place>> {
    let mut at = 0_u64;
    let mut place = |path: PathBuf, entry: &Value<'_>| {
        let bytes =
            entry.get("length").and_then(Value::amount).context("a file without `length`")?;
        let attributes = entry.get("attr").and_then(Value::text).unwrap_or_default();
        let start = at;
        at = at
            .checked_add(bytes)
            .filter(|end| *end <= i64::MAX as u64)
            .context("too many bytes")?;
        anyhow::Ok(Place { path, start, bytes, is_padding: attributes.contains(&b'p') })
    };
    match (info.get("length"), info.get("files")) {
        (Some(_), None) => {
            let place = place(harmless([name.to_string()])?, info)?;
            ensure!(!place.is_padding, "nothing but padding");
            Ok(vec![place])
        }
        (None, Some(files)) => {
            let files = files.list().context("`files` is no list")?;
            let mut taken = HashSet::new();
            let mut places = Vec::with_capacity(files.len());
            for file in files {
                let path =
                    file.get("path").and_then(Value::list).context("a file without `path`")?;
                ensure!(!path.is_empty(), "a file without a name");
                let names: Result<Vec<String>> = path.iter().map(written).collect();
                let names = [name.to_string()].into_iter().chain(names?);
                let place = place(harmless(names)?, file)?;
                places.push(place);
            }
            let solid = || places.iter().filter(|place| !place.is_padding);
            for place in solid() {
                for path in [place.path.clone(), place.part()] {
                    ensure!(
                        taken.insert(path),
                        "{} stands twice",
                        plain(&place.path.to_string_lossy())
                    );
                }
            }
            // A file cannot be a folder at the same time.
            let is_folder =
                |path: &Path| path.ancestors().skip(1).any(|above| taken.contains(above));
            ensure!(!solid().any(|place| is_folder(&place.path)), "a file in a file");
            ensure!(solid().next().is_some(), "nothing but padding");
            Ok(places)
        }
        _ => bail!("it has to have either `length` or `files`"),
    }
}

/// A name as text; bytes that are none are replaced.
fn written(name: &Value<'_>) -> Result<String> {
    Ok(String::from_utf8_lossy(name.text().context("a name that is no text")?).into_owned())
}

/// The path of those names, none of which leads anywhere else.
fn harmless(names: impl IntoIterator<Item = String>) -> Result<PathBuf> {
    let mut path = PathBuf::new();
    for name in names {
        let mut parts = Path::new(&name).components();
        let is_name = |part: Component<'_>| part == Component::Normal(name.as_ref());
        let is_one = parts.next().is_some_and(is_name) && parts.next().is_none();
        ensure!(
            is_one && !name.contains(['/', '\\', '\0']),
            "{:?} is no name of a file",
            plain(&name)
        );
        path.push(name);
    }
    Ok(path)
}

#[cfg(test)]
#[path = "torrent_tests.rs"]
mod tests;
