// As bounds, each once: under `#[derive(Stats)]` the same texts come first, at the field.
use tallybook::metric::Metric;
use tallybook::{Counter, Gauge, PerLabel, Stats};

struct Plain;

enum Direction {
    Inbound,
    Outbound,
}

fn metric<M: Metric>() {}
fn set<S: Stats>() {}
fn labelled(_: &PerLabel<Direction, Counter>) {}

fn main() {
    metric::<Plain>();
    metric::<Gauge<u32>>();
    set::<Plain>();
    set::<Counter>();
}
