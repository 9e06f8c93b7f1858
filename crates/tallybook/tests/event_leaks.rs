//! What is sent, asked and waited for leaves no memory behind, whatever is cut short: by the allocator's count.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;
use tallybook::event::{Close, NoReply};
use tallybook::{Actor, Event, Label, Reducer, Registry};

static IN_USE: AtomicIsize = AtomicIsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: all of it is the system's allocator, with a count beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

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

/// Holds on to the last of them; does not like 13.
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
    send_much(&actor); // for nobody
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
    let mut context = Context::from_waker(Waker::noop());
    for round in 0..100 {
        let owned = "what a question owns, and the answer".repeat(4);
        let mut asked = actor.ask(move |_| owned).into_future();
        assert!(asked.as_mut().poll(&mut context).is_pending());
        if round % 2 == 0 {
            drop(asked); // while it waits
            collector.close_epoch();
        } else {
            collector.close_epoch();
            drop(asked); // answered, and nobody looks
        }
        drop(actor.ask(|_| unreachable!("taken back before it was put")));
    }
}

fn subscribers_go() {
    let (registry, actor) = actor();
    let mut collector = registry.collector().unwrap();
    let reader = registry.reader();
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        let epoch = reader.latest().epoch();
        let never_read = reader.stream(epoch);
        let mut next = Box::pin(reader.next(epoch));
        assert!(next.as_mut().poll(&mut context).is_pending());
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
    // Under the actor, while somebody sends, and somebody else asks.
    let asking = runtime.spawn(actor.ask(|_| ()).into_future());
    runtime.shutdown_timeout(Duration::from_secs(60));
    sending.join().unwrap();
    drop(asking);
    // Another collector goes on where it ended; it may have to wait until the runtime has let go of the first.
    let mut collector = loop {
        match registry.collector() {
            Ok(collector) => break collector,
            Err(_) => thread::yield_now(),
        }
    };
    send_much(&actor);
    let now = collector.tick();
    for (kind, e) in &now.events(&actor) {
        let name = kind.value();
        assert_eq!(e.sent, e.applied + e.coalesced + e.dropped + e.lost, "{name}: {e:?}");
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
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {})); // those that are meant
    let left = scenes.map(|(name, scene)| {
        // In a thread of its own, whose end gives back what the thread had.
        let run = || thread::spawn(scene).join().is_ok();
        // A leak leaves something behind each time. What is made once in a process does so in one round, or two.
        let round = || {
            let before = IN_USE.load(Relaxed);
            (0..5).all(|_| run()).then(|| IN_USE.load(Relaxed) - before)
        };
        (name, (0..8).map(|_| round()).collect::<Option<Vec<_>>>())
    });
    std::panic::set_hook(print);
    for (name, left) in left {
        let left = left.unwrap_or_else(|| panic!("{name}: it panicked"));
        assert!(
            left.contains(&0),
            "{name}: five runs leave so many bytes behind, each time: {left:?}"
        );
    }
}
