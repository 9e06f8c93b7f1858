//! `--torrent` and `--peer`: from another program, and what goes wrong on the way.

use std::net::TcpListener;
use std::process::Command;

use crate::harness::{Program, left_in, make_torrent, noise, text};
use crate::others::Transmission;
use crate::peer::{Act, Peer};
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
        .complains(&format!("the peer {address} cannot be reached: Connection refused"));
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
        .complains(&format!("the peer {address} did not answer the BitTorrent handshake in 1s"));
}

/// The bytes that [`torrent`] is of, and the length of their pieces.
fn content() -> (Vec<u8>, usize) {
    (noise(3_000_001), 32 * 1024)
}

/// Fetches [`torrent`] from a peer that does that.
fn fetch(acts: &[Act], more: &[&str]) -> (Program, Peer, TempDir) {
    let root = torrent();
    let (bytes, piece_length) = content();
    let peer = Peer::start(bytes, piece_length, acts.iter().copied());
    let (file, dir) = (root.path().join("noise.torrent"), root.path().join("got"));
    let args = ["--torrent", text(&file), "--peer", &peer.address, "--dir", text(&dir)];
    (Program::swarm(args.iter().chain(more)), peer, root)
}

#[test]
fn the_first_connection_is_the_one_that_is_used() {
    let (program, peer, _root) = fetch(&[Act::Serve], &[]);
    program.end().expect(0).says("everything holds");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_peer_that_goes_and_returns_is_found_again() {
    // Less than a piece each time, so that librqbit alone would wait for minutes.
    let acts =
        [Act::ServeSome(1), Act::ServeSome(1), Act::ServeSome(1), Act::ServeSome(1), Act::Serve];
    for more in [&[][..], &["--no-tap"]] {
        let (program, peer, _root) = fetch(&acts, more);
        program.end().expect(0).says("everything holds");
        assert_eq!(peer.connections(), 5);
    }
}

#[test]
fn it_is_said_what_a_peer_did_instead() {
    for (act, what) in [
        (Act::Close, "closed the connection instead of answering the handshake"),
        (Act::Babble, "answered with something that is no BitTorrent handshake"),
        (Act::BabbleLater, "sent something after the handshake that is no BitTorrent message"),
        (Act::Mistake, "answered the handshake for another torrent"),
    ] {
        let (program, peer, root) = fetch(&[act], &["--peer-timeout", "1s"]);
        let what = format!("error: the peer {} {what}", peer.address);
        program.end().expect(1).says("failed after ").complains(&what);
        assert!(!root.path().join("got").exists(), "nothing came, so nothing stays");
    }
}

#[test]
fn a_bad_piece_is_counted_and_so_is_who_sent_it() {
    let (program, peer, _root) = fetch(&[Act::Spoil, Act::Serve], &[]);
    program
        .end()
        .expect(0)
        .says("1 piece had a wrong hash and came again")
        .says(&format!("{} sent 1 bad piece", peer.address))
        .says("everything holds");
    assert_eq!(peer.connections(), 2);
}

#[test]
fn a_file_of_somebody_else_is_not_touched() {
    let (bytes, piece_length) = content();
    let root = torrent();
    let peer = Peer::start(bytes.clone(), piece_length, [Act::Serve]);
    let (file, dir) = (root.path().join("noise.torrent"), root.path().join("got"));
    let theirs = dir.join("noise.bin");
    std::fs::create_dir(&dir).expect("made");
    std::fs::write(&theirs, "mine").expect("written");
    let args = ["--torrent", text(&file), "--peer", &peer.address, "--dir", text(&dir)];
    let refused = Program::swarm(args).end().expect(1);
    refused.complains("noise.bin is there already: move it away, or replace it with --overwrite");
    assert_eq!((std::fs::read(&theirs).expect("there"), left_in(&dir)), (b"mine".to_vec(), 1));
    assert_eq!(peer.connections(), 0);
    Program::swarm(args.iter().chain(&["--overwrite"])).end().expect(0).says("everything holds");
    assert!(std::fs::read(&theirs).expect("there") == bytes, "it was to be replaced");
    // What is there and right need not be fetched.
    Program::swarm(args).end().expect(0).says("1 of 1 was there already with the right hash");
    assert_eq!((peer.connections(), left_in(&dir)), (1, 1));
}

#[test]
fn many_files_go_to_a_folder_of_their_own() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let both = root.path().join("both");
    std::fs::create_dir(&both).expect("made");
    let all = noise(100_001);
    let (a, b) = all.split_at(50_000);
    std::fs::write(both.join("a"), a).expect("written");
    std::fs::write(both.join("b"), b).expect("written");
    let torrent = root.path().join("both.torrent");
    make_torrent(&both, &torrent);
    // The files are in the order in which the folder has them.
    let made = std::fs::read(&torrent).expect("made");
    let place = |path: &[u8]| made.windows(path.len()).position(|bytes| bytes == path);
    let is_sorted = place(b"pathl1:a") < place(b"pathl1:b");
    let bytes = if is_sorted { all.clone() } else { [b, a].concat() };
    let dir = root.path().join("got");
    std::fs::create_dir(&dir).expect("made");
    std::fs::write(dir.join("a"), "mine").expect("written");
    let peer = Peer::start(bytes.clone(), 32 * 1024, [Act::Serve]);
    let args = ["--torrent", text(&torrent), "--peer", &peer.address, "--dir", text(&dir)];
    Program::swarm(args).end().expect(0).says("everything holds");
    assert_eq!(std::fs::read(dir.join("a")).expect("there"), b"mine");
    let [got_a, got_b] =
        ["a", "b"].map(|name| std::fs::read(dir.join("both").join(name)).expect("fetched"));
    assert!(got_a == a && got_b == b, "the files differ");
    assert_eq!(left_in(&dir.join("both")), 2);
}

