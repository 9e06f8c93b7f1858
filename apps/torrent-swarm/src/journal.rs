//! The journal: what was asked for, every cut, and the verdict, one JSON object per line.
//!
//! Each law can be checked from it alone; `tests/check.py` does so.

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tallybook::event::EventStatsSnapshot;
use tallybook::{Distribution, Snapshot};

use crate::args::Args;
use crate::books::Books;
use crate::cut::{Cut, Tally};
use crate::law::World;
use crate::rate::{Rates, WINDOWS};
use crate::state::State;
use crate::summary::Summary;
use crate::text::QUANTILES;
use crate::view::Goal;
use crate::wire::OnWire;

/// The version of the form.
const FORM: u32 = 1;

/// Where the run is written.
pub struct Journal {
    path: PathBuf,
    file: Box<dyn Write + Send>,
    is_full: bool,
}

impl Journal {
    /// Creates or empties the file; `-` is standard output. With `is_full` it has all buckets.
    pub fn create(path: &Path, is_full: bool) -> Result<Self> {
        let file: Box<dyn Write + Send> = if is_stdout(path) {
            Box::new(BufWriter::new(stdout()))
        } else {
            let cannot = || format!("cannot write {}", path.display());
            Box::new(BufWriter::new(File::create(path).with_context(cannot)?))
        };
        Ok(Self { path: path.to_path_buf(), file, is_full })
    }

    /// Writes what was asked for.
    pub fn begin(&mut self, args: &Args, goal: &Goal, world: World) -> Result<()> {
        let times =
            Tally::default().times().map(|(counter, _, time, _)| (time.into(), json!(counter)));
        self.write(&json!({
            "kind": "start",
            "program": "torrent-swarm",
            "version": env!("CARGO_PKG_VERSION"),
            "form": FORM,
            "units": { "time": "nanoseconds", "payload": "bytes", "rate": "bytes per second" },
            "arguments": arguments(args),
            "goal": {
                "title": goal.title,
                "bytes": goal.bytes,
                "pieces": goal.pieces,
                "copies": goal.copies,
            },
            "all_members_are_counted": world == World::Closed,
            "counters": Tally::default().counters().map(|(name, _)| name),
            "times": Value::Object(times.into_iter().collect()),
            "states": State::ALL.map(State::name),
        }))
    }

    /// Writes a cut.
    pub fn enter(&mut self, cut: &Cut, snapshot: &Arc<Snapshot>, books: &Books) -> Result<()> {
        let windows = WINDOWS.map(|length| {
            let window = snapshot.window(length);
            let rates = Rates::over(&window, books);
            json!({
                "asked": nanos(length),
                "elapsed": nanos(rates.elapsed),
                "since": window.earlier().epoch(),
                "received_per_second": rates.swarm.received,
                "served_per_second": rates.swarm.served,
            })
        });
        let present = cut.present.iter().map(|member| {
            let mut one = self.tally(&member.tally);
            one["name"] = json!(member.name);
            one["have"] = json!(member.have);
            one["state"] = json!(member.state.name());
            one["retry_at"] = json!(member.retry_at.map(nanos));
            one["connections"] = json!({ "opened": member.opened, "closed": member.closed });
            one
        });
        let own = snapshot.set(&books.registry.collector_stats());
        let line = json!({
            "kind": "cut",
            "epoch": cut.epoch,
            "at": nanos(cut.at),
            "swarm": self.tally(&cut.swarm),
            "present": present.collect::<Vec<_>>(),
            "departed": self.tally(&cut.departed),
            "total": self.tally(&cut.total),
            "windows": windows,
            "wire": cut.wire.as_ref().map(wire),
            "books": { "shards": own.shards, "memory": own.memory },
            "librqbit": {
                "readings": cut.librqbit.readings,
                "broken": cut.librqbit.broken,
                "worst": cut.librqbit.worst,
            },
        });
        self.write(&line)
    }

