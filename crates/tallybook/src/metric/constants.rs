//! The types of the constants that `#[derive(Stats)]` makes for guards.

use super::histogram::Histogram;
use super::live::Live;
use std::time::Duration;

/// A field of a set that a guard opens: by default a [`Live`]. `#[derive(Stats)]` makes a constant
/// of this type for each field that is a `Live` or a [`TimedLive`](crate::TimedLive).
pub type LiveField<S, L = Live> = for<'a> fn(&'a S) -> &'a L;

/// A field of a set that a timer records on. `#[derive(Stats)]` makes a constant of this type for
/// each field that is a `Histogram<Duration>`.
pub type TimerField<S, H = Histogram<Duration>> = for<'a> fn(&'a S) -> &'a H;

/// A metric of a set under a value of a label: by default a [`Live`]. `#[derive(Stats)]` makes a
/// constant of this type for each [`PerLabel`](crate::PerLabel) of a metric that guards drive. `K`
/// is the label, or a tuple of labels for a `PerLabel` of a `PerLabel`.
pub type LabelledField<S, K, M = Live> = for<'a> fn(&'a S, K) -> &'a M;
