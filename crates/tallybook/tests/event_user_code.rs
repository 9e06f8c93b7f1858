//! User code of events, keys, reducers and questions that panics, sends or records, wherever it
//! runs: the account adds up, everything else is exact, and the registry stays usable.

#[path = "support/account.rs"]
mod account;
#[path = "support/panics.rs"]
mod panics;
#[path = "support/sum.rs"]
mod sum;

use account::check_account;
use panics::{attempt, silently};
use std::cell::{Cell, RefCell};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use sum::Number;
use tallybook::event::{ByKind, Delivery, EventStatsSnapshot, Order, OverflowPolicy};
use tallybook::{
    Actor, Collector, Counter, Event, Label, Reducer, Registry, Sender, Set, Snapshot, Stats,
};

/// Where user code runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Kind,
    Delivery,
    Key,
    Hash,
    Eq,
    Coalesce,
    KeyDrop,
    EventDrop,
    Apply,
    Show,
    ReducerDrop,
    StateDrop,
    Question,
    CaptureDrop,
    AnswerDrop,
}

const PLACES: [Place; 15] = [
    Place::Kind,
    Place::Delivery,
    Place::Key,
    Place::Hash,
    Place::Eq,
    Place::Coalesce,
    Place::KeyDrop,
    Place::EventDrop,
    Place::Apply,
    Place::Show,
    Place::ReducerDrop,
    Place::StateDrop,
    Place::Question,
    Place::CaptureDrop,
    Place::AnswerDrop,
];

/// What it does there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Panics,
    /// With a payload whose drop panics, too.
    PanicsTwice,
    Sends,
    Records,
}

const ACTIONS: [Action; 4] = [Action::Panics, Action::PanicsTwice, Action::Sends, Action::Records];

#[derive(Clone, Copy)]
struct Trap {
    place: Place,
    action: Action,
    /// How often the place is passed before the trap acts, once.
    passes: u32,
}

thread_local! {
    static TRAP: Cell<Option<Trap>> = const { Cell::new(None) };
    static HANDLES: RefCell<Option<(Sender<Item>, Set<Facts>)>> = const { RefCell::new(None) };
    /// How many events, keys and captures there are.
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("dropping the payload of a panic");
        }
    }
}

/// What each place calls.
fn at(place: Place) {
    let Some(mut trap) = TRAP.get().filter(|trap| trap.place == place) else { return };
    // A destructor that panics during unwinding aborts the process.
    if thread::panicking() {
        return;
    }
    if trap.passes > 0 {
        trap.passes -= 1;
        return TRAP.set(Some(trap));
    }
    TRAP.set(None);
    let handles = || HANDLES.with_borrow(|handles| handles.clone()).expect("they are set");
    match trap.action {
        Action::Panics => panic!("{place:?}"),
        Action::PanicsTwice => std::panic::panic_any(Payload),
        Action::Sends => handles().0.send(Item::new(Kind::MergedLoose, 0)),
        Action::Records => handles().1.record(|facts| facts.trapped.inc()),
    }
}

/// Counts how many of it exist.
struct Counted;

impl Counted {
    fn new() -> Self {
        LIVE.set(LIVE.get() + 1);
        Counted
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.set(LIVE.get() - 1);
    }
}

struct Key(u32, Counted);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        at(Place::Eq);
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        at(Place::Hash);
        self.0.hash(state);
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        at(Place::KeyDrop);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Label)]
enum Kind {
    Newest,
    NewestLoose,
    Oldest,
    OldestLoose,
    Merged,
    MergedLoose,
}

const KINDS: [Kind; 6] = [
    Kind::Newest,
    Kind::NewestLoose,
    Kind::Oldest,
    Kind::OldestLoose,
    Kind::Merged,
    Kind::MergedLoose,
];

struct Item {
    kind: Kind,
    key: u32,
    /// How many events it stands for.
    weight: u64,
    _counted: Counted,
}

impl Item {
    fn new(kind: Kind, key: u32) -> Self {
        Item { kind, key, weight: 1, _counted: Counted::new() }
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        at(Place::EventDrop);
    }
}

