//! Time integrals of live counts, exact at every snapshot on a clock that the test moves.

#[path = "support/clock.rs"]
mod clock;
#[path = "support/jumping_clock.rs"]
mod jumping_clock;
#[path = "support/random.rs"]
mod random;
#[path = "support/workers.rs"]
mod workers;

use clock::manual;
use jumping_clock::JumpingClock;
use random::Random;
use std::collections::BTreeMap;
use std::convert::identity;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tallybook::metric::TimedLiveCount;
use tallybook::{
    Collector, Counter, Distribution, Family, Label, ManualClock, PerLabel, Registry, Set,
    Snapshot, Stats, TimedLive,
};
use workers::Workers;

#[derive(Clone, Copy, Label)]
enum Way {
    In,
    Out,
}

/// A broadcast.
#[derive(Stats)]
struct Broadcast {
    viewers: TimedLive,
    starts: Counter,
    ways: PerLabel<Way, TimedLive>,
}

/// What is known of one guard; times are milliseconds.
struct Known {
    /// The key of its entry; `None` for the set.
    key: Option<u8>,
    opened: u64,
    closed: Option<u64>,
    guard: Option<Box<dyn Send>>,
}

impl Known {
    /// How long it has been open by `at`.
    fn time(&self, at: u64) -> u64 {
        self.closed.unwrap_or(u64::MAX).min(at) - self.opened.min(at)
    }
}

type Job = Box<dyn FnOnce() -> Option<Box<dyn Send>> + Send>;

const THREADS: usize = 3;

struct World {
    clock: Arc<ManualClock>,
    set: Set<Broadcast>,
    family: Family<u8, Broadcast>,
    collector: Collector,
    known: Vec<Known>,
    now: u64,
    random: Random,
    /// Snapshots taken in the middle of a round, which may hold any part of it.
    unsure: Vec<u64>,
}

impl World {
    fn new() -> Self {
        let (registry, clock) = manual(identity);
        World {
            clock,
            set: registry.set("all").unwrap(),
            family: registry.family("one", "n").unwrap(),
            collector: registry.collector().unwrap(),
            known: Vec::new(),
            now: 0,
            random: Random::new(11),
            unsure: vec![0],
        }
    }

    fn advance(&mut self, millis: u64) {
        self.now += millis;
        self.clock.advance(Duration::from_millis(millis));
    }

    /// Returns a random job, and the index of the guard that it returns, if any.
    fn job(&mut self) -> (Option<usize>, Job) {
        let open: Vec<usize> =
            (0..self.known.len()).filter(|at| self.known[*at].guard.is_some()).collect();
        if self.random.below(3) == 0 && !open.is_empty() {
            let at = open[self.random.below(open.len() as u64) as usize];
            let guard = self.known[at].guard.take();
            if self.random.below(20) == 0 {
                // Leaked: it is never closed.
                return (None, Box::new(move || guard.map(std::mem::forget).and(None)));
            }
            self.known[at].closed = Some(self.now);
            return (None, Box::new(move || guard.map(drop).and(None)));
        }
        let key = (self.random.below(3) > 0).then(|| self.random.below(5) as u8);
        self.known.push(Known { key, opened: self.now, closed: None, guard: None });
        let (set, family) = (self.set.clone(), self.family.clone());
        let job = move || -> Option<Box<dyn Send>> {
            Some(match key {
                None => Box::new(set.open(Broadcast::viewers)),
                Some(key) => Box::new(family.entry(key).unwrap().open(Broadcast::viewers)),
            })
        };
        (Some(self.known.len() - 1), Box::new(job))
    }

    /// Runs many jobs on all threads at once, and ticks in the middle of them.
    fn round(&mut self, threads: &Workers) {
        let mut waited = Vec::new();
        for thread in 0..THREADS {
            let jobs = self.random.below(6);
            let (whose, jobs): (Vec<_>, Vec<_>) = (0..jobs).map(|_| self.job()).unzip();
            let run = move || jobs.into_iter().map(|job| job()).collect::<Vec<_>>();
            waited.push((whose, threads.begin(thread, run)));
        }
        let cut = self.collector.tick();
        self.unsure.push(cut.epoch());
        for (whose, is_done) in waited {
            for (whose, guard) in whose.into_iter().zip(is_done.recv().unwrap()) {
                if let Some(whose) = whose {
                    self.known[whose].guard = guard;
                }
            }
        }
        // A guard that opens or closes at the time of the cut adds nothing, whether or not the cut
        // includes it.
        let found =
            [cut.set(&self.set).viewers.time, cut.family(&self.family).total().viewers.time];
        let wanted =
            [true, false].map(|is_set| self.wanted(|known| known.key.is_none() == is_set, 0).time);
        assert_eq!(found, wanted);
    }

