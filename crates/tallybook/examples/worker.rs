//! A pool of workers with a queue: how many jobs are live, running, done and failed, and how long
//! they wait and take. In every snapshot, `queued == done + failed + live`.
//!
//! ```sh
//! cargo run -p tallybook --example worker
//! ```

use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;
use tallybook::{Counter, Histogram, Live, Open, Registry, Set, Snapshot, Stats, Timer};

#[derive(Stats)]
struct Jobs {
    /// Jobs put into the queue.
    queued: Counter,
    done: Counter,
    failed: Counter,
    /// Jobs that are queued or running.
    live: Live,
    /// Jobs that are running.
    running: Live,
    /// Time in the queue.
    waiting: Histogram<Duration>,
    /// Time to run.
    duration: Histogram<Duration>,
}

/// A job in the queue. The guards go with it, from thread to thread.
struct Job {
    number: u64,
    live: Option<Open<Set<Jobs>>>,
    waiting: Timer<Set<Jobs>>,
}

impl Job {
    fn new(number: u64, jobs: &Set<Jobs>) -> Self {
        let mut live = None; // and remains so in a disabled registry
        jobs.record(|j| {
            j.queued.inc();
            live = Some(jobs.open(Jobs::live)); // inside the fact: both are one
        });
        Job { number, live, waiting: jobs.timer(Jobs::waiting) }
    }

    fn run(self, jobs: &Set<Jobs>) {
        self.waiting.stop();
        let running = jobs.open_borrowed(Jobs::running);
        let duration = jobs.timer_borrowed(Jobs::duration);
        let is_done = work(self.number);
        jobs.record(|j| {
            if is_done { &j.done } else { &j.failed }.inc();
            duration.stop();
            drop((running, self.live));
        });
    }
}

/// Counts the Collatz steps from a number to one. Fails for every tenth number.
fn work(number: u64) -> bool {
    let (mut n, mut steps) = (number + 1, 0_u64);
    while n > 1 {
        n = if n.is_multiple_of(2) { n / 2 } else { 3 * n + 1 };
        steps += 1;
    }
    std::hint::black_box(steps);
    !number.is_multiple_of(10)
}

/// Prints a line, and checks what is true of every snapshot.
fn show(now: &Snapshot, jobs: &Set<Jobs>) {
    let seen = now.set(jobs);
    let (live, running) = (seen.live.live(), seen.running.live());
    assert_eq!(seen.queued as i64, (seen.done + seen.failed) as i64 + live);
    println!(
        "{:>6} queued = {:>6} done + {:>5} failed + {live:>6} live, {running} of them running",
        seen.queued, seen.done, seen.failed,
    );
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let jobs = registry.set::<Jobs>("jobs")?;
    // One tick a minute: `cut` shows what is true now, between two ticks.
    let ticker = registry.collect_every(Duration::from_secs(60))?;

    let (queue, next) = mpsc::channel::<Job>();
    let next = Mutex::new(next);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let job = next.lock().expect("no worker panics").recv();
                    let Ok(job) = job else { break }; // no more jobs will come
                    job.run(&jobs);
                }
            });
        }
        for number in 0..50_000 {
            if number % 10_000 == 0 {
                show(&*registry.cut().wait(Duration::from_secs(10))?, &jobs);
            }
            queue.send(Job::new(number, &jobs))?;
        }
        drop(queue);
        Ok::<(), Box<dyn std::error::Error>>(())
    })?;
    ticker.stop()?;

    let last = registry.reader().latest();
    show(&last, &jobs);
    let seen = last.set(&jobs);
    assert_eq!((seen.live.live(), seen.done, seen.failed), (0, 45_000, 5_000));
    println!("waiting  {}\nduration {}", seen.waiting, seen.duration);
    Ok(())
}
