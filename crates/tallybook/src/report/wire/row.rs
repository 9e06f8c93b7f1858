//! Rows, as they travel.

use super::super::error::DecodeError;
use super::cell::Cell;
use super::fields::Shape;
use crate::distribution::{AnyDistribution, Measured};
use crate::schema::{AGES_SCALE, Group, Kind, Number};
use crate::walk::data::{
    GaugeValue, Reading, RowData, Size, each_leaf, optional, signed, words_of,
};

/// A row as cells.
pub(in crate::report) fn encode(group: &Group, row: &RowData) -> Vec<Cell> {
    let (mut words, mut distributions) = (&row.words[..], &row.distributions[..]);
    let mut readings = &row.readings[..];
    let (mut cells, mut gauge) = (Vec::new(), 0);
    each_leaf(group, &mut |kind| {
        let size = Size::of(kind);
        let own = words.split_off(..size.words).unwrap_or_default();
        let distribution = distributions.split_off(..size.distributions).unwrap_or_default();
        cells.push(match (kind, own, distribution) {
            (Kind::Gauge(_), ..) => {
                let end = readings.partition_point(|reading| reading.gauge <= gauge);
                gauge += 1;
                gauge_cell(readings.split_off(..end).unwrap_or_default())
            }
            (Kind::Counter, &[sum], _) => Cell::Unsigned(sum),
            (Kind::UpDownCounter, &[low, high], _) => {
                let sum = signed([low, high]).clamp(i64::MIN.into(), i64::MAX.into());
                integer(sum as i64)
            }
            (Kind::Max | Kind::Min, &[seen, value], _) => match seen {
                0 => Cell::Nothing,
                _ => Cell::Unsigned(value),
            },
            (Kind::TimedLive, &[opened, low, high], [ages]) => {
                let nanos = u128::try_from(signed([low, high])).unwrap_or(0);
                let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
                list([
                    Cell::Unsigned(opened),
                    Cell::Unsigned(seconds),
                    Cell::Unsigned((nanos % 1_000_000_000) as u64),
                    distribution_cell(ages),
                ])
            }
            (_, _, [distribution]) => distribution_cell(distribution),
            (_, words, _) => list(words.iter().map(|word| Cell::Unsigned(*word))),
        });
    });
    cells
}

fn list(cells: impl IntoIterator<Item = Cell>) -> Cell {
    Cell::List(cells.into_iter().collect())
}

fn integer(value: i64) -> Cell {
    u64::try_from(value).map_or(Cell::Signed(value), Cell::Unsigned)
}

fn gauge_cell(readings: &[Reading]) -> Cell {
    let value = |value| match value {
        GaugeValue::Integer(value) => integer(value),
        GaugeValue::Float(value) if value.is_finite() => Cell::Float(value),
        GaugeValue::Float(value) => Cell::Text(value.to_string().into()),
    };
    match readings {
        [] => Cell::Nothing,
        [only] if only.source == 0 => value(only.value),
        several => list(
            several
                .iter()
                .map(|reading| list([Cell::Unsigned(reading.source.into()), value(reading.value)])),
        ),
    }
}

fn distribution_cell(distribution: &AnyDistribution) -> Cell {
    let Some([min, max]) = distribution.range_units() else { return Cell::Nothing };
    let sum = distribution.sum_units();
    let buckets = distribution.indexed_buckets().iter();
    let head =
        [distribution.count(), sum as u64, (sum >> 64) as u64, min, max, distribution.zeros()];
    let buckets = buckets.flat_map(|(index, n)| [integer((*index).into()), Cell::Unsigned(*n)]);
    list(head.map(Cell::Unsigned).into_iter().chain([list(buckets)]))
}

/// Rows from cells: what they are of, and whether a number did not fit.
pub(in crate::report) struct Decoder<'a> {
    pub(in crate::report) shape: &'a Shape,
    pub(in crate::report) sources: usize,
    pub(in crate::report) saturated: bool,
}

