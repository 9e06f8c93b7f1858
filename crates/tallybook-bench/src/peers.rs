//! What Tallybook is measured beside: other libraries' metrics, set up so that they really count.

use metrics::{Key, Label, Level, Metadata, Recorder};
use metrics_util::registry::{AtomicStorage, Registry};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{BoundCounter, Counter, Histogram, MeterProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use std::time::Duration;

/// A recorder of `metrics`, with the registry that its exporters use.
pub struct Metrics(Registry<Key, AtomicStorage>);

impl Metrics {
    pub fn new() -> Self {
        Metrics(Registry::new(AtomicStorage))
    }

    /// A live handle.
    pub fn counter(&self, name: &'static str, label: Option<String>) -> metrics::Counter {
        static METADATA: Metadata = Metadata::new("bench", Level::INFO, None);
        let labels: Vec<_> = label.map(|value| Label::new("key", value)).into_iter().collect();
        self.register_counter(&Key::from_parts(name, labels), &METADATA)
    }
}

impl Recorder for Metrics {
    fn describe_counter(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_gauge(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn describe_histogram(
        &self,
        _: metrics::KeyName,
        _: Option<metrics::Unit>,
        _: metrics::SharedString,
    ) {
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        self.0.get_or_create_counter(key, |counter| metrics::Counter::from_arc(counter.clone()))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        self.0.get_or_create_gauge(key, |gauge| metrics::Gauge::from_arc(gauge.clone()))
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        self.0.get_or_create_histogram(key, |histogram| {
            metrics::Histogram::from_arc(histogram.clone())
        })
    }
}

/// A meter provider of `opentelemetry_sdk` whose reader aggregates and exports to nowhere.
pub struct OpenTelemetry(SdkMeterProvider);

impl OpenTelemetry {
    pub fn new() -> Self {
        let never = Duration::from_secs(3600);
        let reader = PeriodicReader::builder(Nowhere).with_interval(never).build();
        let many = |_: &Instrument| Stream::builder().with_cardinality_limit(200_000).build().ok();
        OpenTelemetry(SdkMeterProvider::builder().with_reader(reader).with_view(many).build())
    }

    /// Called with its attributes each time.
    pub fn counter(&self, name: &'static str) -> Counter<u64> {
        self.0.meter("bench").u64_counter(name).build()
    }

    /// Bound to its attributes once.
    pub fn bound(&self, name: &'static str) -> BoundCounter<u64> {
        self.counter(name).bind(&[attribute()])
    }

    /// With buckets up to these bounds.
    pub fn histogram(&self, name: &'static str, bounds: Vec<f64>) -> Histogram<u64> {
        self.0.meter("bench").u64_histogram(name).with_boundaries(bounds).build()
    }
}

/// One attribute.
pub fn attribute() -> KeyValue {
    KeyValue::new("key", "value")
}

struct Nowhere;

impl PushMetricExporter for Nowhere {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        Ok(())
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