    /// What is expected of some guards between `from` and now.
    fn wanted(&self, which: impl Fn(&Known) -> bool, from: u64) -> TimedLiveCount {
        let known = || self.known.iter().filter(|known| which(known));
        let time = |known: &Known| known.time(self.now) - known.time(from);
        let closed = known().filter(|known| known.closed.is_some_and(|at| at >= from));
        let age = |known: &Known| Duration::from_millis(known.time(u64::MAX - 1));
        let ages = Distribution::of(3, closed.map(age));
        TimedLiveCount {
            opened: known().filter(|known| known.opened >= from).count() as u64,
            closed: ages.count(),
            time: Duration::from_millis(known().map(time).sum()),
            ages,
        }
    }

    /// Checks everything in a snapshot that was taken while nothing else ran.
    fn check(&self, cut: &Arc<Snapshot>) {
        let family = cut.family(&self.family);
        assert_eq!(cut.set(&self.set).viewers, self.wanted(|known| known.key.is_none(), 0));
        assert_eq!(family.total().viewers, self.wanted(|known| known.key.is_some(), 0));
        let mut sum = family.retired().viewers;
        assert_eq!(sum.live(), 0);
        let mut since = BTreeMap::new();
        for (key, value) in family.iter() {
            let created = family.created_at(key).unwrap().as_millis() as u64;
            let is_own = |known: &Known| known.key == Some(*key) && known.opened >= created;
            assert_eq!(value.viewers, self.wanted(is_own, 0), "{key} at {cut:?}");
            since.insert(*key, created);
            sum.opened += value.viewers.opened;
            sum.closed += value.viewers.closed;
            sum.time += value.viewers.time;
            sum.ages = sum.ages.merged(&value.viewers.ages);
        }
        assert_eq!(sum, family.total().viewers);
        for length in [0, 1_000, 10_000] {
            let window = cut.window(Duration::from_millis(length));
            let began = window.earlier().at().as_millis() as u64;
            let is_unsure = self.unsure.contains(&window.earlier().epoch());
            let is = |found: TimedLiveCount, which: &dyn Fn(&Known) -> bool| {
                let known = || self.known.iter().filter(|known| which(known));
                let time = known().map(|known| known.time(self.now) - known.time(began)).sum();
                assert_eq!(found.time, Duration::from_millis(time), "{window:?}");
                if !is_unsure {
                    // Nothing happened at the time of the cut itself.
                    let wanted = self.wanted(which, began + 1);
                    assert_eq!(found, TimedLiveCount { time: found.time, ..wanted });
                }
            };
            let which = |known: &Known| known.key.is_none();
            is(window.set(&self.set).viewers, &which);
            let which = |known: &Known| known.key.is_some();
            is(window.total(&self.family).viewers, &which);
            for (key, value) in window.entries(&self.family) {
                let which = |known: &Known| known.key == Some(*key) && known.opened >= since[key];
                is(value.viewers, &which);
            }
        }
    }
}

#[test]
fn every_integral_equals_the_model_whichever_threads_open_and_close() {
    let mut world = World::new();
    let threads = Workers::start(THREADS);
    let rounds = if cfg!(miri) { 6 } else { 250 };
    for _ in 0..rounds {
        world.round(&threads);
        // Two snapshots later, so that no window ends at the time of an event.
        let millis = 1 + world.random.below(1_500);
        world.advance(millis);
        let cut = world.collector.tick();
        world.check(&cut);
        // Nothing happens, and the integral grows all the same.
        let millis = 1 + world.random.below(100);
        world.advance(millis);
        let cut = world.collector.tick();
        world.check(&cut);
        world.advance(1);
    }
    // All guards that were not leaked close, and the entries retire.
    world.known.iter_mut().filter(|known| known.guard.is_some()).for_each(|known| {
        known.guard = None;
        known.closed = Some(world.now);
    });
    for _ in 0..3 {
        world.advance(10);
        let cut = world.collector.tick();
        world.check(&cut);
    }
}

#[test]
fn a_clock_that_stands_still_adds_nothing() {
    let mut world = World::new();
    for n in 1..=10 {
        let guards: Vec<_> = (0..5).map(|_| world.set.open(Broadcast::viewers)).collect();
        let cut = world.collector.tick();
        assert_eq!(cut.set(&world.set).viewers.time, Duration::ZERO);
        drop(guards);
        let viewers = world.collector.tick().set(&world.set).viewers;
        assert_eq!((viewers.opened, viewers.closed, viewers.time), (5 * n, 5 * n, Duration::ZERO));
        assert_eq!((viewers.ages.zeros(), viewers.ages.max()), (5 * n, Some(Duration::ZERO)));
    }
}

