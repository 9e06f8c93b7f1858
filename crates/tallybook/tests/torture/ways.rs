//! Ways to reach a [`Place`].

use super::hook::{self, Run, caught, pass, throw};
use super::ledger::SWITCHED;
use super::place::Place;
use super::user::{Kind, Note, Notes, Passing, Woken};
use super::world::{ALL_KEYS, World, pop};
use futures_util::FutureExt;
use std::cell::RefCell;
use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use tallybook::Actor;
use tallybook::event::Close;

impl World {
    /// Does something during which this thread passes that place. It may not get there if another
    /// thread has the collector, or if this thread is inside a tick.
    pub fn reach(self: &Arc<Self>, place: Place, pick: u32) {
        use Place::*;
        match place {
            Plain => pass(place),
            SetFact | NestedFact | OtherSetFact | EntryFact => self.reach_fact(place, pick),
            FieldOpens | FieldCloses => self.reach_field(place),
            ClockFact => self.reach_clock(),
            Make => self.ledger.sent[SWITCHED].around(|| {
                self.sender.send_with(Kind::Switched, || {
                    pass(place);
                    Note::new(Kind::Switched, pick)
                });
            }),
            Count => self.set.count(&Note::new(Kind::Newest, pick)),
            Apply | EventDropApplied => {
                self.send(Note::new(Kind::Newest, pick));
                self.tick();
            }
            Show | StateDrop => {
                // The state before the last is dropped if no snapshot keeps it.
                for _ in 0..3 {
                    self.send(Note::new(Kind::Oldest, pick));
                    self.tick();
                }
            }
            PayloadDrop => {
                self.explode(pick);
                self.tick();
            }
            EventKind => self.send(Note::new(Kind::Loose, pick)),
            EventKey | EventKeyHash | EventKeyEq | EventKeyDrop | Coalesce => {
                let kind = if pick.is_multiple_of(2) { Kind::Merged } else { Kind::Loose };
                self.flood(kind, pick % 2);
            }
            EventDropSent => self.reach_event_drop(pick),
            KeyHash | KeyEq | KeyClone | KeyDrop => self.reach_key(place, pick),
            KeyDisplay => {
                let held = hook::disarmed(|| self.hold(pick));
                // With the entry in the snapshot.
                hook::disarmed(|| self.tick());
                self.write_json();
                drop(held);
            }
            Question | CaptureDrop | AnswerDrop | ReplyWaker => self.reach_question(place, pick),
            ReducerDrop => {
                self.actor.restart(Notes::new(&self.ledger));
                self.tick();
            }
            Unwinding => {
                let _ = caught(catch_unwind(AssertUnwindSafe(|| {
                    let _passing = Passing(place);
                    throw();
                })));
            }
            ThreadLocal => self.reach_thread_local(),
            ClockTick | ClockWall | Observe => drop(self.tick()),
            ReaderWaker => self.reach_waker(),
        }
    }

    fn reach_fact(&self, place: Place, pick: u32) {
        let ledger = &self.ledger;
        match place {
            Place::SetFact => self.set.record(|numbers| {
                World::note(numbers, &ledger.set, pick);
                pass(place);
                World::note(numbers, &ledger.set, pick + 1);
            }),
            Place::NestedFact => self.set.record(|outer| {
                World::note(outer, &ledger.set, pick);
                self.set.record(|numbers| {
                    World::note(numbers, &ledger.set, pick);
                    pass(place);
                });
                World::note(outer, &ledger.set, pick + 1);
            }),
            Place::OtherSetFact => self.other.record(|numbers| {
                World::note(numbers, &ledger.other, pick);
                pass(place);
                World::note(numbers, &ledger.other, pick + 1);
            }),
            _ => {
                let Some(entry) = self.hold(pick) else { return };
                entry.record(|numbers| {
                    World::note(numbers, &ledger.family, pick);
                    pass(place);
                    World::note(numbers, &ledger.family, pick + 1);
                });
            }
        }
    }

    fn reach_field(&self, place: Place) {
        let ledger = &self.ledger.other;
        let is_opening = std::cell::Cell::new(true);
        let guard = ledger.opened.unless_panics(|| {
            self.other.open_borrowed(|numbers: &super::user::Numbers| {
                if is_opening.replace(false) == (place == Place::FieldOpens) {
                    pass(place);
                }
                &numbers.live
            })
        });
        ledger.closed.unless_panics(|| drop(guard));
    }

    fn reach_clock(&self) {
        let ledger = &self.ledger.other;
        let open = || self.other.open_borrowed(super::user::Numbers::timed);
        let guard = ledger.timed_opened.unless_panics(open);
        ledger.timed_closed.unless_panics(|| drop(guard));
    }

