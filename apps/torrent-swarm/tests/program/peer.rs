//! A peer that has a file, and does with each connection what the test says.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is done with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Serves all that is asked for.
    Serve,
    /// Serves so many chunks and closes the connection.
    ServeSome(usize),
    /// Serves, the first chunk of the first piece with a wrong byte.
    Spoil,
    /// Closes it before the handshake.
    Close,
    /// Says something that is no handshake.
    Babble,
    /// Answers the handshake, and then says something that is no message.
    BabbleLater,
    /// Answers the handshake for another torrent.
    Mistake,
}

/// The peer.
pub struct Peer {
    /// Where it listens.
    pub address: String,
    /// Connections so far.
    connections: Arc<AtomicUsize>,
}

impl Peer {
    /// A peer that has `content` in pieces of `piece_length`, and does `acts` one after the other,
    /// the last one for ever.
    pub fn start(
        content: Vec<u8>,
        piece_length: usize,
        acts: impl IntoIterator<Item = Act>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let acts = Arc::new(Mutex::new(acts.into_iter().collect::<VecDeque<Act>>()));
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let mut acts = acts.lock().expect("no panic");
                let act = if acts.len() > 1 { acts.pop_front() } else { acts.front().copied() };
                let (act, content) = (act.expect("one at least"), content.clone());
                // However it ends, the other end sees it.
                thread::spawn(move || _ = talk(stream, act, &content, piece_length));
            }
        });
        Self { address, connections }
    }

    /// How often somebody has connected.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn talk(
    mut stream: TcpStream,
    act: Act,
    content: &[u8],
    piece_length: usize,
) -> std::io::Result<()> {
    if act == Act::Close {
        return Ok(());
    }
    let mut hello = [0; 68];
    stream.read_exact(&mut hello)?;
    if act == Act::Babble {
        return stream.write_all(&[b'?'; 500]);
    }
    // No extensions.
    hello[20..28].fill(0);
    hello[48..].copy_from_slice(b"-XX0001-............");
    if act == Act::Mistake {
        hello[28..48].fill(1);
    }
    stream.write_all(&hello)?;
    if act == Act::BabbleLater {
        return stream.write_all(&[0xff; 500]);
    }
    let pieces = content.len().div_ceil(piece_length);
    let mut bitfield = vec![0; pieces.div_ceil(8)];
    (0..pieces).for_each(|piece| bitfield[piece / 8] |= 0x80 >> (piece % 8));
    message(&mut stream, &[&[5], &bitfield])?;
    message(&mut stream, &[&[1]])?;
    let mut served = 0;
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut said = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut said)?;
        if said.first() != Some(&6) {
            continue;
        }
        let number = |at: usize| u32::from_be_bytes(said[at..at + 4].try_into().expect("four"));
        let (piece, begin, length) = (number(1) as usize, number(5) as usize, number(9) as usize);
        let start = piece * piece_length + begin;
        let mut chunk = content[start..start + length].to_vec();
        if act == Act::Spoil && (piece, begin) == (0, 0) {
            chunk[0] ^= 1;
        }
        message(&mut stream, &[&[7], &said[1..9], &chunk])?;
        served += 1;
        if act == Act::ServeSome(served) {
            return Ok(());
        }
    }
}

fn message(stream: &mut TcpStream, parts: &[&[u8]]) -> std::io::Result<()> {
    let said = parts.concat();
    stream.write_all(&[&(said.len() as u32).to_be_bytes()[..], &said].concat())
}
