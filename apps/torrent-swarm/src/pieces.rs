//! Which piece a read or write belongs to, whether a read is a hash check or an upload, and how
//! long a piece took to write.
//!
//! librqbit reads a file for two reasons through one and the same call. They are told apart without
//! guessing at buffer sizes: a piece is uploaded only after it was announced, announced only after
//! its hash was checked, and checked by reading it to its end after the last write to it. So a read
//! is a check until the piece has been read to its end since it was last written, and an upload
//! afterwards. The first check of a whole file obeys the same rule.
//!
//! A piece is written in chunks. The time of their writes is summed until the piece is found good,
//! and that sum is its write time: it has the writes that had to be repeated in it, and none of the
//! time in between.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Result, ensure};

/// Why storage was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To compute the hash of a piece.
    Check,
    /// To send it to another member.
    Upload,
}

/// One file of a torrent.
#[derive(Clone, Debug)]
pub struct Span {
    /// Where its first byte lies in the torrent.
    pub start: u64,
    /// Its path, for messages.
    pub path: PathBuf,
}

/// The pieces of one torrent as one member holds them.
#[derive(Debug)]
pub struct Pieces {
    length: u64,
    total: u64,
    files: Vec<Span>,
    pieces: Vec<Piece>,
}

/// Relaxed throughout: what is known of a piece is handed from the threads that wrote it to the one
/// that checks it, and from there to those that upload it, by librqbit's own locks and by the
/// network, because nobody can ask for a piece before it is announced.
#[derive(Debug, Default)]
struct Piece {
    /// Read to its end since it was last written.
    read_back: AtomicBool,
    /// Nanoseconds spent on writing it since it was last found good.
    writing: AtomicU64,
}

impl Pieces {
    /// Pieces of `length` bytes, the last one shorter, over `files` of `total` bytes together.
    pub fn new(length: u64, total: u64, files: Vec<Span>) -> Result<Self> {
        ensure!(length > 0 && total > 0, "a torrent without payload");
        let count = usize::try_from(total.div_ceil(length))?;
        Ok(Self { length, total, files, pieces: (0..count).map(|_| Piece::default()).collect() })
    }

    /// The path of a file, for messages.
    pub fn path(&self, file: usize) -> PathBuf {
        self.files.get(file).map(|span| span.path.clone()).unwrap_or_default()
    }

    /// The bytes in a piece.
    pub fn bytes(&self, piece: usize) -> u64 {
        (self.total - piece as u64 * self.length).min(self.length)
    }

    /// Notes a write, which took `time`: the pieces it touched have to be checked again. librqbit
    /// never writes across the end of a piece.
    pub fn wrote(&self, file: usize, offset: u64, bytes: u64, time: Duration) {
        let touched = self.touched(file, offset, bytes);
        if let Some(piece) = self.pieces.get(*touched.start()) {
            piece.writing.fetch_add(nanos(time), Relaxed);
        }
        for piece in touched {
            self.set(piece, false);
        }
    }

    /// Notes a read and says what it was for. librqbit never reads across the end of a piece.
    pub fn read(&self, file: usize, offset: u64, bytes: u64) -> Purpose {
        let touched = self.touched(file, offset, bytes);
        let piece = *touched.start();
        if self.pieces.get(piece).is_some_and(|piece| piece.read_back.load(Relaxed)) {
            return Purpose::Upload;
        }
        if self.start_of(file) + offset + bytes >= piece as u64 * self.length + self.bytes(piece) {
            self.set(piece, true);
        }
        Purpose::Check
    }

    /// Notes that a piece was found good, and says how long it took to write.
    pub fn completed(&self, piece: usize) -> Duration {
        // Not read to its end where it ends in padding.
        self.set(piece, true);
        let writing = self.pieces.get(piece).map_or(0, |piece| piece.writing.swap(0, Relaxed));
        Duration::from_nanos(writing)
    }

    fn start_of(&self, file: usize) -> u64 {
        self.files.get(file).map_or(0, |span| span.start)
    }

    fn touched(&self, file: usize, offset: u64, bytes: u64) -> RangeInclusive<usize> {
        let first = self.start_of(file) + offset;
        let last = first + bytes.saturating_sub(1);
        (first / self.length) as usize..=(last / self.length) as usize
    }

    fn set(&self, piece: usize, value: bool) {
        if let Some(piece) = self.pieces.get(piece) {
            piece.read_back.store(value, Relaxed);
        }
    }
}

/// Nanoseconds, of which 584 years fit.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_files() -> Pieces {
        let files =
            vec![Span { start: 0, path: "a".into() }, Span { start: 150, path: "b".into() }];
        Pieces::new(100, 250 + 7, files).expect("valid pieces")
    }

    #[test]
    fn the_last_piece_is_shorter() {
        let pieces = two_files();
        assert_eq!([0, 1, 2].map(|piece| pieces.bytes(piece)), [100, 100, 57]);
    }

    #[test]
    fn a_piece_is_checked_once_and_uploaded_after_that() {
        let pieces = two_files();
        assert_eq!(pieces.read(0, 0, 60), Purpose::Check);
        assert_eq!(pieces.read(0, 60, 40), Purpose::Check);
        assert_eq!(pieces.read(0, 0, 16), Purpose::Upload);
    }

    #[test]
    fn a_write_makes_the_next_read_a_check_again() {
        let pieces = two_files();
        pieces.read(0, 0, 100);
        pieces.wrote(0, 20, 10, Duration::ZERO);
        assert_eq!(pieces.read(0, 0, 100), Purpose::Check);
        assert_eq!(pieces.read(0, 0, 100), Purpose::Upload);
    }

    #[test]
    fn a_piece_that_spans_two_files_is_one_piece() {
        let pieces = two_files();
        assert_eq!(pieces.read(0, 100, 50), Purpose::Check);
        assert_eq!(pieces.read(1, 0, 50), Purpose::Check);
        assert_eq!(pieces.read(0, 100, 50), Purpose::Upload);
        assert_eq!(
            pieces.read(1, 50, 57),
            Purpose::Check,
            "the last piece ends before its full length"
        );
        assert_eq!(pieces.read(1, 50, 16), Purpose::Upload);
    }

    #[test]
    fn the_write_time_of_a_piece_is_that_of_its_chunks() {
        let pieces = two_files();
        let millis = Duration::from_millis;
        pieces.wrote(0, 100, 50, millis(3));
        pieces.wrote(0, 0, 100, millis(100));
        pieces.wrote(1, 0, 50, millis(4));
        assert_eq!(pieces.completed(1), millis(7), "two chunks in two files");
        pieces.wrote(0, 100, 50, millis(5));
        assert_eq!(pieces.completed(1), millis(5), "it starts anew");
        assert_eq!(pieces.completed(0), millis(100));
        assert_eq!(pieces.completed(2), Duration::ZERO);
    }

    #[test]
    fn a_completed_piece_counts_as_checked() {
        let pieces = two_files();
        pieces.completed(1);
        assert_eq!(pieces.read(1, 0, 50), Purpose::Upload);
    }
}
