//! What sending an event costs, beside channels, and how many arrive.

mod fixtures;

use crate::measure::{Effort, Times, compete, contender, thread_counts};
use crate::report::{Report, Table, digits};
use anyhow::Result;
use fixtures::{Count, Mail, Sent, locked};
use std::hint::black_box;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tallybook::{Counter, Event, Registry, Stats};

const RING: &str = "rtrb, a ring per producer";
const UNORDERED: &str = "tallybook, unordered";
const ORDERED: &str = "tallybook, ordered";
const TOKIO: &str = "tokio mpsc";
const CROSSBEAM: &str = "crossbeam-channel";
const FACT: &str = "fact";
const COUNTED: &str = "counted event";

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
    let send = |is_ordered| {
        move |_| {
            mail.empty();
            let sender = mail.actor.sender();
            move |n| black_box(&sender).send(Sent { is_ordered, n })
        }
    };
    let contenders = [
        contender(RING, move |thread| {
            let ring = &rings[thread];
            ring.empty();
            let mut producer = ring.lend();
            move |n| _ = black_box(&mut producer).push(Sent { is_ordered: false, n })
        }),
        contender(FACT, move |_| move |_| black_box(facts).record(|one| one.calls.inc())),
        contender(COUNTED, move |_| move |_| black_box(facts).count(&Called::Once)),
        contender(UNORDERED, send(false)),
        contender(ORDERED, send(true)),
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

/// One producer, a collector in its thread, a reducer that counts, and queues of 64 Ki.
fn end_to_end(effort: Effort, report: &mut Report) -> Result<()> {
    let total: u64 = if effort.quick { 1_000_000 } else { 100_000_000 };
    let mut table = Table::new(
        "From one producer into a reducer that counts",
        ["", "million a second", "dropped, %"],
    );
    let mut unordered = 0.0;
    for (name, is_ordered) in [(UNORDERED, false), (ORDERED, true)] {
        let registry = Registry::new();
        let actor =
            registry.actor_builder("count").capacity(64 * 1024).register(Count::default())?;
        let collecting = registry.collect_every(Duration::from_millis(100))?;
        let sender = actor.sender();
        let started = Instant::now();
        (0..total).for_each(|n| sender.send(Sent { is_ordered, n }));
        collecting.stop()?;
        let seconds = started.elapsed().as_secs_f64();
        let now = registry.reader().latest();
        let applied = now.state(&actor).events;
        let rate = applied as f64 / seconds / 1e6;
        let dropped = 100.0 * (total - applied) as f64 / total as f64;
        table.row([name.to_owned(), digits(rate, 1), digits(dropped, 3)]);
        unordered = if is_ordered { unordered } else { rate };
    }
    report.table(table);
    report.at_least("unordered, end to end", unordered, 25.0, "million a second");
    Ok(())
}
