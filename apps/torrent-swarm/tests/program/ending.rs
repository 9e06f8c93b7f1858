//! How it ends: by signals, and where nobody takes what it says.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::harness::{Program, end_of, left_in, swarm, text};
use nix::sys::signal::Signal;
use serde_json::Value;

/// A run that takes longer than any test.
const LONG: [&str; 6] = ["--size", "8MiB", "--rate-limit", "16KiB", "--interval", "20ms"];

#[test]
fn a_signal_ends_it_with_the_summary_and_nothing_is_left() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)] {
        let root = tempfile::tempdir().expect("a temporary directory");
        let (temporary, json) = (root.path().join("tmp"), root.path().join("cuts.json"));
        std::fs::create_dir(&temporary).expect("made");
        let json_args = ["--json", text(&json)];
        let args = LONG.iter().chain(&json_args);
        let running = Program::swarm_in(&temporary, args);
        running.line("leecher-2");
        // As `timeout` and a closed terminal do: twice in a row.
        running.signal(signal);
        running.signal(signal);
        let ended = running
            .end()
            .expect(code)
            .says("interrupted after ")
            .says(" 0 broke the law")
            .says("0 of 5 arrived with the right hash");
        let members = ended.stdout.lines().rev().find(|line| line.contains("departure"));
        let words: Vec<&str> = members.expect("a line").split_whitespace().collect();
        assert_eq!(words[1], words[3], "who joined has left: {words:?}");
        assert_eq!(left_in(&temporary), 0, "{signal}");
        let json = std::fs::read_to_string(&json).expect("written");
        let lines: Vec<Value> =
            json.lines().map(|line| serde_json::from_str(line).expect("whole")).collect();
        let last = lines.last().expect("some");
        assert_eq!((&last["kind"], &last["ending"]), (&"end".into(), &"interrupted".into()));
    }
}

#[test]
fn it_ends_when_nobody_reads_what_it_says() {
    let mut child =
        swarm().args(LONG).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("readable");
    // Both ends of it are closed now, as with `2>&1 | head -1`.
    drop(child.stderr.take());
    assert_eq!(end_of(child).code(), Some(1));
}

#[test]
fn it_ends_when_what_it_says_cannot_be_written() {
    let full = OpenOptions::new().write(true).open("/dev/full").expect("there");
    let child = swarm().args(LONG).stdout(full).stderr(Stdio::piped()).spawn().expect("started");
    let output = child.wait_with_output().expect("a child");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot write to standard output: No space left"), "{said}");
}

#[test]
fn it_needs_no_certificates() {
    let child = swarm()
        .args(["--size", "1MiB", "--leechers", "1"])
        .env("SSL_CERT_FILE", "/nowhere")
        .env("SSL_CERT_DIR", "/nowhere")
        .stdout(File::create("/dev/null").expect("there"))
        .spawn()
        .expect("started");
    assert_eq!(end_of(child).code(), Some(0));
}

#[test]
fn what_the_disk_cannot_hold_is_refused() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let args = ["--size", "2TiB", "--leechers", "100"];
    let ended = Program::swarm_in(root.path(), args).end().expect(1);
    ended.complains("202.0 TiB are needed in ").complains(" are free");
    assert_eq!(left_in(root.path()), 0);
}
