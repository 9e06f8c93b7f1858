//! [`Action`]: what user code does at a place.

use super::hook::pass;
use super::place::{Place, variants};
use super::user::{KINDS, Kind, Note, Notes, Numbers, Passing};
use super::world::{ALL_KEYS, Guard, World, pop};
use futures_util::FutureExt;
use std::future::IntoFuture;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tallybook::event::Close;
use tallybook::registry::Totals;
use tallybook::{Counter, ManualClock, Registry, Set, Stats};

variants! {
    /// Something done with a world.
    Action {
        Nothing,
        Record,
        RecordOther,
        RecordHeld,
        /// Looks a key up, and records on its entry.
        Enter,
        Hold,
        LetGo,
        CloneEntry,
        OpenBorrowed,
        OpenTimed,
        Keep,
        KeepOnEntry,
        KeepTimed,
        DropGuard,
        Send,
        SendWith,
        /// Sends more events of each kind than its queue holds.
        Flood,
        Count,
        CountOnEntry,
        AskAndForget,
        AskAndKeep,
        Await,
        Restart,
        SwitchOff,
        SwitchOn,
        /// Registers an actor, sends to it and closes it.
        CloseDraining,
        CloseDropping,
        Latest,
        ReadSets,
        ReadFamily,
        ReadEvents,
        ReadWindows,
        KeepSnapshot,
        DropSnapshots,
        Cached,
        Next,
        Stream,
        Track,
        Json,
        Debug,
        RegisterSet,
        RegisterFamily,
        RegisterTaken,
        Observe,
        Unregister,
        UnregisterHeld,
        AskCollector,
        ReplaceCollector,
        Tick,
        Pump,
        OwnRegistry,
        Ticker,
        CollectorStats,
        DropReducer,
    }
}

/// How many things may be registered in a world, because each makes ticks longer.
const MAX_REGISTERED: u64 = 24;

impl World {
    pub fn act(self: &Arc<Self>, action: Action, pick: u32) {
        use Action::*;
        let kind = KINDS[pick as usize % KINDS.len()];
        match action {
            Nothing => {}
            Record => self.set.record(|numbers| Self::note(numbers, &self.ledger.set, pick)),
            RecordOther => {
                self.other.record(|numbers| Self::note(numbers, &self.ledger.other, pick));
            }
            RecordHeld => {
                if let Some(entry) = self.held(pick) {
                    entry.record(|numbers| Self::note(numbers, &self.ledger.family, pick));
                }
            }
            Enter => {
                if let Some(entry) = self.enter(pick) {
                    entry.record(|numbers| Self::note(numbers, &self.ledger.family, pick));
                }
            }
            Hold => drop(self.hold(pick)),
            LetGo => drop(pop(&self.entries)),
            CloneEntry => {
                if let Some(entry) = self.held(pick) {
                    drop(tallybook::Entry::clone(&entry));
                }
            }
            OpenBorrowed | OpenTimed | Keep | KeepOnEntry | KeepTimed | DropGuard => {
                self.act_on_guards(action, pick);
            }
            Send => self.send(Note::new(kind, pick)),
            SendWith => {
                // A kind for which the number of events accepted is unknown.
                self.ledger.sent[super::ledger::SWITCHED].around(|| {
                    self.sender.send_with(Kind::Switched, || Note::new(Kind::Switched, pick));
                });
            }
            Flood => KINDS.into_iter().for_each(|kind| self.flood(kind, pick)),
            Count => self.set.count(&Note::new(kind, pick)),
            CountOnEntry => {
                if let Some(entry) = self.held(pick) {
                    entry.count(&Note::new(kind, pick));
                }
            }
            AskAndForget | AskAndKeep | Await | Restart | SwitchOff | SwitchOn | CloseDraining
            | CloseDropping => self.act_on_actor(action, pick),
            Latest | ReadSets | ReadFamily | ReadEvents | ReadWindows | KeepSnapshot
            | DropSnapshots | Cached | Next | Stream | Track | Json | Debug => {
                self.read(action, pick);
            }
            RegisterSet | RegisterFamily | RegisterTaken | Observe | Unregister
            | UnregisterHeld => self.register(action, pick),
            AskCollector => {
                if self.collector.try_lock().is_ok_and(|collector| collector.is_some()) {
                    // There is a collector, now or again.
                    drop(self.registry.collector().map(drop));
                }
            }
            ReplaceCollector => self.replace_collector(),
            Tick => drop(self.tick()),
            Pump => self.close_epoch(),
            OwnRegistry => own_registry(),
            Ticker => {
                let registry = Registry::builder().patience(Duration::ZERO).build();
                let set = registry.set::<One>("one").unwrap();
                let ticker = registry.collect_every(Duration::from_secs(3600)).unwrap();
                set.record(|one| one.count.inc());
                ticker.stop().unwrap();
                assert_eq!(registry.reader().latest().set(&set).count, 1);
            }
            CollectorStats => self.registry.collector_stats().record(|_| ()),
            DropReducer => {
                self.actor.restart(Notes::new(&self.ledger));
                self.actor.restart(Notes::new(&self.ledger));
            }
        }
    }

