//! The public interface of distributions: quantiles, and distributions that are derived from
//! others.

#[path = "support/random.rs"]
mod random;

use hdrhistogram::Histogram;
use proptest::collection::vec;
use proptest::prelude::*;
use random::Random;
use std::time::Duration;
use tallybook::Distribution;

/// Evenly spread over the numbers from 0 to 1, the same in each run.
fn uniform(count: usize) -> impl Iterator<Item = f64> {
    let mut random = Random::new(1);
    std::iter::repeat_with(move || random.unit()).take(count)
}

fn shapes() -> Vec<(&'static str, Vec<u64>)> {
    let normal = || {
        let pairs: Vec<f64> = uniform(20_000).collect();
        let normal = |pair: &[f64]| {
            (-2.0 * (1.0 - pair[0]).ln()).sqrt() * (std::f64::consts::TAU * pair[1]).cos()
        };
        pairs.chunks(2).map(normal).collect::<Vec<f64>>()
    };
    vec![
        ("uniform", uniform(10_000).map(|x| (x * 1e6) as u64).collect()),
        ("log-normal", normal().iter().map(|x| (9.0 + 2.0 * x).exp() as u64 + 1).collect()),
        (
            "bimodal",
            uniform(10_000)
                .map(|x| if x < 0.7 { 100 + (x * 50.0) as u64 } else { 1 << 30 })
                .collect(),
        ),
        ("single", vec![123_457; 1000]),
        ("one", vec![77]),
        ("small", uniform(1000).map(|x| (x * 4.0) as u64).collect()),
        ("huge", uniform(1000).map(|x| u64::MAX - (x * 1e18) as u64).collect()),
    ]
}

const GRID: u64 = 1000;

#[test]
fn quantiles_are_as_near_as_promised() {
    for (shape, values) in shapes() {
        let mut sorted = values.clone();
        sorted.sort_unstable();
        let count = sorted.len() as u64;
        for scale in 0..=8 {
            let integers = Distribution::of(scale, values.iter().copied());
            let durations =
                Distribution::of(scale, values.iter().copied().map(Duration::from_nanos));
            let error = integers.relative_error() + 1e-12;
            for part in 0..=GRID {
                let q = part as f64 / GRID as f64;
                let wanted = sorted[(part * count).div_ceil(GRID).max(1) as usize - 1] as f64;
                let found = integers.quantile(q).unwrap();
                assert!(
                    (found - wanted).abs() <= wanted * error,
                    "{shape} {scale} {q}: {found} {wanted}"
                );
                let found = durations.quantile(q).unwrap().as_nanos() as f64;
                let rounded = wanted * error + 0.5;
                assert!((found - wanted).abs() <= rounded, "{shape} {scale} {q}: {found} {wanted}");
            }
            assert_eq!(integers.quantile(0.0), Some(sorted[0] as f64));
            assert_eq!(integers.quantile(1.0), Some(sorted[sorted.len() - 1] as f64));
            assert_eq!(durations.quantile(0.0), durations.min());
            assert_eq!(durations.quantile(1.0), durations.max());
        }
    }
}

#[test]
fn quantiles_agree_with_hdrhistogram() {
    for (shape, values) in shapes() {
        if shape == "huge" {
            continue;
        }
        let mut theirs = Histogram::<u64>::new(3).unwrap();
        values.iter().for_each(|value| theirs.record(*value).unwrap());
        let ours = Distribution::of(5, values.iter().copied());
        for part in 1..=GRID {
            // Between two ranks: at a rank itself, rounding decides which value they return.
            let rank = (part * theirs.len()).div_ceil(GRID);
            let q = (rank as f64 - 0.5) / theirs.len() as f64;
            let (found, wanted) = (ours.quantile(q).unwrap(), theirs.value_at_quantile(q) as f64);
            let bound = wanted * (ours.relative_error() + 0.001 * (1.0 + ours.relative_error()));
            assert!((found - wanted).abs() <= bound, "{shape} {q}: {found} {wanted}");
        }
        assert_eq!(ours.count(), theirs.len());
        let mean = ours.mean().unwrap();
        assert!((mean - theirs.mean()).abs() <= 0.001 * mean);
    }
}

