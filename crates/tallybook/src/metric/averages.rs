//! Exponentially weighted averages of rates, like a load average.
//!
//! With a time constant `T`, a tick that comes `dt` after the previous one and counted `n` changes
//! the average `a` to `a * e^(-dt/T) + (n / dt) * (1 - e^(-dt/T))`, as a constant rate over `dt`
//! would have, whatever `dt` is. (`T` of one minute and `dt` of five seconds is Unix's load
//! average.) All averages start at zero.
//!
//! An idle average only decays, which can be computed when it is read: a row of averages is the
//! time of its last change and the averages then. So the cost of a tick follows activity, not the
//! number of averages.

use crate::metric::Metric;
use crate::row::Flows;
use crate::support::nanos;
use std::sync::Arc;
use std::time::Duration;

/// The time constants, and their weights in the current tick.
pub(crate) struct Averages {
    constants: Arc<[Duration]>,
    /// The time of the tick's cut.
    at: Duration,
    /// By constant, how much one occurrence in the tick's interval adds.
    weights: Vec<f64>,
}

impl Averages {
    pub(crate) fn new(constants: Arc<[Duration]>) -> Self {
        let weights = vec![0.0; constants.len()];
        Averages { constants, at: Duration::ZERO, weights }
    }

    /// Begins a tick whose cut is at `at` and whose interval is `elapsed` long.
    pub(crate) fn begin(&mut self, at: Duration, elapsed: Duration) {
        self.at = at;
        let weights = self.constants.iter().map(|constant| weight(elapsed, *constant));
        self.weights = weights.collect();
    }

    /// The number of words of a row of averages of that many flows.
    pub(crate) fn words(&self, flows: usize) -> usize {
        words(flows, &self.constants)
    }

    /// Adds what happened in the tick's interval, or a part of it, to a row.
    pub(crate) fn update(&self, row: &mut [u64], happened: &[f64]) {
        let Some((touched, averages)) = row.split_first_mut() else { return };
        let idle = self.at.saturating_sub(Duration::from_nanos(*touched));
        *touched = nanos(self.at);
        for (constant, (weight, averages)) in
            self.constants.iter().zip(self.weights.iter().zip(averages.chunks_mut(happened.len())))
        {
            let decay = if idle.is_zero() { 1.0 } else { decay(idle, *constant) };
            for (average, n) in averages.iter_mut().zip(happened) {
                *average = (f64::from_bits(*average) * decay + n * weight).to_bits();
            }
        }
    }
}

/// The number of words of a row of averages of that many flows.
pub(crate) fn words(flows: usize, constants: &[Duration]) -> usize {
    if flows == 0 || constants.is_empty() { 0 } else { 1 + flows * constants.len() }
}

/// The averages in a row, for one of the time constants, as of `at`.
pub(crate) fn read<M: Metric>(
    row: &[u64],
    which: usize,
    constant: Duration,
    at: Duration,
) -> M::Rates {
    let mut averages = Vec::new();
    rates(row, [which, M::FLOWS], constant, at, &mut averages);
    M::rates(&mut Flows::new(&averages))
}

/// The same without types, for a row of that many flows.
pub(crate) fn rates(
    row: &[u64],
    [which, flows]: [usize; 2],
    constant: Duration,
    at: Duration,
    into: &mut Vec<f64>,
) {
    if let Some((touched, all)) = row.split_first() {
        let decay = decay(at.saturating_sub(Duration::from_nanos(*touched)), constant);
        let own = all.iter().skip(which * flows).take(flows);
        into.extend(own.map(|average| f64::from_bits(*average) * decay));
    }
}

/// The factor by which an average decays in `idle`.
fn decay(idle: Duration, constant: Duration) -> f64 {
    (-idle.as_secs_f64() / constant.as_secs_f64()).exp()
}

/// How much one occurrence within `elapsed` adds to an average: `(1 - e^(-dt/T)) / dt`, which tends
/// to `1 / T` as `dt` tends to zero.
fn weight(elapsed: Duration, constant: Duration) -> f64 {
    if elapsed.is_zero() {
        return 1.0 / constant.as_secs_f64();
    }
    let elapsed = elapsed.as_secs_f64();
    -(-elapsed / constant.as_secs_f64()).exp_m1() / elapsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counter;
    use proptest::prelude::*;

    const CONSTANT: Duration = Duration::from_secs(60);

    proptest! {
        /// Touched at every tick or only where something happened: the same averages.
        #[test]
        fn what_does_not_happen_may_be_left_out(ticks in prop::collection::vec((1..5_000_u64, 0..3_u32), 1..100)) {
            let mut averages = Averages::new([CONSTANT].into());
            let (mut always, mut when_needed, mut oracle) = ([0; 2], [0; 2], 0.0_f64);
            let mut at = Duration::ZERO;
            for (millis, n) in ticks {
                let elapsed = Duration::from_millis(millis);
                at += elapsed;
                averages.begin(at, elapsed);
                averages.update(&mut always, &[f64::from(n)]);
                if n > 0 {
                    averages.update(&mut when_needed, &[f64::from(n)]);
                }
                let (dt, keep) = (elapsed.as_secs_f64(), (-elapsed.as_secs_f64() / 60.0).exp());
                oracle = oracle * keep + f64::from(n) / dt * (1.0 - keep);
                let always = read::<Counter>(&always, 0, CONSTANT, at);
                let when_needed = read::<Counter>(&when_needed, 0, CONSTANT, at);
                prop_assert!((always - oracle).abs() <= 1e-9 * oracle);
                prop_assert!((when_needed - oracle).abs() <= 1e-9 * oracle);
            }
        }
    }

    #[test]
    fn a_constant_rate_is_reached_whatever_the_ticks() {
        let mut averages = Averages::new([CONSTANT].into());
        let mut row = [0; 2];
        let mut at = Duration::ZERO;
        for tick in 0..2000_u64 {
            let elapsed = Duration::from_millis(250 + tick * 7919 % 500);
            at += elapsed;
            averages.begin(at, elapsed);
            averages.update(&mut row, &[elapsed.as_secs_f64() * 1000.0]);
        }
        let rate = read::<Counter>(&row, 0, CONSTANT, at);
        assert!((rate - 1000.0).abs() < 0.1, "{rate}");
    }

    #[test]
    fn no_time_between_two_ticks_is_no_division_by_zero() {
        let mut averages = Averages::new([CONSTANT].into());
        let mut row = [0; 2];
        averages.begin(Duration::ZERO, Duration::ZERO);
        averages.update(&mut row, &[60.0]);
        assert_eq!(read::<Counter>(&row, 0, CONSTANT, Duration::ZERO), 1.0);
    }
}
