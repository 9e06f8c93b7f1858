//! Exponentially weighted averages against the textbook's formula, computed here tick by tick.

#[path = "support/clock.rs"]
mod clock;
#[path = "support/random.rs"]
mod random;

use clock::manual;
use random::Random;
use std::convert::identity;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tallybook::{
    Collector, Counter, Entry, Family, Histogram, Live, ManualClock, Max, PerLabel, Registry, Set,
    Snapshot, Stats,
};

#[derive(Clone, Copy, tallybook::Label)]
enum Way {
    In,
    Out,
}

/// A peer, or all of them.
#[derive(Stats)]
struct Peer {
    count: Counter,
    largest: Max,
    open: Live,
    sizes: Histogram,
    ways: PerLabel<Way, Counter>,
}

const CONSTANTS: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(900)];

/// Averages that are updated at every tick, whether or not anything happened.
#[derive(Clone, Copy, Default)]
struct Textbook([f64; 3]);

impl Textbook {
    fn tick(&mut self, n: f64, elapsed: Duration) {
        for (average, constant) in self.0.iter_mut().zip(CONSTANTS) {
            let share = elapsed.as_secs_f64() / constant.as_secs_f64();
            let keep = (-share).exp();
            // The limit of the formula as the elapsed time goes to zero.
            *average = if elapsed.is_zero() {
                *average + n / constant.as_secs_f64()
            } else {
                *average * keep + n / elapsed.as_secs_f64() * (1.0 - keep)
            };
        }
    }
}

fn assert_near(found: [f64; 3], wanted: Textbook) {
    for (found, wanted) in found.into_iter().zip(wanted.0) {
        // Most of this tolerance is for the cancellation in the textbook's own formula.
        let is_near = (found - wanted).abs() <= 1e-9 * wanted.abs() + 1e-300;
        assert!(is_near && found.is_finite() && found >= 0.0, "{found} instead of {wanted}");
    }
}

struct World {
    clock: Arc<ManualClock>,
    registry: Registry,
    all: Set<Peer>,
    /// `peers` has averages of its entries, `plain` has not.
    peers: Family<u8, Peer>,
    plain: Family<u8, Peer>,
    collector: Collector,
}

impl World {
    fn new() -> Self {
        let (registry, clock) = manual(identity);
        World {
            clock,
            all: registry.set("all").unwrap(),
            peers: registry.family_builder("peer", "n").averages().register().unwrap(),
            plain: registry.family("plain", "n").unwrap(),
            collector: registry.collector().unwrap(),
            registry,
        }
    }

    fn tick_after(&mut self, time: Duration) -> Arc<Snapshot> {
        self.clock.advance(time);
        self.collector.tick()
    }

    fn record(&self, entry: &Entry<u8, Peer>, n: u64) {
        record(&self.all, entry, n);
    }
}

fn record(all: &Set<Peer>, entry: &Entry<u8, Peer>, n: u64) {
    all.record(|all| {
        all.count.add(n);
        entry.record(|peer| {
            peer.count.add(n);
            peer.sizes.record(n);
            peer.ways[Way::Out].add(2 * n);
        });
    });
}

fn of_set(cut: &Snapshot, set: &Set<Peer>) -> [f64; 3] {
    CONSTANTS.map(|constant| cut.averaged(constant).unwrap().set(set).count)
}

fn of_total(cut: &Snapshot, family: &Family<u8, Peer>) -> [f64; 3] {
    CONSTANTS.map(|constant| cut.averaged(constant).unwrap().total(family).count)
}

fn of_entry(cut: &Snapshot, family: &Family<u8, Peer>, key: u8) -> Option<[f64; 3]> {
    let of = |constant| Some(cut.averaged(constant)?.entry(family, &key)?.count);
    let [one, five, fifteen] = CONSTANTS.map(of);
    Some([one?, five?, fifteen?])
}