#[test]
fn nothing_recorded() {
    let empty = Distribution::<Duration>::default();
    assert!(empty.is_empty());
    assert_eq!(
        (empty.min(), empty.max(), empty.mean(), empty.quantile(0.5)),
        (None, None, None, None)
    );
    assert_eq!((empty.count(), empty.sum(), empty.zeros()), (0, Duration::ZERO, 0));
    assert_eq!(empty.scale(), 8);
    assert_eq!(empty, Distribution::of(2, []));
    assert_eq!(empty.downscaled(0), empty);
    let some = Distribution::of(8, [Duration::from_secs(1)]);
    assert_eq!(some.merged(&Distribution::of(0, [])), some);
    assert_eq!(Distribution::of(0, []).merged(&some), some);
}

/// A bucket that can hold only one integer shows that integer.
#[test]
fn small_numbers_are_exact() {
    for value in 0..=10_u64 {
        let some = Distribution::of(3, [0, 0, value, 1000, 2000]);
        assert_eq!(some.quantile(0.5), Some(value as f64));
        let between =
            Distribution::of(3, [1, value, 999]).difference(&Distribution::of(3, [1, 999]));
        assert_eq!((between.min(), between.max()), (Some(value), Some(value)));
    }
}

#[test]
fn odd_quantiles() {
    let some: Distribution = [1, 2, 3].into_iter().collect();
    assert_eq!(some.quantile(f64::NAN), None);
    assert_eq!(some.quantiles([0.5, f64::NAN]), None);
    assert_eq!(some.quantiles([-0.0, 0.0, 1.0]), Some([1.0, 1.0, 3.0]));
    for beyond in [99.0, -0.01, 1.0 + f64::EPSILON, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(some.quantile(beyond), None);
        assert_eq!(some.quantiles([0.5, beyond]), None);
    }
    assert_eq!(some.quantiles([]), Some([]));
}

#[test]
fn one_line_of_text() {
    let sizes: Distribution = [2, 2, 2, 8].into_iter().collect();
    let text = "count 4, mean 3.5, min 2, p50 2.0, p90 8.0, p99 8.0, max 8";
    assert_eq!(sizes.to_string(), text);
    assert!(format!("{sizes:.3}").starts_with("count 4, mean 3.500, min 2, p50 2.000,"));
    let waits = Distribution::of(8, [Duration::from_micros(1_500)]);
    let text = "count 1, mean 1.5ms, min 1.5ms, p50 1.5ms, p90 1.5ms, p99 1.5ms, max 1.5ms";
    assert_eq!(waits.to_string(), text);
    assert_eq!(Distribution::<Duration>::default().to_string(), "count 0");
    let largest = Distribution::of(3, [u64::MAX]).to_string();
    assert!(largest.ends_with("max 18446744073709551615"), "{largest}");
}

#[test]
fn the_ends_of_what_there_is() {
    let long = Distribution::of(8, [Duration::MAX, Duration::ZERO, Duration::MAX]);
    assert_eq!(long.max(), Some(Duration::from_nanos(u64::MAX)));
    assert_eq!((long.min(), long.zeros()), (Some(Duration::ZERO), 1));
    assert_eq!(long.sum(), 2 * Duration::from_nanos(u64::MAX));
    let greatest = Distribution::of(12, [u64::MAX, u64::MAX]);
    assert_eq!((greatest.scale(), greatest.sum()), (8, 2 * u128::from(u64::MAX)));
    assert_eq!(greatest.buckets().next().unwrap().upper, 2_f64.powi(64));
    assert_eq!(greatest.quantile(0.5), Some(u64::MAX as f64));
    assert_eq!(greatest.downscaled(-100).scale(), -4);
    assert_eq!(greatest.downscaled(-4).relative_error(), 255.0);
}

#[test]
fn extending_keeps_the_scale() {
    let mut sizes: Distribution = (1..=10).collect();
    sizes.extend(11..=20);
    assert_eq!(sizes, (1..=20).collect());
    let mut fine = Distribution::of(6, []);
    fine.extend(1..=20_u64);
    assert_eq!(fine, Distribution::of(6, 1..=20));
}

#[test]
fn a_histogram_that_began_anew() {
    let of = |values: &[u64]| values.iter().copied().collect::<Distribution>();
    let later = of(&[1, 5, 5]);
    for earlier in [of(&[7]), of(&[1, 1]), of(&[0]), of(&[5, 5, 5, 5])] {
        assert_eq!(later.difference(&earlier), later);
    }
    assert_eq!(later.difference(&later), Distribution::default());
    assert_eq!(later.difference(&Distribution::default()), later);
}

