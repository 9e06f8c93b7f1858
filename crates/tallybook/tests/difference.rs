//! Differences of two snapshots, and the errors for snapshots of different registries.

#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use std::cell::Cell;
use std::convert::identity;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Arc;
use std::time::Duration;
use tallybook::error::WrongRegistry;
use tallybook::metric::LiveCount;
use tallybook::{
    Collector, Counter, Family, Gauge, Live, ManualClock, Max, Registry, Set, Snapshot, Stats,
    UpDownCounter,
};

/// A node.
#[derive(Stats)]
struct Node {
    count: Counter,
    sum: UpDownCounter,
    open: Live,
    level: Gauge,
    largest: Max,
}

struct World {
    clock: Arc<ManualClock>,
    node: Set<Node>,
    peers: Family<u8, Node>,
    collector: Collector,
}

impl World {
    fn new() -> Self {
        let (registry, clock) = manual(identity);
        World {
            clock,
            node: registry.set("node").unwrap(),
            peers: registry.family("peer", "n").unwrap(),
            collector: registry.collector().unwrap(),
        }
    }

    fn tick_after(&mut self, seconds: u64) -> Arc<Snapshot> {
        self.clock.advance(Duration::from_secs(seconds));
        self.collector.tick()
    }
}

fn record(node: &Node, n: u32) {
    node.count.add(n.into());
    node.sum.add(-i64::from(n));
    node.level.set(n.into());
    node.largest.observe(n.into());
}

#[test]
fn sums_are_subtracted_and_the_rest_is_the_later_ones() {
    let mut world = World::new();
    let guards = [world.node.open(Node::open), world.node.open(Node::open)];
    world.node.record(|n| record(n, 5));
    let earlier = world.tick_after(1);
    world.node.record(|n| record(n, 3));
    world.tick_after(1);
    drop(guards);
    let open = world.node.open(Node::open);
    let later = world.tick_after(1);
    let difference = later.since(&earlier).unwrap();
    assert_eq!(difference.elapsed(), Duration::from_secs(2));
    let expected = NodeSnapshot {
        count: 3,
        sum: -3,
        open: LiveCount { opened: 1, closed: 2 },
        level: Some(3),
        // Over all intervals in between, although nothing was observed in the last one.
        largest: Some(3),
    };
    assert_eq!(difference.set(&world.node), expected);
    assert_eq!(difference.set(&world.node).open.live(), -1);
    assert_eq!(later.since(&later).unwrap().set(&world.node).count, 0);
    assert_eq!(earlier.since(&later).unwrap().elapsed(), Duration::ZERO);
    drop(open);
}

// Each consumer keeps its own previous snapshot, so none replaces that of another.
#[test]
fn consumers_with_their_own_rhythm_do_not_disturb_each_other() {
    let mut world = World::new();
    let mut every_second = world.tick_after(1);
    let mut every_third = every_second.clone();
    for n in 1..=9 {
        world.node.record(|node| record(node, 1));
        let now = world.tick_after(1);
        assert_eq!(now.since(&every_second).unwrap().set(&world.node).count, 1);
        every_second = now.clone();
        if n % 3 == 0 {
            let difference = now.since(&every_third).unwrap();
            assert_eq!(difference.set(&world.node).count, 3);
            assert_eq!(difference.elapsed(), Duration::from_secs(3));
            every_third = now;
        }
    }
}

// moq#3591: a returning key restarts at 0.
#[test]
fn an_entry_that_came_back_starts_from_zero_and_never_goes_backwards() {
    let mut world = World::new();
    world.peers.entry(1).unwrap().record(|n| record(n, 10));
    let first = world.tick_after(1);
    let same = world.peers.entry(1).unwrap();
    same.record(|n| record(n, 2));
    let second = world.tick_after(1);
    drop(same);
    world.tick_after(1);
    world.tick_after(1);
    let again = world.peers.entry(1).unwrap();
    again.record(|n| record(n, 3));
    let third = world.tick_after(1);
    drop(again);
    let count = |later: &Arc<Snapshot>, earlier: &Arc<Snapshot>| {
        let difference = later.since(earlier).unwrap();
        let entry = difference.entry(&world.peers, &1).map(|node| node.count);
        (entry, difference.total(&world.peers).count)
    };
    assert_eq!(count(&second, &first), (Some(2), 2));
    assert_eq!(count(&third, &second), (Some(3), 3));
    assert_eq!(count(&third, &first), (Some(3), 5));
    assert_eq!(third.since(&first).unwrap().entry(&world.peers, &2), None);
}

