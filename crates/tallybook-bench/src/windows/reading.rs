//! What reading a window costs.

use super::past::{Entries, Sets};
use crate::measure::{Effort, compete, contender, median};
use crate::report::{Table, digits};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tallybook::RateTracker;

const LATEST: &str = "the latest snapshot, without a window";
const WINDOW: Duration = Duration::from_secs(10);

/// Of the family and of the set, with full windows.
pub fn table(effort: Effort, entries: &Entries, sets: &Sets) -> Table {
    let reader = &entries.as_ref().registry.reader();
    let latest = &reader.latest();
    let of_set = &sets.as_ref().registry.reader().latest();
    let (family, set) = (&entries.family, &sets.set);
    let window = &latest.window(WINDOW);
    let requests = &of_set.window(WINDOW);
    let tracker = &RateTracker::new(reader.clone());
    let _ = tracker.update();
    let contenders = [
        contender(LATEST, move |_| {
            move |_| {
                black_box(black_box(reader).latest());
            }
        }),
        contender("the window of 10 s, nothing read", move |_| {
            move |_| {
                black_box(black_box(latest).window(WINDOW));
            }
        }),
        contender("— one entry of it", move |_| {
            move |_| {
                black_box(black_box(window).entry(family, black_box(&7)));
            }
        }),
        contender("— the rates of one entry", move |_| {
            move |_| {
                black_box(black_box(window).entry_rates(family, black_box(&7)));
            }
        }),
        contender("— four counters and a histogram of a set", move |_| {
            move |_| {
                black_box(black_box(requests).set(set));
            }
        }),
        contender("— and the 99th percentile", move |_| {
            move |_| {
                black_box(black_box(requests).set(set).took.quantile(0.99));
            }
        }),
        contender("RateTracker::update, nothing new", move |_| {
            move |_| {
                black_box(black_box(tracker).update());
            }
        }),
    ];
    let times = compete(effort, 1, &contenders);
    let mut table = Table::new("Reading a window", ["", "× the latest snapshot alone", "ns here"]);
    for name in times.names() {
        let ratio = digits(times.ratio(name, LATEST), 1);
        table.row([name.clone(), ratio, digits(times.ns(name), 1)]);
    }
    // Too long for a slice.
    let all = (0..effort.rounds.min(11)).map(|_| {
        let started = Instant::now();
        let mut read = 0;
        black_box(window).entries(family).for_each(|row| {
            black_box(row);
            read += 1;
        });
        started.elapsed().as_nanos() as f64 / f64::from(read)
    });
    let (each, floor) = (median(all), times.ns(LATEST));
    let name = "— all entries of it, for each".to_string();
    table.row([name, digits(each / floor, 1), digits(each, 1)]);
    table
}