    /// Writes the verdict.
    pub fn end(&mut self, summary: &Summary) -> Result<()> {
        let verdict = &summary.verdict;
        self.write(&json!({
            "kind": "end",
            "ending": summary.ending.name(),
            "time": nanos(summary.time),
            "holds": summary.holds(),
            "verdict": summary.conclusion(),
            "cuts": {
                "taken": verdict.taken,
                "checked": verdict.checked,
                "broken": verdict.broken,
            },
            "first_breach": verdict.first,
            "files": { "expected": summary.expected, "verified": summary.outcome.verified },
        }))
    }

    /// What has happened, with how long it took.
    fn tally(&self, tally: &Tally) -> Value {
        let counters = tally.counters().map(|(name, count)| (name.to_string(), json!(count)));
        let times = tally
            .times()
            .map(|(_, _, name, times)| (name.to_string(), distribution(times, self.is_full)));
        Value::Object(counters.into_iter().chain(times).collect())
    }

    /// A line is there whole as soon as it is written.
    fn write(&mut self, line: &Value) -> Result<()> {
        let text = format!("{line}\n");
        self.file
            .write_all(text.as_bytes())
            .and_then(|()| self.file.flush())
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Whether that is standard output.
pub fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn arguments(args: &Args) -> Value {
    json!({
        "size": args.size,
        "leechers": args.leechers,
        "seed": args.seed,
        "rate_limit": args.rate_limit.0,
        "interval": nanos(args.interval),
        "dir": args.dir,
        "overwrite": args.overwrite,
        "flood": args.flood,
        "no_tap": args.no_tap,
        "torrent": args.torrent,
        "peer": args.peer,
        "peer_timeout": nanos(args.peer_timeout),
        "json_full": args.json_full,
    })
}

/// Nanoseconds, of which 584 years fit.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn distribution(times: &Distribution<Duration>, is_full: bool) -> Value {
    let mut one = json!({
        "count": times.count(),
        "sum": nanos(times.sum()),
        "min": times.min().map(nanos),
        "max": times.max().map(nanos),
    });
    for (q, name) in QUANTILES {
        one[name] = json!(times.quantile(q).map(nanos));
    }
    if is_full {
        let buckets = times.buckets().map(|bucket| (bucket.index, bucket.count));
        one["zeros"] = json!(times.zeros());
        one["scale"] = json!(times.scale());
        one["buckets"] = json!(buckets.collect::<Vec<_>>());
    }
    one
}

fn account(account: &EventStatsSnapshot) -> Value {
    let EventStatsSnapshot { sent, applied, coalesced, dropped, lost } = account;
    json!({
        "sent": sent,
        "applied": applied,
        "coalesced": coalesced,
        "dropped": dropped,
        "lost": lost,
    })
}

fn wire(wire: &OnWire) -> Value {
    let totals = &wire.view.totals;
    let links = wire.view.links.iter().map(|link| {
        let side = |side: &crate::wire::Side| {
            json!({
                "chokes": side.chokes,
                "interested": side.interested,
                "has_all": side.has_all,
                "waiting": side.waiting,
                "chunks": side.chunks,
                "bytes": side.bytes,
            })
        };
        json!({
            "from": &*link.from,
            "to": &*link.to,
            "there": side(&link.there),
            "back": side(&link.back),
        })
    });
    let events = wire.events.iter().map(|(kind, events)| (kind.to_string(), account(events)));
    let culprits =
        wire.view.culprits.iter().map(|(name, pieces)| (name.to_string(), json!(pieces)));
    json!({
        "connected": totals.connected,
        "disconnected": totals.disconnected,
        "requested": totals.requested,
        "cancelled": totals.cancelled,
        "chunks": totals.chunks,
        "bytes": totals.bytes,
        "haves": totals.haves,
        "undecoded": totals.undecoded,
        "links": links.collect::<Vec<_>>(),
        "senders_of_bad_pieces": Value::Object(culprits.collect()),
        "events": Value::Object(events.collect()),
        "noise": account(&wire.noise),
    })
}