    fn act_on_guards(&self, action: Action, pick: u32) {
        let ledger = &self.ledger;
        let keep = |guard| self.guards.lock().unwrap().push(guard);
        match action {
            Action::OpenBorrowed => {
                let guard =
                    ledger.set.opened.unless_panics(|| self.set.open_borrowed(Numbers::live));
                ledger.set.closed.unless_panics(|| drop(guard));
            }
            Action::OpenTimed => {
                let Some(entry) = self.held(pick) else { return };
                let ledger = &ledger.family;
                let open = || entry.open_borrowed(Numbers::timed);
                let guard = ledger.timed_opened.unless_panics(open);
                ledger.timed_closed.unless_panics(|| drop(guard));
            }
            Action::Keep => {
                let live: tallybook::metric::LiveField<Numbers> = Numbers::live;
                keep(Guard::Set(ledger.set.opened.unless_panics(|| self.set.open(live))));
            }
            Action::KeepTimed => {
                let timed: tallybook::metric::LiveField<Numbers, tallybook::TimedLive> =
                    Numbers::timed;
                let open = || self.set.open(timed);
                keep(Guard::Timed(ledger.set.timed_opened.unless_panics(open)));
            }
            Action::KeepOnEntry => {
                let Some(entry) = self.hold(pick) else { return };
                let live: tallybook::metric::LiveField<Numbers> = Numbers::live;
                let open = || entry.open(live);
                keep(Guard::Entry(ledger.family.opened.unless_panics(open)));
            }
            _ => {
                if let Some(guard) = pop(&self.guards) {
                    guard.close(self);
                }
            }
        }
    }

    fn act_on_actor(&self, action: Action, pick: u32) {
        let ask = || {
            let capture = Passing(Place::CaptureDrop);
            self.actor.ask(move |_| {
                let _capture = &capture;
                pass(Place::Question);
                Passing(Place::AnswerDrop)
            })
        };
        match action {
            Action::AskAndForget => drop(ask()),
            Action::AskAndKeep => {
                let reply = ask();
                self.replies.lock().unwrap().push(reply);
            }
            Action::Await => {
                if let Some(reply) = pop(&self.replies) {
                    drop(reply.into_future().now_or_never());
                }
            }
            Action::Restart => self.actor.restart(Notes::new(&self.ledger)),
            Action::SwitchOff => self.actor.disable(Kind::Switched),
            Action::SwitchOn => self.actor.enable(Kind::Switched),
            _ => {
                let Some(name) = self.next_name("actor") else { return };
                // Its events are not in the ledger.
                let ledger = Arc::default();
                let actor = self.registry.actor(&name, Notes::new(&ledger)).unwrap();
                actor.sender().send(Note::new(Kind::Newest, pick));
                let how = if action == Action::CloseDropping { Close::Drop } else { Close::Drain };
                actor.close(how);
                actor.sender().send(Note::new(Kind::Merged, pick));
            }
        }
    }

