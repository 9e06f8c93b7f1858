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

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
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
    /// A [`Stand`].
    stand: AtomicU8,
    /// Nanoseconds spent on writing it since it was last found good.
    writing: AtomicU64,
}

/// How a piece stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Stand {
    /// Nothing is known of it.
    Unknown,
    /// It was written since it was last read to its end.
    Written,
    /// It was read to its end after it was written, and not found good yet.
    Checked,
    /// It was read to its end and never written.
    Found,
    /// It was found good.
    Good,
}

impl Stand {
    const ALL: [Self; 5] = [Self::Unknown, Self::Written, Self::Checked, Self::Found, Self::Good];

    fn of(number: u8) -> Self {
        Self::ALL.into_iter().find(|stand| *stand as u8 == number).unwrap_or(Self::Unknown)
    }

    fn is_read_back(self) -> bool {
        !matches!(self, Self::Unknown | Self::Written)
    }
}

/// What a read tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// What it was for.
    pub purpose: Purpose,
    /// The piece, if this was the end of its check after it was received.
    pub checked: Option<usize>,
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
    /// never writes across the end of a piece. Returns the piece if its hash was wrong before.
    pub fn wrote(&self, file: usize, offset: u64, bytes: u64, time: Duration) -> Option<usize> {
        let touched = self.touched(file, offset, bytes);
        let first = *touched.start();
        if let Some(piece) = self.pieces.get(first) {
            piece.writing.fetch_add(nanos(time), Relaxed);
        }
        let was_bad = self.stand(first) == Stand::Checked;
        for piece in touched {
            self.set(piece, Stand::Written);
        }
        was_bad.then_some(first)
    }

    /// Notes a read and says what it was for. librqbit never reads across the end of a piece.
    pub fn read(&self, file: usize, offset: u64, bytes: u64) -> Look {
        let touched = self.touched(file, offset, bytes);
        let piece = *touched.start();
        let stand = self.stand(piece);
        if stand.is_read_back() {
            return Look { purpose: Purpose::Upload, checked: None };
        }
        let is_end =
            self.start_of(file) + offset + bytes >= piece as u64 * self.length + self.bytes(piece);
        let checked = (is_end && stand == Stand::Written).then_some(piece);
        if is_end {
            self.set(piece, if checked.is_some() { Stand::Checked } else { Stand::Found });
        }
        Look { purpose: Purpose::Check, checked }
    }

    /// Notes that a piece was found good, and says how long it took to write.
    pub fn completed(&self, piece: usize) -> Duration {
        // Not read to its end where it ends in padding.
        self.set(piece, Stand::Good);
        let writing = self.pieces.get(piece).map_or(0, |piece| piece.writing.swap(0, Relaxed));
        Duration::from_nanos(writing)
    }

    /// Whether a piece with bytes in `span` was found good after it was received.
    pub fn is_good_in(&self, span: Range<u64>) -> bool {
        let mut pieces = span.start / self.length..span.end.div_ceil(self.length);
        pieces.any(|piece| self.stand(piece as usize) == Stand::Good)
    }

    fn stand(&self, piece: usize) -> Stand {
        self.pieces.get(piece).map_or(Stand::Unknown, |piece| Stand::of(piece.stand.load(Relaxed)))
    }

    fn start_of(&self, file: usize) -> u64 {
        self.files.get(file).map_or(0, |span| span.start)
    }

    fn touched(&self, file: usize, offset: u64, bytes: u64) -> RangeInclusive<usize> {
        let first = self.start_of(file) + offset;
        let last = first + bytes.saturating_sub(1);
        (first / self.length) as usize..=(last / self.length) as usize
    }

    fn set(&self, piece: usize, stand: Stand) {
        if let Some(piece) = self.pieces.get(piece) {
            piece.stand.store(stand as u8, Relaxed);
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
        assert_eq!(pieces.read(0, 0, 60).purpose, Purpose::Check);
        assert_eq!(pieces.read(0, 60, 40).purpose, Purpose::Check);
        assert_eq!(pieces.read(0, 0, 16).purpose, Purpose::Upload);
    }

    #[test]
    fn a_write_makes_the_next_read_a_check_again() {
        let pieces = two_files();
        pieces.read(0, 0, 100);
        pieces.wrote(0, 20, 10, Duration::ZERO);
        assert_eq!(pieces.read(0, 0, 100).purpose, Purpose::Check);
        assert_eq!(pieces.read(0, 0, 100).purpose, Purpose::Upload);
    }

    #[test]
    fn a_piece_that_spans_two_files_is_one_piece() {
        let pieces = two_files();
        assert_eq!(pieces.read(0, 100, 50).purpose, Purpose::Check);
        assert_eq!(pieces.read(1, 0, 50).purpose, Purpose::Check);
        assert_eq!(pieces.read(0, 100, 50).purpose, Purpose::Upload);
        assert_eq!(
            pieces.read(1, 50, 57).purpose,
            Purpose::Check,
            "the last piece ends before its full length"
        );
        assert_eq!(pieces.read(1, 50, 16).purpose, Purpose::Upload);
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
        assert_eq!(pieces.read(1, 0, 50).purpose, Purpose::Upload);
    }

    #[test]
    fn a_piece_that_is_written_again_after_its_check_was_bad() {
        let pieces = two_files();
        let write = |offset, bytes| pieces.wrote(0, offset, bytes, Duration::ZERO);
        assert_eq!(pieces.read(0, 0, 100).checked, None, "found, and never received");
        assert_eq!((write(0, 60), write(60, 40)), (None, None));
        assert_eq!(pieces.read(0, 0, 60).checked, None);
        assert_eq!(pieces.read(0, 60, 40).checked, Some(0));
        assert_eq!((write(0, 60), write(60, 40)), (Some(0), None), "once");
        assert!(!pieces.is_good_in(0..100));
        assert_eq!(pieces.read(0, 0, 100).checked, Some(0));
        pieces.completed(0);
        assert_eq!(write(0, 60), None, "it was good");
        pieces.completed(1);
        assert!(pieces.is_good_in(199..250) && !pieces.is_good_in(200..250));
    }
}
