//! The command line.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Parser;

/// The unit in which BitTorrent asks for payload; a smaller rate limit would never let one through.
const CHUNK: u64 = 16 * 1024;

/// What the help says of the table.
const COLUMNS: &str = "\
The table: received and served are payload written to and read from the member's file, reads for hash checks apart; pieces \
are those whose hash was right; in and out are per second, over the last second; peers are live connections as librqbit's \
own per-peer view shows them. A member that left is part of the departed, one that came back starts from nothing.";

/// A real BitTorrent swarm on loopback, every byte of it counted.
///
/// Makes a file, seeds it, and lets leechers fetch it through real BitTorrent sessions. Every read and write of every member
/// is counted, and in every snapshot the members, present and departed, have to sum to the swarm.
///
/// Exit status: 0 if every file arrived and no cut broke the law, 1 if not, 2 for bad arguments, 130 after Ctrl-C.
#[derive(Clone, Debug, Parser)]
#[command(name = "torrent-swarm", version, after_help = COLUMNS)]
pub struct Args {
    /// Size of the file, such as 64MiB or 500kB; 4099 bytes are added to an exact multiple of the piece length
    #[arg(long, default_value = "64MiB", value_parser = size, conflicts_with = "torrent")]
    pub size: u64,

    /// How many leechers fetch it: the 1st, 4th, 7th ... leave when they have it, the 2nd, 5th ... break off half-way and
    /// come back, the others stay
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100), conflicts_with = "torrent")]
    pub leechers: u16,

    /// What each member may send per second, at least 16KiB; 0 for no limit
    #[arg(long, default_value = "16MiB", value_parser = rate)]
    pub rate_limit: Rate,

    /// Time between two cuts, from 1ms to 5s
    #[arg(long, default_value = "100ms", value_parser = interval)]
    pub interval: Duration,

    /// Write every snapshot to FILE, one JSON object per line
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Keep the files in DIR, which is created if need be [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Fetch this torrent from --peer instead of making a swarm
    #[arg(long, value_name = "FILE", requires = "peer")]
    pub torrent: Option<PathBuf>,

    /// Address of the peer to fetch --torrent from, such as 127.0.0.1:6881
    #[arg(long, value_name = "ADDR", requires = "torrent")]
    pub peer: Option<String>,

    /// How long the peer may take to accept the connection, and again to answer the handshake
    #[arg(long, default_value = "10s", value_parser = humantime::parse_duration, requires = "torrent", value_name = "TIME")]
    pub peer_timeout: Duration,
}

/// Bytes per second, or no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Option<NonZeroU32>);

fn size(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>()?.as_u64() {
        0 => Err("a torrent needs at least one byte".into()),
        bytes => Ok(bytes),
    }
}

fn rate(text: &str) -> Result<Rate, String> {
    let bytes = text.parse::<ByteSize>()?.as_u64();
    if bytes == 0 {
        return Ok(Rate(None));
    }
    if bytes < CHUNK {
        return Err(format!(
            "less than one chunk of {CHUNK} bytes per second would never send anything"
        ));
    }
    let bytes = u32::try_from(bytes)
        .map_err(|_| "at most 4GiB less one byte per second; use 0 for no limit")?;
    Ok(Rate(NonZeroU32::new(bytes)))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_millis(1)..=Duration::from_secs(5)).contains(&interval) {
        Ok(interval)
    } else {
        Err("must lie between 1ms and 5s".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_defaults_parse() {
        let args = parse("torrent-swarm").expect("no argument is required");
        assert_eq!((args.size, args.leechers), (64 << 20, 5));
        assert_eq!(args.rate_limit, Rate(NonZeroU32::new(16 << 20)));
        assert_eq!(args.interval, Duration::from_millis(100));
    }

    #[test]
    fn sizes_take_units() {
        assert_eq!(parse("torrent-swarm --size 3MiB").expect("valid").size, 3 << 20);
        assert_eq!(parse("torrent-swarm --size 1000").expect("valid").size, 1000);
    }

    #[test]
    fn a_rate_of_zero_is_no_limit() {
        assert_eq!(parse("torrent-swarm --rate-limit 0").expect("valid").rate_limit, Rate(None));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--size 0",
            "--size many",
            "--leechers 0",
            "--leechers 101",
            "--rate-limit 100",
            "--rate-limit 5GiB",
            "--interval 0ms",
            "--interval 2h",
            "--interval soon",
            "--torrent a.torrent",
            "--peer 127.0.0.1:1",
            "--torrent a --peer b --leechers 3",
            "--torrent a --peer b --size 3MiB",
        ] {
            assert!(parse(&format!("torrent-swarm {line}")).is_err(), "{line} was accepted");
        }
    }
}
