//! What sending an event costs, beside channels, and how many arrive.

mod fixtures;

use crate::measure::{Effort, Times, compete, contender, thread_counts, waited_for_cores};
use crate::report::{Report, Table, digits};
use crate::work::Work;
use anyhow::Result;
use fixtures::{Count, Mail, Sent, locked};
use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tallybook::{Counter, Event, Registry, Sender, Stats};

const RING: &str = "rtrb, a ring per producer";
const UNORDERED: &str = "tallybook, unordered";
const ORDERED: &str = "tallybook, ordered";
const TOKIO: &str = "tokio mpsc";
const CROSSBEAM: &str = "crossbeam-channel";
const FACT: &str = "fact";
const COUNTED: &str = "counted event";
const ALONE: &str = "work alone";

/// So large that nothing is dropped within a slice.
const CAPACITY: usize = 1 << 21;

#[derive(Stats)]
struct One {
    calls: Counter,
}

/// An event that is counted and has no owner.
#[derive(Event)]
#[event(stats = "One")]
enum Called {
    #[event(count(calls))]
    Once,
}

pub fn report(effort: Effort) -> Result<Report> {
    let runs: Vec<_> = thread_counts()
        .into_iter()
        .map(|threads| Ok((threads, sending(effort, threads)?)))
        .collect::<Result<_>>()?;
    let mut report = Report::new(
        "Events",
        "An event of 16 bytes, sent with room for it: queues are emptied between two slices. A ring per producer, whose \
         producer and consumer must each be one, is the floor.",
    );
    report.table(Table::of_times("Sending", RING, &runs));
    for (threads, times) in runs.iter().take(2) {
        let with = format!("{threads} thread{}", if *threads == 1 { "" } else { "s" });
        let crossbeam = times.ns(CROSSBEAM) + times.ns(FACT);
        let ordered = times.ns(ORDERED) / crossbeam;
        report.at_most(
            format!("ordered, {with}, × crossbeam-channel and a fact"),
            ordered,
            1.0,
            "×",
        );
        let tokio = if *threads == 1 { 5.0 } else { 50.0 };
        let faster = times.ratio(TOKIO, UNORDERED);
        report.at_least(format!("unordered, {with}, faster than tokio mpsc"), faster, tokio, "×");
    }
    let one = &runs[0].1;
    report.at_most("counted event, one thread, × fact", one.ratio(COUNTED, FACT), 1.05, "×");
    report.at_most("unordered, one thread, × a ring", one.ratio(UNORDERED, RING), 3.0, "×");
    if let Some((_, two)) = runs.get(1) {
        report.at_most(
            "unordered, two threads, × one",
            two.ns(UNORDERED) / one.ns(UNORDERED),
            1.2,
            "×",
        );
    }
    let runs: Vec<_> = thread_counts()
        .into_iter()
        .take(2)
        .map(|threads| Ok((threads, between(effort, threads)?)))
        .collect::<Result<_>>()?;
    report.table(Table::of_times("Sending, between 50 ns of other work", ALONE, &runs));
    end_to_end(effort, &mut report)?;
    Ok(report)
}

fn sending(effort: Effort, threads: usize) -> Result<Times> {
    let mail = Mail::new(CAPACITY)?;
    let facts = mail.registry.set::<One>("one")?;
    let rings = fixtures::rings(threads, CAPACITY);
    let (crossbeam, from_crossbeam) = crossbeam_channel::bounded(CAPACITY);
    let (flume, from_flume) = flume::bounded(CAPACITY);
    let (kanal, from_kanal) = kanal::bounded(CAPACITY);
    let (std, from_std) = std::sync::mpsc::sync_channel(CAPACITY);
    let (tokio, from_tokio) = tokio::sync::mpsc::channel(CAPACITY);
    let (from_std, from_tokio) = (Mutex::new(from_std), Mutex::new(from_tokio));
    let thingbuf = thingbuf::mpsc::channel::<Sent>(CAPACITY);
    let (mail, facts, rings, thingbuf) = (&mail, &facts, &rings, &thingbuf);
    let (from_std, from_tokio) = (&from_std, &from_tokio);
    let contenders = [
        contender(RING, move |thread| {
            let ring = &rings[thread];
            ring.empty();
            let mut producer = ring.lend();
            move |n| _ = black_box(&mut producer).push(Sent { is_ordered: false, n })
        }),
        contender(FACT, move |_| move |_| black_box(facts).record(|one| one.calls.inc())),
        contender(COUNTED, move |_| move |_| black_box(facts).count(&Called::Once)),
        contender(UNORDERED, move |_| {
            let sender = mail.emptied();
            move |n| black_box(&sender).send(Sent { is_ordered: false, n })
        }),
        contender(ORDERED, move |_| {
            let sender = mail.emptied();
            move |n| black_box(&sender).send(Sent { is_ordered: true, n })
        }),
        contender(CROSSBEAM, move |_| {
            from_crossbeam.try_iter().for_each(drop);
            let sender = crossbeam.clone();
            move |n| _ = black_box(&sender).try_send(Sent { is_ordered: false, n })
        }),
        contender("std sync_channel", move |_| {
            locked(from_std).try_iter().for_each(drop);
            let sender = std.clone();
            move |n| _ = black_box(&sender).try_send(Sent { is_ordered: false, n })
        }),
        contender("flume", move |_| {
            from_flume.try_iter().for_each(drop);
            let sender = flume.clone();
            move |n| _ = black_box(&sender).try_send(Sent { is_ordered: false, n })
        }),
        contender("kanal", move |_| {
            while let Ok(Some(_)) = from_kanal.try_recv() {}
            let sender = kanal.clone();
            move |n| _ = black_box(&sender).try_send(Sent { is_ordered: false, n })
        }),
        contender("thingbuf mpsc", move |_| {
            while thingbuf.1.try_recv().is_ok() {}
            let sender = thingbuf.0.clone();
            move |n| _ = black_box(&sender).try_send(Sent { is_ordered: false, n })
        }),
        contender(TOKIO, move |_| {
            let mut receiver = locked(from_tokio);
            while receiver.try_recv().is_ok() {}
            drop(receiver);
            let sender = tokio.clone();
            move |n| _ = black_box(&sender).try_send(Sent { is_ordered: false, n })
        }),
    ];
    Ok(compete(effort, threads, &contenders))
}

