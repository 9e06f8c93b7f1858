//! What holds in every snapshot, whatever user code does.

use super::hook::{fault, thrown};
use super::ledger::{NAMES, SWITCHED};
use super::user::{Key, NumbersSnapshot};
use super::world::{ALL_KEYS, MAX_KEYS, World};
use std::sync::atomic::Ordering::SeqCst;

use tallybook::event::{ByKind, EventStatsSnapshot};
use tallybook::{Label, Snapshot};

/// What the last snapshot held.
#[derive(Default)]
pub struct Memory {
    epoch: u64,
    seen: Vec<u64>,
    retired: u64,
}

/// Checks a snapshot. `lower` is what had been recorded before the tick, if the snapshot must show
/// it.
pub fn check(world: &World, snapshot: &Snapshot, lower: Option<Vec<u64>>) {
    let upper = world.ledger.upper_bounds();
    let set = snapshot.set(&world.set);
    let other = snapshot.set(&world.other);
    let family = snapshot.family(&world.family);
    let (total, retired) = (family.total(), family.retired());
    let events = snapshot.events(&world.actor);

    let mut seen = Vec::new();
    [&set, &other, &total].into_iter().for_each(|numbers| seen.extend(flat(numbers)));
    seen.push(family.refused());
    seen.push(events.iter().map(|(_, account)| account.applied).sum());
    seen.extend(events.iter().map(|(_, account)| account.sent));

    let switched = NAMES.len() - 1;
    debug_assert_eq!(SWITCHED + 1, events.iter().count());
    for (i, name) in NAMES.iter().enumerate() {
        if seen[i] > upper[i] {
            fault(format!("{name}: {} were counted, of {} at most", seen[i], upper[i]));
        }
        if let Some(lower) = &lower
            && !snapshot.is_stale()
            && i != switched
            && seen[i] < lower[i]
        {
            fault(format!("{name}: {} were counted, of {} at least", seen[i], lower[i]));
        }
    }
    check_events(&events);
    check_observed(world, snapshot);
    for numbers in [&set, &other] {
        check_numbers(numbers);
        if numbers.left.map(|left| left as f64) != numbers.right {
            fault(format!("gauges of one fact: {:?} and {:?}", numbers.left, numbers.right));
        }
    }
    let mut parts = flat(&retired).to_vec();
    for (key, numbers) in family.iter() {
        check_numbers(&numbers);
        if family.get(key).as_ref() != Some(&numbers) {
            fault(format!("the key {} is there and cannot be got", key.0));
        }
        parts.iter_mut().zip(flat(&numbers)).for_each(|(sum, part)| *sum += part);
    }
    if parts != flat(&total) {
        fault(format!("the parts of the family are {parts:?}, their total {:?}", flat(&total)));
    }
    if family.len() > MAX_KEYS {
        fault(format!("{} keys in a family of {MAX_KEYS}", family.len()));
    }
    check_time(world, snapshot, seen, retired.count);
    check_panics(world, snapshot);
}

/// Checks that numbers only grow.
fn check_time(world: &World, snapshot: &Snapshot, seen: Vec<u64>, retired: u64) {
    let mut memory = world.memory.lock().unwrap();
    // A stale snapshot repeats the last cut, or shows one that could not be finished before.
    let is_later = snapshot.epoch() > memory.epoch;
    let is_again = snapshot.epoch() == memory.epoch && snapshot.is_stale();
    if !is_later && !is_again {
        fault(format!("after epoch {} came {snapshot:?}", memory.epoch));
    }
    let has_shrunk = memory.seen.iter().zip(&seen).any(|(before, now)| now < before);
    if has_shrunk || retired < memory.retired {
        fault(format!("numbers went down: {:?}, then {seen:?}", memory.seen));
    }
    *memory = Memory { epoch: snapshot.epoch(), seen, retired };
}

fn check_events(events: &ByKind<super::user::Kind, EventStatsSnapshot>) {
    for (kind, account) in events {
        let kind = kind.value();
        let known = account.applied + account.coalesced + account.dropped + account.lost;
        if account.sent != known {
            fault(format!("the account of `{kind}` does not add up: {account:?}"));
        }
    }
}

/// An observed set shows what one call recorded, and that came to its end.
fn check_observed(world: &World, snapshot: &Snapshot) {
    let most = world.ledger.observed.load(SeqCst);
    let seen = snapshot.set(&world.observed);
    let is_whole = seen.last.unwrap_or_default() as u64 == seen.calls;
    if !is_whole || seen.returns > seen.calls || seen.calls > most {
        fault(format!("{seen:?} was observed, in {most} calls"));
    }
    if (seen.calls == 0) != (seen.returns == 0) {
        fault(format!("{seen:?} was observed, of a call that did not come to its end"));
    }
}

fn check_numbers(numbers: &NumbersSnapshot) {
    let lives =
        [(numbers.live.opened, numbers.live.closed), (numbers.timed.opened, numbers.timed.closed)];
    if lives.iter().any(|(opened, closed)| closed > opened) {
        fault(format!("more closed than opened: {lives:?}"));
    }
}

/// Checks that the collector reports the panics that it caught, and no others.
fn check_panics(world: &World, snapshot: &Snapshot) {
    let reported = snapshot.set(&world.registry.collector_stats()).panics;
    if reported > thrown() {
        fault(format!("{reported} panics are reported, and there were {}", thrown()));
    }
}

/// Checks the end: nothing is held any more, and everything was shown.
pub fn check_end(world: &World) {
    let snapshot = world.registry.reader().latest();
    let family = snapshot.family(&world.family);
    if !family.is_empty() {
        fault(format!("{} entries that nobody holds do not retire", family.len()));
    }
    if flat(&family.total()) != flat(&family.retired()) {
        fault("everything has retired, but not every number".to_owned());
    }
    // There is room for `MAX_KEYS` new keys.
    let refused = family.refused();
    let keys = (0..MAX_KEYS as u32).map(|n| Key(ALL_KEYS + n));
    let entries: Vec<_> = keys.map(|key| world.family.entry(key)).collect();
    let found = entries.iter().filter(|entry| entry.is_ok()).count();
    if found < MAX_KEYS {
        fault(format!("only {found} of {MAX_KEYS} places are free, {refused} were refused before"));
        (found..MAX_KEYS).for_each(|_| {
            world.ledger.refused.begin();
            world.ledger.refused.done();
        });
    }
}

/// The numbers that only grow.
fn flat(numbers: &NumbersSnapshot) -> [u64; 6] {
    [
        numbers.count,
        numbers.sizes.count(),
        numbers.live.opened,
        numbers.live.closed,
        numbers.timed.opened,
        numbers.timed.closed,
    ]
}
