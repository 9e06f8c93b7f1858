//! The bucket that a value falls in, checked with integers of arbitrary size.

use num_bigint::BigUint;
use proptest::prelude::*;
use std::time::Duration;
use tallybook::Distribution;
use tallybook::distribution::Measure;

/// The smallest `i` with `units / per_one <= 2^(i / 2^scale)`: both sides are raised to the power
/// of `2^scale`.
fn index(units: u64, per_one: u64, scale: u8) -> i32 {
    let value = BigUint::from(units).pow(1 << scale);
    let one = BigUint::from(per_one).pow(1 << scale);
    let guess = value.bits() as i64 - one.bits() as i64;
    let holds = |i: i64| &value << (-i).max(0) <= &one << i.max(0);
    let index = (guess - 2..).find(|i| holds(*i)).unwrap();
    assert!(index > guess - 2);
    index as i32
}

fn slot<V: Measure>(units: u64, scale: u8) -> usize {
    match scale {
        0 => V::bucket::<0>(units),
        1 => V::bucket::<1>(units),
        2 => V::bucket::<2>(units),
        3 => V::bucket::<3>(units),
        4 => V::bucket::<4>(units),
        5 => V::bucket::<5>(units),
        6 => V::bucket::<6>(units),
        7 => V::bucket::<7>(units),
        _ => V::bucket::<8>(units),
    }
}

fn index_of_slot<V: Measure>(slot: usize, scale: u8) -> i32 {
    slot as i32 - 1 + (V::LOWEST << scale)
}

fn is_right<V: Measure>(units: u64, scale: u8) {
    let index = index(units, V::UNITS_PER_ONE as u64, scale);
    let slot = slot::<V>(units, scale);
    assert_eq!(index_of_slot::<V>(slot, scale), index, "{units} at {scale}");
    assert!((1..2 + (V::OCTAVES << scale)).contains(&slot));
    let one = Distribution::of(scale, [V::from_units(units)]);
    let bucket = one.buckets().next().unwrap();
    assert_eq!((bucket.index, bucket.count, one.zeros()), (index, 1, 0));
    let value = units as f64 / V::UNITS_PER_ONE;
    assert!(bucket.lower <= value && value <= bucket.upper * (1.0 + f64::EPSILON));
}

fn edges() -> impl Iterator<Item = u64> {
    let powers = (0..64).map(|k| 1_u64 << k);
    powers.flat_map(|power| [power.saturating_sub(1).max(1), power, power + 1]).chain([u64::MAX])
}

#[test]
fn zero_has_a_slot_of_its_own() {
    for scale in 0..=8 {
        assert_eq!(slot::<u64>(0, scale), 0);
        assert_eq!(slot::<Duration>(0, scale), 0);
    }
}

#[test]
fn edges_of_integers() {
    for units in edges() {
        for scale in 0..=8 {
            is_right::<u64>(units, scale);
        }
    }
}

#[test]
fn powers_of_two_end_their_bucket() {
    for scale in 0..=8 {
        for k in 0..64 {
            let slot_of = |units| slot::<u64>(units, scale);
            assert_eq!(index_of_slot::<u64>(slot_of(1 << k), scale), k << scale);
            assert_eq!(slot_of((1 << k) + 1) > slot_of(1 << k), k != 64);
        }
        // Every power of two, in seconds, that is a whole number of nanoseconds.
        for k in -9..=34 {
            let nanos = (1_000_000_000_u128 << (k + 9) >> 9) as u64;
            let slot_of = |units| slot::<Duration>(units, scale);
            assert_eq!(index_of_slot::<Duration>(slot_of(nanos), scale), k << scale);
            assert!(slot_of(nanos + 1) > slot_of(nanos));
        }
    }
}

/// Checks both sides of every bucket's bound, and returns the smallest value that is on the wrong
/// side. Buckets ascend with their values, so all values below the one returned are proven to be
/// right.
fn misplaced<V: Measure, const SCALE: u8>() -> Option<u64> {
    let slots = 1..1 + (V::OCTAVES << SCALE);
    slots.filter_map(misplaced_at::<V, SCALE>).min()
}

fn misplaced_at<V: Measure, const SCALE: u8>(slot: usize) -> Option<u64> {
    let (mut last, mut beyond) = (0, u64::MAX);
    if V::bucket::<SCALE>(beyond) <= slot {
        return None;
    }
    while beyond - last > 1 {
        let middle = last + (beyond - last) / 2;
        *(if V::bucket::<SCALE>(middle) <= slot { &mut last } else { &mut beyond }) = middle;
    }
    let end = index_of_slot::<V>(slot, SCALE);
    let of = |units| index(units, V::UNITS_PER_ONE as u64, SCALE);
    (last > 0 && of(last) > end || of(beyond) <= end).then_some(last)
}

/// About nine years.
const LONG: u64 = 1 << 58;

#[test]
fn both_sides_of_every_bound() {
    assert_eq!(misplaced::<u64, 5>(), None);
    assert!(misplaced::<Duration, 5>().is_none_or(|lowest| lowest > LONG));
}

#[test]
#[ignore = "takes some seconds; run it after a change to the tables"]
fn both_sides_of_every_bound_at_the_finest_scale() {
    assert_eq!(misplaced::<u64, 8>(), None);
    assert!(misplaced::<Duration, 8>().is_some_and(|lowest| lowest > LONG));
}

proptest! {
    #[test]
    fn any_integer(units in 1_u64.., shift in 0_u32..64, scale in 0_u8..=8) {
        is_right::<u64>((units >> shift).max(1), scale);
    }

    #[test]
    fn any_duration(units in 1_u64.., shift in 6_u32..64, scale in 0_u8..=8) {
        is_right::<Duration>((units >> shift).max(1), scale);
    }

    #[test]
    fn slots_ascend(one in 0_u64.., other in 0_u64.., shift in 0_u32..64, scale in 0_u8..=8) {
        let (low, high) = ((one.min(other)) >> shift, one.max(other) >> shift);
        prop_assert!(slot::<u64>(low, scale) <= slot::<u64>(high, scale));
        prop_assert!(slot::<Duration>(low, scale) <= slot::<Duration>(high, scale));
    }
}
