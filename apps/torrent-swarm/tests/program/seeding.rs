//! `--seed`: other programs fetch from the counted swarm, and their counts are ours.

use std::path::Path;

use crate::harness::{Ended, Program, noise, text};
use crate::others::{Aria2, Transmission};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

/// What the seed has, and how many bytes that is.
const SIZE: &str = "3000001";
const BYTES: u64 = 3_000_001;

/// A seed without leechers that writes a journal, once it says where it is.
fn seed() -> (Program, TempDir) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let (dir, json) = (root.path().join("seeding"), root.path().join("cuts.json"));
    let args = ["--size", SIZE, "--leechers", "0", "--seed", "--dir", text(&dir)];
    let program = Program::swarm(args.iter().chain(&["--json", text(&json)]));
    let line = program.line("the seed is at 127.0.0.1:");
    assert!(line.ends_with("seeding/swarm.torrent"), "{line}");
    (program, root)
}

/// Ends the seed, and returns what its last cut says that it has served.
fn served(program: Program, root: &Path) -> (Ended, u64, Value) {
    program.signal(Signal::SIGINT);
    let ended = program.end().expect(0).says("everything holds");
    let json = std::fs::read_to_string(root.join("cuts.json")).expect("written");
    let last = json.lines().rev().nth(1).expect("a cut before the verdict");
    let last: Value = serde_json::from_str(last).expect("an object");
    let served = last["swarm"]["served"].as_u64().expect("a number");
    (ended, served, last)
}

fn assert_same(one: &Path, other: &Path) {
    let [one, other] = [one, other].map(|path| std::fs::read(path).expect("there"));
    assert!(one == other, "the files differ");
}

#[test]
fn aria2_fetches_from_the_seed_and_counts_the_same() {
    let (program, root) = seed();
    let (torrent, got) = (root.path().join("seeding/swarm.torrent"), root.path().join("got"));
    let fetched = Aria2::fetch(&torrent, &got).complete();
    let (ended, served, last) = served(program, root.path());
    assert_same(&root.path().join("seeding/seed/swarm.bin"), &got.join("swarm.bin"));
    assert_eq!((fetched, served), (BYTES, BYTES));
    assert_eq!(last["wire"]["bytes"], json!(BYTES));
    ended.says("1 join, 1 departure");
}

#[test]
fn transmission_fetches_from_the_seed_and_counts_the_same() {
    let (program, root) = seed();
    let (torrent, got) = (root.path().join("seeding/swarm.torrent"), root.path().join("got"));
    let transmission = Transmission::start(&root.path().join("settings"), &got);
    transmission.remote(&["--add", text(&torrent), "--download-dir", text(&got)]);
    transmission.wait_for("Percent Done: 100%");
    assert_same(&root.path().join("seeding/seed/swarm.bin"), &got.join("swarm.bin"));
    let downloaded = transmission.downloaded();
    let (_, served, last) = served(program, root.path());
    // It may ask for a chunk twice towards the end; whatever it says it got came from us.
    assert!(downloaded >= BYTES, "{downloaded}");
    assert_eq!((last["wire"]["bytes"].as_u64(), served), (Some(downloaded), downloaded));
}

#[test]
fn a_seed_that_is_in_the_way_of_a_file_leaves_it_alone() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let theirs = root.path().join("seed");
    std::fs::create_dir(&theirs).expect("made");
    std::fs::write(theirs.join("swarm.bin"), noise(10)).expect("written");
    let args = ["--size", "1MiB", "--leechers", "1", "--dir", text(root.path())];
    Program::swarm(args).end().expect(1).complains("seed/swarm.bin is there already");
    assert!(std::fs::read(theirs.join("swarm.bin")).expect("there") == noise(10));
    Program::swarm(args.iter().chain(&["--overwrite"])).end().expect(0).says("everything holds");
    // What the run before has left is in the way as well.
    Program::swarm(args).end().expect(1).complains("leecher-1/swarm.bin is there already");
}
