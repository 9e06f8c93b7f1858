//! `--torrent` and `--peer`: from another program, and what goes wrong on the way.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::harness::{Program, make_torrent, noise};
use tempfile::TempDir;

/// A torrent of a file in a directory called `seed`.
fn torrent() -> TempDir {
    let root = tempfile::tempdir().expect("a temporary directory");
    let seed = root.path().join("seed");
    std::fs::create_dir(&seed).expect("created");
    std::fs::write(seed.join("noise.bin"), noise(3_000_001)).expect("written");
    make_torrent(&seed.join("noise.bin"), &root.path().join("noise.torrent"));
    root
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a name in UTF-8")
}

#[test]
fn a_torrent_arrives_whole_from_aria2() {
    let root = torrent();
    let (file, seed, dir) =
        (root.path().join("noise.torrent"), root.path().join("seed"), root.path().join("got"));
    // aria2 takes no port 0, but picks one of a range and says which.
    let seeder = Program::start(
        Command::new("aria2c")
            .args(["--no-conf", "--interface=127.0.0.1", "--listen-port=20000-60000"])
            .args(["--enable-dht=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false"])
            .args([
                "--seed-ratio=0.0",
                "--check-integrity=true",
                "--allow-overwrite=true",
                "--stop=120",
            ])
            .args(["--console-log-level=notice", "--summary-interval=0", "--file-allocation=none"])
            .args(["--dir", text(&seed), text(&file)]),
        "This test needs aria2: install it (apt-get install aria2).",
    );
    let line = seeder.line("listening on TCP port");
    let port = line.split_whitespace().last().expect("a port");

    Program::swarm(["--torrent", text(&file), "--peer", &format!("127.0.0.1:{port}")])
        .end()
        .expect(0)
        .says("1 of 1 arrived with the right hash")
        .says("(3,000,001 bytes) in 184 chunks, 1 connection\n")
        .says("0 B of it were not written\n");
    Program::swarm([
        "--torrent",
        text(&file),
        "--peer",
        &format!("127.0.0.1:{port}"),
        "--dir",
        text(&dir),
    ])
    .end()
    .expect(0)
    .says("everything holds");
    let got = std::fs::read(dir.join("noise.bin")).expect("kept");
    assert!(got == noise(3_000_001), "the file differs");
}

#[test]
fn an_unreadable_torrent_is_named() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let missing = root.path().join("missing.torrent");
    Program::swarm(["--torrent", text(&missing), "--peer", "127.0.0.1:1"])
        .end()
        .expect(1)
        .complains("cannot read the torrent")
        .complains("missing.torrent: No such file");
    let invalid = root.path().join("invalid.torrent");
    std::fs::write(&invalid, "this is no torrent").expect("written");
    Program::swarm(["--torrent", text(&invalid), "--peer", "127.0.0.1:1"])
        .end()
        .expect(1)
        .complains("invalid.torrent is not a valid torrent: ");
}

#[test]
fn a_port_where_nobody_listens_is_named() {
    let root = torrent();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    Program::swarm(["--torrent", text(&root.path().join("noise.torrent")), "--peer", &address])
        .end()
        .expect(1)
        .complains(&format!("cannot reach the peer {address}: Connection refused"));
}

#[test]
fn a_peer_that_never_answers_is_named() {
    let root = torrent();
    // Connections are accepted by the system and nobody reads from them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let torrent = root.path().join("noise.torrent");
    Program::swarm(["--torrent", text(&torrent), "--peer", &address, "--peer-timeout", "1s"])
        .end()
        .expect(1)
        .complains(&format!(
            "the peer {address} did not complete a BitTorrent handshake for this torrent in 1s"
        ));
}
