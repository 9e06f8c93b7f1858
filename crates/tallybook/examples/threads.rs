//! Reading from another thread: a reader follows the snapshots while others record, prints what
//! happened in the last second, and ends when the collecting ends.
//!
//! ```sh
//! cargo run -p tallybook --example threads
//! ```

use std::thread;
use std::time::Duration;
use tallybook::error::WaitError;
use tallybook::{Counter, Histogram, Reader, Registry, Set, Stats};

#[derive(Stats)]
struct Downloads {
    finished: Counter,
    /// Payload received.
    #[stats(unit = "bytes")]
    received: Counter,
    /// Time for one download.
    duration: Histogram<Duration>,
}

/// Prints a line for each snapshot until there will be no more.
fn watch(reader: &Reader, downloads: &Set<Downloads>) -> u64 {
    let mut epoch = 0; // of the snapshot that was seen last
    loop {
        match reader.wait_next(epoch, Duration::from_secs(5)) {
            Ok(snapshot) => {
                epoch = snapshot.epoch();
                let window = snapshot.window(Duration::from_secs(1));
                let rates = window.rates(downloads);
                let duration = window.set(downloads).duration;
                println!(
                    "{:.2} s: {:>4} finished, {:>6.1} /s, {:>6.0} KiB/s, p90 {:.1?}",
                    snapshot.at().as_secs_f64(),
                    snapshot.set(downloads).finished,
                    rates.finished,
                    rates.received / 1024.0,
                    duration.quantile(0.9).unwrap_or_default(),
                );
            }
            // The collector is late; the program may be suspended or under heavy load.
            Err(WaitError::TimedOut) => println!("no snapshot for {:?}", reader.age()),
            // The last snapshot was returned before this.
            Err(_) => return reader.latest().set(downloads).finished,
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let downloads = registry.set::<Downloads>("downloads")?;
    let ticker = registry.collect_every(Duration::from_millis(250))?;

    let watcher = {
        // A reader keeps the snapshots, not the registry: it can go anywhere.
        let (reader, downloads) = (registry.reader(), downloads.clone());
        thread::spawn(move || watch(&reader, &downloads))
    };

    thread::scope(|scope| {
        for speed in 1..=4_u64 {
            let downloads = &downloads;
            scope.spawn(move || {
                for n in 0..50 * speed {
                    let timer = downloads.timer_borrowed(Downloads::duration);
                    thread::sleep(Duration::from_millis(40 / speed)); // the network
                    downloads.record(|d| {
                        d.finished.inc();
                        d.received.add(16_384 + 1024 * (n % 8));
                        timer.stop();
                    });
                }
            });
        }
    });

    ticker.stop()?; // with a last exact cut, after which the watcher ends
    let seen = watcher.join().expect("the watcher does not panic");
    assert_eq!(seen, 500);
    Ok(())
}
