//! Amounts and times as people read them.

use std::borrow::Cow;
use std::time::Duration;

use bytesize::ByteSize;
use tallybook::Distribution;

/// The quantiles that are shown, and what they are called.
pub const QUANTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")];

/// Text that may come from anybody, as it can be shown without harm: what would control the
/// terminal or turn the direction of writing is spelled out.
pub fn plain(text: &str) -> Cow<'_, str> {
    let is_harmful = |letter: char| {
        letter.is_control()
            || ('\u{200b}'..='\u{200f}').contains(&letter)
            || ('\u{2028}'..='\u{202e}').contains(&letter)
            || ('\u{2060}'..='\u{206f}').contains(&letter)
            || letter == '\u{feff}'
    };
    if !text.contains(is_harmful) {
        return text.into();
    }
    let mut told = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            harmful if is_harmful(harmful) => told.extend(harmful.escape_unicode()),
            letter => told.push(letter),
        }
    }
    told.into()
}

/// The same for text of several lines.
pub fn plain_lines(text: &str) -> String {
    text.split('\n').map(plain).collect::<Vec<_>>().join("\n")
}

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

/// A number of things.
pub fn times(number: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A time that is left, in seconds.
pub fn remaining(seconds: f64) -> String {
    match seconds.max(0.0) {
        seconds @ ..99.5 => format!("{:.0} s", seconds.ceil()),
        seconds @ ..5940.0 => format!("{:.0} min", seconds / 60.0),
        seconds @ ..360_000.0 => format!("{:.0} h", seconds / 3600.0),
        _ => "days".into(),
    }
}

/// What stands behind a number as a part of it.
const UNITS: [&str; 15] =
    ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ns", "µs", "ms", "s", "min", "h", "%", "%,"];

/// `text` in at most `width` places. What is cut off ends at a word, a number with its unit is one:
/// part of a number would be another number.
pub fn clip(text: &str, width: usize) -> Cow<'_, str> {
    if text.chars().count() <= width {
        return text.into();
    }
    // The place of the mark.
    let room = width.saturating_sub(1);
    let ends_well = |at: usize| {
        let before = text[..at].trim_end().rsplit(' ').next().unwrap_or_default();
        let after = text[at..].trim_start().split(' ').next().unwrap_or_default();
        let after = after.trim_end_matches(',');
        !(before.ends_with(|last: char| last.is_ascii_digit()) && UNITS.contains(&after))
    };
    let spaces =
        text.char_indices().enumerate().filter(|(place, (_, c))| *place <= room && *c == ' ');
    let end = spaces.map(|(_, (at, _))| at).filter(|at| ends_well(*at)).last();
    match end.map(|at| text[..at].trim_end()) {
        Some(kept) if !kept.is_empty() => format!("{kept}…").into(),
        _ if width > 0 => "…".into(),
        _ => "".into(),
    }
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
    fn what_controls_a_terminal_is_spelled_out() {
        assert_eq!(plain("\x1b[2Jname\r\n"), "\\u{1b}[2Jname\\u{d}\\u{a}");
        assert_eq!(plain("\u{9b}31m"), "\\u{9b}31m", "the one of a byte");
        assert_eq!(plain("a\u{202e}gpj.exe"), "a\\u{202e}gpj.exe");
        assert_eq!(plain("naïve 日本語"), "naïve 日本語");
        assert_eq!(plain_lines("one\ntwo\x07"), "one\ntwo\\u{7}");
    }

    #[test]
    fn what_is_clipped_ends_before_a_number() {
        let text = "held in 1178 of 1234 readings, worst 96.0 KiB";
        assert_eq!(clip(text, 45), text);
        assert_eq!(clip(text, 44), "held in 1178 of 1234 readings, worst…");
        assert_eq!(clip(text, 20), "held in 1178 of…");
        assert_eq!(clip(text, 15), "held in 1178…");
        assert_eq!(clip(text, 12), "held in…");
        assert_eq!(
            (clip(text, 3), clip(text, 1), clip(text, 0)),
            ("…".into(), "…".into(), "".into())
        );
        assert_eq!(clip("80 % of 192.0 MiB, about 3 s left", 12), "80 % of…");
    }

    #[test]
    fn what_is_left_is_rounded_as_people_do() {
        let told = [0.0, 0.2, 61.0, 120.0, 7200.0, 1e9, f64::INFINITY].map(remaining);
        assert_eq!(told, ["0 s", "1 s", "61 s", "2 min", "2 h", "days", "days"]);
    }

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