    fn reach_key(&self, place: Place, pick: u32) {
        // Held, so that there is a key to compare with.
        let held = hook::disarmed(|| self.hold(pick));
        let key = held.as_ref().and_then(|held| held.key()).map_or(pick, |key| key.0);
        if place != Place::KeyClone && pick.is_multiple_of(2) {
            drop(self.enter(key));
            return;
        }
        // Some of them are new; and then they retire.
        (0..ALL_KEYS).for_each(|key| drop(self.enter(key)));
        hook::disarmed(|| {
            drop(held);
            while let Some(entry) = pop(&self.entries) {
                drop(entry);
            }
        });
        (0..4).for_each(|_| drop(self.tick()));
    }

    /// Events that are dropped and not applied.
    fn reach_event_drop(&self, pick: u32) {
        match pick % 4 {
            0 => self.flood(Kind::Newest, pick),
            1 => self.flood(Kind::Oldest, pick),
            2 => {
                // Lost, as the reducer has failed by then.
                self.explode(pick);
                self.send(Note::new(Kind::Oldest, pick));
                self.tick();
            }
            _ => {
                let Some(name) = self.next_name("closed") else { return };
                let actor = self.registry.actor(&name, Notes::new(&Arc::default())).unwrap();
                actor.sender().send(Note::new(Kind::Newest, pick));
                actor.close(Close::Drop);
                self.tick();
            }
        }
    }

    /// Sends an event at which the reducer panics.
    fn explode(&self, pick: u32) {
        let mut note = Note::new(Kind::Newest, pick);
        note.explodes = true;
        self.send(note);
    }

    fn reach_question(&self, place: Place, pick: u32) {
        let capture = Passing(Place::CaptureDrop);
        let ask = |actor: &Actor<Notes>| {
            actor.ask(move |_| {
                let _capture = &capture;
                pass(Place::Question);
                Passing(Place::AnswerDrop)
            })
        };
        let reply = ask(&self.actor);
        if place == Place::ReplyWaker {
            let waker = Waker::from(Arc::new(Woken(place, false.into())));
            let mut answer = pin!(reply.into_future());
            let _ = answer.poll_unpin(&mut Context::from_waker(&waker));
            self.tick();
            return;
        }
        match (place, pick % 4) {
            // Cancelled before it is answered.
            (Place::CaptureDrop, 1) => {
                drop(reply);
                self.tick();
            }
            // Sent to a reducer that has failed.
            (Place::CaptureDrop, 2) => {
                self.explode(pick);
                self.tick();
                drop(reply);
            }
            _ => {
                self.tick();
                drop(reply);
            }
        }
    }

    fn reach_waker(&self) {
        let reader = self.registry.reader();
        let waker = Waker::from(Arc::new(Woken(Place::ReaderWaker, false.into())));
        let mut next = pin!(reader.next(reader.latest().epoch()));
        let _ = next.poll_unpin(&mut Context::from_waker(&waker));
        self.tick();
    }

    /// Runs the step in a new thread, as it ends.
    fn reach_thread_local(self: &Arc<Self>) {
        let Some(hook::Armed { place: Place::ThreadLocal, run, .. }) = hook::replace(None) else {
            return;
        };
        let world = self.clone();
        let fault = Arc::default();
        let late = Late { run: Some(run), panicked: Arc::clone(&fault) };
        let thread = thread::spawn(move || {
            thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
            LATE.set(Some(late));
            // Now or before, so that the destructors run in either order.
            world.set.record(|numbers| World::note(numbers, &world.ledger.set, 1));
        });
        thread.join().expect("it only records");
        if let Some(payload) = fault.lock().unwrap().take() {
            let _ = caught::<()>(Err(payload));
        }
    }

    #[cfg(feature = "serde")]
    pub fn write_json(&self) {
        let text = serde_json::to_string(&*self.registry.reader().latest()).unwrap();
        assert!(text.starts_with('{'));
    }

    #[cfg(not(feature = "serde"))]
    pub fn write_json(&self) {}
}

type Panicked = Arc<std::sync::Mutex<Option<Box<dyn std::any::Any + Send>>>>;

/// Runs something in its destructor, which catches its panics.
struct Late {
    run: Option<Run>,
    panicked: Panicked,
}

impl Drop for Late {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else { return };
        if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
            *self.panicked.lock().unwrap() = Some(payload);
        }
    }
}

/// Resumes a panic that was caught, unless that would abort the process.
pub fn go_on(result: Result<(), ()>) {
    if result.is_err() && !thread::panicking() {
        resume_unwind(Box::new(hook::Boom));
    }
}
