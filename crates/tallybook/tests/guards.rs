//! Guards of live counts: however they end, each counts one opening and one closing.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use tallybook::metric::LiveCount;
use tallybook::{
    Collector, Counter, Family, Label, Live, PerLabel, Registry, Set, Snapshot, Stats,
};
use tokio::sync::oneshot;

/// A relay.
#[derive(Stats)]
struct Relay {
    sessions: Live,
    by_role: PerLabel<Role, Sessions>,
    closed_in_handler: Counter,
}

/// Sessions of a role.
#[derive(Stats)]
struct Sessions {
    live: Live,
}

/// What a session does.
#[derive(Clone, Copy, Label)]
enum Role {
    Publisher,
    Subscriber,
}

fn relay() -> (Set<Relay>, Family<u32, Relay>, Collector) {
    let registry = Registry::new();
    let relay = registry.set("relay").unwrap();
    let peers = registry.family("peer", "n").unwrap();
    let collector = registry.collector().unwrap();
    (relay, peers, collector)
}

fn sessions(cut: &Snapshot, relay: &Set<Relay>) -> (u64, u64) {
    let LiveCount { opened, closed } = cut.set(relay).sessions;
    (opened, closed)
}

#[test]
fn a_guard_may_close_on_another_thread() {
    let (relay, peers, mut collector) = relay();
    let (to, from) = channel();
    let closer = thread::spawn(move || from.into_iter().count());
    for n in 1..=10_u32 {
        to.send((relay.open(Relay::sessions), peers.entry(n).unwrap().open(Relay::sessions)))
            .unwrap();
        let cut = collector.tick();
        let (set, family) = (cut.set(&relay).sessions, cut.family(&peers).total().sessions);
        assert_eq!((set.opened, family.opened), (u64::from(n), u64::from(n)));
        assert!(set.live() >= 0 && family.live() >= 0);
    }
    drop(to);
    assert_eq!(closer.join().unwrap(), 10);
    let cut = collector.tick();
    assert_eq!(sessions(&cut, &relay), (10, 10));
    assert_eq!(cut.family(&peers).total().sessions, LiveCount { opened: 10, closed: 10 });
    assert!(collector.tick().family(&peers).is_empty());
}

#[test]
fn borrowed_guards_and_those_of_nested_fields_close_too() {
    let (relay, peers, mut collector) = relay();
    let entry = peers.entry(1).unwrap();
    let publisher = relay.open(|r: &Relay| &r.by_role[Role::Publisher].live);
    let borrowed = relay.open_borrowed(|r: &Relay| &r.by_role[Role::Subscriber].live);
    let of_entry = entry.open_borrowed(Relay::sessions);
    let cut = collector.tick();
    assert_eq!(cut.set(&relay).by_role[Role::Publisher].live.live(), 1);
    assert_eq!(cut.set(&relay).by_role[Role::Subscriber].live.live(), 1);
    assert_eq!(cut.family(&peers).get(&1).unwrap().sessions.live(), 1);
    drop((publisher, borrowed, of_entry));
    let cut = collector.tick();
    assert_eq!(cut.set(&relay).by_role[Role::Publisher].live, LiveCount { opened: 1, closed: 1 });
    assert_eq!(cut.set(&relay).by_role[Role::Subscriber].live.live(), 0);
    assert_eq!(cut.family(&peers).get(&1).unwrap().sessions.live(), 0);
}

#[test]
fn a_guard_holds_its_entry() {
    let (_, peers, mut collector) = relay();
    let guard = peers.entry(1).unwrap().open(Relay::sessions);
    (0..5).for_each(|_| assert_eq!(collector.tick().family(&peers).len(), 1));
    drop(guard);
    assert_eq!(collector.tick().family(&peers).get(&1).unwrap().sessions.live(), 0);
    assert!(collector.tick().family(&peers).is_empty());
}

#[test]
fn a_panic_closes_the_guards_that_it_unwinds_through() {
    let (relay, _, mut collector) = relay();
    let thread = thread::spawn({
        let relay = relay.clone();
        move || {
            let _session = relay.open(Relay::sessions);
            std::panic::resume_unwind(Box::new("over"));
        }
    });
    assert!(thread.join().is_err());
    assert_eq!(sessions(&collector.tick(), &relay), (1, 1));
}

// sui#27581 (24,034 in flight and never closed), rustfs#4583 (closed twice).
#[tokio::test]
async fn a_guard_in_a_cancelled_future_closes_exactly_once() {
    let (relay, peers, mut collector) = relay();
    let (begun, has_begun) = oneshot::channel();
    let task = tokio::spawn({
        let (relay, peer) = (relay.clone(), peers.entry(1).unwrap());
        async move {
            let _guards = (relay.open(Relay::sessions), peer.open(Relay::sessions));
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
            relay.record(|r| r.closed_in_handler.inc());
        }
    });
    has_begun.await.unwrap();
    assert_eq!(sessions(&collector.tick(), &relay), (1, 0));
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let cut = collector.tick();
    assert_eq!(sessions(&cut, &relay), (1, 1));
    assert_eq!(cut.set(&relay).closed_in_handler, 0);
    assert_eq!(cut.family(&peers).total().sessions, LiveCount { opened: 1, closed: 1 });
}

#[tokio::test]
async fn a_guard_in_the_branch_that_select_drops_closes_exactly_once() {
    let (relay, _, mut collector) = relay();
    for round in 1..=10 {
        let (win, won) = oneshot::channel();
        let session = async {
            let _session = relay.open(Relay::sessions);
            win.send(()).unwrap();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = session => unreachable!("it never ends"),
            done = won => done.unwrap(),
        }
        assert_eq!(sessions(&collector.tick(), &relay), (round, round));
    }
}

#[cfg_attr(miri, ignore = "a runtime with threads is too slow there")]
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn tasks_that_move_and_are_aborted_at_any_point_close_exactly_once() {
    let (relay, peers, mut collector) = relay();
    let begun = Arc::new(tokio::sync::Semaphore::new(0));
    let tasks: Vec<_> = (0..200_u32)
        .map(|n| {
            let (relay, peers, begun) = (relay.clone(), peers.clone(), begun.clone());
            tokio::spawn(async move {
                let session = relay.open(Relay::sessions);
                begun.add_permits(1);
                for _ in 0..n % 7 {
                    tokio::task::yield_now().await;
                    let _inner = peers.entry(n % 5).unwrap().open(Relay::sessions);
                    tokio::task::yield_now().await;
                }
                drop(session);
            })
        })
        .collect();
    let _begun = begun.acquire_many(100).await.unwrap();
    for task in &tasks {
        task.abort();
        let cut = collector.tick();
        assert!(cut.set(&relay).sessions.live() >= 0);
        assert!(cut.family(&peers).total().sessions.live() >= 0);
    }
    for task in tasks {
        let ended = task.await;
        assert!(ended.is_ok() || ended.unwrap_err().is_cancelled());
    }
    collector.tick();
    let cut = collector.tick();
    assert!(cut.set(&relay).sessions.opened >= 100);
    assert_eq!(cut.set(&relay).sessions.live(), 0);
    assert_eq!(cut.family(&peers).total().sessions.live(), 0);
    collector.tick();
    assert!(collector.tick().family(&peers).is_empty());
}
