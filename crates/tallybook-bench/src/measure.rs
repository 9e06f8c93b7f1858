//! How times are taken: contenders in turn, round after round, so that what else the machine does
//! hits all alike.
//!
//! A round gives each contender one slice on each thread. The threads of a slice are pinned to
//! cores of their own and spin until all of them run; and a slice is shorter than what a scheduler
//! gives a thread at a time, so that they run together on a busy machine too; a slice in which one
//! had to wait for its core all the same is repeated, and not counted as long as there are others.
//! What is shown is the median over the rounds, and for ratios the median of the ratios within each
//! round.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// How long to measure.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Slices per contender.
    pub rounds: usize,
    /// How long a slice takes, about.
    pub slice: Duration,
    /// Whether this is only a check that everything runs.
    pub quick: bool,
}

impl Effort {
    pub const FULL: Effort = Effort { rounds: 61, slice: Duration::from_millis(1), quick: false };
    pub const QUICK: Effort = Effort { rounds: 3, slice: Duration::from_micros(200), quick: true };

    /// Longer slices and fewer of them, for contenders that find the caches full of what the one
    /// before has used.
    pub fn warm(self) -> Self {
        Effort { rounds: self.rounds.div_ceil(4), slice: self.slice * 5, ..self }
    }
}

type Run<'a> = Box<dyn Fn(usize, u64, &Start) -> Ran + Sync + 'a>;

/// How often a slice that was disturbed is taken before it counts.
const ATTEMPTS: u32 = 6;

/// What a slice took on one thread, and how long that waited for its core meanwhile.
struct Ran {
    took: Duration,
    waited: Duration,
}

/// Where the threads of a slice wait for each other, awake.
struct Start {
    missing: AtomicUsize,
}

impl Start {
    fn wait(&self) {
        self.missing.fetch_sub(1, SeqCst);
        while self.missing.load(SeqCst) > 0 {
            std::hint::spin_loop();
        }
    }
}

/// Something whose operations are timed.
pub struct Contender<'a> {
    name: String,
    run: Run<'a>,
}

/// `make` gives each thread, told its number, the operation; that is then called with 0, 1, 2, ...
pub fn contender<'a, O: FnMut(u64)>(
    name: impl Into<String>,
    make: impl Fn(usize) -> O + Sync + 'a,
) -> Contender<'a> {
    let run = move |thread, count, start: &Start| {
        let mut warming = make(thread);
        (0..128).for_each(&mut warming);
        // Moved to where nothing has ever pointed, so that what the operation keeps can stay in
        // registers.
        let mut operation = warming;
        let waited = waited_for_core();
        start.wait();
        let started = Instant::now();
        for i in 0..count {
            operation(i);
        }
        Ran { took: started.elapsed(), waited: waited_for_core() - waited }
    };
    Contender { name: name.into(), run: Box::new(run) }
}

/// The times of some contenders, in nanoseconds per operation and thread.
pub struct Times {
    names: Vec<String>,
    rounds: Vec<Vec<Slice>>,
}

/// One contender's part of a round.
#[derive(Clone, Copy)]
struct Slice {
    ns: f64,
    /// Whether all threads had their cores to themselves.
    quiet: bool,
}

/// Where fewer rounds than this are quiet, all count.
const ENOUGH: usize = 5;

/// Measures them on `threads` threads each.
pub fn compete(effort: Effort, threads: usize, contenders: &[Contender]) -> Times {
    let counts: Vec<u64> =
        contenders.iter().map(|contender| calibrate(effort, threads, contender)).collect();
    let round = |_| {
        contenders.iter().zip(&counts).map(|(contender, n)| slice(contender, threads, *n)).collect()
    };
    Times {
        names: contenders.iter().map(|contender| contender.name.clone()).collect(),
        rounds: (0..effort.rounds).map(round).collect(),
    }
}

/// How many operations fill a slice.
fn calibrate(effort: Effort, threads: usize, contender: &Contender) -> u64 {
    let ns = slice(contender, threads, 10_000).ns.min(slice(contender, threads, 10_000).ns);
    ((effort.slice.as_nanos() as f64 / ns) as u64).clamp(1_000, 100_000_000)
}

/// The mean over the threads, in nanoseconds per operation.
fn slice(contender: &Contender, threads: usize, count: u64) -> Slice {
    let disturbed = |ran: &Ran| ran.waited > ran.took / 20;
    let mut attempts = 0;
    loop {
        let ran = on_threads(contender, threads, count);
        attempts += 1;
        let quiet = !ran.iter().any(disturbed);
        if quiet || attempts == ATTEMPTS {
            let total: Duration = ran.iter().map(|ran| ran.took).sum();
            return Slice { ns: total.as_nanos() as f64 / threads as f64 / count as f64, quiet };
        }
    }
}

fn on_threads(contender: &Contender, threads: usize, count: u64) -> Vec<Ran> {
    let start = Start { missing: AtomicUsize::new(threads) };
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    std::thread::scope(|scope| {
        let run = |thread| {
            let (start, core) = (&start, cores.get(thread).copied());
            scope.spawn(move || {
                // Where it cannot be pinned it runs anywhere.
                core.map(core_affinity::set_for_current);
                (contender.run)(thread, count, start)
            })
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().expect("no operation panics")).collect()
    })
}

/// How long this thread has waited for a core since it began; nothing where the system does not
/// say.
pub fn waited_for_core() -> Duration {
    waited(Path::new("/proc/thread-self"))
}

/// How long the threads that there are have waited for cores, together.
pub fn waited_for_cores() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.map(|task| waited(&task.path())).sum()
}

fn waited(thread: &Path) -> Duration {
    let text = std::fs::read_to_string(thread.join("schedstat")).unwrap_or_default();
    Duration::from_nanos(text.split(' ').nth(1).and_then(|ns| ns.parse().ok()).unwrap_or(0))
}

impl Times {
    pub fn names(&self) -> &[String] {
        &self.names
    }

    fn at(&self, name: &str) -> usize {
        let found = self.names.iter().position(|known| known == name);
        found.unwrap_or_else(|| panic!("nothing is called {name}"))
    }

    /// The median time.
    pub fn ns(&self, name: &str) -> f64 {
        self.over([name], |[ns]| ns)
    }

    /// How many times as long as `floor` it takes.
    pub fn ratio(&self, name: &str, floor: &str) -> f64 {
        self.over([name, floor], |[ns, floor]| ns / floor)
    }

    /// How much longer than `floor` it takes.
    pub fn excess(&self, name: &str, floor: &str) -> f64 {
        self.over([name, floor], |[ns, floor]| ns - floor)
    }

    /// The median of what comes out of each round.
    fn over<const N: usize>(&self, names: [&str; N], value: impl Fn([f64; N]) -> f64) -> f64 {
        let at = names.map(|name| self.at(name));
        let all = self.rounds.iter().map(|round| at.map(|at| round[at]));
        let quiet = all.clone().filter(|slices| slices.iter().all(|slice| slice.quiet));
        let value = |slices: [Slice; N]| value(slices.map(|slice| slice.ns));
        if quiet.clone().count() < ENOUGH {
            median(all.map(value))
        } else {
            median(quiet.map(value))
        }
    }
}

/// The middle one.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// 1, 2, 4, 8, 16, as far as there are cores.
pub fn thread_counts() -> Vec<usize> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    [1, 2, 4, 8, 16].into_iter().filter(|threads| *threads <= cores).collect()
}
