//! The counting storage: librqbit's file storage with every read and write, and the time it took,
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
use librqbit::storage::filesystem::{FilesystemStorage, FilesystemStorageFactory};
use librqbit::storage::{BoxStorageFactory, StorageFactory, StorageFactoryExt, TorrentStorage};
use librqbit::{ManagedTorrentShared, TorrentMetadata};
use librqbit_core::lengths::ValidPieceIndex;
use tokio::sync::mpsc::UnboundedSender;

use crate::books::Page;
use crate::pieces::{Pieces, Purpose, Span};

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
        write!(f, "member {}: cannot write {}: {}", self.member, self.path.display(), self.reason)
    }
}

impl std::error::Error for WriteFault {}

/// Makes the counting storage of one member.
#[derive(Clone)]
pub struct CountingFactory {
    /// The member's name.
    pub name: String,
    /// The folder its files lie in.
    pub dir: PathBuf,
    /// Where its reads and writes are entered.
    pub page: Page,
    /// Where failed writes are reported.
    pub faults: UnboundedSender<WriteFault>,
}

impl StorageFactory for CountingFactory {
    type Storage = Counting<FilesystemStorage>;

    fn create(
        &self,
        shared: &ManagedTorrentShared,
        metadata: &TorrentMetadata,
    ) -> Result<Self::Storage> {
        let files = metadata
            .file_infos
            .iter()
            .map(|file| Span {
                start: file.offset_in_torrent,
                path: self.dir.join(&file.relative_filename),
            })
            .collect();
        let lengths = metadata.lengths();
        let pieces =
            Pieces::new(lengths.default_piece_length().into(), lengths.total_length(), files)?;
        let inner = FilesystemStorageFactory::default().create(shared, metadata)?;
        Ok(Counting::new(inner, self.name.clone(), self.page.clone(), pieces, self.faults.clone()))
    }

    fn is_type_id(&self, type_id: std::any::TypeId) -> bool {
        FilesystemStorageFactory::default().is_type_id(type_id)
    }

    fn clone_box(&self) -> BoxStorageFactory {
        self.clone().boxed()
    }
}

/// A storage that counts what passes through it.
pub struct Counting<S> {
    inner: S,
    name: String,
    page: Page,
    pieces: Arc<Pieces>,
    faults: UnboundedSender<WriteFault>,
}

impl<S> Counting<S> {
    /// Wraps `inner`, the storage of the member called `name`.
    pub fn new(
        inner: S,
        name: String,
        page: Page,
        pieces: Pieces,
        faults: UnboundedSender<WriteFault>,
    ) -> Self {
        Self { inner, name, page, pieces: Arc::new(pieces), faults }
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
                self.pieces.wrote(file, offset, bytes, time);
                self.page.received(bytes, time);
            }
            Err(error) => {
                let cause = error.root_cause().to_string();
                // Some of librqbit's causes begin with the name of the errno: "ENOSPC: No space
                // left on device".
                let reason = match cause.split_once(": ") {
                    Some((name, text)) if name.chars().all(|c| c.is_ascii_uppercase()) => {
                        text.to_string()
                    }
                    _ => cause,
                };
                // Nobody listens any more when the program is ending; the error still goes back to
                // librqbit.
                let _ = self.faults.send(WriteFault {
                    member: self.name.clone(),
                    path: self.pieces.path(file),
                    reason,
                });
            }
        }
        result
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
        match self.pieces.read(file, offset, bytes) {
            Purpose::Check => self.page.checked(bytes, time),
            Purpose::Upload => self.page.served(bytes, time),
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
        Ok(Box::new(Counting {
            inner: self.inner.take()?,
            name: self.name.clone(),
            page: self.page.clone(),
            pieces: self.pieces.clone(),
            faults: self.faults.clone(),
        }))
    }

    fn on_piece_completed(&self, piece: ValidPieceIndex) -> Result<()> {
        let time = self.pieces.completed(piece.get_usize());
        self.page.verified(self.pieces.bytes(piece.get_usize()), time);
        self.inner.on_piece_completed(piece)
    }
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
