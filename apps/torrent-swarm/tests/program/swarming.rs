//! The swarm from the outside: what it says, what it writes, and how it ends.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;

use crate::harness::Program;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use serde_json::{Value, json};

#[test]
fn a_small_swarm_holds() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let json = root.path().join("cuts.json");
    let json = json.to_str().expect("a name in UTF-8");
    let ended =
        Program::swarm(["--size", "4MiB", "--leechers", "3", "--interval", "20ms", "--json", json])
            .end()
            .expect(0)
            .says("finished after ")
            .says("4.0 MiB (4,198,403 bytes), 129 pieces")
            .says("1 left with the file, 1 broke off half-way and came back")
            .says(" 0 broke the law")
            .says("3 of 3 arrived with the right hash")
            .says("p50, p90 and p99 are true to ±4.4 %")
            .says("\n  events     ")
            .says("everything holds");
    assert_eq!(ended.stderr, "");
    for row in ["piece write", "chunk write", "read"] {
        let has_times = |line: &str| {
            // Count, mean, p50, p90, p99 and the longest: each time has a unit.
            let words: Vec<&str> = line.trim().strip_prefix(row)?.split_whitespace().collect();
            let units = words.iter().filter(|word| ["ns", "µs", "ms", "s"].contains(word)).count();
            Some(words.len() == 11 && units == 5)
        };
        assert!(ended.stdout.lines().rev().find_map(has_times) == Some(true), "{}", ended.stdout);
    }

    let cuts = cuts(json);
    let all = cuts.len();
    let ended = ended.says(&format!("{all} taken, {all} checked, 0 broke the law"));
    assert!(cuts.len() > 10, "too few cuts: {}", ended.stdout);
    let epochs: Vec<u64> = cuts.iter().filter_map(|cut| cut["epoch"].as_u64()).collect();
    assert!(epochs.is_sorted_by(|one, next| one < next), "{epochs:?}");
    for cut in &cuts {
        let [swarm, parts, total] = books(cut);
        assert_eq!(parts, swarm, "in cut {cut}");
        assert_eq!(total, swarm, "in cut {cut}");
        assert_eq!(swarm[..3], swarm[COUNTERS.len()..], "as many times as counts in cut {cut}");
    }
    let both = |cut: &Value| cut["departed"]["received"] != json!(0) && cut["present"] != json!([]);
    assert!(cuts.iter().any(both), "no cut has departed members and present ones");
    let received = cuts.last().expect("some")["swarm"]["received"].as_u64().expect("a number");
    assert!(received >= 3 * 4_198_403, "only {received} bytes were received");
}

/// The counters that the members and the swarm share. The first three have [`TIMES`].
const COUNTERS: [&str; 7] =
    ["writes", "reads", "pieces", "received", "served", "checked", "verified"];

/// The histograms with as many times as those counters have counts.
const TIMES: [&str; 3] = ["write_time", "read_time", "piece_write_time"];

fn cuts(json: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(json).expect("written");
    let lines =
        text.lines().map(|line| serde_json::from_str(line).expect("an object in each line"));
    lines.filter(|line: &Value| line["kind"] == "cut").collect()
}

/// The counters and the counts of the times.
fn counts(values: &Value) -> [u64; 10] {
    let counters = COUNTERS.iter().map(|name| &values[name]);
    let counts = counters.chain(TIMES.iter().map(|name| &values[name]["count"]));
    let counts: Vec<u64> = counts.map(|count| count.as_u64().expect("a count")).collect();
    counts.try_into().expect("seven counters and three times")
}

/// The counts of one cut: the swarm's own, those of the members summed one by one, and the members'
/// total.
fn books(cut: &Value) -> [[u64; 10]; 3] {
    let parts = cut["present"].as_array().expect("a list").iter();
    let parts = parts
        .chain([&cut["departed"]])
        .map(counts)
        .fold([0; 10], |sum, part| std::array::from_fn(|place| sum[place] + part[place]));
    [counts(&cut["swarm"]), parts, counts(&cut["total"])]
}

/// With one seed and one leecher there is one way for each chunk to go.
#[test]
fn the_totals_are_the_same_whatever_the_interval() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let totals = ["10ms", "100ms", "10s"].map(|interval| {
        let json = root.path().join(format!("{interval}.json"));
        let json = json.to_str().expect("a name in UTF-8");
        let ended = Program::swarm([
            "--size",
            "2MiB",
            "--leechers",
            "1",
            "--interval",
            interval,
            "--json",
            json,
        ])
        .end()
        .expect(0)
        .says(" 0 broke the law")
        .says("1 of 1 arrived with the right hash")
        .says("everything holds");
        assert_eq!(ended.stderr, "");
        let cuts = cuts(json);
        let last = cuts.last().expect("at least one, at the end");
        let swarm = &last["swarm"];
        assert_eq!(swarm["joined"], swarm["left"], "all have left");
        counts(swarm)
    });
    assert_eq!(totals[0], totals[1]);
    assert_eq!(totals[1], totals[2]);
    let (bytes, chunks) = (2 * 1024 * 1024 + 4099, 129);
    let [writes, _, pieces, received, served, _, verified, ..] = totals[0];
    assert_eq!((writes, pieces), (chunks, 65));
    assert_eq!((received, served, verified), (bytes, bytes, bytes));
}

