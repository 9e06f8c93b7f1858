//! Events, reducers, states and questions that panic in unusual places: nothing else is affected.

#[path = "support/account.rs"]
mod account;
#[path = "support/panics.rs"]
mod panics;
#[path = "support/sum.rs"]
mod sum;

use account::check_account;
use panics::{attempt, silently};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use sum::{Number, Sum};
use tallybook::event::{Close, Delivery, Order, OverflowPolicy};
use tallybook::{Event, Label, Reducer, Registry};

#[test]
fn one_event_that_cannot_be_told_apart_is_lost_and_no_other() {
    /// The index is out of range for one while it is collected.
    #[derive(Clone, Copy)]
    struct Odd(usize);
    impl Label for Odd {
        const NAME: &'static str = "odd";
        const VALUES: &'static [&'static str] = &["only"];
        const ALL: &'static [Self] = &[Odd(0)];
        type Each<T> = [T; 1];
        fn each<T>(make: impl FnMut(usize) -> T) -> [T; 1] {
            std::array::from_fn(make)
        }
        fn index(self) -> usize {
            self.0
        }
    }
    struct Sent(Arc<AtomicUsize>);
    impl Event for Sent {
        type Kind = Odd;
        type Key = ();
        fn kind(&self) -> Odd {
            Odd(self.0.load(SeqCst))
        }
        fn delivery(_: Odd) -> Delivery {
            Delivery::default()
        }
        fn key(&self) {}
        fn coalesce(&mut self, _: Sent) {}
    }
    struct Count(u64);
    impl Reducer for Count {
        type Event = Sent;
        type Snapshot = u64;
        fn apply(&mut self, _: Sent, _: Duration) {
            self.0 += 1;
        }
        fn snapshot(&self) -> u64 {
            self.0
        }
    }
    let registry = Registry::new();
    let actor = registry.actor("odd", Count(0)).unwrap();
    let mut collector = registry.collector().unwrap();
    let index = Arc::new(AtomicUsize::new(0));
    actor.sender().send(Sent(Arc::default()));
    actor.sender().send(Sent(index.clone()));
    actor.sender().send(Sent(Arc::default()));
    index.store(7, SeqCst);
    let now = collector.tick();
    let events = &now.events(&actor)[Odd(0)];
    assert_eq!((events.sent, events.applied, events.lost), (3, 2, 1));
    assert_eq!(now.failure(&actor), None);
}

#[test]
fn a_default_that_panics_leaves_the_name_free_and_the_registry_well() {
    struct Bad;
    struct Never;
    impl Default for Never {
        fn default() -> Self {
            panic!("no default");
        }
    }
    impl Reducer for Bad {
        type Event = Number;
        type Snapshot = Never;
        fn apply(&mut self, _: Number, _: Duration) {}
        fn snapshot(&self) -> Never {
            Never
        }
    }
    let registry = Registry::new();
    silently(|| assert!(attempt(|| drop(registry.actor("name", Bad))).is_none()));
    let actor = registry.actor("name", Sum(0)).unwrap();
    actor.sender().send(Number::Add(2));
    assert_eq!(*registry.collector().unwrap().tick().state(&actor), 2);
}

/// Counts its drops, and panics in each.
struct Bomb(Arc<AtomicUsize>);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
        if !thread::panicking() {
            panic!("dropped");
        }
    }
}

#[derive(Clone, Copy, Label)]
enum Kind {
    Newest,
    Oldest,
    Merged,
    MergedLoose,
}

struct Keyed {
    key: u32,
    _bomb: Bomb,
}

impl Event for Keyed {
    type Kind = Kind;
    type Key = u32;
    fn kind(&self) -> Kind {
        [Kind::Newest, Kind::Oldest, Kind::Merged, Kind::MergedLoose][self.key as usize % 4]
    }
    fn delivery(kind: Kind) -> Delivery {
        match kind {
            Kind::Newest => Delivery::new(Order::Ordered, OverflowPolicy::DropNewest),
            Kind::Oldest => Delivery::new(Order::Unordered, OverflowPolicy::DropOldest),
            Kind::Merged => Delivery::new(Order::Ordered, OverflowPolicy::Coalesce),
            Kind::MergedLoose => Delivery::new(Order::Unordered, OverflowPolicy::Coalesce),
        }
    }
    fn key(&self) -> u32 {
        self.key
    }
    fn coalesce(&mut self, _: Keyed) {}
}

/// A reducer that owns bombs, and whose state is one.
struct Minefield(Arc<AtomicUsize>, #[expect(dead_code, reason = "it is dropped")] Bomb);

impl Reducer for Minefield {
    type Event = Keyed;
    type Snapshot = Option<Bomb>;
    fn apply(&mut self, _: Keyed, _: Duration) {}
    fn snapshot(&self) -> Option<Bomb> {
        Some(Bomb(self.0.clone()))
    }
}

// For a registry that is never collected, an actor that is closed, and an actor whose reducer was
// replaced.
#[test]
fn each_event_is_dropped_once_though_each_drop_panics() {
    const EVENTS: u32 = 60;
    silently(|| {
        for (collects, closes) in [(false, false), (true, true), (true, false)] {
            let [events, others] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
            let (dropped, dropped_others) = (events.clone(), others.clone());
            let all = thread::spawn(move || {
                let registry = Registry::new();
                let field = Minefield(others.clone(), Bomb(others.clone()));
                let actor = registry.actor_builder("field").capacity(4).register(field).unwrap();
                let sender = actor.sender();
                for key in 0..EVENTS {
                    let event = Keyed { key, _bomb: Bomb(events.clone()) };
                    attempt(|| sender.send(event));
                }
                let bomb = Bomb(others.clone());
                let asked = actor.ask(move |_| bomb);
                if collects {
                    if closes {
                        actor.close(Close::Drop);
                    }
                    let mut collector = registry.collector().unwrap();
                    actor.restart(Minefield(others.clone(), Bomb(others.clone())));
                    let now = collector.tick();
                    let events = now.events(&actor);
                    check_account(&events, if closes { "closed" } else { "restarted" });
                    let sent: u64 = events.iter().map(|(_, e)| e.sent).sum();
                    assert_eq!(sent, u64::from(EVENTS));
                    drop(now);
                    collector.tick();
                } else {
                    // The bombs of the question and of two reducers, one of which never takes over.
                    actor.restart(Minefield(others.clone(), Bomb(others.clone())));
                }
                attempt(|| drop(asked));
            });
            assert!(all.join().is_ok());
            assert_eq!(dropped.load(SeqCst), EVENTS as usize, "{collects}, {closes}");
            // States are dropped with their snapshots.
            assert!(dropped_others.load(SeqCst) >= 3, "{collects}, {closes}");
        }
    });
}
