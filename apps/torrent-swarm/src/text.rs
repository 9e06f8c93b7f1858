//! Amounts and times as people read them.

use std::time::Duration;

use bytesize::ByteSize;
use tallybook::Distribution;

/// The quantiles that are shown, and what they are called.
pub const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")];

/// A number of bytes.
pub fn bytes(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// A number of bytes in at most five places, in powers of 1024: 9.53M.
pub fn short(bytes: f64) -> String {
    let mut amount = bytes;
    for unit in ["", "K", "M", "G", "T", "P"] {
        match amount {
            // What rounds to a thousand takes a fourth digit.
            ..999.5 if unit.is_empty() => return format!("{amount:.0}"),
            ..9.995 => return format!("{amount:.2}{unit}"),
            ..99.95 => return format!("{amount:.1}{unit}"),
            ..999.5 => return format!("{amount:.0}{unit}"),
            _ => amount /= 1024.0,
        }
    }
    format!("{amount:.0}E")
}

/// Bytes per second; a dash for less than one.
pub fn speed(rate: f64) -> String {
    if rate < 1.0 { "-".into() } else { format!("{}/s", short(rate)) }
}

/// A time in three digits.
pub fn time(time: Duration) -> String {
    let nanos = time.as_nanos() as f64;
    let (amount, unit) = match nanos {
        ..999.5 => return format!("{nanos} ns"),
        ..999.5e3 => (nanos / 1e3, "µs"),
        ..999.5e6 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    match amount {
        ..9.995 => format!("{amount:.2} {unit}"),
        ..99.95 => format!("{amount:.1} {unit}"),
        _ => format!("{amount:.0} {unit}"),
    }
}

/// The [`QUANTILES`] of times, then the longest; dashes where there are none.
pub fn quantiles(times: &Distribution<Duration>) -> [String; 4] {
    let quantiles = times.quantiles(QUANTILES.map(|(q, _)| q));
    let (Some([p50, p90, p99]), Some(max)) = (quantiles, times.max()) else {
        return ["-"; 4].map(String::from);
    };
    [p50, p90, p99, max].map(time)
}

/// How long a window was, in seconds: that for which it stands, if it is about as long.
pub fn window(asked: Duration, elapsed: Duration) -> String {
    let is_about = elapsed.is_zero() || elapsed.abs_diff(asked) * 8 <= asked;
    match if is_about { asked } else { elapsed }.as_secs_f64() {
        ..0.95 => "<1s".into(),
        seconds => format!("{seconds:.0}s"),
    }
}

/// The share of `whole` that `part` is, at most all of it.
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

/// A number with its thousands set apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(ratio(0, 0), 0.0);
        assert_eq!(speed(0.0), "-");
        assert_eq!(quantiles(&Distribution::default()), ["-"; 4]);
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 67_112_963].map(grouped), ["0", "999", "1,000", "67,112,963"]);
    }

    #[test]
    fn short_amounts_have_at_most_five_places() {
        for (bytes, expected) in [
            (0.0, "0"),
            (999.4, "999"),
            (999.5, "0.98K"),
            (1024.0, "1.00K"),
            (10_230.0, "9.99K"),
            (10_240.0, "10.0K"),
            (102_399.0, "100K"),
            (1_023_999.0, "0.98M"),
            (67_112_963.0, "64.0M"),
            (u64::MAX as f64, "16E"),
        ] {
            assert_eq!(short(bytes), expected);
        }
        let mut bytes = 1.0;
        while bytes < u64::MAX as f64 {
            assert!(short(bytes).len() <= 5, "{bytes}");
            bytes *= 1.01;
        }
    }

    #[test]
    fn times_have_three_digits() {
        for (nanos, expected) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1000, "1.00 µs"),
            (9994, "9.99 µs"),
            (9995, "10.0 µs"),
            (312_400, "312 µs"),
            (999_500, "1.00 ms"),
            (12_345_678, "12.3 ms"),
            (1_500_000_000, "1.50 s"),
            (4_000_000_000_000, "4000 s"),
        ] {
            assert_eq!(time(Duration::from_nanos(nanos)), expected);
        }
    }

    #[test]
    fn a_window_is_called_what_it_is() {
        let seconds = Duration::from_secs_f64;
        for (asked, elapsed, expected) in [
            (1.0, 0.0, "1s"),
            (1.0, 0.4, "<1s"),
            (1.0, 1.05, "1s"),
            (1.0, 10.0, "10s"),
            (10.0, 3.2, "3s"),
            (10.0, 10.6, "10s"),
            (10.0, 20.0, "20s"),
        ] {
            assert_eq!(window(seconds(asked), seconds(elapsed)), expected);
        }
    }
}
