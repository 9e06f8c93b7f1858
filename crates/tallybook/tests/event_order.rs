//! The order in which events are applied that found their queue full.

#[path = "support/cases.rs"]
mod cases;
#[path = "support/log.rs"]
mod log;

use log::Log;
use proptest::prelude::*;
use tallybook::event::{Delivery, Order, OverflowPolicy};
use tallybook::{Event, Label, Registry};

/// An event that knows the last number merged into it, and how many events it stands for.
#[derive(Clone, Debug, PartialEq)]
struct Numbered {
    is_ordered: bool,
    key: u8,
    last: usize,
    count: usize,
}

fn numbered(is_ordered: bool, key: u8, last: usize, count: usize) -> Numbered {
    Numbered { is_ordered, key, last, count }
}

impl Event for Numbered {
    type Kind = Way;
    type Key = u8;
    fn kind(&self) -> Way {
        if self.is_ordered { Way::Ordered } else { Way::Unordered }
    }
    fn delivery(kind: Way) -> Delivery {
        let order = if kind == Way::Ordered { Order::Ordered } else { Order::Unordered };
        Delivery::new(order, OverflowPolicy::Coalesce)
    }
    fn key(&self) -> u8 {
        self.key
    }
    fn coalesce(&mut self, later: Numbered) {
        self.last = later.last;
        self.count += later.count;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Label)]
enum Way {
    Ordered,
    Unordered,
}

proptest! {
    #![proptest_config(cases::config(200, 2, None))]

    // Events of one thread and kind keep their order, whether or not the kind is ordered and
    // whether or not they are merged.
    #[test]
    fn events_of_a_thread_keep_their_order_where_they_are_merged(
        capacity in 1_usize..10,
        sends in prop::collection::vec(
            (any::<bool>(), 0_u8..8),
            0..if cfg!(miri) { 30 } else { 80 },
        ),
    ) {
        let registry = Registry::new();
        let builder = registry.actor_builder("numbers").capacity(capacity);
        let actor = builder.register(Log::default()).unwrap();
        let sender = actor.sender();
        for way in [true, false] {
            let all: Vec<_> = sends.iter().enumerate().filter(|(_, (is, _))| *is == way).collect();
            // The first ones are queued; the others are merged, each key in the position of its
            // last event.
            let mut expected: Vec<_> =
                all.iter().take(capacity).map(|(n, (_, key))| numbered(way, *key, *n, 1)).collect();
            let rest = all.get(capacity..).unwrap_or_default();
            let mut merged: Vec<_> = (0..8)
                .filter_map(|key| {
                    let same = || rest.iter().filter(|(_, (_, of))| *of == key);
                    same().next_back().map(|(n, _)| numbered(way, key, *n, same().count()))
                })
                .collect();
            merged.sort_by_key(|event| event.last);
            expected.extend(merged);
            for (last, (is_ordered, key)) in &all {
                sender.send(numbered(*is_ordered, *key, *last, 1));
            }
            let mut collector = registry.collector().unwrap();
            let taken = collector.tick().state(&actor);
            let of_way = taken.iter().filter(|event| event.is_ordered == way);
            let of_way: Vec<_> = of_way.cloned().collect();
            prop_assert_eq!(of_way, expected);
        }
    }
}
