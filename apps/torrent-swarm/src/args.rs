//! The command line.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{CommandFactory, Parser};
use humantime::format_duration;

use crate::file::LARGEST;

/// The unit in which BitTorrent asks for payload; a smaller rate limit would never let one through.
const CHUNK: u64 = 16 * 1024;

/// What the time between two cuts may be.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(10);

/// What the help says beside the options.
const NOTES: &str = "\
The table: a member checks the hashes of what is there, connects, fetches and seeds, or waits to try its peer again; \
received and served are payload written to and read from the member's file, reads for hash checks apart; pieces \
are those whose hash was right; in and out are received and served per second, over the last second and the last ten, or for \
as long as the heading of the column says; peers are live connections as librqbit's own per-peer view shows them. K, M and G \
are powers of 1024. A member that left is part of the departed; one that came back starts from nothing, unless no cut has \
shown it gone.

Times: a write is that of a chunk, 16KiB or less; a piece takes as long to write as all its chunks together, without the \
time between them; a read is that of a chunk to be sent, or of up to 64KiB to be hashed. Count, mean and the longest are \
exact, p50, p90 and p99 (what 50, 90 and 99 of 100 do not exceed) are at most 4.4 % off.

The wire: what members say to each other goes through a relay in front of each, which decodes a copy of it. A connection has \
two ends; each may choke the other (will not serve it) and be interested (wants what the other has). Requests in flight are \
chunks that were asked for and have not arrived. Payload on the wire is at least what was written and at most what was read \
to be sent. Events are counted as sent; each is then applied, coalesced with another where there was no room, dropped, or \
lost if the program has a fault.

The JSON: times are in nanoseconds, those of cuts from the start of the run. The first line says what was asked for and what \
there is, the last one gives the verdict, and those between are the cuts.

Signals: the first one ends the run with its summary, another one after a second ends it at once.

Examples:
  torrent-swarm                                    five leechers fetch 64MiB
  torrent-swarm --leechers 20 --rate-limit 4MiB    more of them, slower
  torrent-swarm --interval 10ms --json cuts.json   a hundred cuts per second, all written down
  torrent-swarm --flood                            overflows the queues of events, and holds all the same
  torrent-swarm --leechers 0 --seed --dir .        seeds to other programs until it is interrupted
  torrent-swarm --torrent a.torrent --peer 127.0.0.1:6881 --dir .
                                                   fetches from another program";

/// A real BitTorrent swarm on loopback, every byte of it counted.
///
/// Makes a file, seeds it, and lets leechers fetch it through real BitTorrent sessions. Every read
/// and write of every member is counted and timed, and in every snapshot the members, present and
/// departed, have to sum to the swarm.
///
/// Exit status: 0 if every file arrived and no cut broke the law, 1 if not, 2 for bad arguments,
/// 128 and the number of the signal after a signal, such as 130 after Ctrl-C.
#[derive(Clone, Debug, Parser)]
#[command(name = "torrent-swarm", version, after_help = NOTES)]
pub struct Args {
    /// Size of the file, such as 64MiB or 500kB; 4099 bytes are added to an exact multiple of the
    /// piece length
    #[arg(long, default_value = "64MiB", value_parser = size, conflicts_with = "torrent")]
    pub size: u64,

    /// How many leechers fetch it, from 1 to 100, or 0 with --seed: the 1st, 4th, 7th ... leave
    /// when they have it, the 2nd, 5th ... break off half-way and come back, the others stay
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=100), conflicts_with = "torrent")]
    pub leechers: u16,

    /// Stay when the leechers have the file, so that other programs can fetch it: says where the
    /// seed listens and where its torrent is
    #[arg(long, conflicts_with = "torrent")]
    pub seed: bool,

    /// What each member may send per second, at least 16KiB; 0 for no limit
    #[arg(long, default_value = "16MiB", value_parser = rate)]
    pub rate_limit: Rate,

    /// Time between two cuts, from 10ms to 10s; the totals are the same whatever it is
    #[arg(long, default_value = "100ms", value_parser = interval)]
    pub interval: Duration,

    /// Write the run to FILE, one JSON object per line: what was asked for, every cut, the verdict;
    /// - is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write the buckets of all times to --json, too
    #[arg(long, requires = "json")]
    pub json_full: bool,

    /// Keep the files in DIR, which is created if need be; a file has a name that ends in .part
    /// until its hash is right [default: a temporary directory, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Replace files that are in the way in --dir
    #[arg(long, requires = "dir")]
    pub overwrite: bool,

    /// Make the queues of events overflow: they hold 8, and for each message on the wire a thousand
    /// events more are sent
    #[arg(long, conflicts_with = "no_tap")]
    pub flood: bool,

    /// Do not look at the wire: members connect directly, and a given peer is led through unseen
    #[arg(long)]
    pub no_tap: bool,

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

impl Args {
    /// Those of the command line; says what is wrong with them and ends the program, if anything
    /// is.
    pub fn of_command_line() -> Self {
        let args = Self::parse();
        if args.leechers == 0 && !args.seed {
            let kind = clap::error::ErrorKind::ValueValidation;
            Self::command().error(kind, "without leechers nobody fetches: add --seed").exit();
        }
        args
    }
}

/// Bytes per second, or no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(pub Option<NonZeroU32>);

fn size(text: &str) -> Result<u64, String> {
    match text.parse::<ByteSize>()?.as_u64() {
        0 => Err("a torrent needs at least one byte".into()),
        bytes if bytes > LARGEST => Err("at most 2TiB, as the torrent would be too large".into()),
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
    if INTERVALS.contains(&interval) {
        Ok(interval)
    } else {
        let [least, most] = [INTERVALS.start(), INTERVALS.end()].map(|end| format_duration(*end));
        Err(format!("must lie between {least} and {most}"))
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
    fn an_interval_has_its_limits() {
        for (text, millis) in [("10ms", 10), ("10s", 10_000)] {
            let args = parse(&format!("torrent-swarm --interval {text}")).expect("valid");
            assert_eq!(args.interval, Duration::from_millis(millis));
        }
        assert_eq!(interval("11s"), Err("must lie between 10ms and 10s".into()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--size 0",
            "--size many",
            "--size 3TiB",
            "--size 10000EiB",
            "--overwrite",
            "--json-full",
            "--torrent a --peer b --seed",
            "--leechers 101",
            "--rate-limit 100",
            "--rate-limit 5GiB",
            "--interval 0ms",
            "--interval 9ms",
            "--interval 10001ms",
            "--interval 2h",
            "--interval soon",
            "--flood --no-tap",
            "--torrent a.torrent",
            "--peer 127.0.0.1:1",
            "--torrent a --peer b --leechers 3",
            "--torrent a --peer b --size 3MiB",
        ] {
            assert!(parse(&format!("torrent-swarm {line}")).is_err(), "{line} was accepted");
        }
    }
}
