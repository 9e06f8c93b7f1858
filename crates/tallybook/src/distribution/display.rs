//! A distribution in one line of text.

use super::Distribution;
use super::measure::Measure;
use std::fmt;

/// One line: count, mean, minimum, three quantiles and maximum. Durations have their unit; integers
/// have none, as the distribution does not know it. The precision is that of the numbers, by
/// default one digit after the point.
///
/// ```
/// use std::time::Duration;
/// use tallybook::Distribution;
///
/// let waits = Distribution::of(8, (1..=200).map(Duration::from_millis));
/// assert_eq!(
///     format!("{waits:.0}"),
///     "count 200, mean 100ms, min 1ms, p50 100ms, p90 180ms, p99 198ms, max 200ms"
/// );
/// assert_eq!(Distribution::<u64>::default().to_string(), "count 0");
/// ```
impl<V: Measure> fmt::Display for Distribution<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "count {}", self.count)?;
        let quantiles = self.quantiles([0.5, 0.9, 0.99]);
        let (Some(mean), Some(min), Some([p50, p90, p99]), Some(max)) =
            (self.mean(), self.min(), quantiles, self.max())
        else {
            return Ok(());
        };
        let digits = f.precision().unwrap_or(1);
        // `Debug` is how a duration shows its unit; that of numbers is their `Display`.
        write!(f, ", mean {mean:.digits$?}, min {min:.digits$?}, p50 {p50:.digits$?}")?;
        write!(f, ", p90 {p90:.digits$?}, p99 {p99:.digits$?}, max {max:.digits$?}")
    }
}
