//! Where the files of a torrent lie, and what happens to those that are there already.
//!
//! A file is written under a name that ends in `.part`, and takes its own name when its hash is
//! right. A file that is there under its own name is never touched, unless it may be overwritten,
//! and then it is replaced by the whole new one at the end. Nothing is allotted ahead: a `.part`
//! ends with the last byte that has arrived.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use librqbit::storage::TorrentStorage;
use librqbit::{ManagedTorrentShared, TorrentMetadata};

/// What the name of a file ends in until its hash is right.
const PART: &str = ".part";

/// One file of a torrent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its path.
    pub path: PathBuf,
    /// Where its first byte lies in the torrent.
    pub start: u64,
    /// Its size.
    pub bytes: u64,
    /// Whether it only fills up a piece: it consists of zeros and is not written.
    pub is_padding: bool,
}

impl Place {
    /// The path until its hash is right.
    pub fn part(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(PART);
        name.into()
    }

    /// Where its bytes lie in the torrent.
    pub fn span(&self) -> Range<u64> {
        self.start..self.start + self.bytes
    }
}

/// What this run has made, to be taken back if nothing came of it.
#[derive(Debug, Default)]
struct Made {
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

/// The files of a torrent as one member holds them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Files {
    places: Arc<[Place]>,
    /// Whether they have their own names, and are only read.
    is_whole: bool,
    may_overwrite: bool,
    made: Arc<Mutex<Made>>,
}

impl Files {
    /// Files that are to be fetched.
    pub fn wanted(places: Vec<Place>, may_overwrite: bool) -> Self {
        Self { places: places.into(), is_whole: false, may_overwrite, made: Arc::default() }
    }

    /// Files that are there, whole.
    pub fn whole(places: Vec<Place>) -> Self {
        let (may_overwrite, made) = Default::default();
        Self { places: places.into(), is_whole: true, may_overwrite, made }
    }

    /// Each of them.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Those that lie on the disk.
    pub fn solid(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| !place.is_padding)
    }

    /// The path under which a file is worked on.
    pub fn current(&self, place: &Place) -> PathBuf {
        if self.is_whole { place.path.clone() } else { place.part() }
    }

    /// Fails if something is in the way that must not be overwritten, under the files' own names
    /// or, with `parts`, under those that end in `.part`, too.
    pub fn refuse_what_is_there(&self, parts: bool) -> Result<()> {
        if self.may_overwrite {
            return Ok(());
        }
        for place in self.solid() {
            ensure!(!exists(&place.path)?, in_the_way(&place.path));
            let part = place.part();
            ensure!(!parts || !exists(&part)?, in_the_way(&part));
        }
        Ok(())
    }

    /// The bytes of the torrent in `range`, if all of them are in files, under their own names or,
    /// with `parts`, under those that end in `.part`.
    pub fn read(&self, range: Range<u64>, parts: bool) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity((range.end - range.start) as usize);
        for place in self.places.iter() {
            let span = place.span();
            let (from, to) = (range.start.max(span.start), range.end.min(span.end));
            if from >= to {
                continue;
            }
            let at = bytes.len();
            bytes.resize(at + (to - from) as usize, 0);
            if !place.is_padding {
                let path = if parts { place.part() } else { place.path.clone() };
                let file = File::open(path).ok()?;
                file.read_exact_at(&mut bytes[at..], from - span.start).ok()?;
            }
        }
        Some(bytes)
    }

    /// Opens the files, those of which nothing is there as empty ones.
    fn open(&self) -> Result<Vec<Option<File>>> {
        let open = |place: &Place| {
            if place.is_padding {
                return Ok(None);
            }
            let path = self.current(place);
            let file = if self.is_whole { File::open(&path) } else { self.open_part(&path) };
            let file = file.with_context(|| format!("cannot open {}", path.display()))?;
            // Left by whoever was allowed to be overwritten.
            if !self.is_whole && file.metadata()?.len() > place.bytes {
                file.set_len(place.bytes)?;
            }
            Ok(Some(file))
        };
        self.places.iter().map(open).collect()
    }

    fn open_part(&self, path: &Path) -> io::Result<File> {
        if let Some(folder) = path.parent() {
            self.make_folder(folder)?;
        }
        let mut options = OpenOptions::new();
        match options.read(true).write(true).create_new(true).open(path) {
            Ok(file) => {
                self.made().files.push(path.to_path_buf());
                Ok(file)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                options.create_new(false).open(path)
            }
            Err(error) => Err(error),
        }
    }

    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        let missing: Vec<PathBuf> = folder
            .ancestors()
            .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
            .map(Path::to_path_buf)
            .collect();
        fs::create_dir_all(folder)?;
        self.made().folders.extend(missing.into_iter().rev());
        Ok(())
    }

    /// Gives the files their own names. Their hashes have to be right.
    pub fn finish(&self) -> Result<()> {
        if self.is_whole {
            return Ok(());
        }
        for place in self.solid() {
            let (part, path) = (place.part(), &place.path);
            let cannot = || format!("cannot rename {} to {}", part.display(), path.display());
            if self.may_overwrite {
                fs::rename(&part, path).with_context(cannot)?;
                continue;
            }
            // A link fails where there is a file by now; a renaming would replace it.
            match fs::hard_link(&part, path) {
                Ok(()) => fs::remove_file(&part).with_context(cannot)?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    bail!(in_the_way(path))
                }
                // Some file systems have no links.
                Err(_) => {
                    ensure!(!exists(path)?, in_the_way(path));
                    fs::rename(&part, path).with_context(cannot)?;
                }
            }
        }
        Ok(())
    }

    /// Removes the files of this run that hold nothing that is known to be good, and the folders
    /// that were made for them.
    pub fn tidy(&self, is_good: impl Fn(Range<u64>) -> bool) {
        let made = std::mem::take(&mut *self.made());
        let mut vain = self.solid().filter(|place| !is_good(place.span())).map(Place::part);
        // Whatever cannot be removed stays.
        vain.by_ref()
            .filter(|part| made.files.contains(part))
            .for_each(|part| _ = fs::remove_file(part));
        made.folders.iter().rev().for_each(|folder| _ = fs::remove_dir(folder));
    }

    fn made(&self) -> std::sync::MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said of a file that is not to be replaced.
