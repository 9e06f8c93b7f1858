//! The counting storage: the storage of a member with every read and write, and the time it took,
//! entered in the member's page.
//!
//! A write is entered after it succeeded, a read before its bytes can leave the program. So
//! whatever a member has received, some member has served before, and every snapshot shows it that
//! way round.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use librqbit::storage::{BoxStorageFactory, StorageFactory, StorageFactoryExt, TorrentStorage};
use librqbit::{ManagedTorrentShared, TorrentMetadata};
use librqbit_core::lengths::ValidPieceIndex;
use tokio::sync::mpsc::UnboundedSender;

use crate::books::Page;
use crate::files::{Files, Storage};
use crate::pieces::{Pieces, Purpose};
use crate::text::plain;
use crate::wire::Tap;

/// A write that failed. librqbit only stops the one torrent, so it is reported from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteFault {
    /// The member whose file it was.
    pub member: String,
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub reason: String,
}

impl std::fmt::Display for WriteFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.to_string_lossy();
        write!(f, "member {}: cannot write {}: {}", self.member, plain(&path), self.reason)
    }
}

impl std::error::Error for WriteFault {}

/// Makes the counting storage of one member.
#[derive(Clone)]
pub struct CountingFactory {
    /// The member's name.
    pub name: Arc<str>,
    /// Its files.
    pub files: Files,
    /// Its pieces.
    pub pieces: Arc<Pieces>,
    /// Where its reads and writes are entered.
    pub page: Page,
    /// Where failed writes are reported.
    pub faults: UnboundedSender<WriteFault>,
    /// Who knows the senders of pieces, if anybody does.
    pub tap: Option<Tap>,
}

impl StorageFactory for CountingFactory {
    type Storage = Counting<Storage>;

    fn create(&self, _: &ManagedTorrentShared, _: &TorrentMetadata) -> Result<Self::Storage> {
        Ok(Counting::new(Storage::of(self.files.clone()), self.clone()))
    }

    fn clone_box(&self) -> BoxStorageFactory {
        self.clone().boxed()
    }
}

/// A storage that counts what passes through it.
pub struct Counting<S> {
    inner: S,
    by: CountingFactory,
}

impl<S> Counting<S> {
    /// Wraps `inner`, the storage of a member.
    pub fn new(inner: S, by: CountingFactory) -> Self {
        Self { inner, by }
    }

    fn write<T>(
        &self,
        file: usize,
        offset: u64,
        bytes: u64,
        write: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let (result, time) = timed(write);
        match &result {
            Ok(_) => {
                if let Some(piece) = self.by.pieces.wrote(file, offset, bytes, time) {
                    self.bad(piece);
                }
                self.by.page.received(bytes, time);
            }
            Err(error) => {
                // Nobody listens any more when the program is ending; the error still goes back to
                // librqbit.
                let _ = self.by.faults.send(WriteFault {
                    member: self.by.name.to_string(),
                    path: self.by.pieces.path(file),
                    reason: error.root_cause().to_string(),
                });
            }
        }
        result
    }

    /// The hash of a piece was wrong.
    fn bad(&self, piece: usize) {
        self.by.page.bad();
        if let Some(tap) = &self.by.tap {
            tap.blame(&self.by.name, piece as u32);
        }
    }
}

/// Does it, and says how long it took.
fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = what();
    (result, start.elapsed())
}

impl<S: TorrentStorage> TorrentStorage for Counting<S> {
    fn init(&mut self, shared: &ManagedTorrentShared, metadata: &TorrentMetadata) -> Result<()> {
        self.inner.init(shared, metadata)
    }

    fn pread_exact(&self, file: usize, offset: u64, buf: &mut [u8]) -> Result<()> {
        let (result, time) = timed(|| self.inner.pread_exact(file, offset, buf));
        result?;
        let bytes = buf.len() as u64;
        let look = self.by.pieces.read(file, offset, bytes);
        match look.purpose {
            Purpose::Check => self.by.page.checked(bytes, time),
            Purpose::Upload => self.by.page.served(bytes, time),
        }
        if let (Some(piece), Some(tap)) = (look.checked, &self.by.tap) {
            tap.suspect(&self.by.name, piece as u32);
        }
        Ok(())
    }

    fn pwrite_all(&self, file: usize, offset: u64, buf: &[u8]) -> Result<()> {
        self.write(file, offset, buf.len() as u64, || self.inner.pwrite_all(file, offset, buf))
    }

    fn pwrite_all_vectored(
        &self,
        file: usize,
        offset: u64,
        bufs: [IoSlice<'_>; 2],
    ) -> Result<usize> {
        let bytes = bufs.iter().map(|buf| buf.len() as u64).sum();
        self.write(file, offset, bytes, || self.inner.pwrite_all_vectored(file, offset, bufs))
    }

    fn remove_file(&self, file: usize, filename: &Path) -> Result<()> {
        self.inner.remove_file(file, filename)
    }

    fn remove_directory_if_empty(&self, path: &Path) -> Result<()> {
        self.inner.remove_directory_if_empty(path)
    }

    fn ensure_file_length(&self, file: usize, length: u64) -> Result<()> {
        self.inner.ensure_file_length(file, length)
    }

    fn take(&self) -> Result<Box<dyn TorrentStorage>> {
        Ok(Box::new(Counting { inner: self.inner.take()?, by: self.by.clone() }))
    }

    fn on_piece_completed(&self, piece: ValidPieceIndex) -> Result<()> {
        let time = self.by.pieces.completed(piece.get_usize());
        self.by.page.verified(self.by.pieces.bytes(piece.get_usize()), time);
        if let Some(tap) = &self.by.tap {
            tap.acquit(&self.by.name, piece.get());
        }
        self.inner.on_piece_completed(piece)
    }
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
