//! Events, questions and subscriptions leak no memory, wherever they are interrupted, as counted by
//! the allocator.

#[path = "support/account.rs"]
mod account;
#[path = "support/counting_allocator.rs"]
mod counting_allocator;
#[path = "support/panics.rs"]
mod panics;
#[path = "support/poll.rs"]
mod poll;

use account::check_account;
use counting_allocator::bytes_in_use;
use panics::silently;
use poll::poll_once;
use std::thread;
use std::time::Duration;
use tallybook::event::{Close, NoReply};
use tallybook::{Actor, Event, Label, Reducer, Registry};

/// Events that own memory, one of each way of delivery.
#[derive(Event)]
#[event(overflow = "coalesce")]
enum Happening {
    Said(#[event(key)] u8, String),
    #[event(unordered, overflow = "drop_oldest")]
    Heard(String),
    #[event(overflow = "drop_newest")]
    Seen(String),
}

fn happenings(n: u8) -> [Happening; 3] {
    let text = || "a text that is too long to be anywhere but on the heap".repeat(2);
    [Happening::Said(n, text()), Happening::Heard(text()), Happening::Seen(text())]
}

/// Keeps the last event, and panics at number 13.
#[derive(Default)]
struct Last(Option<Happening>);

impl Reducer for Last {
    type Event = Happening;
    type Snapshot = Option<String>;
    fn apply(&mut self, event: Happening, _: Duration) {
        assert!(!matches!(event, Happening::Said(13, _)), "an unlucky event");
        self.0 = Some(event);
    }
    fn snapshot(&self) -> Option<String> {
        self.0.as_ref().map(|last| match last {
            Happening::Said(_, text) | Happening::Heard(text) | Happening::Seen(text) => {
                text.clone()
            }
        })
    }
}

/// A registry with an actor whose queues hold 8 of a kind.
fn actor() -> (Registry, Actor<Last>) {
    let registry = Registry::new();
    let actor = registry.actor_builder("last").capacity(8).register(Last::default()).unwrap();
    (registry, actor)
}

fn send_much(actor: &Actor<Last>) {
    let sender = actor.sender();
    (0..40).for_each(|n| happenings(n % 12).into_iter().for_each(|event| sender.send(event)));
}

fn collectors_gone() {
    let (registry, actor) = actor();
    let mut collector = registry.collector().unwrap();
    send_much(&actor);
    collector.tick();
    send_much(&actor);
    let question = actor.ask(|last| last.0.is_some());
    drop(collector); // takes the last cut
    assert_eq!(question.wait(Duration::from_secs(60)), Ok(true));
    send_much(&actor); // never collected
    assert_eq!(actor.ask(|_| ()).wait(Duration::ZERO), Err(NoReply::TimedOut));
}

fn reducers_panic() {
    let (registry, actor) = actor();
    let mut collector = registry.collector().unwrap();
    send_much(&actor);
    happenings(13).into_iter().for_each(|event| actor.sender().send(event));
    let question = actor.ask(|last| last.0.is_some());
    assert!(collector.tick().failure(&actor).is_some());
    assert_eq!(question.wait(Duration::from_secs(60)), Err(NoReply::Gone));
    send_much(&actor);
    actor.restart(Last::default());
    collector.tick();
}

fn actors_close() {
    for how in [Close::Drain, Close::Drop] {
        let (registry, actor) = actor();
        let mut collector = registry.collector().unwrap();
        send_much(&actor);
        actor.close(how);
        send_much(&actor);
        collector.tick();
    }
}

fn questions_are_cancelled() {
    let (registry, actor) = actor();
    let mut collector = registry.collector().unwrap();
    for round in 0..100 {
        let owned = "what a question owns, and the answer".repeat(4);
        let mut asked = actor.ask(move |_| owned).into_future();
        assert!(poll_once(asked.as_mut()).is_pending());
        if round % 2 == 0 {
            drop(asked); // while it waits
            collector.close_epoch();
        } else {
            collector.close_epoch();
            drop(asked); // answered, and not read
        }
        drop(actor.ask(|_| unreachable!("taken back before it was put")));
    }
}

fn subscribers_go() {
    let (registry, actor) = actor();
    let mut collector = registry.collector().unwrap();
    let reader = registry.reader();
    for _ in 0..100 {
        let epoch = reader.latest().epoch();
        let never_read = reader.stream(epoch);
        let mut next = Box::pin(reader.next(epoch));
        assert!(poll_once(next.as_mut()).is_pending());
        drop(next); // while it waits
        send_much(&actor);
        collector.tick();
        drop(never_read);
    }
}

fn runtimes_shut_down() {
    let (registry, actor) = actor();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    let collector = registry.collector().unwrap();
    runtime.spawn(collector.run(Duration::from_millis(1), tokio::time::sleep));
    let sending = thread::spawn({
        let actor = actor.clone();
        move || (0..50).for_each(|_| send_much(&actor))
    });
    let answer = runtime.block_on(actor.ask(|last| last.0.is_some()).into_future());
    assert!(answer.is_ok());
    // While one thread sends and another task asks.
    let asking = runtime.spawn(actor.ask(|_| ()).into_future());
    runtime.shutdown_timeout(Duration::from_secs(60));
    sending.join().unwrap();
    drop(asking);
    // Another collector continues from there. It may have to wait until the runtime has dropped the
    // first.
    let mut collector = loop {
        match registry.collector() {
            Ok(collector) => break collector,
            Err(_) => thread::yield_now(),
        }
    };
    send_much(&actor);
    let now = collector.tick();
    let events = now.events(&actor);
    check_account(&events, "a runtime that shut down");
    for (kind, e) in events.iter() {
        let name = kind.value();
        assert_eq!(e.sent, 51 * 40, "{name}");
    }
}

// One test, because all threads of a process share its allocator.
#[test]
fn nothing_is_left_behind() {
    let scenes: [(&str, fn()); 6] = [
        ("collectors gone", collectors_gone),
        ("reducers panic", reducers_panic),
        ("actors close", actors_close),
        ("questions are cancelled", questions_are_cancelled),
        ("subscribers go", subscribers_go),
        ("runtimes shut down", runtimes_shut_down),
    ];
    let left = silently(|| {
        scenes.map(|(name, scene)| {
            // In a thread of its own: what the thread had is given back when it ends.
            let run = || thread::spawn(scene).join().is_ok();
            // A leak leaves something behind each time. What is allocated once per process is
            // allocated in one round, or in two.
            let round = || {
                let before = bytes_in_use();
                (0..5).all(|_| run()).then(|| bytes_in_use() - before)
            };
            (name, (0..8).map(|_| round()).collect::<Option<Vec<_>>>())
        })
    });
    for (name, left) in left {
        let left = left.unwrap_or_else(|| panic!("{name}: it panicked"));
        assert!(
            left.contains(&0),
            "{name}: five runs leave so many bytes behind, each time: {left:?}"
        );
    }
}