/// What sending costs where the producers also do something else, which the processor does
/// meanwhile.
fn between(effort: Effort, threads: usize) -> Result<Times> {
    let work = Work::calibrated(effort, 50.0);
    let mail = Mail::new(CAPACITY)?;
    let (crossbeam, from_crossbeam) = crossbeam_channel::bounded(CAPACITY);
    let mail = &mail;
    let contenders = [
        contender(ALONE, move |_| work.operation()),
        contender(UNORDERED, move |_| {
            let (sender, mut work) = (mail.emptied(), work.operation());
            move |n| {
                work(n);
                black_box(&sender).send(Sent { is_ordered: false, n });
            }
        }),
        contender(ORDERED, move |_| {
            let (sender, mut work) = (mail.emptied(), work.operation());
            move |n| {
                work(n);
                black_box(&sender).send(Sent { is_ordered: true, n });
            }
        }),
        contender(CROSSBEAM, move |_| {
            from_crossbeam.try_iter().for_each(drop);
            let (sender, mut work) = (crossbeam.clone(), work.operation());
            move |n| {
                work(n);
                _ = black_box(&sender).try_send(Sent { is_ordered: false, n });
            }
        }),
    ];
    Ok(compete(effort, threads, &contenders))
}

/// One producer, a collector in its thread, a reducer that counts, and queues of 64 Ki.
fn end_to_end(effort: Effort, report: &mut Report) -> Result<()> {
    let mut table = Table::new(
        "From one producer into a reducer that counts",
        ["", "million a second", "dropped, %", "disturbed runs", "dropped in those, %"],
    );
    let paced = Work::calibrated(effort, 28.0);
    for (name, is_ordered) in [(UNORDERED, false), (ORDERED, true)] {
        let flat_out = arrive(effort, |sender, n| sender.send(Sent { is_ordered, n }))?;
        let mut work = paced.operation();
        let between = arrive(effort, |sender, n| {
            work(n);
            sender.send(Sent { is_ordered, n });
        })?;
        for (pace, arrived) in [("flat out", flat_out), ("between 28 ns of work", between)] {
            let name = format!("{name}, {pace}");
            let dropped = |runs: &[Arrived]| match runs.len() {
                0 => "-".to_owned(),
                _ => digits(Arrived::dropped(runs), 3),
            };
            let [calm, disturbed] = &arrived;
            table.row([
                name.clone(),
                digits(Arrived::rate(calm), 1),
                dropped(calm),
                disturbed.len().to_string(),
                dropped(disturbed),
            ]);
            if !is_ordered {
                let rate = Arrived::rate(calm);
                report.at_least(format!("{name}, end to end"), rate, 25.0, "million a second");
                let dropped = Arrived::dropped(calm);
                report.at_most(format!("{name}, end to end, dropped"), dropped, 0.0, "%");
            }
        }
    }
    report.table(table);
    Ok(())
}

/// How many runs there are in which no thread waited for a core, and how many there are at most.
const RUNS: usize = 9;
const ATTEMPTS: usize = 6 * RUNS;

/// How long the threads of a run may wait for a core together: queues that are full to a quarter
/// have as much room.
const PATIENCE: Duration = Duration::from_micros(1500);

/// What arrived in a run.
struct Arrived {
    /// Million a second.
    rate: f64,
    /// Percent.
    dropped: f64,
}

impl Arrived {
    /// The median.
    fn rate(runs: &[Arrived]) -> f64 {
        let mut rates: Vec<f64> = runs.iter().map(|run| run.rate).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or(0.0)
    }

    /// Of all together.
    fn dropped(runs: &[Arrived]) -> f64 {
        runs.iter().map(|run| run.dropped).sum::<f64>() / runs.len().max(1) as f64
    }
}

/// The runs in which no thread waited for its core, and the others.
fn arrive(effort: Effort, mut send: impl FnMut(&Sender<Sent>, u64)) -> Result<[Vec<Arrived>; 2]> {
    let total: u64 = if effort.quick { 100_000 } else { 10_000_000 };
    let mut all = [Vec::new(), Vec::new()];
    for _ in 0..ATTEMPTS {
        let registry = Registry::new();
        let builder = registry.actor_builder("count").capacity(64 * 1024);
        let actor = builder.register(Count::default())?;
        let collecting = registry.collect_every(Duration::from_millis(100))?;
        let sender = actor.sender();
        let waited = waited_for_cores();
        let started = Instant::now();
        (0..total).for_each(|n| send(&sender, n));
        let is_disturbed = waited_for_cores() - waited > PATIENCE;
        collecting.stop()?;
        let seconds = started.elapsed().as_secs_f64();
        let applied = registry.reader().latest().state(&actor).events;
        let rate = applied as f64 / seconds / 1e6;
        let dropped = 100.0 * (total - applied) as f64 / total as f64;
        all[usize::from(is_disturbed)].push(Arrived { rate, dropped });
        if all[0].len() == RUNS {
            break;
        }
    }
    Ok(all)
}
