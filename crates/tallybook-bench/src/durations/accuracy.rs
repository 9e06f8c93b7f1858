//! How far a clock drifts from the system's, and how far back it steps from one core to another.

use super::CLOCKS;
use crate::measure::Effort;
use crate::report::{Table, digits};
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::time::{Duration, Instant};
use tallybook::Clock;
use tallybook::clock::TscClock;

/// What was seen as stamps went from one thread to the other and back.
struct Steps {
    passes: u64,
    back: u64,
    largest: u64,
}

pub fn table(effort: Effort, tsc: &TscClock) -> Table {
    let over = Duration::from_millis(if effort.quick { 50 } else { 2_000 });
    let passes = if effort.quick { 5_000 } else { 100_000 };
    let title = format!(
        "Accuracy: drift over {} s, and stamps compared on the other core after each of {passes} passes",
        over.as_secs_f64()
    );
    let columns =
        ["", "drift against Instant, µs per s", "largest step back, ns", "passes with a step back"];
    let mut table = Table::new(title, columns);
    let origin = Instant::now();
    let instant = || origin.elapsed().as_nanos() as u64;
    let counter = || tsc.now().as_nanos() as u64;
    let mut row = |name: &str, drift: String, steps: Option<Steps>| {
        let step = |of: fn(&Steps) -> u64| {
            steps.as_ref().map_or("one core".into(), |steps| of(steps).to_string())
        };
        let share = steps.as_ref().map_or("one core".into(), |steps| {
            format!("{} %", digits(100.0 * steps.back as f64 / steps.passes as f64, 1))
        });
        table.row([name.into(), drift, step(|steps| steps.largest), share]);
    };
    row(CLOCKS[0], "—".into(), pass(passes, &instant));
    row(CLOCKS[2], digits(drift(over, tsc), 2), pass(passes, &counter));
    table
}

/// Microseconds that the clock gains in a second.
fn drift(over: Duration, clock: &TscClock) -> f64 {
    let (start, from) = both(clock);
    std::thread::sleep(over);
    let (end, to) = both(clock);
    let elapsed = (end - start).as_secs_f64();
    ((to - from).as_secs_f64() - elapsed) / elapsed * 1e6
}

/// The same moment on both clocks: of many tries the one that took the least time.
fn both(clock: &TscClock) -> (Instant, Duration) {
    let read = |_| {
        let before = Instant::now();
        let now = clock.now();
        let between = before.elapsed();
        (between, (before + between / 2, now))
    };
    (0..10_000).map(read).min_by_key(|read| read.0).expect("there are some").1
}

/// Two threads on two cores hand each other the time; each compares it with its own.
fn pass(passes: u64, now: &(impl Fn() -> u64 + Sync)) -> Option<Steps> {
    let cores = core_affinity::get_core_ids().filter(|cores| cores.len() > 1)?;
    let (turn, stamp) = (&AtomicU64::new(0), &AtomicU64::new(now()));
    let play = |thread: u64| {
        let core = cores[thread as usize];
        move || {
            core_affinity::set_for_current(core);
            let (mut back, mut largest) = (0, 0);
            for at in (thread..passes).step_by(2) {
                while turn.load(Acquire) != at {
                    std::hint::spin_loop();
                }
                let step = stamp.load(Acquire).saturating_sub(now());
                back += u64::from(step > 0);
                largest = largest.max(step);
                stamp.store(now(), Release);
                turn.store(at + 1, Release);
            }
            (back, largest)
        }
    };
    let found = std::thread::scope(|scope| {
        let threads = [0, 1].map(|thread| scope.spawn(play(thread)));
        threads.map(|thread| thread.join().expect("no clock panics"))
    });
    let [(back, largest), (others, other)] = found;
    Some(Steps { passes, back: back + others, largest: largest.max(other) })
}