#[test]
fn what_came_until_a_failure_is_a_part_and_is_gone_on_with() {
    let (bytes, piece_length) = content();
    let root = torrent();
    let (file, dir) = (root.path().join("noise.torrent"), root.path().join("got"));
    // A piece has two chunks. Afterwards it has no more to give.
    let peer = Peer::start(bytes.clone(), piece_length, [Act::ServeSome(100), Act::Mistake]);
    let args = |peer: &str| {
        ["--torrent", text(&file), "--peer", peer, "--dir", text(&dir)].map(String::from)
    };
    Program::swarm(args(&peer.address)).end().expect(1).says("failed after ");
    let part = dir.join("noise.bin.part");
    assert!(part.exists() && left_in(&dir) == 1, "only what came, under another name");
    let peer = Peer::start(bytes.clone(), piece_length, [Act::Serve]);
    let ended = Program::swarm(args(&peer.address)).end().expect(0).says("everything holds");
    assert!(!ended.stdout.contains("(3,000,001 bytes) in 184 chunks"), "{}", ended.stdout);
    assert!(std::fs::read(dir.join("noise.bin")).expect("there") == bytes, "the file differs");
    assert_eq!(left_in(&dir), 1);
}

#[test]
fn a_name_cannot_control_the_terminal() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let name = "\x1b]0;owned\x07\x1b[2Jnoise.bin";
    let file = root.path().join(name);
    std::fs::write(&file, noise(100_001)).expect("written");
    let torrent = root.path().join("noise.torrent");
    make_torrent(&file, &torrent);
    let peer = Peer::start(noise(100_001), 32 * 1024, [Act::Serve]);
    let ended = Program::swarm(["--torrent", text(&torrent), "--peer", &peer.address])
        .end()
        .expect(0)
        .says("\\u{1b}]0;owned\\u{7}\\u{1b}[2Jnoise.bin");
    // One that is refused is named as well.
    let refused = Program::swarm([
        "--torrent",
        text(&torrent),
        "--peer",
        &peer.address,
        "--dir",
        text(root.path()),
        "--peer-timeout",
        "1s",
    ]);
    std::fs::write(&file, "something else").expect("written");
    let refused = refused.end();
    for output in [&ended.stdout, &ended.stderr, &refused.stdout, &refused.stderr] {
        let control = |letter: char| letter.is_control() && letter != '\n';
        assert!(!output.contains(control), "{output:?}");
    }
}

#[test]
fn a_torrent_that_divides_by_zero_is_refused() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let torrent = root.path().join("zero.torrent");
    for length in ["0", "8589934592"] {
        let hash = "aaaaaaaaaaaaaaaaaaaa";
        let text =
            format!("d4:infod6:lengthi3e4:name1:a12:piece lengthi{length}e6:pieces20:{hash}ee");
        std::fs::write(&torrent, text).expect("written");
        Program::swarm(["--torrent", torrent.to_str().expect("UTF-8"), "--peer", "127.0.0.1:1"])
            .end()
            .expect(1)
            .complains("zero.torrent is not a valid torrent: a `piece length` of ");
    }
}

#[test]
fn a_torrent_arrives_from_transmission() {
    let root = torrent();
    let (file, seed) = (root.path().join("noise.torrent"), root.path().join("seed"));
    let transmission = Transmission::start(&root.path().join("settings"), &seed);
    transmission.remote(&["--add", text(&file), "--download-dir", text(&seed), "--verify"]);
    transmission.wait_for("Percent Done: 100%");
    for _ in 0..3 {
        Program::swarm(["--torrent", text(&file), "--peer", &transmission.address()])
            .end()
            .expect(0)
            .says("1 of 1 arrived with the right hash")
            .says("everything holds");
    }
}