/// The numbers in the line of the summary that begins with `name`.
fn numbers(stdout: &str, name: &str) -> Vec<u64> {
    let line = stdout.lines().rev().find_map(|line| line.trim().strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in:\n{stdout}"));
    let words = line.split_whitespace().map(|word| word.replace(',', ""));
    words.filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn a_flood_of_events_changes_nothing_but_the_account_of_noise() {
    let ended = Program::swarm(["--size", "2MiB", "--leechers", "2", "--flood"])
        .end()
        .expect(0)
        .says("  wire       ")
        .says(" 0 broke the law")
        .says("2 of 2 arrived with the right hash")
        .says("everything holds");
    let [sent, applied, coalesced, dropped, lost] = numbers(&ended.stdout, "events")[..] else {
        panic!("no account in:\n{}", ended.stdout);
    };
    assert_eq!((sent, dropped, lost), (applied + coalesced, 0, 0));
    let noise = numbers(&ended.stdout, "noise");
    assert_eq!((noise[0], noise[4]), (1000 * sent, 0));
    assert_eq!(noise[0], noise[1] + noise[3]);
    assert!(noise[3] > 0, "nothing overflowed");
    assert!(
        ended.stdout.contains("\n  wire: 0 connections, 0 choked, 0 interested, 0 in flight, ")
    );
}

#[test]
fn without_a_tap_nothing_is_said_of_the_wire() {
    let ended = Program::swarm(["--size", "1MiB", "--leechers", "1", "--no-tap"])
        .end()
        .expect(0)
        .says("everything holds");
    assert!(!ended.stdout.contains("wire") && !ended.stdout.contains("events"), "{}", ended.stdout);
}

#[test]
fn bad_arguments_are_refused_with_the_reason() {
    for (args, reason) in [
        (vec!["--leechers", "0"], "without leechers nobody fetches: add --seed"),
        (vec!["--size", "0"], "a torrent needs at least one byte"),
        (vec!["--rate-limit", "100"], "less than one chunk"),
        (vec!["--interval", "0s"], "must lie between 10ms and 10s"),
        (vec!["--interval", "9ms"], "must lie between 10ms and 10s"),
        (vec!["--interval", "11s"], "must lie between 10ms and 10s"),
        (vec!["--torrent", "x"], "--peer <ADDR>"),
        (vec!["--nonsense"], "--nonsense"),
    ] {
        Program::swarm(args).end().expect(2).complains(reason);
    }
}

#[test]
fn a_journal_that_cannot_be_written_is_named() {
    Program::swarm(["--json", "/nowhere/cuts.json"])
        .end()
        .expect(1)
        .complains("cannot write /nowhere/cuts.json: No such file");
}

#[test]
fn a_full_disk_under_the_journal_is_named() {
    Program::swarm(["--size", "1MiB", "--json", "/dev/full"])
        .end()
        .expect(1)
        .complains("error: cannot write /dev/full: No space left on device");
}

#[test]
fn a_journal_that_nobody_reads_any_more_ends_the_run() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let pipe = root.path().join("pipe");
    mkfifo(&pipe, Mode::S_IRWXU).expect("made");
    let json = pipe.to_str().expect("a name in UTF-8");
    let args = ["--size", "8MiB", "--rate-limit", "16KiB", "--interval", "10ms", "--json", json];
    let program = Program::swarm(args);
    let mut lines = BufReader::new(File::open(&pipe).expect("opened")).lines();
    // What was asked for, and a cut.
    assert!(lines.by_ref().take(2).all(|line| line.is_ok()));
    drop(lines);
    program.end().expect(1).says("failed after ").complains("pipe: Broken pipe");
}

#[test]
fn a_full_disk_under_a_leecher_is_named() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("leecher-1");
    std::fs::create_dir(&folder).expect("created");
    symlink("/dev/full", folder.join("swarm.bin.part")).expect("linked");
    let dir = root.path().to_str().expect("a name in UTF-8");
    Program::swarm(["--size", "1MiB", "--leechers", "2", "--dir", dir, "--overwrite"])
        .end()
        .expect(1)
        .says("failed after ")
        .complains("error: member leecher-1: cannot write ")
        .complains("leecher-1/swarm.bin.part: No space left on device");
}

#[test]
fn a_full_disk_under_the_seed_is_named() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("seed");
    std::fs::create_dir(&folder).expect("created");
    symlink("/dev/full", folder.join("swarm.bin.part")).expect("linked");
    let dir = root.path().to_str().expect("a name in UTF-8");
    Program::swarm(["--size", "1MiB", "--dir", dir, "--overwrite"])
        .end()
        .expect(1)
        .complains("seed/swarm.bin.part: No space left on device");
}
