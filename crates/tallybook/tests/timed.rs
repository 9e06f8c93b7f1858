//! For how long what is open has been so: integrals that are exact at every cut, by a clock that the test moves.

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};
use tallybook::metric::TimedLiveCount;
use tallybook::{
    Clock, Collector, Counter, Distribution, Family, Label, ManualClock, PerLabel, Registry, Set,
    Snapshot, Stats, TimedLive,
};

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

/// A list of jobs, and where what came of them goes.
type Jobs = (Vec<Job>, Sender<Vec<Option<Box<dyn Send>>>>);

/// Threads that do a list of jobs each, all at once.
struct Threads(Vec<(Sender<Jobs>, JoinHandle<()>)>);

impl Threads {
    fn start(threads: usize) -> Self {
        let start = |_| {
            let (to, from) = channel::<Jobs>();
            let thread = thread::spawn(move || {
                for (jobs, done) in from {
                    done.send(jobs.into_iter().map(|job| job()).collect()).unwrap();
                }
            });
            (to, thread)
        };
        Threads((0..threads).map(start).collect())
    }
}

struct World {
    clock: Arc<ManualClock>,
    set: Set<Broadcast>,
    family: Family<u8, Broadcast>,
    collector: Collector,
    known: Vec<Known>,
    now: u64,
    random: u64,
    /// The cuts in the middle of a round: what of it they have is not known.
    unsure: Vec<u64>,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let registry = Registry::builder().clock(clock.clone()).build();
        World {
            clock,
            set: registry.set("all").unwrap(),
            family: registry.family("one", "n").unwrap(),
            collector: registry.collector().unwrap(),
            known: Vec::new(),
            now: 0,
            random: 11,
            unsure: vec![0],
        }
    }

    fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % below
    }

    fn advance(&mut self, millis: u64) {
        self.now += millis;
        self.clock.advance(Duration::from_millis(millis));
    }

    /// Something random, to be done by some thread; and whose guard it gives.
    fn job(&mut self) -> (Option<usize>, Job) {
        let open: Vec<usize> =
            (0..self.known.len()).filter(|at| self.known[*at].guard.is_some()).collect();
        if self.random(3) == 0 && !open.is_empty() {
            let at = open[self.random(open.len() as u64) as usize];
            let guard = self.known[at].guard.take();
            if self.random(20) == 0 {
                // Leaked: it stays open for ever.
                return (None, Box::new(move || guard.map(std::mem::forget).and(None)));
            }
            self.known[at].closed = Some(self.now);
            return (None, Box::new(move || guard.map(drop).and(None)));
        }
        let key = (self.random(3) > 0).then(|| self.random(5) as u8);
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

    /// Many jobs on all threads at once, with a cut in the middle of them.
    fn round(&mut self, threads: &Threads) {
        let mut waited = Vec::new();
        for (to, _) in &threads.0 {
            let jobs = self.random(6);
            let (whose, jobs): (Vec<_>, Vec<_>) = (0..jobs).map(|_| self.job()).unzip();
            let (done, is_done) = channel();
            to.send((jobs, done)).unwrap();
            waited.push((whose, is_done));
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
        // What is opened or closed at the very time of the cut adds nothing, whether the cut has it or not.
        let found =
            [cut.set(&self.set).viewers.time, cut.family(&self.family).total().viewers.time];
        let wanted =
            [true, false].map(|is_set| self.wanted(|known| known.key.is_none() == is_set, 0).time);
        assert_eq!(found, wanted);
    }

    /// What there is to be of some guards between `from` and now.
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

    /// All of it at a cut that nothing runs beside.
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
                    // Nothing happened at the very time of the cut.
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
    let threads = Threads::start(3);
    let rounds = if cfg!(miri) { 6 } else { 250 };
    for _ in 0..rounds {
        world.round(&threads);
        // Two cuts later: so that the ends of windows and what happens have different times.
        let millis = 1 + world.random(1_500);
        world.advance(millis);
        let cut = world.collector.tick();
        world.check(&cut);
        // Nothing happens and it goes on all the same.
        let millis = 1 + world.random(100);
        world.advance(millis);
        let cut = world.collector.tick();
        world.check(&cut);
        world.advance(1);
    }
    // All that was not leaked closes, and the entries retire.
    world.known.iter_mut().filter(|known| known.guard.is_some()).for_each(|known| {
        known.guard = None;
        known.closed = Some(world.now);
    });
    for _ in 0..3 {
        world.advance(10);
        let cut = world.collector.tick();
        world.check(&cut);
    }
    for (to, thread) in threads.0 {
        drop(to);
        thread.join().unwrap();
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

/// As exporters show it.
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

/// A clock that can be at any time there is.
struct At(Mutex<Duration>);

impl Clock for At {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }
    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

#[test]
fn millions_of_years_are_no_panic() {
    const YEAR: u64 = 31_557_600;
    let clock = Arc::new(At(Mutex::new(Duration::ZERO)));
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
    let go_to = |time: Duration| *clock.0.lock().unwrap() = time;
    let mut before = Duration::ZERO;
    let years = [1, 1_000, 1_000_000].map(|years| Duration::from_secs(years * YEAR));
    let last = [Duration::from_secs(u64::MAX / 2), Duration::MAX, Duration::MAX];
    for at in years.into_iter().chain(last) {
        go_to(at);
        let cut = collector.tick();
        let found = [cut.set(&set).viewers.time, cut.family(&family).total().viewers.time];
        assert_eq!(found[0], found[1]);
        let wanted = u64::from(many).checked_mul(at.as_secs());
        assert!(wanted.is_none_or(|wanted| found[0].as_secs() == wanted), "{found:?} at {at:?}");
        // Too long for a duration is as long as one can be.
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
    // Ages end at 584 years.
    assert_eq!((ages.count(), ages.max()), (many.into(), Some(Duration::from_nanos(u64::MAX))));
    assert_eq!(ages.quantile(0.5), ages.max());
}
