//! A walk as text, for people.

use super::entries::Entry;
use super::item::Item;
use super::rates::{Rate, Rates};
use super::values::{NamedSample, Sample, Values};
use super::{GaugeValue, Walk};
use crate::read::{DeclarationKind, Difference, Snapshot};
use std::fmt::{self, Display, Formatter};

/// How many entries of a family `{}` shows; `{:#}` shows all.
const ENTRIES: usize = 20;

/// One line for each metric, below the name of its set. Of each family, the total and the first 20
/// entries; all entries with `{:#}`.
///
/// ```
/// use tallybook::{Counter, Registry, Stats};
///
/// #[derive(Stats)]
/// struct Disk {
///     #[stats(unit = "bytes")]
///     written: Counter,
/// }
///
/// let registry = Registry::new();
/// let disk = registry.set::<Disk>("disk")?;
/// disk.record(|d| d.written.add(512));
/// let text = registry.collector()?.tick().to_string();
/// assert!(text.contains("disk\n  written  512 bytes\n"), "{text}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Display for Snapshot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.walk().fmt(f)
    }
}

/// The epoch and the times; with `{:#?}` all values too, of families the totals and the first 20
/// entries.
impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let is_whole = f.alternate();
        let mut snapshot = f.debug_struct("Snapshot");
        snapshot
            .field("epoch", &self.epoch())
            .field("at", &self.at())
            .field("interval", &self.interval())
            .field("stale", &self.is_stale());
        match is_whole {
            true => snapshot.field("values", &AllValues(self.walk())).finish(),
            false => snapshot.finish_non_exhaustive(),
        }
    }
}

/// The values of all items.
struct AllValues<'a>(Walk<'a>);

impl fmt::Debug for AllValues<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for item in self.0.items() {
            map.entry(&item.name(), &item.values().values());
            let mut entries = item.entries();
            for _ in 0..ENTRIES {
                let Some(entry) = entries.next_entry() else { break };
                let labels: Vec<_> = entry.labels().map(|(_, value)| value.to_string()).collect();
                map.entry(&format!("{}: {}", item.name(), labels.join(", ")), &entry.values());
            }
        }
        map.finish()
    }
}

/// As a [`Snapshot`], with increases and rates per second.
impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.walk().fmt(f)
    }
}

/// One line for each metric, below the name of its set. Of each family, the total and the first 20
/// entries; all entries with `{:#}`.
impl Display for Walk<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let cut = self.cut();
        write!(f, "epoch {} at {:?}", cut.epoch, cut.at)?;
        match cut.elapsed {
            Some(elapsed) => write!(f, ", over {elapsed:?}")?,
            None => write!(f, ", interval {:?}", cut.interval)?,
        }
        writeln!(f, "{}", if cut.stale { ", stale" } else { "" })?;
        self.items().try_for_each(|item| show(f, item))
    }
}

fn show(f: &mut Formatter<'_>, item: Item<'_>) -> fmt::Result {
    writeln!(f, "{}", item.name())?;
    if let Some(failure) = item.failure() {
        writeln!(f, "  failed: {failure}")?;
    }
    let own = item.values();
    if item.kind() != DeclarationKind::Family {
        return lines(f, "  ", own.values(), own.rates());
    }
    writeln!(f, "  total, {} refused", item.refused())?;
    lines(f, "    ", own.values(), own.rates())?;
    let mut entries = item.entries();
    let limit = if f.alternate() { usize::MAX } else { ENTRIES };
    for _ in 0..limit {
        let Some(entry) = entries.next_entry() else { return Ok(()) };
        show_entry(f, &entry)?;
    }
    match item.len().saturating_sub(limit) {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}

fn show_entry(f: &mut Formatter<'_>, entry: &Entry<'_>) -> fmt::Result {
    f.write_str(" ")?;
    for (name, value) in entry.labels() {
        write!(f, " {name}={:?}", value.to_string())?;
    }
    writeln!(f)?;
    lines(f, "    ", entry.values(), entry.rates())
}

/// A line for each metric, the values below each other.
fn lines(
    f: &mut Formatter<'_>,
    indent: &str,
    values: Values<'_>,
    rates: Option<Rates<'_>>,
) -> fmt::Result {
    let mut all = Vec::new();
    values.each_metric(|metric| all.push((name(metric), value(metric))));
    let rates = rates.map(|rates| {
        let mut all = Vec::new();
        flat(rates, &mut all);
        all
    });
    let width = all.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (line, (name, value)) in all.iter().enumerate() {
        write!(f, "{indent}{name:width$}  {value}")?;
        match rates.as_ref().and_then(|rates| rates.get(line)) {
            Some(rate) if !rate.is_empty() => writeln!(f, ", {rate}")?,
            _ => writeln!(f)?,
        }
    }
    Ok(())
}

fn name(metric: &NamedSample<'_>) -> String {
    let labels = metric.labels.iter().map(|(name, value)| format!("{name}={value:?}"));
    match metric.labels {
        [] => metric.path.join("_"),
        _ => format!("{}{{{}}}", metric.path.join("_"), labels.collect::<Vec<_>>().join(",")),
    }
}

fn value(metric: &NamedSample<'_>) -> String {
    let unit = metric.field.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
    let optional = |value: Option<u64>| match value {
        Some(value) => format!("{value}{unit}"),
        None => "-".to_owned(),
    };
    match metric.sample {
        Sample::Counter(n) => format!("{n}{unit}"),
        Sample::UpDownCounter(n) => format!("{n}{unit}"),
        Sample::Gauge(None) => "-".to_owned(),
        Sample::Gauge(Some(GaugeValue::Integer(n))) => format!("{n}{unit}"),
        Sample::Gauge(Some(GaugeValue::Float(n))) => format!("{n}{unit}"),
        Sample::Gauges(all) => {
            let all =
                all.iter().map(|(source, value)| format!("{source}: {}{unit}", value.as_f64()));
            all.collect::<Vec<_>>().join(", ")
        }
        Sample::Live(live) => {
            format!("{} live, {} opened, {} closed", live.live(), live.opened, live.closed)
        }
        Sample::TimedLive { count, time, ages } => format!(
            "{} live, {} opened, {} closed, open for {time:?}, ages: {}",
            count.live(),
            count.opened,
            count.closed,
            ages,
        ),
        Sample::Max(value) | Sample::Min(value) => optional(value),
        Sample::Histogram(it) => it.to_string(),
        // They are taken apart.
        Sample::Group(_) | Sample::PerLabel(_) => String::new(),
    }
}

/// A text for the rates of each metric, in the order of metrics.
fn flat(rates: Rates<'_>, into: &mut Vec<String>) {
    rates.iter().for_each(|(_, rate)| flat_rate(rate, into));
}

fn flat_rate(rate: Rate<'_>, into: &mut Vec<String>) {
    match rate {
        Rate::None => into.push(String::new()),
        Rate::Number(rate) => into.push(format!("{rate:.1}/s")),
        Rate::Live(rates) => {
            into.push(format!("{:.1} opened/s, {:.1} closed/s", rates.opened, rates.closed));
        }
        Rate::Histogram(rates) => into.push(format!("{:.1}/s", rates.count)),
        Rate::Group(rates) => flat(rates, into),
        Rate::PerLabel(labelled) => labelled.iter().for_each(|(_, rate)| flat_rate(rate, into)),
    }
}