impl Event for Item {
    type Kind = Kind;
    type Key = Key;
    fn kind(&self) -> Kind {
        at(Place::Kind);
        self.kind
    }
    fn delivery(kind: Kind) -> Delivery {
        at(Place::Delivery);
        let order = match kind {
            Kind::Newest | Kind::Oldest | Kind::Merged => Order::Ordered,
            Kind::NewestLoose | Kind::OldestLoose | Kind::MergedLoose => Order::Unordered,
        };
        let full = match kind {
            Kind::Newest | Kind::NewestLoose => OverflowPolicy::DropNewest,
            Kind::Oldest | Kind::OldestLoose => OverflowPolicy::DropOldest,
            Kind::Merged | Kind::MergedLoose => OverflowPolicy::Coalesce,
        };
        Delivery::new(order, full)
    }
    fn key(&self) -> Key {
        at(Place::Key);
        Key(self.key, Counted::new())
    }
    fn coalesce(&mut self, later: Item) {
        at(Place::Coalesce);
        self.weight += later.weight;
    }
}

/// Adds up weights.
struct Sum(u64);

#[derive(Default)]
struct State(u64);

impl Drop for State {
    fn drop(&mut self) {
        at(Place::StateDrop);
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        at(Place::ReducerDrop);
    }
}

impl Reducer for Sum {
    type Event = Item;
    type Snapshot = State;
    fn apply(&mut self, event: Item, _: Duration) {
        at(Place::Apply);
        self.0 += event.weight;
    }
    fn snapshot(&self) -> State {
        at(Place::Show);
        State(self.0)
    }
}

struct Capture(Counted);

impl Drop for Capture {
    fn drop(&mut self) {
        at(Place::CaptureDrop);
    }
}

struct Answer;

impl Drop for Answer {
    fn drop(&mut self) {
        at(Place::AnswerDrop);
    }
}

fn question() -> impl FnOnce(&Sum) -> Answer + Send + 'static {
    let capture = Capture(Counted::new());
    move |_| {
        at(Place::Question);
        drop(capture);
        Answer
    }
}

#[derive(Stats)]
struct Facts {
    trapped: Counter,
    plain: Counter,
}

struct Scene {
    _registry: Registry,
    actor: Actor<Sum>,
    /// Another actor, in which nothing goes wrong.
    other: Actor<sum::Sum>,
    facts: Set<Facts>,
    collector: Collector,
    /// What the test itself has sent and recorded.
    sent: u64,
    ticks: u64,
}

