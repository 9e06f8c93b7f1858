//! The swarm from the outside: what it says, what it writes, and how it ends.

use std::os::unix::fs::symlink;

use crate::harness::Program;
use nix::sys::signal::Signal;
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
            .says("everything holds");
    assert_eq!(ended.stderr, "");

    let cuts = cuts(json);
    // All that were taken, unless this machine left the follower without a turn for a whole interval.
    let ended = ended.says(&format!("taken, {} checked, 0 broke the law", cuts.len()));
    assert!(cuts.len() > 10, "too few cuts: {}", ended.stdout);
    let epochs: Vec<u64> = cuts.iter().filter_map(|cut| cut["epoch"].as_u64()).collect();
    assert!(epochs.is_sorted_by(|one, next| one < next), "{epochs:?}");
    for cut in &cuts {
        let [swarm, parts, total] = books(cut);
        assert_eq!(parts, swarm, "in cut {cut}");
        assert_eq!(total, swarm, "in cut {cut}");
    }
    let both = |cut: &Value| {
        let member = &cut["families"]["member"];
        member["retired"]["received"] != json!(0) && member["entries"] != json!([])
    };
    assert!(cuts.iter().any(both), "no cut has departed members and present ones");
    let received =
        cuts.last().expect("some")["sets"]["swarm"]["received"].as_u64().expect("a number");
    assert!(received >= 3 * 4_198_403, "only {received} bytes were received");
}

/// The counters that the members and the swarm share.
const COUNTERS: [&str; 7] =
    ["received", "served", "checked", "verified", "pieces", "writes", "reads"];

fn cuts(json: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(json).expect("written");
    text.lines().map(|line| serde_json::from_str(line).expect("an object in each line")).collect()
}

/// The counters of one cut: the swarm's own, those of the members summed one by one, and the members' total.
fn books(cut: &Value) -> [[u64; 7]; 3] {
    let counters = |values: &Value| COUNTERS.map(|name| values[name].as_u64().expect("a counter"));
    let family = &cut["families"]["member"];
    let entries =
        family["entries"].as_array().expect("a list").iter().map(|entry| &entry["values"]);
    let parts = entries
        .chain([&family["retired"]])
        .map(counters)
        .fold([0; 7], |sum, part| std::array::from_fn(|counter| sum[counter] + part[counter]));
    [counters(&cut["sets"]["swarm"]), parts, counters(&family["total"])]
}

#[test]
fn bad_arguments_are_refused_with_the_reason() {
    for (args, reason) in [
        (vec!["--leechers", "0"], "0 is not in 1..=100"),
        (vec!["--size", "0"], "a torrent needs at least one byte"),
        (vec!["--rate-limit", "100"], "less than one chunk"),
        (vec!["--interval", "0s"], "must lie between 1ms and 5s"),
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
fn a_full_disk_under_the_journal_ends_the_run() {
    Program::swarm([
        "--size",
        "64MiB",
        "--rate-limit",
        "16KiB",
        "--interval",
        "5ms",
        "--json",
        "/dev/full",
    ])
    .end()
    .expect(1)
    .says("failed after ")
    .complains("error: cannot write /dev/full: No space left on device");
}

#[test]
fn a_full_disk_under_a_leecher_is_named() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("leecher-1");
    std::fs::create_dir(&folder).expect("created");
    symlink("/dev/full", folder.join("swarm.bin")).expect("linked");
    let dir = root.path().to_str().expect("a name in UTF-8");
    Program::swarm(["--size", "1MiB", "--leechers", "2", "--dir", dir])
        .end()
        .expect(1)
        .says("failed after ")
        .complains("error: member leecher-1: cannot write ")
        .complains("leecher-1/swarm.bin: No space left on device");
}

#[test]
fn a_full_disk_under_the_seed_is_named() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("seed");
    std::fs::create_dir(&folder).expect("created");
    symlink("/dev/full", folder.join("swarm.bin")).expect("linked");
    let dir = root.path().to_str().expect("a name in UTF-8");
    Program::swarm(["--size", "1MiB", "--dir", dir])
        .end()
        .expect(1)
        .complains("seed/swarm.bin: No space left on device");
}

#[test]
fn ctrl_c_ends_it_with_the_summary() {
    let running = Program::swarm(["--size", "64MiB", "--rate-limit", "16KiB"]);
    running.line("swarm.bin: ");
    running.signal(Signal::SIGINT);
    running
        .end()
        .expect(130)
        .says("interrupted after ")
        .says(" 0 broke the law")
        .says("0 of 5 arrived with the right hash");
}