#[test]
fn each_label_has_an_integral_of_its_own() {
    let mut world = World::new();
    let set = world.set.clone();
    let one = set.open(|all: &Broadcast| &all.ways[Way::In]);
    world.advance(2_000);
    let two = set.open_borrowed(|all: &Broadcast| &all.ways[Way::Out]);
    world.advance(1_000);
    let cut = world.collector.tick();
    let ways = cut.set(&world.set).ways;
    assert_eq!(ways[Way::In].time, Duration::from_secs(3));
    assert_eq!(ways[Way::Out].time, Duration::from_secs(1));
    assert_eq!(cut.set(&world.set).viewers, TimedLiveCount::default());
    drop((one, two));
}

/// The form that exporters show.
#[cfg(feature = "serde")]
#[test]
fn it_is_shown_as_json_of_seconds() {
    let mut world = World::new();
    let open = world.set.open(Broadcast::viewers);
    world.advance(1_500);
    let cut = world.collector.tick();
    drop(open);
    let json = serde_json::to_value(cut.set(&world.set).viewers).unwrap();
    assert_eq!((&json["time"], &json["live"]), (&1.5.into(), &1.into()));
    assert_eq!(json["ages"]["count"], 0);
    assert!(serde_json::to_string(&*cut).unwrap().contains("1.5"));
}

#[test]
fn a_disabled_registry_times_nothing() {
    let registry = Registry::disabled();
    let set: Set<Broadcast> = registry.set("all").unwrap();
    let family: Family<u8, Broadcast> = registry.family("one", "n").unwrap();
    let guards = (set.open(Broadcast::viewers), family.entry(1).unwrap().open(Broadcast::viewers));
    thread::spawn(move || drop(guards)).join().unwrap();
    let cut = registry.collector().unwrap().tick();
    assert_eq!(cut.set(&set), BroadcastSnapshot::default());
    assert_eq!(cut.family(&family).total().viewers, TimedLiveCount::default());
    assert_eq!(cut.last_interval().set(&set).viewers.time, Duration::ZERO);
}

#[test]
fn millions_of_years_are_no_panic() {
    const YEAR: u64 = 31_557_600;
    let clock = Arc::new(JumpingClock::default());
    let registry = Registry::builder().clock(clock.clone()).build();
    let set: Set<Broadcast> = registry.set("all").unwrap();
    let family: Family<u8, Broadcast> =
        registry.family_builder("one", "n").averages().register().unwrap();
    let mut collector = registry.collector().unwrap();
    let many: u32 = if cfg!(miri) { 50 } else { 20_000 };
    let entry = family.entry(1).unwrap();
    let guards: Vec<_> = (0..many)
        .map(|_| (set.open(Broadcast::viewers), entry.open_borrowed(Broadcast::viewers)))
        .collect();
    let mut before = Duration::ZERO;
    let years = [1, 1_000, 1_000_000].map(|years| Duration::from_secs(years * YEAR));
    let last = [Duration::from_secs(u64::MAX / 2), Duration::MAX, Duration::MAX];
    for at in years.into_iter().chain(last) {
        clock.set(at);
        let cut = collector.tick();
        let found = [cut.set(&set).viewers.time, cut.family(&family).total().viewers.time];
        assert_eq!(found[0], found[1]);
        let wanted = u64::from(many).checked_mul(at.as_secs());
        assert!(wanted.is_none_or(|wanted| found[0].as_secs() == wanted), "{found:?} at {at:?}");
        // A time too long for a `Duration` saturates.
        assert!(wanted.is_some() || found[0] >= Duration::from_secs(u64::MAX), "{found:?}");
        assert!(found[0] >= before);
        before = found[0];
        for window in [cut.last_interval(), cut.window(Duration::MAX)] {
            assert!(window.rates(&set).viewers.opened.is_finite());
            assert!(window.entry(&family, &1).unwrap().viewers.time <= found[0]);
        }
        for constant in cut.time_constants() {
            let averaged = cut.averaged(*constant).unwrap();
            assert!(averaged.entry(&family, &1).unwrap().viewers.opened.is_finite());
        }
        #[cfg(feature = "serde")]
        assert!(!serde_json::to_string(&*cut).unwrap().contains("NaN"));
    }
    drop(guards);
    let ages = collector.tick().set(&set).viewers.ages;
    // Ages saturate at 584 years.
    assert_eq!((ages.count(), ages.max()), (many.into(), Some(Duration::from_nanos(u64::MAX))));
    assert_eq!(ages.quantile(0.5), ages.max());
}