/// Sizes of any magnitude, often small ones and zeros.
fn sizes() -> impl Strategy<Value = Vec<u64>> {
    vec((0_u64.., 0_u32..64).prop_map(|(bits, shift)| bits >> shift), 0..60)
}

fn integers() -> impl Strategy<Value = Distribution> {
    (0_u8..=8, sizes()).prop_map(|(scale, sizes)| Distribution::of(scale, sizes))
}

proptest! {
    #[test]
    fn merging_in_any_order(a in integers(), b in integers(), c in integers()) {
        prop_assert_eq!(a.merged(&b), b.merged(&a));
        prop_assert_eq!(a.merged(&b).merged(&c), a.merged(&b.merged(&c)));
    }

    #[test]
    fn merging_is_recording_both(scale in 0_u8..=8, a in sizes(), b in sizes()) {
        let both = a.iter().chain(&b).copied();
        let merged = Distribution::of(scale, a.clone()).merged(&Distribution::of(scale, b.clone()));
        prop_assert_eq!(merged, Distribution::of(scale, both));
    }

    #[test]
    fn lowering_commutes(a in integers(), b in integers(), by in 0..14, then in 0..14) {
        let scale = a.scale().min(b.scale()) - by;
        prop_assert_eq!(a.merged(&b).downscaled(scale), a.downscaled(scale).merged(&b.downscaled(scale)));
        prop_assert_eq!(a.downscaled(scale).downscaled(scale - then), a.downscaled(scale - then));
        prop_assert_eq!(a.downscaled(a.scale() + by), a);
    }

    #[test]
    fn difference_and_back(scale in 0_u8..=8, before in sizes(), since in sizes(), by in 0..3) {
        let earlier = Distribution::of(scale, before.clone());
        let later = Distribution::of(scale, before.into_iter().chain(since.clone()));
        let between = later.difference(&earlier.downscaled(earlier.scale() - by));
        let wanted = Distribution::of(scale, since).downscaled(between.scale());
        prop_assert_eq!((between.count(), between.sum(), between.zeros()),
            (wanted.count(), wanted.sum(), wanted.zeros()));
        prop_assert!(between.buckets().eq(wanted.buckets()));
        prop_assert!(between.min() <= wanted.min() && wanted.max() <= between.max());
        prop_assert!(between.min() >= later.min() || between.is_empty());
        prop_assert!(between.max() <= later.max());
        let back = earlier.merged(&between).downscaled(between.scale());
        prop_assert_eq!(back, later.downscaled(between.scale()));
        for q in [0.01, 0.5, 0.99] {
            let (found, wanted) = (between.quantile(q), wanted.quantile(q));
            let error = 2.0 * between.relative_error() + between.relative_error().powi(2) + 1e-9;
            prop_assert!(found.zip(wanted).is_none_or(|(a, b)| (a - b).abs() <= a.max(b) * error));
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn as_json() {
    let sizes = Distribution::of(0, [0_u64, 3, 4, 9]);
    let wanted = serde_json::json!({
        "count": 4, "sum": 16, "min": 0, "max": 9, "mean": 4.0,
        "p50": 3.0, "p90": 9.0, "p99": 9.0, "p999": 9.0,
        "scale": 0, "zeros": 1, "buckets": [[4.0, 2], [16.0, 1]],
    });
    assert_eq!(serde_json::to_value(&sizes).unwrap(), wanted);

    let waits = Distribution::of(3, [Duration::from_millis(500); 2]);
    let wanted = serde_json::json!({
        "count": 2, "sum": 1.0, "min": 0.5, "max": 0.5, "mean": 0.5,
        "p50": 0.5, "p90": 0.5, "p99": 0.5, "p999": 0.5,
        "scale": 3, "zeros": 0, "buckets": [[0.5, 2]],
    });
    assert_eq!(serde_json::to_value(&waits).unwrap(), wanted);

    let empty = serde_json::to_value(Distribution::<Duration>::default()).unwrap();
    for missing in ["min", "max", "mean", "p50", "p90", "p99", "p999"] {
        assert!(empty[missing].is_null());
    }
    let huge = serde_json::to_value(Distribution::of(3, [u64::MAX; 2])).unwrap();
    assert_eq!(huge["sum"], 2_f64.powi(65));
    assert_eq!(huge["max"], u64::MAX);
}
