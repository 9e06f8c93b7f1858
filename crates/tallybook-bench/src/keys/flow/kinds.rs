//! Who makes keys and lets them go.

use super::text::Text;
use crate::fixtures::One;
use std::time::Duration;
use tallybook::Family;

pub const TICK: Duration = Duration::from_millis(100);

/// Where `prometheus` is among [all].
pub const PROMETHEUS: usize = 1;

pub struct Kind {
    pub name: String,
    pub how: How,
}

pub enum How {
    /// The text of the key and nothing else.
    Text,
    Prometheus,
    Client,
    Family {
        step: fn(&Family<Text, One>, &str),
        tick: Duration,
        windows: bool,
    },
}

impl Kind {
    fn new(name: impl Into<String>, how: How) -> Self {
        Kind { name: name.into(), how }
    }

    /// How often a collector ticks, if there is one.
    pub fn tick(&self) -> Option<Duration> {
        match self.how {
            How::Family { tick, .. } => Some(tick),
            How::Text | How::Prometheus | How::Client => None,
        }
    }
}

pub fn all() -> Vec<Kind> {
    let mut kinds = vec![
        Kind::new("the key's text alone", How::Text),
        Kind::new("prometheus, with_label_values and remove_label_values", How::Prometheus),
        Kind::new("prometheus-client, get_or_create and remove", How::Client),
        family("family.entry(String), the default windows", entry, 100, true),
    ];
    for tick in [25, 100, 400] {
        let name = format!("family.entry(String), a tick every {tick} ms");
        kinds.push(family(&name, entry, tick, false));
    }
    kinds
}

fn family(name: &str, step: fn(&Family<Text, One>, &str), tick: u64, windows: bool) -> Kind {
    Kind::new(name, How::Family { step, tick: Duration::from_millis(tick), windows })
}

fn entry(family: &Family<Text, One>, key: &str) {
    family.entry(Text::new(key)).expect("there is no limit").record(One::count);
}