pub fn in_the_way(path: &Path) -> String {
    format!("{} is there already: move it away, or replace it with --overwrite", path.display())
}

/// Whether anything has that name, a link that leads nowhere included.
pub fn exists(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

/// The storage of one member: [`Files`] that are open.
pub struct Storage {
    files: Files,
    open: Arc<Vec<Option<File>>>,
}

impl Storage {
    /// Storage that opens the files when librqbit says so.
    pub fn of(files: Files) -> Self {
        Self { files, open: Arc::default() }
    }

    fn file(&self, file: usize) -> Result<&File> {
        self.open.get(file).and_then(Option::as_ref).context("no such file")
    }
}

impl TorrentStorage for Storage {
    fn init(&mut self, _: &ManagedTorrentShared, _: &TorrentMetadata) -> Result<()> {
        self.open = Arc::new(self.files.open()?);
        Ok(())
    }

    fn pread_exact(&self, file: usize, offset: u64, buf: &mut [u8]) -> Result<()> {
        Ok(self.file(file)?.read_exact_at(buf, offset)?)
    }

    fn pwrite_all(&self, file: usize, offset: u64, buf: &[u8]) -> Result<()> {
        Ok(self.file(file)?.write_all_at(buf, offset)?)
    }

    fn pwrite_all_vectored(
        &self,
        file: usize,
        offset: u64,
        bufs: [IoSlice<'_>; 2],
    ) -> Result<usize> {
        let file = self.file(file)?;
        let [first, second] = &bufs;
        file.write_all_at(first, offset)?;
        file.write_all_at(second, offset + first.len() as u64)?;
        Ok(first.len() + second.len())
    }

    fn remove_file(&self, _: usize, _: &Path) -> Result<()> {
        bail!("files are never removed through a session")
    }

    fn remove_directory_if_empty(&self, _: &Path) -> Result<()> {
        bail!("folders are never removed through a session")
    }

    /// Files grow with what arrives.
    fn ensure_file_length(&self, _: usize, _: u64) -> Result<()> {
        Ok(())
    }

    fn take(&self) -> Result<Box<dyn TorrentStorage>> {
        Ok(Box::new(Self { files: self.files.clone(), open: self.open.clone() }))
    }
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
