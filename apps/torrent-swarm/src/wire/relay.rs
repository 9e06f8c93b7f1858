//! [`Relay`]: what stands in front of a member.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::decode::{Decoder, Seen};
use super::meeting::{Meeting, Tap};

/// What is passed on at once, at most.
const BUFFER: usize = 64 * 1024;

/// Takes connections for a member and passes them on to it. Dropping it cuts them off;
/// [`Relay::close`] also waits until that is done.
pub struct Relay {
    /// Where it listens.
    address: SocketAddr,
    target: watch::Sender<Option<SocketAddr>>,
    stop: CancellationToken,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Starts to listen on loopback for `name`. Connections wait until [`aim`](Self::aim) says
    /// where that is.
    pub async fn open(tap: Tap, name: &str) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .with_context(|| format!("member {name}: cannot listen on loopback"))?;
        let address = listener.local_addr().context("no local address")?;
        let (target, aimed) = watch::channel(None);
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(accept(listener, tap, name.into(), aimed, stop.clone()));
        Ok(Self { address, target, stop, accepting })
    }

    /// Says where connections are to be passed on to. Returns where they are taken.
    pub fn aim(&self, target: SocketAddr) -> SocketAddr {
        self.target.send_replace(Some(target));
        self.address
    }

    /// Cuts all connections off and waits until that is done: all that was seen on them has been
    /// sent as events.
    pub async fn close(mut self) {
        self.stop.cancel();
        // A panic in it has been reported.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn accept(
    listener: TcpListener,
    tap: Tap,
    name: Arc<str>,
    aimed: watch::Receiver<Option<SocketAddr>>,
    stop: CancellationToken,
) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return links.shutdown().await,
            connection = listener.accept() => match connection {
                Ok((near, _)) => {
                    let (tap, name, aimed) = (tap.clone(), name.clone(), aimed.clone());
                    // What ends a connection is known to both of its ends.
                    links.spawn(async move { _ = link(near, tap, name, aimed).await });
                }
                // Too many open files, say: the next may fare better, but not at once.
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            },
            Some(_) = links.join_next() => {}
        }
    }
}

/// Passes one connection on until both ends have said all, or one is gone.
async fn link(
    near: TcpStream,
    tap: Tap,
    name: Arc<str>,
    mut aimed: watch::Receiver<Option<SocketAddr>>,
) -> io::Result<()> {
    let target = aimed.wait_for(Option::is_some).await.map(|target| *target);
    let Ok(Some(target)) = target else { return Ok(()) };
    let far = TcpStream::connect(target).await?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let meeting = Meeting::new(&tap, name);
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    // Each goes on until its end has said all; a failure ends both.
    let outward = async { pass(near_in, far_out, |seen| meeting.saw(false, seen)).await.said() };
    let inward = async { pass(far_in, near_out, |seen| meeting.saw(true, seen)).await.said() };
    tokio::try_join!(outward, inward).map(drop)
}

/// How the passing on of one direction ended.
#[derive(Debug)]
pub enum End {
    /// The end that speaks has said all.
    Said,
    /// The end that speaks is gone.
    Speaker(io::Error),
    /// The end that listens is gone.
    Listener(io::Error),
}

impl End {
    fn said(self) -> io::Result<()> {
        match self {
            Self::Said => Ok(()),
            Self::Speaker(error) | Self::Listener(error) => Err(error),
        }
    }
}

/// Passes on what one end says until it has said all. What is found in it is told first.
pub async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, on: impl Fn(Seen)) -> End {
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = match from.read(&mut buffer).await {
            Ok(0) => return to.shutdown().await.map_or_else(End::Listener, |()| End::Said),
            Ok(read) => read,
            Err(error) => return End::Speaker(error),
        };
        decoder.feed(&buffer[..read], &on);
        if let Err(error) = to.write_all(&buffer[..read]).await {
            return End::Listener(error);
        }
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