impl Decoder<'_> {
    pub(in crate::report) fn row(&mut self, cells: &[Cell]) -> Result<RowData, DecodeError> {
        let expected = super::fields::cells(self.shape);
        if cells.len() != expected {
            return Err(DecodeError::Cells { expected, found: cells.len() });
        }
        let mut row = RowData::default();
        let (shape, mut cells, mut gauge) = (self.shape, cells.iter(), 0);
        self.all(shape, &mut cells, &mut row, &mut gauge)?;
        Ok(row)
    }

    fn all<'c>(
        &mut self,
        shape: &Shape,
        cells: &mut impl Iterator<Item = &'c Cell>,
        row: &mut RowData,
        gauge: &mut u32,
    ) -> Result<(), DecodeError> {
        match shape {
            Shape::All(all) => all.iter().try_for_each(|each| self.all(each, cells, row, gauge)),
            Shape::Times(n, each) => (0..*n).try_for_each(|_| self.all(each, cells, row, gauge)),
            Shape::Unknown => {
                cells.next();
                Ok(())
            }
            Shape::Leaf(kind) => {
                let cell = cells.next().unwrap_or(&Cell::Nothing);
                self.leaf(kind, cell, row, gauge)
            }
        }
    }

    fn leaf(
        &mut self,
        kind: &Kind,
        cell: &Cell,
        row: &mut RowData,
        gauge: &mut u32,
    ) -> Result<(), DecodeError> {
        match kind {
            Kind::Counter => row.words.push(self.unsigned(cell)?),
            Kind::UpDownCounter => row.words.extend(words_of(self.signed(cell)?.into())),
            Kind::Live => {
                let [opened, closed] = items(cell)?;
                row.words.extend([self.unsigned(opened)?, self.unsigned(closed)?]);
            }
            Kind::TimedLive => {
                let [opened, seconds, nanos, ages] = items(cell)?;
                let [seconds, nanos] = [self.unsigned(seconds)?, self.unsigned(nanos)?];
                let time = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
                row.words.push(self.unsigned(opened)?);
                row.words.extend(words_of(time));
                let ages = self.distribution(Measured::Duration, AGES_SCALE as i8, ages)?;
                row.distributions.push(ages);
            }
            Kind::Max | Kind::Min => {
                let value = match cell {
                    Cell::Nothing => None,
                    cell => Some(self.unsigned(cell)?),
                };
                row.words.extend(optional(value));
            }
            Kind::Gauge(number) => {
                self.gauge(*number, cell, row, *gauge)?;
                *gauge += 1;
            }
            Kind::Histogram { of, scale } => {
                row.distributions.push(self.distribution(*of, *scale, cell)?);
            }
            // They have shapes of their own.
            Kind::Group(_) | Kind::PerLabel { .. } => {}
        }
        Ok(())
    }

    fn unsigned(&mut self, cell: &Cell) -> Result<u64, DecodeError> {
        match cell {
            Cell::Unsigned(value) => Ok(*value),
            // What is larger than `u64` comes as a float.
            Cell::Float(value) if *value >= u64::MAX as f64 => {
                self.saturated = true;
                Ok(u64::MAX)
            }
            _ => Err(DecodeError::invalid("a number is not a whole number from 0 on")),
        }
    }

    fn signed(&mut self, cell: &Cell) -> Result<i64, DecodeError> {
        let clamped = |this: &mut Self, value| {
            this.saturated = true;
            Ok(value)
        };
        match cell {
            Cell::Unsigned(value) => match i64::try_from(*value) {
                Ok(value) => Ok(value),
                Err(_) => clamped(self, i64::MAX),
            },
            Cell::Signed(value) => Ok(*value),
            Cell::Float(value) if *value >= i64::MAX as f64 => clamped(self, i64::MAX),
            Cell::Float(value) if *value <= i64::MIN as f64 => clamped(self, i64::MIN),
            _ => Err(DecodeError::invalid("a number is not a whole number")),
        }
    }

    fn gauge(
        &mut self,
        number: Number,
        cell: &Cell,
        row: &mut RowData,
        gauge: u32,
    ) -> Result<(), DecodeError> {
        let mut push = |source, value| row.readings.push(Reading { gauge, source, value });
        match cell {
            Cell::Nothing => {}
            Cell::List(readings) => {
                let mut next = 0;
                for reading in readings {
                    let [source, value] = items(reading)?;
                    let source = self.unsigned(source)?;
                    if source < next || source >= self.sources as u64 {
                        return Err(DecodeError::invalid(
                            "a gauge is of a source that is not there",
                        ));
                    }
                    next = source + 1;
                    push(source as u32, self.value(number, value)?);
                }
            }
            cell => push(0, self.value(number, cell)?),
        }
        Ok(())
    }

    fn value(&mut self, number: Number, cell: &Cell) -> Result<GaugeValue, DecodeError> {
        Ok(match (number, cell) {
            (Number::Integer, cell) => GaugeValue::Integer(self.signed(cell)?),
            (Number::Float, Cell::Float(value)) => GaugeValue::Float(*value),
            (Number::Float, Cell::Unsigned(value)) => GaugeValue::Float(*value as f64),
            (Number::Float, Cell::Signed(value)) => GaugeValue::Float(*value as f64),
            (Number::Float, Cell::Text(text)) => match &**text {
                "NaN" => GaugeValue::Float(f64::NAN),
                "inf" => GaugeValue::Float(f64::INFINITY),
                "-inf" => GaugeValue::Float(f64::NEG_INFINITY),
                _ => return Err(DecodeError::invalid("a gauge is no number")),
            },
            _ => return Err(DecodeError::invalid("a gauge is no number")),
        })
    }

    fn distribution(
        &mut self,
        of: Measured,
        scale: i8,
        cell: &Cell,
    ) -> Result<AnyDistribution, DecodeError> {
        if *cell == Cell::Nothing {
            return Ok(AnyDistribution::empty(of, scale.into()));
        }
        let [count, low, high, min, max, zeros, buckets] = items(cell)?;
        let head = [count, low, high, min, max, zeros].map(|cell| self.unsigned(cell));
        let [count, low, high, min, max, zeros] = head;
        let Cell::List(buckets) = buckets else {
            return Err(DecodeError::invalid("a histogram has no buckets"));
        };
        let mut pairs = Vec::with_capacity(buckets.len() / 2);
        for pair in buckets.chunks(2) {
            let [index, n] = pair else {
                return Err(DecodeError::invalid("a bucket has no count"));
            };
            let index = i32::try_from(self.signed(index)?);
            let index = index.map_err(|_| DecodeError::invalid("a bucket is out of range"))?;
            pairs.push((index, self.unsigned(n)?));
        }
        let sum = u128::from(high?) << 64 | u128::from(low?);
        AnyDistribution::checked(of, scale.into(), [count?, min?, max?, zeros?], sum, pairs)
            .map_err(DecodeError::invalid)
    }
}

/// The cells of a list of that many; more are skipped.
fn items<const N: usize>(cell: &Cell) -> Result<&[Cell; N], DecodeError> {
    match cell {
        Cell::List(cells) => cells
            .first_chunk()
            .ok_or_else(|| DecodeError::invalid("a value has fewer numbers than its kind")),
        _ => Err(DecodeError::invalid("a value is not of its kind")),
    }
}