#[test]
fn an_entry_that_is_gone_has_no_difference_but_the_total_has() {
    let mut world = World::new();
    let before = world.tick_after(1);
    world.peers.entry(1).unwrap().record(|n| record(n, 10));
    world.tick_after(1);
    let after = world.tick_after(1);
    let difference = after.since(&before).unwrap();
    assert_eq!(difference.entry(&world.peers, &1), None);
    assert_eq!(difference.total(&world.peers).count, 10);
}

#[test]
fn a_handle_of_another_registry_is_refused_by_name() {
    let (mut one, two) = (World::new(), World::new());
    let cut = one.tick_after(1);
    let set = cut.try_set(&two.node).unwrap_err();
    let WrongRegistry { name, own, other, .. } = set.clone();
    assert_eq!((name.as_str(), own == other), ("node", false));
    let text = |name: &str| {
        format!(
            "`{name}` belongs to {own}, but is looked up in a snapshot of {other}; use handles and \
             snapshots of one registry"
        )
    };
    assert_eq!(set.to_string(), text("node"));
    let family = cut.try_family(&two.peers).map(drop).unwrap_err();
    assert_eq!(family.to_string(), text("peer"));
    assert!(cut.try_set(&one.node).is_ok() && cut.try_family(&one.peers).is_ok());
}

fn panic_of(f: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
    *panic.downcast().unwrap()
}

/// Two registries of one line are told apart by their numbers, others by the lines that made them.
#[test]
fn a_registry_is_known_by_the_line_that_made_it() {
    let one = Registry::new();
    let line = line!() - 1;
    let two = Registry::builder().clock(ManualClock::new()).build();
    let set = two.set::<Node>("node").unwrap();
    let cut = one.collector().unwrap().tick();
    let WrongRegistry { own, other, .. } = cut.try_set(&set).unwrap_err();
    let made_at = |origin: tallybook::error::RegistryOrigin| origin.made_at.unwrap();
    assert_eq!((made_at(other).file(), made_at(other).line()), (file!(), line));
    assert_eq!((made_at(own).file(), made_at(own).line()), (file!(), line + 2));
    let text = format!("the registry made at {} (number {})", made_at(own), own.number);
    assert_eq!(own.to_string(), text);
}

/// The panic is at the line of the caller, whichever of the calls it was.
#[test]
fn a_handle_of_another_registry_panics_at_the_callers_line() {
    thread_local!(static PANIC: Cell<Option<(&'static str, u32)>> = const { Cell::new(None) });
    let before = take_hook();
    set_hook(Box::new(move |info| {
        let at = info.location().unwrap();
        let is_here = at.file() == file!();
        PANIC.set(Some((if is_here { file!() } else { "elsewhere" }, at.line())));
        before(info);
    }));
    let (mut one, two) = (World::new(), World::new());
    let cut = one.tick_after(1);
    let window = cut.window(Duration::ZERO);
    let average = cut.averaged(Duration::from_secs(60)).unwrap();
    let here = line!();
    let calls: [&dyn Fn(); 8] = [
        &|| drop(cut.set(&two.node)),
        &|| drop(cut.family(&two.peers)),
        &|| drop(window.set(&two.node)),
        &|| drop(window.rates(&two.node)),
        &|| drop(window.total(&two.peers)),
        &|| drop(window.entry(&two.peers, &1)),
        &|| drop(average.set(&two.node)),
        &|| drop(average.total(&two.peers)),
    ];
    for (call, line) in calls.iter().zip(here + 2..) {
        catch_unwind(AssertUnwindSafe(call)).unwrap_err();
        assert_eq!(PANIC.take(), Some((file!(), line)));
    }
}

#[test]
fn looking_up_a_handle_of_another_registry_panics_with_both_registries() {
    let (mut one, two) = (World::new(), World::new());
    let cut = one.tick_after(1);
    let expected = cut.try_set(&two.node).unwrap_err().to_string();
    let panic = panic_of(|| drop(cut.set(&two.node)));
    assert_eq!(panic, expected);
    let expected = cut.try_family(&two.peers).map(drop).unwrap_err().to_string();
    let panic = panic_of(|| drop(cut.family(&two.peers)));
    assert_eq!(panic, expected);
}

#[test]
fn snapshots_of_two_registries_have_no_difference() {
    let (mut one, mut two) = (World::new(), World::new());
    let (later, earlier) = (one.tick_after(1), two.tick_after(1));
    let WrongRegistry { name, own, other, .. } = later.since(&earlier).unwrap_err();
    assert_eq!((name.as_str(), own == other), ("the earlier snapshot", false));
}