fn sent(events: &ByKind<Kind, EventStatsSnapshot>) -> u64 {
    events.iter().map(|(_, e)| e.sent).sum()
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::builder().windows([]).build();
        let actor = registry.actor_builder("sum").capacity(2).register(Sum(0)).unwrap();
        let other = registry.actor("other", sum::Sum(0)).unwrap();
        let facts = registry.set::<Facts>("facts").unwrap();
        let mut collector = registry.collector().unwrap();
        collector.tick();
        HANDLES.set(Some((actor.sender(), facts.clone())));
        Scene { _registry: registry, actor, other, facts, collector, sent: 0, ticks: 0 }
    }

    /// Ticks, and checks that everything without traps is exact.
    fn tick(&mut self, what: &str) -> Arc<Snapshot> {
        self.ticks += 1;
        self.other.sender().send(Number::Add(3));
        self.facts.record(|facts| facts.plain.inc());
        let now = attempt(|| self.collector.tick());
        let now = now.unwrap_or_else(|| panic!("{what}: the collector panicked"));
        assert_eq!(*now.state(&self.other), 3 * self.ticks, "{what}");
        assert_eq!(now.set(&self.facts).plain, self.ticks, "{what}");
        check_account(&now.events(&self.actor), what);
        now
    }

    /// Sends eight events of a kind through queues of two, asks, and replaces the reducer. The trap
    /// need not act.
    fn run(&mut self, kind: Kind, trap: Trap) -> bool {
        let what = format!("{kind:?}, {:?} {:?} after {}", trap.place, trap.action, trap.passes);
        let panics = matches!(trap.action, Action::Panics | Action::PanicsTwice);
        TRAP.set(Some(trap));
        let sender = self.actor.sender();
        for n in 0..8 {
            let item = Item::new(kind, n % 2);
            // If `kind` or `delivery` panics, the event was not sent.
            let is_sent =
                attempt(|| sender.send(item)).is_some() || !matches!(trap.place, Place::Kind);
            self.sent += u64::from(is_sent);
        }
        let asked = self.actor.ask(question());
        attempt(|| drop(self.actor.ask(question())));
        self.tick(&what);
        attempt(|| drop(asked.wait(Duration::ZERO)));
        self.actor.restart(Sum(0));
        let forgotten = self.actor.ask(question());
        std::mem::forget(forgotten);
        self.tick(&what);
        let now = self.tick(&what);
        let has_acted = TRAP.take().is_none();
        if has_acted && trap.action == Action::Sends {
            self.sent += 1;
        }
        let events = now.events(&self.actor);
        let unsent = u64::from(has_acted && panics && trap.place == Place::Delivery);
        assert!((self.sent - unsent..=self.sent).contains(&sent(&events)), "{what}: {events:?}");
        let records = u64::from(has_acted && trap.action == Action::Records);
        assert_eq!(now.set(&self.facts).trapped, records, "{what}");
        let is_merged = matches!(kind, Kind::Merged | Kind::MergedLoose);
        if is_merged {
            assert_eq!(events[kind].dropped, 0, "{what}");
        }
        if !panics || !has_acted {
            assert_eq!(events[kind].lost, 0, "{what}");
        }
        drop(now);
        self.go_on(&what);
        has_acted
    }

    /// Checks that the actor still works: three more events are applied as usual.
    fn go_on(&mut self, what: &str) {
        self.actor.restart(Sum(0));
        let before = self.tick(what).events(&self.actor);
        (0..3).for_each(|key| self.actor.sender().send(Item::new(Kind::Merged, key)));
        let now = self.tick(what);
        let events = now.events(&self.actor);
        assert_eq!(events[Kind::Merged].applied, before[Kind::Merged].applied + 3, "{what}");
        assert_eq!((now.state(&self.actor).0, now.failure(&self.actor)), (3, None), "{what}");
        assert_eq!(LIVE.get(), 0, "{what}: events, keys or captures are left");
    }
}

#[test]
fn whatever_the_users_code_does_the_account_adds_up_and_all_goes_on() {
    let passes = if cfg!(miri) { 2 } else { 30 };
    let mut idle = Vec::new();
    for place in PLACES {
        for action in ACTIONS {
            let mut acted = 0;
            for kind in KINDS {
                for passes in 0..passes {
                    let trap = Trap { place, action, passes };
                    let mut has_acted = false;
                    silently(|| has_acted = Scene::new().run(kind, trap));
                    if !has_acted {
                        break;
                    }
                    acted += 1;
                }
            }
            if acted == 0 {
                idle.push((place, action));
            }
        }
    }
    assert_eq!(idle, [], "these were never reached");
}

// If nothing panics, every event sent arrives, merged or not.
#[test]
fn what_is_sent_from_inside_arrives() {
    for place in PLACES {
        for passes in 0..4 {
            let mut scene = Scene::new();
            TRAP.set(Some(Trap { place, action: Action::Sends, passes }));
            let sender = scene.actor.sender();
            (0..8).for_each(|n| sender.send(Item::new(Kind::MergedLoose, n % 2)));
            scene.tick("sends");
            let is_armed = TRAP.take().is_some();
            let now = scene.tick("sends");
            let sent = if is_armed { 8 } else { 9 };
            assert_eq!(now.events(&scene.actor)[Kind::MergedLoose].sent, sent, "{place:?}");
            assert_eq!(now.state(&scene.actor).0, sent, "{place:?} after {passes}");
        }
    }
}
