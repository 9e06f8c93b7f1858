//! In what order events are applied that found no room.

use proptest::prelude::*;
use std::time::Duration;
use tallybook::event::{Delivery, Order, OverflowPolicy};
use tallybook::{Event, Label, Reducer, Registry};

/// One that remembers the last number that was merged into it, and how many were.
struct Numbered {
    is_ordered: bool,
    key: u8,
    last: usize,
    count: usize,
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

/// What it has taken: by the way, the key, the last number and the count.
#[derive(Default)]
struct Numbers(Vec<(bool, u8, usize, usize)>);

impl Reducer for Numbers {
    type Event = Numbered;
    type Snapshot = Vec<(bool, u8, usize, usize)>;
    fn apply(&mut self, event: Numbered, _: Duration) {
        self.0.push((event.is_ordered, event.key, event.last, event.count));
    }
    fn snapshot(&self) -> Self::Snapshot {
        self.0.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 200 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // Those of one thread and kind keep their order, ordered or not, and merged or not.
    #[test]
    fn events_of_a_thread_keep_their_order_where_they_are_merged(
        capacity in 1_usize..10,
        sends in prop::collection::vec((any::<bool>(), 0_u8..8), 0..if cfg!(miri) { 30 } else { 80 }),
    ) {
        let registry = Registry::new();
        let builder = registry.actor_builder("numbers").capacity(capacity);
        let actor = builder.register(Numbers::default()).unwrap();
        let sender = actor.sender();
        for way in [true, false] {
            let all: Vec<_> = sends.iter().enumerate().filter(|(_, (is, _))| *is == way).collect();
            // The first find room; the others are merged, each key in the place of its last.
            let mut expected: Vec<_> =
                all.iter().take(capacity).map(|(n, (_, key))| (way, *key, *n, 1)).collect();
            let rest = all.get(capacity..).unwrap_or_default();
            let mut merged: Vec<_> = (0..8)
                .filter_map(|key| {
                    let same = || rest.iter().filter(|(_, (_, of))| *of == key);
                    same().next_back().map(|(n, _)| (way, key, *n, same().count()))
                })
                .collect();
            merged.sort_by_key(|(_, _, last, _)| *last);
            expected.extend(merged);
            for (last, (is_ordered, key)) in &all {
                sender.send(Numbered { is_ordered: *is_ordered, key: *key, last: *last, count: 1 });
            }
            let mut collector = registry.collector().unwrap();
            let taken = collector.tick().state(&actor);
            let of_way: Vec<_> = taken.iter().filter(|(is, ..)| *is == way).copied().collect();
            prop_assert_eq!(of_way, expected);
        }
    }
}
