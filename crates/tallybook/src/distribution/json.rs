//! A distribution as a serde data structure: durations are in seconds throughout.

use super::Distribution;
use super::measure::Measure;
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::marker::PhantomData;

/// `{count, sum, min, max, mean, p50, p90, p99, p999, scale, zeros, buckets: [[upper bound, count],
/// ...]}`. What an empty one does not have is null. Sum, minimum and maximum of integers are
/// integers; a sum beyond `u64` is a float.
impl<V: Measure> Serialize for Distribution<V> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let units = |units: u64| Units::<V>(units.into(), PhantomData);
        let quantiles = self.quantiles([0.5, 0.9, 0.99, 0.999]);
        let quantiles = quantiles.map(|values| values.map(V::real_to_f64));
        let mut row = to.serialize_struct("Distribution", 12)?;
        row.serialize_field("count", &self.count)?;
        row.serialize_field("sum", &Units::<V>(self.sum, PhantomData))?;
        row.serialize_field("min", &self.min().map(|value| units(value.to_units())))?;
        row.serialize_field("max", &self.max().map(|value| units(value.to_units())))?;
        row.serialize_field("mean", &self.mean().map(V::real_to_f64))?;
        row.serialize_field("p50", &quantiles.map(|values| values[0]))?;
        row.serialize_field("p90", &quantiles.map(|values| values[1]))?;
        row.serialize_field("p99", &quantiles.map(|values| values[2]))?;
        row.serialize_field("p999", &quantiles.map(|values| values[3]))?;
        row.serialize_field("scale", &self.scale)?;
        row.serialize_field("zeros", &self.zeros)?;
        row.serialize_field("buckets", &Buckets(self))?;
        row.end()
    }
}

/// A number of units: an integer where units are what bounds are given in, and it fits.
struct Units<V>(u128, PhantomData<V>);

impl<V: Measure> Serialize for Units<V> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0) {
            Ok(units) if V::UNITS_PER_ONE == 1.0 => to.serialize_u64(units),
            _ => to.serialize_f64(self.0 as f64 / V::UNITS_PER_ONE),
        }
    }
}

struct Buckets<'a, V: Measure>(&'a Distribution<V>);

impl<V: Measure> Serialize for Buckets<'_, V> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.buckets().map(|bucket| (bucket.upper, bucket.count)))
    }
}
