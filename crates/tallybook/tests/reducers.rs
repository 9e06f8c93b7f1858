//! Reducers: which handles they may hold, and which time they are given with an event.

#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;
use tallybook::error::WaitError;
use tallybook::event::Delivery;
use tallybook::reader::Snapshots;
use tallybook::{
    Actor, Counter, Event, Label, ManualClock, RateTracker, Reader, Reducer, Registry, Sender, Set,
    Stats,
};

#[derive(Event)]
enum Note {
    Written,
}

#[derive(Stats)]
struct Facts {
    made: Counter,
}

/// Every kind of handle that a reducer can hold to its own registry.
struct Handles {
    _reader: Reader,
    _tracker: RateTracker,
    _stream: Snapshots,
    _actor: Actor<Holder>,
    _sender: Sender<Note>,
    set: Set<Facts>,
}

/// A reducer that holds handles, and a reference that shows whether the reducer still exists.
struct Holder(Option<Handles>, #[expect(dead_code, reason = "it is held")] Arc<()>);

impl Reducer for Holder {
    type Event = Note;
    type Snapshot = ();
    fn apply(&mut self, _: Note, _: Duration) {
        if let Some(handles) = &self.0 {
            handles.set.record(|facts| facts.made.inc());
        }
    }
    fn snapshot(&self) {}
}

fn holders() -> (Registry, Actor<Holder>, [Weak<()>; 3]) {
    let registry = Registry::new();
    let set = registry.set::<Facts>("facts").unwrap();
    let here = [(); 3].map(Arc::new);
    let gone = here.each_ref().map(Arc::downgrade);
    let [first, second, asked] = here;
    let actor = registry.actor("holder", Holder(None, first)).unwrap();
    let handles = || Handles {
        _reader: registry.reader(),
        _tracker: RateTracker::new(registry.reader()),
        _stream: registry.reader().stream(0),
        _actor: actor.clone(),
        _sender: actor.sender(),
        set: set.clone(),
    };
    actor.restart(Holder(Some(handles()), second));
    let handles = handles();
    // A question that is neither awaited nor cancelled.
    std::mem::forget(actor.ask(move |_| (handles.set.clone(), asked)));
    (registry, actor, gone)
}

#[test]
fn a_reducer_goes_with_its_registry_whatever_handles_it_has() {
    let (registry, actor, gone) = holders();
    actor.sender().send(Note::Written);
    drop(registry.collect_every(Duration::from_millis(1)).unwrap());
    actor.restart(Holder(None, Arc::new(())));
    drop((registry, actor));
    assert!(gone[..2].iter().all(|gone| gone.upgrade().is_none()));
}

// The pending requests hold the handles, and no collector ever serves them.
#[test]
fn so_do_those_that_were_never_collected() {
    let (registry, actor, gone) = holders();
    drop(registry);
    assert!(gone.iter().all(|gone| gone.upgrade().is_none()));
    drop(actor);
}

#[test]
fn a_reader_outlives_its_registry() {
    let registry = Registry::new();
    let (reader, mut cached) = (registry.reader(), registry.reader().cached());
    let mut collector = registry.collector().unwrap();
    collector.tick();
    drop((collector, registry));
    let last = reader.latest();
    assert_eq!(last.epoch(), 2);
    assert!(Arc::ptr_eq(&last, cached.latest()));
    assert_eq!(reader.wait_next(1, Duration::ZERO).unwrap().epoch(), 2);
    assert_eq!(reader.wait_next(2, Duration::MAX).err(), Some(WaitError::NotCollected));
}

/// The times that it was given with its events.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Reducer for Times {
    type Event = Note;
    type Snapshot = Vec<Duration>;
    fn apply(&mut self, _: Note, at: Duration) {
        self.0.push(at);
    }
    fn snapshot(&self) -> Vec<Duration> {
        self.0.clone()
    }
}

// A fact that began before the cut belongs to the cut as a whole.
#[test]
fn an_event_of_a_fact_that_went_on_after_the_cut_has_the_time_of_the_cut() {
    let (registry, clock) = manual(|builder| builder.patience(Duration::ZERO));
    let set = registry.set::<Facts>("facts").unwrap();
    let times = registry.actor("times", Times::default()).unwrap();
    let mut collector = registry.collector().unwrap();
    let cut = clock.advance_to(10);
    set.record(|_| {
        assert!(collector.tick().is_stale());
        let later = clock.advance_to(20);
        assert!(later > cut);
        times.sender().send(Note::Written);
    });
    clock.advance_to(30);
    assert_eq!(*collector.tick().state(&times), [cut]);
}

/// Advances the clock to a time, and returns that time.
trait AdvanceTo {
    fn advance_to(&self, seconds: u64) -> Duration;
}

impl AdvanceTo for ManualClock {
    fn advance_to(&self, seconds: u64) -> Duration {
        let to = Duration::from_secs(seconds);
        self.advance(to - tallybook::Clock::now(self));
        to
    }
}

/// An event that is never collected may hold a sender, which keeps the queue that holds the event.
#[test]
fn events_that_hold_a_sender_go_with_the_registry() {
    struct Holding(#[expect(dead_code, reason = "held")] Sender<Holding>, Arc<()>);
    #[derive(Clone, Copy, Label)]
    enum Kind {
        Holding,
    }
    impl Event for Holding {
        type Kind = Kind;
        type Key = ();
        fn kind(&self) -> Kind {
            Kind::Holding
        }
        fn delivery(_: Kind) -> Delivery {
            Delivery::default()
        }
        fn key(&self) {}
        fn coalesce(&mut self, _: Holding) {}
    }
    struct Idle;
    impl Reducer for Idle {
        type Event = Holding;
        type Snapshot = ();
        fn apply(&mut self, event: Holding, _: Duration) {
            assert_eq!(Arc::strong_count(&event.1), 0, "it must not be applied");
        }
        fn snapshot(&self) {}
    }

    let alive = Arc::new(());
    let registry = Registry::new();
    let idle = registry.actor("idle", Idle).unwrap();
    let sender = idle.sender();
    // From this thread, and from another.
    sender.send(Holding(sender.clone(), alive.clone()));
    thread::scope(|scope| {
        scope.spawn(|| sender.send(Holding(sender.clone(), alive.clone())));
    });
    drop((registry, idle));
    assert_eq!(Arc::strong_count(&alive), 1);
    // A sender that is left may still be used; nothing is queued any more.
    sender.send(Holding(sender.clone(), alive.clone()));
    assert_eq!(Arc::strong_count(&alive), 1);
}
