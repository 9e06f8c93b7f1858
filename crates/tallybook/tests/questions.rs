//! Questions that are cancelled: they and what they captured are dropped at once, with or without a
//! collector.

#[path = "support/idle.rs"]
mod idle;
#[path = "support/poll.rs"]
mod poll;

use idle::Idle;
use poll::poll_once;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;
use tallybook::event::NoReply;
use tallybook::{Actor, Collector, Registry};

fn actor() -> (Registry, Actor<Idle>, Collector) {
    let registry = Registry::new();
    let actor = registry.actor("idle", Idle).unwrap();
    let collector = registry.collector().unwrap();
    (registry, actor, collector)
}

#[test]
fn what_was_captured_goes_with_the_reply() {
    let (_registry, actor, mut collector) = actor();
    let captured = Arc::new(());
    let ask = || {
        let captured = captured.clone();
        actor.ask(move |_| Arc::strong_count(&captured))
    };
    drop(ask());
    assert_eq!(Arc::strong_count(&captured), 1);
    assert_eq!(ask().wait(Duration::ZERO), Err(NoReply::TimedOut));
    assert_eq!(Arc::strong_count(&captured), 1);
    let mut waiting = ask().into_future();
    assert!(poll_once(waiting.as_mut()).is_pending());
    drop(waiting);
    assert_eq!(Arc::strong_count(&captured), 1);
    // A question whose reply is kept is answered.
    let kept = ask();
    assert_eq!(Arc::strong_count(&captured), 2);
    collector.close_epoch();
    assert_eq!(kept.wait(Duration::ZERO), Ok(2));
    assert_eq!(Arc::strong_count(&captured), 1);
}

#[test]
fn it_is_dropped_where_its_reply_is() {
    /// Tells which thread drops it.
    struct Tell(std::sync::mpsc::Sender<thread::ThreadId>);
    impl Drop for Tell {
        fn drop(&mut self) {
            // The test may be over.
            let _ = self.0.send(thread::current().id());
        }
    }
    let (_registry, actor, _collector) = actor();
    let (tell, told) = std::sync::mpsc::channel();
    let tell = Tell(tell);
    let asked = actor.ask(move |_| drop(tell));
    let dropping = thread::spawn(move || drop(asked));
    let thread = dropping.thread().id();
    dropping.join().unwrap();
    assert_eq!(told.try_recv(), Ok(thread));
}

// According to the collector's memory gauge, which includes the list of requests.
#[test]
fn the_list_of_questions_does_not_grow_by_those_that_were_taken_back() {
    let count = if cfg!(miri) { 200 } else { 100_000 };
    let (registry, actor, mut collector) = actor();
    let kept: Vec<_> = (0..10).map(|_| actor.ask(|_| 7)).collect();
    (0..count).for_each(|_| drop(actor.ask(|_| 7)));
    let before = memory(&registry, &mut collector);
    (0..count).for_each(|_| drop(actor.ask(|_| 7)));
    let more = memory(&registry, &mut collector) - before;
    assert!(more.abs() < 4096, "{more} bytes");
    assert!(kept.into_iter().all(|asked| asked.wait(Duration::ZERO) == Ok(7)));
}

fn memory(registry: &Registry, collector: &mut Collector) -> i64 {
    let now = collector.tick();
    now.set(&registry.collector_stats()).memory.expect("it is set at each tick")
}

// A capture that asks another question or restarts the actor as it is dropped: no lock is held
// then.
#[test]
fn what_is_captured_may_come_back_as_it_is_dropped() {
    struct Again(Actor<Idle>);
    impl Drop for Again {
        fn drop(&mut self) {
            (0..10).for_each(|_| drop(self.0.ask(|_| ())));
            self.0.restart(Idle);
        }
    }
    let (_registry, actor, mut collector) = actor();
    for _ in 0..50 {
        let again = Again(actor.clone());
        drop(actor.ask(move |_| drop(again)));
    }
    let again = Again(actor.clone());
    let asked = actor.ask(move |_| drop(again));
    // An answer whose `Drop` does the same, and whose reply is dropped.
    let again = Again(actor.clone());
    let unwanted = actor.ask(move |_| again);
    collector.tick();
    drop(unwanted);
    assert_eq!(asked.wait(Duration::ZERO), Ok(()));
    collector.tick();
    let asked = actor.ask(|_| 7);
    collector.tick();
    assert_eq!(asked.wait(Duration::ZERO), Ok(7));
}

#[test]
fn an_answer_that_comes_too_late_is_dropped_with_the_question() {
    let (_registry, actor, mut collector) = actor();
    let (inside, taken_back) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let value = Arc::new(());
    let asked = actor.ask({
        let (inside, taken_back, value) = (inside.clone(), taken_back.clone(), value.clone());
        move |_| {
            inside.wait();
            taken_back.wait();
            value
        }
    });
    let collecting = thread::spawn(move || drop(collector.tick()));
    inside.wait();
    drop(asked);
    taken_back.wait();
    collecting.join().unwrap();
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn nobody_answers_when_the_registry_is_gone() {
    let (registry, actor, collector) = actor();
    drop(collector);
    let before = actor.ask(|_| 7);
    drop(registry);
    assert_eq!(before.wait(Duration::from_secs(3600)), Err(NoReply::Gone));
    assert_eq!(actor.ask(|_| 7).wait(Duration::from_secs(3600)), Err(NoReply::Gone));
    let captured = Arc::new(());
    let kept = actor.ask({
        let captured = captured.clone();
        move |_| drop(captured)
    });
    assert_eq!(Arc::strong_count(&captured), 1);
    drop(kept);
}
