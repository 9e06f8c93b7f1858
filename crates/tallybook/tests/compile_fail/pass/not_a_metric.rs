use tallybook::metric::Metric;
use tallybook::{Counter, Gauge, Label, PerLabel, Stats};

#[derive(Stats)]
struct Plain {
    pieces: Counter,
}

#[derive(Clone, Copy, Label)]
enum Direction {
    Inbound,
    Outbound,
}

fn metric<M: Metric>() {}
fn set<S: Stats>() {}
fn labelled(_: &PerLabel<Direction, Counter>) {}

fn main() {
    metric::<Plain>();
    metric::<Gauge>();
    metric::<Gauge<f64>>();
    set::<Plain>();
    labelled(&PerLabel::<Direction, Counter>::at_rest());
    assert_eq!([Direction::Inbound.index(), Direction::Outbound.index()], [0, 1]);
}
