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

/// The last value in units that each bucket of the finest scale can hold, and its index: the bounds
/// rounded down. Rounded roots of rounded roots are those of the number itself.
fn ends<V: Measure>() -> impl Iterator<Item = (u64, i32)> {
    const EXTRA: usize = 100;
    let mantissas = (0..256).map(|j| {
        let power = BigUint::from(V::UNITS_PER_ONE as u64).pow(256) << (j + 256 * EXTRA);
        (0..8).fold(power, |root, _| root.sqrt())
    });
    let mantissas: Vec<_> = mantissas.collect();
    let octaves = V::LOWEST..=V::LOWEST + V::OCTAVES as i32;
    octaves.flat_map(move |octave| {
        let shift = EXTRA as i32 - octave;
        let ends: Vec<_> = mantissas.iter().map(|root| root >> shift).collect();
        ends.into_iter().zip(octave << 8..).filter_map(|(end, index)| {
            let end = u64::try_from(end).ok()?;
            Some((end, index))
        })
    })
}

/// As buckets ascend with their values, all values are in the right bucket if those on both sides
/// of each bound are.
fn both_sides_of_every_bound<V: Measure>() {
    let mut seen = 0;
    for (last, index) in ends::<V>() {
        for scale in (0..=8).filter(|scale| index.trailing_zeros() >= 8 - scale) {
            let scale = scale as u8;
            let of = |units| match slot::<V>(units, scale) {
                0 => i32::MIN,
                slot => index_of_slot::<V>(slot, scale),
            };
            let end = index >> (8 - scale);
            assert!(of(last) <= end, "{last} at {scale}");
            if let Some(beyond) = last.checked_add(1) {
                assert!(of(beyond) > end, "{beyond} at {scale}");
            }
        }
        seen += 1;
    }
    assert!(seen >= 64 * 256, "{seen}");
}

#[test]
fn both_sides_of_every_bound_of_integers() {
    both_sides_of_every_bound::<u64>();
}

#[test]
fn both_sides_of_every_bound_of_durations() {
    both_sides_of_every_bound::<Duration>();
}

proptest! {
    #[test]
    fn any_integer(units in 1_u64.., shift in 0_u32..64, scale in 0_u8..=8) {
        is_right::<u64>((units >> shift).max(1), scale);
    }

    #[test]
    fn any_duration(units in 1_u64.., shift in 0_u32..64, scale in 0_u8..=8) {
        is_right::<Duration>((units >> shift).max(1), scale);
    }

    #[test]
    fn slots_ascend(one in 0_u64.., other in 0_u64.., shift in 0_u32..64, scale in 0_u8..=8) {
        let (low, high) = ((one.min(other)) >> shift, one.max(other) >> shift);
        prop_assert!(slot::<u64>(low, scale) <= slot::<u64>(high, scale));
        prop_assert!(slot::<Duration>(low, scale) <= slot::<Duration>(high, scale));
    }
}
