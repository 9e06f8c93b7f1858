//! Adding rows of one group.

use crate::distribution::AnyDistribution;
use crate::schema::{Group, Kind};
use crate::walk::data::{RowData, Size, each_leaf, optional, signed, words_of};

/// Adds a row to another, but for gauges. Answers whether a number did not fit.
pub(super) fn add(group: &Group, row: &RowData, into: &mut RowData) -> bool {
    let (mut words, mut into_words) = (&row.words[..], &mut into.words[..]);
    let (mut from, mut to) = (&row.distributions[..], &mut into.distributions[..]);
    let mut saturated = false;
    each_leaf(group, &mut |kind| {
        let size = Size::of(kind);
        let words = words.split_off(..size.words).unwrap_or_default();
        let into = into_words.split_off_mut(..size.words).unwrap_or_default();
        let from = from.split_off(..size.distributions).unwrap_or_default();
        let to = to.split_off_mut(..size.distributions).unwrap_or_default();
        saturated |= add_words(kind, words, into);
        for (from, to) in from.iter().zip(to) {
            saturated |= fold_distribution(from, to);
        }
    });
    saturated
}

fn add_words(kind: &Kind, words: &[u64], into: &mut [u64]) -> bool {
    match kind {
        Kind::UpDownCounter => {
            let [one, other] = [words, &*into].map(|it| signed([it[0], it[1]]));
            let (sum, saturated) = limited(one.checked_add(other), i128::MAX, i128::MIN, one < 0);
            into.copy_from_slice(&words_of(sum));
            saturated
        }
        Kind::TimedLive => {
            let saturated = add_each(&words[..1], &mut into[..1]);
            let [one, other] = [words, &*into].map(|it| signed([it[1], it[2]]));
            let (time, is_too_long) = limited(one.checked_add(other), i128::MAX, 0, false);
            into[1..].copy_from_slice(&words_of(time));
            saturated || is_too_long
        }
        Kind::Max | Kind::Min => {
            let value = |words: &[u64]| (words[0] != 0).then_some(words[1]);
            let both = [value(words), value(into)].into_iter().flatten();
            let extremum = if matches!(kind, Kind::Max) { both.max() } else { both.min() };
            into.copy_from_slice(&optional(extremum));
            false
        }
        _ => add_each(words, into),
    }
}

/// The sum, or the end of the range that it is beyond.
fn limited(sum: Option<i128>, max: i128, min: i128, is_below: bool) -> (i128, bool) {
    match sum {
        Some(sum) => (sum, false),
        None => (if is_below { min } else { max }, true),
    }
}

fn add_each(words: &[u64], into: &mut [u64]) -> bool {
    let mut saturated = false;
    for (word, into) in words.iter().zip(into) {
        let (sum, is_over) = into.overflowing_add(*word);
        *into = if is_over { u64::MAX } else { sum };
        saturated |= is_over;
    }
    saturated
}

/// Adds a distribution of the same scale.
fn fold_distribution(from: &AnyDistribution, into: &mut AnyDistribution) -> bool {
    match (from, into) {
        (AnyDistribution::Integers(from), AnyDistribution::Integers(into)) => into.fold(from),
        (AnyDistribution::Durations(from), AnyDistribution::Durations(into)) => into.fold(from),
        _ => false,
    }
}
