//! Other programs that speak BitTorrent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Program, text, wait_for_port};

/// How long another program may take for what it is asked for.
const LIMIT: Duration = Duration::from_secs(60);

/// A port that was free just now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

/// Transmission's daemon, controlled over its own protocol.
pub struct Transmission {
    _daemon: Program,
    control: u16,
    port: u16,
}

impl Transmission {
    /// Starts one that keeps to itself: no tracker, no DHT, loopback only.
    pub fn start(settings: &Path, dir: &Path) -> Self {
        let [control, port] = [free_port(), free_port()];
        std::fs::create_dir_all(settings).expect("made");
        let chosen = json!({
            "bind-address-ipv4": "127.0.0.1",
            "dht-enabled": false, "lpd-enabled": false, "pex-enabled": false, "utp-enabled": false,
            "port-forwarding-enabled": false, "peer-port": port, "rpc-port": control,
            "rpc-bind-address": "127.0.0.1", "rpc-whitelist-enabled": false,
            "download-dir": text(dir), "incomplete-dir-enabled": false, "preallocation": 0,
        });
        std::fs::write(settings.join("settings.json"), chosen.to_string()).expect("written");
        let daemon = Program::start(
            Command::new("transmission-daemon").args([
                "--foreground",
                "--config-dir",
                text(settings),
            ]),
            "This test needs Transmission: install it (apt-get install transmission-daemon transmission-cli).",
        );
        wait_for_port(&format!("127.0.0.1:{control}"));
        Self { _daemon: daemon, control, port }
    }

    /// Where it takes connections of peers.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Has it do something, with all torrents.
    pub fn remote(&self, args: &[&str]) -> String {
        let mut command = Command::new("transmission-remote");
        let output = command.arg(self.control.to_string()).args(args).output().expect("installed");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until it says that of its torrent.
    pub fn wait_for(&self, what: &str) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let said = self.remote(&["--torrent", "all", "--info"]);
            if said.contains(what) {
                return;
            }
            assert!(Instant::now() < deadline, "no {what:?} in:\n{said}");
        }
    }

    /// What it has downloaded altogether, by its own account.
    pub fn downloaded(&self) -> u64 {
        let ask = json!({ "method": "session-stats" }).to_string();
        let address = format!("127.0.0.1:{}", self.control);
        // It wants its own token, which it gives to whoever comes without one.
        let refused = post(&address, "/transmission/rpc", "", &ask);
        let token = refused.lines().find(|line| line.starts_with("X-Transmission-Session-Id"));
        let answer = post(&address, "/transmission/rpc", token.expect("a token"), &ask);
        let stats = &body(&answer)["arguments"]["current-stats"];
        stats["downloadedBytes"].as_u64().unwrap_or_else(|| panic!("no bytes in {answer}"))
    }
}

/// aria2, controlled over its own protocol.
pub struct Aria2 {
    program: Program,
    control: u16,
}

impl Aria2 {
    /// Starts to fetch a torrent to `dir` from whoever it is told of.
    pub fn fetch(torrent: &Path, dir: &Path) -> Self {
        let control = free_port();
        let program = Program::start(
            Command::new("aria2c")
                .args(["--no-conf", "--interface=127.0.0.1", "--listen-port=20000-60000"])
                .args([
                    "--enable-dht=false",
                    "--bt-enable-lpd=false",
                    "--enable-peer-exchange=false",
                ])
                .args(["--seed-time=0", "--stop=120", "--file-allocation=none", "--enable-rpc"])
                .args(["--summary-interval=0", &format!("--rpc-listen-port={control}")])
                .args(["--dir", text(dir), text(torrent)]),
            "This test needs aria2: install it (apt-get install aria2).",
        );
        wait_for_port(&format!("127.0.0.1:{control}"));
        Self { program, control }
    }

    /// What it has of its torrent, by its own account, once that is all of it.
    pub fn complete(self) -> u64 {
        let deadline = Instant::now() + LIMIT;
        loop {
            for method in ["aria2.tellActive", "aria2.tellStopped"] {
                let params = if method == "aria2.tellActive" { json!([]) } else { json!([0, 9]) };
                let ask = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
                let answer =
                    post(&format!("127.0.0.1:{}", self.control), "/jsonrpc", "", &ask.to_string());
                let torrent = &body(&answer)["result"][0];
                let number = |name: &str| torrent[name].as_str().and_then(|text| text.parse().ok());
                if let (Some(done), Some(total)) =
                    (number("completedLength"), number("totalLength"))
                    && done == total
                    && total > 0_u64
                {
                    drop(self.program);
                    return done;
                }
            }
            assert!(Instant::now() < deadline, "it has not fetched it in {LIMIT:?}");
        }
    }
}

/// An answer over HTTP, with its head.
fn post(address: &str, path: &str, header: &str, ask: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
    let length = ask.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n{header}Content-Length: {length}\r\n\r\n{ask}"
    );
    stream.write_all(request.as_bytes()).expect("taken");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answered");
    String::from_utf8_lossy(&answer).into_owned()
}

fn body(answer: &str) -> Value {
    let start = answer.find('{').unwrap_or_else(|| panic!("no JSON in {answer}"));
    let end = answer.rfind('}').map_or(answer.len(), |end| end + 1);
    serde_json::from_str(&answer[start..end]).unwrap_or_else(|error| panic!("{error} in {answer}"))
}
