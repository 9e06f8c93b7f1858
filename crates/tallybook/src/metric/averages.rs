//! Exponentially weighted averages of rates, like a load average.
//!
//! For a time constant `T`, a tick that comes `dt` after the one before and saw `n` happen makes of the average `a`
//! `a * e^(-dt/T) + (n / dt) * (1 - e^(-dt/T))`: what a constant rate over `dt` would have made of it, whatever `dt` is.
//! (`T` one minute and `dt` five seconds is Unix's load average.) All averages start at zero.
//!
//! An average of something that does not happen only decays, and that can be done when it is looked at: a row of averages
//! is the time it was last touched and the averages then. So a tick costs what happened, not how much there is.

use crate::metric::Metric;
use crate::row::Flows;
use std::sync::Arc;
use std::time::Duration;

/// The time constants, and what the tick that is being made does with them.
pub(crate) struct Averages {
    constants: Arc<[Duration]>,
    /// The time of the tick's cut.
    at: Duration,
    /// By constant, what one that happened in the tick's interval adds.
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

    /// How many words a row of averages of that many flows has.
    pub(crate) fn words(&self, flows: usize) -> usize {
        words(flows, &self.constants)
    }

    /// Adds to a row what happened in the tick's interval, or a part of it.
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

/// How many words a row of averages of that many flows has.
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

/// What is left of an average after `idle`.
fn decay(idle: Duration, constant: Duration) -> f64 {
    (-idle.as_secs_f64() / constant.as_secs_f64()).exp()
}

/// What one that happened within `elapsed` adds to an average: `(1 - e^(-dt/T)) / dt`, which goes to `1 / T` where no time
/// passes.
fn weight(elapsed: Duration, constant: Duration) -> f64 {
    if elapsed.is_zero() {
        return 1.0 / constant.as_secs_f64();
    }
    let elapsed = elapsed.as_secs_f64();
    -(-elapsed / constant.as_secs_f64()).exp_m1() / elapsed
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
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
