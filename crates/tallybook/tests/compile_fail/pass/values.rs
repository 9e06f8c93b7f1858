//! A type is a `Value` without being `Serialize`, whatever the features.
use tallybook::metric::Value;

#[derive(Clone, Default, Debug, PartialEq)]
struct Plain;

fn keep<V: Value>(value: &V) -> V {
    value.clone()
}

/// Bounds that a caller writes out are enough.
fn generic<T: Clone + Default + std::fmt::Debug + PartialEq + Send + Sync + 'static>(t: &T) -> T {
    keep(t)
}

fn main() {
    assert_eq!(generic(&Plain), Plain);
}