/// Runs a script of amounts and of the time that passes after each, and checks all averages at
/// every tick.
fn follows_the_textbook(script: impl IntoIterator<Item = (u64, Duration)>) -> (World, Textbook) {
    let mut world = World::new();
    let [one, other] = [world.peers.entry(1).unwrap(), world.plain.entry(1).unwrap()];
    let mut textbook = Textbook::default();
    for (n, elapsed) in script {
        if n > 0 {
            world.record(&one, n);
            other.record(|peer| peer.count.add(n));
        }
        let cut = world.tick_after(elapsed);
        textbook.tick(n as f64, elapsed);
        assert_near(of_set(&cut, &world.all), textbook);
        assert_near(of_total(&cut, &world.peers), textbook);
        assert_near(of_total(&cut, &world.plain), textbook);
        assert_near(of_entry(&cut, &world.peers, 1).unwrap(), textbook);
        assert_eq!(of_entry(&cut, &world.plain, 1), None);
        let minute = cut.averaged(CONSTANTS[0]).unwrap();
        let rates = minute.entry(&world.peers, &1).unwrap();
        assert!((rates.sizes.sum - rates.count).abs() <= 1e-9 * rates.count);
        assert_eq!(rates.ways[Way::Out], 2.0 * rates.count);
        assert_eq!((rates.ways[Way::In], rates.open.opened), (0.0, 0.0));
    }
    (world, textbook)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_steady_rate() {
    let (world, _) = follows_the_textbook((0..720).map(|_| (5_000, seconds(5))));
    let [one, five, fifteen] = of_set(&world.registry.reader().latest(), &world.all);
    // After an hour: all of it, all but e^-12, all but e^-4.
    assert!((one - 1_000.0).abs() < 1e-9);
    assert!((five - 1_000.0 * (1.0 - (-12.0_f64).exp())).abs() < 1e-9);
    assert!((fifteen - 1_000.0 * (1.0 - (-4.0_f64).exp())).abs() < 1e-9);
}

#[test]
fn bursts_and_pauses() {
    follows_the_textbook((0..600).map(|n| (if n % 50 < 3 { 90_000 } else { 0 }, seconds(1))));
}

#[test]
fn a_stop_halves_it_every_half_life() {
    let (mut world, _) = follows_the_textbook((0..300).map(|_| (100, seconds(1))));
    let before = of_set(&world.registry.reader().latest(), &world.all);
    let cut = world.tick_after(Duration::from_secs_f64(60.0 * 2_f64.ln()));
    let after = of_set(&cut, &world.all);
    assert!((after[0] * 2.0 - before[0]).abs() < 1e-6);
    assert!(after[0] < after[1]); // the longer constant decays more slowly
    assert_near(of_set(&cut, &world.all), Textbook(of_total(&cut, &world.peers)));
}

#[test]
fn jitter_of_half_a_tick() {
    let mut random = Random::new(7);
    let script = (0..2_000).map(move |_| {
        let millis = 500 + random.below(1_001);
        (10 * millis, Duration::from_millis(millis))
    });
    let (world, _) = follows_the_textbook(script);
    let [one, ..] = of_set(&world.registry.reader().latest(), &world.all);
    assert!((one - 10_000.0).abs() < 1e-3, "{one}");
}

#[test]
fn ticks_that_take_no_time_and_ticks_that_take_a_nanosecond_or_a_month() {
    let times = [0, 0, 1, 0, 1_000_000_000, 0, 0, 7, 2_600_000_000_000_000, 0, 999];
    let script = (0..5).flat_map(|_| times).enumerate();
    // Over a nanosecond the textbook's formula cancels almost completely, so only finiteness and
    // range are checked.
    let mut world = World::new();
    let entry = world.peers.entry(1).unwrap();
    for (n, nanos) in script {
        world.record(&entry, n as u64);
        let cut = world.tick_after(Duration::from_nanos(nanos));
        let all = [of_set(&cut, &world.all), of_total(&cut, &world.peers)];
        for average in all.into_iter().flatten().chain(of_entry(&cut, &world.peers, 1).unwrap()) {
            assert!(average.is_finite() && (0.0..1e6).contains(&average), "{average}");
        }
    }
    follows_the_textbook((0..40).map(|n| (n, if n % 3 == 0 { seconds(2) } else { seconds(0) })));
}

#[test]
fn what_is_not_touched_for_a_day_is_what_it_would_be_had_it_been_looked_at() {
    let script = (0..120).map(|_| (600, seconds(1))).chain([(0, seconds(86_400))]);
    let (mut world, textbook) = follows_the_textbook(script);
    let latest = world.registry.reader().latest();
    let [.., fifteen] = of_set(&latest, &world.all);
    assert!(fifteen > 0.0 && fifteen < 1e-38, "{fifteen}");
    assert_eq!(of_set(&latest, &world.all), of_entry(&latest, &world.peers, 1).unwrap_or_default());
    // The average continues from there.
    let entry = world.peers.entry(1).unwrap();
    world.record(&entry, 600);
    let cut = world.tick_after(seconds(1));
    let mut textbook = textbook;
    textbook.tick(600.0, seconds(1));
    assert_near(of_set(&cut, &world.all), textbook);
    drop(entry);
}

#[test]
fn one_that_retires_takes_its_averages_along_and_comes_back_with_none() {
    let mut world = World::new();
    let mut total = Textbook::default();
    for key in [1, 2, 1] {
        let entry = world.peers.entry(key).unwrap();
        let mut own = Textbook::default();
        for n in 1..=10 {
            world.record(&entry, 100 * n);
            let cut = world.tick_after(seconds(1));
            own.tick(100.0 * n as f64, seconds(1));
            total.tick(100.0 * n as f64, seconds(1));
            assert_near(of_entry(&cut, &world.peers, key).unwrap(), own);
            assert_near(of_total(&cut, &world.peers), total);
        }
        drop(entry);
        let last = world.tick_after(seconds(1));
        own.tick(0.0, seconds(1));
        assert_near(of_entry(&last, &world.peers, key).unwrap(), own);
        let gone = world.tick_after(seconds(1));
        assert_eq!(of_entry(&gone, &world.peers, key), None);
        // The earlier snapshot still shows it.
        assert_near(of_entry(&last, &world.peers, key).unwrap(), own);
        (0..2).for_each(|_| total.tick(0.0, seconds(1)));
        assert_near(of_total(&gone, &world.peers), total);
        assert_near(of_set(&gone, &world.all), total);
    }
}

#[test]
fn entries_that_start_late_or_rest_have_averages_of_their_own() {
    let mut world = World::new();
    let entries: Vec<_> = (0..100).map(|key| world.peers.entry(key).unwrap()).collect();
    let mut textbooks = [Textbook::default(); 100];
    for tick in 0..60_u64 {
        let mut happened = [0.0; 100];
        thread::scope(|scope| {
            // Two threads on the same entries: a tick drains each entry twice.
            for thread in 0..2 {
                let (all, entries) = (&world.all, &entries);
                scope.spawn(move || {
                    for key in (0..100).filter(|key| tick * 7 % (key + 1) == 0) {
                        record(all, &entries[key as usize], key + thread);
                    }
                });
            }
        });
        (0..100_u64)
            .filter(|key| tick * 7 % (key + 1) == 0)
            .for_each(|key| happened[key as usize] = (2 * key + 1) as f64);
        let elapsed = Duration::from_millis(100 + tick * 37 % 900);
        let cut = world.tick_after(elapsed);
        for (key, textbook) in textbooks.iter_mut().enumerate() {
            textbook.tick(happened[key], elapsed);
            assert_near(of_entry(&cut, &world.peers, key as u8).unwrap(), *textbook);
        }
        let sum = [0, 1, 2].map(|which| textbooks.iter().map(|all| all.0[which]).sum());
        assert_near(of_total(&cut, &world.peers), Textbook(sum));
    }
}

#[test]
fn opened_and_closed_have_averages() {
    let mut world = World::new();
    let mut open = Vec::new();
    for _ in 0..1_200 {
        (0..3).for_each(|_| open.push(world.all.open(Peer::open)));
        open.drain(..open.len().saturating_sub(5)).for_each(drop);
        world.tick_after(seconds(1));
    }
    let cut = world.tick_after(Duration::ZERO);
    let rates = cut.averaged(CONSTANTS[0]).unwrap().set(&world.all).open;
    assert!((rates.opened - 3.0).abs() < 1e-6 && (rates.closed - 3.0).abs() < 1e-6, "{rates:?}");
}

#[test]
fn a_constant_that_is_not_there_has_no_averages_and_others_do() {
    let constants = [seconds(10), Duration::ZERO, seconds(2), seconds(10), Duration::MAX];
    let (registry, clock) = manual(|builder| builder.averages(constants));
    let all: Set<Peer> = registry.set("all").unwrap();
    let mut collector = registry.collector().unwrap();
    all.record(|all| all.count.add(20));
    clock.advance(seconds(2));
    let cut = collector.tick();
    assert_eq!(cut.time_constants(), [seconds(2), seconds(10), Duration::MAX]);
    assert!(cut.averaged(Duration::ZERO).is_none() && cut.averaged(seconds(60)).is_none());
    let of = |constant| cut.averaged(constant).unwrap().set(&all).count;
    assert!((of(seconds(2)) - 10.0 * (1.0 - (-1.0_f64).exp())).abs() < 1e-12);
    assert!((of(seconds(10)) - 10.0 * (1.0 - (-0.2_f64).exp())).abs() < 1e-12);
    assert!((0.0..1e-15).contains(&of(Duration::MAX)));
    assert_eq!(cut.averaged(seconds(2)).unwrap().time_constant(), seconds(2));
}

#[test]
fn no_constants_no_averages() {
    let (registry, clock) = manual(|builder| builder.averages([]));
    let peers: Family<u8, Peer> =
        registry.family_builder("peer", "n").averages().register().unwrap();
    let mut collector = registry.collector().unwrap();
    let entry = peers.entry(1).unwrap();
    for n in 1..=10 {
        entry.record(|peer| peer.count.inc());
        clock.advance(seconds(1));
        let cut = collector.tick();
        assert!(cut.time_constants().is_empty());
        assert!(cut.averaged(seconds(60)).is_none());
        assert_eq!(cut.family(&peers).total().count, n);
    }
}

#[test]
fn nothing_but_extremes_has_averages_of_nothing() {
    #[derive(Stats)]
    struct Largest {
        largest: Max,
    }
    let registry = Registry::new();
    let set: Set<Largest> = registry.set("set").unwrap();
    let peers: Family<u8, Largest> =
        registry.family_builder("peer", "n").averages().register().unwrap();
    let entry = peers.entry(1).unwrap();
    entry.record(|peer| peer.largest.observe(1));
    set.record(|set| set.largest.observe(1));
    let cut = registry.collector().unwrap().tick();
    let minute = cut.averaged(CONSTANTS[0]).unwrap();
    assert_eq!((minute.set(&set).largest, minute.total(&peers).largest), ((), ()));
    assert_eq!(cut.family(&peers).get(&1).unwrap().largest, Some(1));
}
