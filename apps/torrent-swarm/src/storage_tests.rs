//! The counting storage around a storage that keeps nothing.

use std::time::Duration;

use anyhow::bail;
use librqbit_core::lengths::Lengths;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::books::Books;
use crate::cut::{Cut, Tally};
use crate::pieces::Span;

/// Two pieces of 100 bytes and a shorter one, in one file.
const LENGTH: u32 = 100;
const TOTAL: u64 = 230;

struct Nothing {
    full: bool,
}

impl TorrentStorage for Nothing {
    fn init(&mut self, _: &ManagedTorrentShared, _: &TorrentMetadata) -> Result<()> {
        Ok(())
    }
    fn pread_exact(&self, _: usize, offset: u64, buf: &mut [u8]) -> Result<()> {
        if offset + buf.len() as u64 > TOTAL {
            bail!("behind the end");
        }
        Ok(())
    }
    fn pwrite_all(&self, _: usize, _: u64, _: &[u8]) -> Result<()> {
        if self.full {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(anyhow::Error::new(full).context("error writing a chunk"));
        }
        Ok(())
    }
    fn remove_file(&self, _: usize, _: &Path) -> Result<()> {
        Ok(())
    }
    fn remove_directory_if_empty(&self, _: &Path) -> Result<()> {
        Ok(())
    }
    fn ensure_file_length(&self, _: usize, _: u64) -> Result<()> {
        Ok(())
    }
    fn take(&self) -> Result<Box<dyn TorrentStorage>> {
        Ok(Box::new(Nothing { full: self.full }))
    }
}

fn counting(books: &Books, full: bool) -> (Counting<Nothing>, UnboundedReceiver<WriteFault>) {
    let (faults, faulty) = unbounded_channel();
    let files = vec![Span { start: 0, path: "dir/file".into() }];
    let pieces = Pieces::new(LENGTH.into(), TOTAL, files).expect("valid pieces");
    let page = books.page("m").expect("a new member");
    let by = CountingFactory {
        name: "m".into(),
        files: Files::wanted(Vec::new(), false),
        pieces: Arc::new(pieces),
        page,
        faults,
        tap: None,
    };
    (Counting::new(Nothing { full }, by), faulty)
}

/// The books as the collector's last cut shows them.
fn balance(books: &Books) -> Cut {
    drop(books.registry.collect_every(Duration::from_secs(60)).expect("a collector"));
    Cut::of(&books.registry.reader().latest(), books)
}

#[test]
fn writes_checks_and_uploads_go_to_the_member_and_to_the_swarm() {
    let books = Books::new(None).expect("books");
    let (storage, _faulty) = counting(&books, false);
    storage.pwrite_all(0, 0, &[0; 60]).expect("written");
    let halves = [IoSlice::new(&[0; 10]), IoSlice::new(&[0; 30])];
    assert_eq!(storage.pwrite_all_vectored(0, 60, halves).expect("written"), 40);
    storage.pread_exact(0, 0, &mut [0; 100]).expect("read to be hashed");
    let lengths = Lengths::new(TOTAL, LENGTH).expect("valid");
    storage.on_piece_completed(lengths.validate_piece_index(0).expect("there")).expect("noted");
    storage.pread_exact(0, 0, &mut [0; 16]).expect("read to be sent");

    let cut = balance(&books);
    let expected = Tally {
        received: 100,
        served: 16,
        checked: 100,
        verified: 100,
        pieces: 1,
        writes: 2,
        reads: 2,
        ..Tally::default()
    };
    assert_eq!(cut.swarm.counters(), expected.counters());
    assert_eq!(cut.present.len(), 1);
    assert_eq!(cut.present[0].tally, cut.swarm);
}

#[test]
fn every_count_has_its_time_and_a_piece_that_of_its_chunks() {
    let books = Books::new(None).expect("books");
    let (storage, _faulty) = counting(&books, false);
    for offset in [0, 50, 100] {
        storage.pwrite_all(0, offset, &[0; 50]).expect("written");
    }
    let lengths = Lengths::new(TOTAL, LENGTH).expect("valid");
    let complete = |piece| {
        let piece = lengths.validate_piece_index(piece).expect("there");
        storage.on_piece_completed(piece).expect("noted");
    };
    complete(0);
    storage.pread_exact(0, 0, &mut [0; 100]).expect("read");
    let swarm = balance(&books).swarm;
    for (counter, count, time, distribution) in swarm.times() {
        assert_eq!(count, distribution.count(), "{counter} and {time}");
    }
    assert!(swarm.piece_write_time.sum() <= swarm.write_time.sum());
    storage.pwrite_all(0, 150, &[0; 50]).expect("written");
    complete(1);
    let swarm = balance(&books).swarm;
    assert_eq!(swarm.piece_write_time.count(), 2);
    assert_eq!(swarm.piece_write_time.sum(), swarm.write_time.sum(), "all is in whole pieces");
}

#[test]
fn a_piece_with_a_wrong_hash_is_counted_when_it_is_written_again() {
    let books = Books::new(None).expect("books");
    let (storage, _faulty) = counting(&books, false);
    let receive = || {
        storage.pwrite_all(0, 0, &[0; 100]).expect("written");
        storage.pread_exact(0, 0, &mut [0; 100]).expect("read to be hashed");
    };
    receive();
    receive();
    let lengths = Lengths::new(TOTAL, LENGTH).expect("valid");
    storage.on_piece_completed(lengths.validate_piece_index(0).expect("there")).expect("noted");
    let swarm = balance(&books).swarm;
    assert_eq!((swarm.bad_pieces, swarm.pieces, swarm.received), (1, 1, 200));
}

#[test]
fn a_read_that_fails_counts_for_nothing() {
    let books = Books::new(None).expect("books");
    let (storage, _faulty) = counting(&books, false);
    storage.pread_exact(0, 200, &mut [0; 100]).expect_err("behind the end");
    assert_eq!(balance(&books).swarm, Tally::default());
}

#[test]
fn a_write_that_fails_counts_for_nothing_and_is_reported() {
    let books = Books::new(None).expect("books");
    let (storage, mut faulty) = counting(&books, true);
    storage.pwrite_all(0, 0, &[0; 60]).expect_err("full");
    assert_eq!(balance(&books).swarm, Tally::default());
    let fault = faulty.try_recv().expect("reported").to_string();
    assert!(fault.starts_with("member m: cannot write dir/file: "), "{fault}");
    assert!(!fault.contains("chunk"), "the cause, not its context: {fault}");
}

#[test]
fn what_was_taken_out_of_a_storage_counts_on_and_knows_its_pieces() {
    let books = Books::new(None).expect("books");
    let (storage, _faulty) = counting(&books, false);
    storage.pread_exact(0, 0, &mut [0; 100]).expect("checked");
    let taken = storage.take().expect("taken");
    taken.pread_exact(0, 0, &mut [0; 100]).expect("sent");
    let swarm = balance(&books).swarm;
    assert_eq!((swarm.checked, swarm.served), (100, 100));
}

#[test]
fn a_member_retires_with_its_storage_and_stays_in_the_sum() {
    let books = Books::new(None).expect("books");
    let (storage, _faulty) = counting(&books, false);
    storage.pwrite_all(0, 0, &[0; 60]).expect("written");
    drop(storage);
    assert_eq!(balance(&books).present.len(), 1, "its last change is shown once");
    let cut = balance(&books);
    assert_eq!(cut.present, []);
    assert_eq!(cut.departed, cut.swarm);
    assert_eq!(cut.parts().received, 60);
}
