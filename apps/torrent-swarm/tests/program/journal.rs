//! `--json`: everything that is checked can be checked from the file alone.

use std::path::Path;
use std::process::{Command, Output};

use crate::harness::{Program, text};
use serde_json::Value;

/// What the checker says of a journal.
fn check(json: &Path) -> Output {
    let checker = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check.py");
    let output = Command::new("python3").arg(checker).arg(json).output();
    output.expect("this test needs Python: install it (apt-get install python3)")
}

#[test]
fn the_laws_can_be_checked_from_the_file_alone() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let json = root.path().join("cuts.json");
    let args = ["--size", "4MiB", "--leechers", "3", "--interval", "20ms", "--json-full"];
    Program::swarm(args.iter().chain(&["--json", text(&json)])).end().expect(0);
    let said = check(&json);
    assert!(said.status.success(), "{said:?}");

    // A checker that finds nothing wrong with anything would be of no use.
    let lines = std::fs::read_to_string(&json).expect("written");
    let lines: Vec<&str> = lines.lines().collect();
    let middle = lines.len() / 2;
    for (path, what) in [
        ("/swarm/received", "do not sum to the swarm"),
        ("/departed/read_time/sum", "sum of read_time"),
        ("/total/writes", "do not sum to the total"),
        ("/wire/bytes", "is not in order"),
        ("/wire/connected", "open connections"),
        ("/wire/events/choked/applied", "the account does not add up"),
        ("/windows/0/received_per_second", "received in the last"),
    ] {
        let mut cut: Value = serde_json::from_str(lines[middle]).expect("an object");
        let number = cut.pointer_mut(path).expect("it is there");
        *number = (number.as_f64().expect("a number") as u64 + 1_000_000_000).into();
        let cut = cut.to_string();
        let torn =
            lines.iter().enumerate().map(|(at, line)| if at == middle { &cut } else { *line });
        let torn_json = root.path().join("torn.json");
        std::fs::write(&torn_json, torn.collect::<Vec<_>>().join("\n")).expect("written");
        let said = check(&torn_json);
        let text = String::from_utf8_lossy(&said.stdout);
        assert!(!said.status.success() && text.contains(what), "{path}: {text}");
    }
    // So is a cut that is missing.
    let short = [&lines[..middle], &lines[middle + 1..]].concat();
    std::fs::write(&json, short.join("\n")).expect("written");
    assert!(!check(&json).status.success());
}

#[test]
fn a_dash_is_standard_output_and_nothing_else_is_written_there() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let args = ["--size", "1MiB", "--leechers", "1", "--interval", "50ms", "--json", "-"];
    let ended = Program::swarm(args).end().expect(0).complains("everything holds");
    let lines: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!(
        (&lines[0]["kind"], &lines[0]["arguments"]["size"]),
        (&"start".into(), &1_048_576.into())
    );
    assert_eq!(lines.last().map(|line| &line["holds"]), Some(&true.into()));
    assert!(lines[1]["swarm"]["write_time"].get("buckets").is_none(), "short unless asked");
    assert!(!Path::new("-").exists());
    let json = root.path().join("cuts.json");
    std::fs::write(&json, &ended.stdout).expect("written");
    assert!(check(&json).status.success());
}

#[test]
fn the_books_do_not_grow_with_threads() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let json = root.path().join("cuts.json");
    let args = ["--size", "2MiB", "--leechers", "15", "--rate-limit", "0", "--json", text(&json)];
    Program::swarm(args).end().expect(0).says("everything holds");
    let lines = std::fs::read_to_string(&json).expect("written");
    let last: Value =
        lines.lines().rev().nth(1).and_then(|line| serde_json::from_str(line).ok()).expect("a cut");
    let shards = last["books"]["shards"].as_u64().expect("a number");
    // The threads of the runtime, those that block, and a few of our own.
    let workers = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    assert!(shards <= workers + 16 + 8, "{shards} shards");
}
