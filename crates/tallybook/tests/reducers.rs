//! Reducers: what they may hold, and when they are told that something was sent.

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

/// All handles that a reducer can have to the registry that it lives in.
struct Handles {
    _reader: Reader,
    _tracker: RateTracker,
    _stream: Snapshots,
    _actor: Actor<Holder>,
    _sender: Sender<Note>,
    set: Set<Facts>,
}

/// Holds them, and something that tells whether it is there.
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
    // Nobody waits for this one, and nobody has taken it back.
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

// What is still to be done holds them, and there is nobody to do it.
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

/// When it was told that the events were sent, by their cut.
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

// A fact that had begun before the cut belongs to it as a whole.
#[test]
fn an_event_of_a_fact_that_went_on_after_the_cut_has_the_time_of_the_cut() {
    let clock = Arc::new(ManualClock::new());
    let registry = Registry::builder().clock(clock.clone()).patience(Duration::ZERO).build();
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

/// Tells the time that it is then.
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

/// An event that nobody collected may hold a handle, which keeps the queue that it waits in.
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
            assert_eq!(Arc::strong_count(&event.1), 0, "nobody is to see it");
        }
        fn snapshot(&self) {}
    }

    let alive = Arc::new(());
    let registry = Registry::new();
    let idle = registry.actor("idle", Idle).unwrap();
    let sender = idle.sender();
    // In one side each, and on another thread.
    sender.send(Holding(sender.clone(), alive.clone()));
    thread::scope(|scope| {
        scope.spawn(|| sender.send(Holding(sender.clone(), alive.clone())));
    });
    drop((registry, idle));
    assert_eq!(Arc::strong_count(&alive), 1);
    // Whoever still has a sender may use it; nothing waits any more.
    sender.send(Holding(sender.clone(), alive.clone()));
    assert_eq!(Arc::strong_count(&alive), 1);
}
