//! The usual questions about a server: how many requests per second, how long they take, how many
//! are open.
//!
//! Four workers answer requests. Every half second, a line shows the rates over one and ten
//! seconds, the quantiles of the last ten, and how many requests were open on average. All of it
//! comes from snapshots: the workers only count.
//!
//! ```sh
//! cargo run -p tallybook --example latency
//! ```

use std::thread;
use std::time::{Duration, Instant};
use tallybook::{Counter, Histogram, RateTracker, Registry, Stats, TimedLive};

#[derive(Stats)]
struct Server {
    /// Requests answered.
    answered: Counter,
    /// Time from request to answer.
    latency: Histogram<Duration>,
    /// Requests that are being answered.
    open: TimedLive,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let server = registry.set::<Server>("server")?;
    let ticker = registry.collect_every(Duration::from_millis(100))?;
    let screen = RateTracker::new(registry.reader());
    let end = Instant::now() + Duration::from_secs(4);

    thread::scope(|scope| {
        for worker in 1..=4 {
            let server = &server;
            scope.spawn(move || {
                while Instant::now() < end {
                    let started = Instant::now();
                    let _open = server.open_borrowed(Server::open);
                    thread::sleep(Duration::from_micros(300 * worker)); // the work
                    let took = started.elapsed();
                    server.record(|s| {
                        s.answered.inc();
                        s.latency.record(took);
                    });
                }
            });
        }
        println!("  now/s   1 s/s  10 s/s      p50      p99      max   open on average");
        while Instant::now() < end {
            thread::sleep(Duration::from_millis(500)); // a screen's own rhythm
            show(&screen, &registry, &server);
        }
    });
    ticker.stop()?;
    let all = registry.reader().latest().set(&server);
    println!("{} answered, mean {:?}", all.answered, all.latency.mean().unwrap_or_default());
    Ok(())
}

fn show(screen: &RateTracker, registry: &Registry, server: &tallybook::Set<Server>) {
    let now = screen.update().rates(server).answered;
    let latest = registry.reader().latest();
    let [one, ten] = [1, 10].map(|seconds| latest.window(Duration::from_secs(seconds)));
    let window = ten.set(server);
    let [p50, p99] = window.latency.quantiles([0.5, 0.99]).unwrap_or_default();
    let max = window.latency.max().unwrap_or_default();
    let [p50, p99, max] = [p50, p99, max].map(|time| format!("{time:.1?}"));
    // The first snapshots may lie so close together that no time has passed.
    let open = window.open.time.div_duration_f64(ten.elapsed().max(Duration::from_nanos(1)));
    println!(
        "{now:7.0} {:7.0} {:7.0} {p50:>8} {p99:>8} {max:>8} {open:17.2}",
        one.rates(server).answered,
        ten.rates(server).answered,
    );
}