    fn read(&self, action: Action, pick: u32) {
        use std::hint::black_box;
        let reader = self.registry.reader();
        let latest = reader.latest();
        match action {
            Action::ReadSets => _ = black_box((latest.set(&self.set), latest.set(&self.other))),
            Action::ReadFamily => {
                let family = latest.family(&self.family);
                for key in 0..ALL_KEYS {
                    let key = super::user::Key(key);
                    _ = black_box((family.get(&key), family.created_at(&key)));
                }
                black_box((family.iter().count(), family.changed().count(), family.len()));
                black_box((family.total(), family.retired()));
            }
            Action::ReadEvents => {
                black_box(latest.state(&self.actor).0);
                black_box((latest.events(&self.actor), latest.failure(&self.actor)));
            }
            Action::ReadWindows => {
                let last = latest.window(Duration::from_secs(1));
                _ = black_box((last.rates(&self.set), last.set(&self.other)));
                _ = black_box((last.total(&self.family), last.entries(&self.family).count()));
                _ = black_box(last.entry(&self.family, &super::user::Key(pick % ALL_KEYS)));
                _ = black_box(last.events(&self.actor));
                let since = pop(&self.kept).and_then(|kept| latest.since(&kept).ok());
                drop(black_box(since.map(|since| since.set(&self.set))));
            }
            Action::KeepSnapshot => self.kept.lock().unwrap().push(latest),
            Action::DropSnapshots => {
                drop(latest);
                while let Some(snapshot) = pop(&self.kept) {
                    drop(snapshot);
                }
            }
            Action::Cached => _ = black_box(reader.cached().latest().epoch()),
            Action::Next => drop(pin!(reader.next(latest.epoch())).now_or_never()),
            Action::Stream => {
                let mut stream = reader.stream(0);
                drop(futures_util::StreamExt::next(&mut stream).now_or_never());
            }
            Action::Track => _ = black_box(self.tracker.update().rates(&self.set)),
            Action::Json => self.write_json(),
            Action::Debug => {
                let entry = self.held(pick);
                let all = (&self.registry, &self.set, &self.family, &self.actor, &self.sender);
                assert!(!format!("{all:?} {entry:?} {reader:?} {latest:?}").is_empty());
            }
            _ => {}
        }
    }

    fn register(&self, action: Action, pick: u32) {
        let registry = &self.registry;
        match action {
            Action::RegisterSet => {
                let Some(name) = self.next_name("set") else { return };
                let set: Set<One> = registry.set(&name).unwrap();
                set.record(|one| one.count.inc());
            }
            Action::RegisterFamily => {
                let Some(name) = self.next_name("family") else { return };
                let family = registry.family::<u32, One>(&name, "n").unwrap();
                let entry = family.entry(pick).unwrap();
                entry.record(|one| one.count.inc());
            }
            Action::Observe => {
                let Some(name) = self.next_name("observed") else { return };
                let last = pick.into();
                drop(registry.observe(&name, move |one: &One| one.count.add(last)).unwrap());
            }
            Action::Unregister => {
                let totals = if pick.is_multiple_of(2) { Totals::Keep } else { Totals::Drop };
                for n in 0..self.registered.load(SeqCst) {
                    for what in ["set", "family", "observed"] {
                        let _may_be_held_or_gone =
                            registry.unregister(&format!("{what}_{n}"), totals);
                    }
                }
            }
            Action::UnregisterHeld => {
                for name in ["set", "peer", "notes", "observed", "tallybook"] {
                    registry.unregister(name, Totals::Drop).unwrap_err();
                }
            }
            _ => drop(registry.set::<One>("set").unwrap_err()),
        }
    }

    pub fn next_name(&self, what: &str) -> Option<String> {
        let n = self.registered.fetch_add(1, SeqCst);
        (n < MAX_REGISTERED).then(|| format!("{what}_{n}"))
    }
}

#[derive(Stats)]
struct One {
    count: Counter,
}

/// Creates a registry, and counts one fact in it.
fn own_registry() {
    let clock = Arc::new(ManualClock::new());
    let registry = Registry::builder().clock(clock).patience(Duration::ZERO).build();
    let set = registry.set::<One>("one").unwrap();
    let mut collector = registry.collector().unwrap();
    set.record(|one| one.count.inc());
    assert_eq!(collector.tick().set(&set).count, 1);
}
