//! [`Tracker`]: brings the seed and other programs together, as BEP 3 and BEP 23 have it.
//!
//! It listens on loopback, and its address stands in the torrent file. Other programs are told
//! where the seed is, and the seed where they are: some of them connect to nobody on loopback.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;

use crate::wire::{Relay, Tap};

/// The longest question that is read.
const LONGEST: usize = 8 * 1024;

/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most programs that are kept in mind.
const CLIENTS: usize = 100;

/// Where the seed asks. All others ask elsewhere.
const SEED: &str = "/seed";

/// The seed, once it is there.
#[derive(Clone)]
struct Seed {
    address: SocketAddr,
    tap: Option<Tap>,
}

/// Where the seed finds other programs, by where they really are: at relays, if the wire is tapped.
type Clients = Arc<Mutex<HashMap<SocketAddr, (SocketAddr, Option<Relay>)>>>;

/// The tracker. Dropping it ends it, and the connections of the seed that it has made.
pub struct Tracker {
    root: String,
    seed: watch::Sender<Option<Seed>>,
    answering: JoinHandle<()>,
}

impl Tracker {
    /// Starts one.
    pub async fn open() -> Result<Self> {
        let cannot = "cannot listen on loopback";
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context(cannot)?;
        let root = format!("http://{}", listener.local_addr().context(cannot)?);
        let (seed, seeded) = watch::channel(None);
        let answering = tokio::spawn(accept(listener, seeded));
        Ok(Self { root, seed, answering })
    }

    /// Says where the seed is; questions wait for it.
    pub fn aim(&self, address: SocketAddr, tap: Option<Tap>) {
        self.seed.send_replace(Some(Seed { address, tap }));
    }

    /// That torrent file for other programs, with the tracker's address in it.
    pub fn for_others(&self, torrent: &[u8]) -> Vec<u8> {
        announced(torrent, &format!("{}/announce", self.root))
    }

    /// The same for the seed.
    pub fn for_seed(&self, torrent: &[u8]) -> Vec<u8> {
        announced(torrent, &format!("{}{SEED}", self.root))
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

fn announced(torrent: &[u8], url: &str) -> Vec<u8> {
    // The one we make begins with `info`, which is behind `announce`.
    let rest = torrent.strip_prefix(b"d").unwrap_or(torrent);
    let announce = format!("d8:announce{}:{url}", url.len());
    [announce.as_bytes(), rest].concat()
}

async fn accept(listener: TcpListener, seeded: watch::Receiver<Option<Seed>>) {
    let (mut questions, clients) = (JoinSet::new(), Clients::default());
    loop {
        tokio::select! {
            question = listener.accept() => match question {
                Ok((stream, from)) => {
                    let answer = answer(stream, from.ip(), seeded.clone(), clients.clone());
                    // Whoever asks sees that there was no answer, and asks again.
                    questions.spawn(async move { _ = timeout(PATIENCE, answer).await });
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = questions.join_next() => {}
        }
    }
}

async fn answer(
    mut stream: TcpStream,
    from: IpAddr,
    mut seeded: watch::Receiver<Option<Seed>>,
    clients: Clients,
) -> io::Result<()> {
    let mut question = Vec::new();
    while !question.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read_buf(&mut question).await?;
        if read == 0 || question.len() > LONGEST {
            return Ok(());
        }
    }
    let question = String::from_utf8_lossy(&question);
    let asked = question.split_whitespace().nth(1).unwrap_or_default();
    let peers = if asked.starts_with(SEED) {
        clients.lock().await.values().map(|(door, _)| *door).collect()
    } else {
        let seed = seeded.wait_for(Option::is_some).await.map(|seed| seed.clone());
        let Ok(Some(seed)) = seed else { return Ok(()) };
        if let Some(port) = port(asked) {
            introduce((from, port).into(), &seed, &clients).await;
        }
        vec![seed.address]
    };
    let body = told(&peers);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await?;
    stream.shutdown().await
}

/// The port that whoever asks listens at.
fn port(asked: &str) -> Option<u16> {
    let (_, query) = asked.split_once('?')?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("port="))?
        .parse()
        .ok()
        .filter(|port| *port > 0)
}

/// Makes another program known to the seed.
async fn introduce(client: SocketAddr, seed: &Seed, clients: &Clients) {
    let mut clients = clients.lock().await;
    if clients.len() >= CLIENTS || clients.contains_key(&client) {
        return;
    }
    let door = match &seed.tap {
        None => (client, None),
        Some(tap) => match Relay::open(tap.clone(), &client.to_string()).await {
            Ok(relay) => (relay.aim(client), Some(relay)),
            // It can still connect to the seed.
            Err(_) => return,
        },
    };
    clients.insert(client, door);
}

/// An answer with those peers.
fn told(peers: &[SocketAddr]) -> Vec<u8> {
    let mut list = Vec::new();
    for peer in peers {
        if let IpAddr::V4(ip) = peer.ip() {
            list.extend(ip.octets());
            list.extend(peer.port().to_be_bytes());
        }
    }
    let head = format!("d8:completei1e10:incompletei0e8:intervali30e5:peers{}:", list.len());
    [head.as_bytes(), &list, b"e"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bencode::Value;

    async fn ask(tracker: &Tracker, torrent: &[u8], query: &str) -> Vec<u8> {
        let torrent = Value::read(torrent).expect("bencode");
        let url = torrent.get("announce").and_then(Value::text).expect("it is in there");
        let url = String::from_utf8_lossy(url).into_owned();
        let address = tracker.root.strip_prefix("http://").expect("a scheme");
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let path = url.strip_prefix(&tracker.root).expect("its own");
        let question = format!("GET {path}{query} HTTP/1.1\r\n\r\n");
        stream.write_all(question.as_bytes()).await.expect("taken");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("answered");
        let body = answer.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
        let body = Value::read(&answer[body..]).expect("bencode");
        body.get("peers").and_then(Value::text).expect("a list").to_vec()
    }

    #[tokio::test]
    async fn it_brings_the_seed_and_others_together() {
        let tracker = Tracker::open().await.expect("a port is free");
        let torrent = b"d4:infod4:name1:aee";
        let (others, seed) = (tracker.for_others(torrent), tracker.for_seed(torrent));
        assert!(ask(&tracker, &seed, "?port=1").await.is_empty(), "nobody has asked yet");
        tracker.aim(([127, 0, 0, 1], 0x1234).into(), None);
        let told = ask(&tracker, &others, "?info_hash=x&port=17185&compact=1").await;
        assert_eq!(told, [127, 0, 0, 1, 0x12, 0x34]);
        assert_eq!(
            ask(&tracker, &others, "").await,
            told,
            "whoever says no port can still connect"
        );
        assert_eq!(ask(&tracker, &seed, "?port=1").await, [127, 0, 0, 1, 0x43, 0x21]);
    }
}
