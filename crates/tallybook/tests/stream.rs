//! Snapshots as a stream: each item is the newest snapshot, on any runtime, and nothing leaks.

#[path = "support/hits.rs"]
mod hits;
#[path = "support/wakes.rs"]
mod wakes;

use futures_core::Stream;
use futures_util::{FutureExt, StreamExt};
use hits::{Hits, hits};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tallybook::reader::Snapshots;
use tallybook::{Registry, Set};
use wakes::Wakes;

/// Polls a stream once, and returns the epoch of its item.
fn poll(stream: &mut Snapshots, waker: &Waker) -> Option<u64> {
    match Pin::new(stream).poll_next(&mut Context::from_waker(waker)) {
        Poll::Ready(snapshot) => Some(snapshot.expect("there is a collector").epoch()),
        Poll::Pending => None,
    }
}

#[test]
fn who_is_slow_sees_the_newest_and_no_queue() {
    let (registry, _, mut collector) = hits();
    let wakes = Wakes::new();
    let waker = wakes.waker();
    let mut stream = registry.reader().stream(0);
    assert_eq!(poll(&mut stream, &waker), None);
    assert_eq!(poll(&mut stream, &waker), None);
    (0..5).for_each(|_| drop(collector.tick()));
    assert!(wakes.count() >= 1);
    assert_eq!(poll(&mut stream, &waker), Some(5));
    assert_eq!(poll(&mut stream, &waker), None);
    collector.tick();
    assert_eq!(poll(&mut stream, &waker), Some(6));
    assert_eq!(poll(&mut registry.reader().stream(6), &waker), None);
    assert_eq!(poll(&mut registry.reader().stream(5), &waker), Some(6));
}

#[test]
fn each_task_that_polls_is_the_one_that_is_woken() {
    let (registry, _, mut collector) = hits();
    let tasks = [(); 2].map(|()| Wakes::new());
    let mut stream = registry.reader().stream(0);
    for wakes in &tasks {
        assert_eq!(poll(&mut stream, &wakes.waker()), None);
    }
    collector.tick();
    assert_eq!(tasks.map(|wakes| wakes.count()), [0, 1]);
}

#[test]
fn a_stream_that_is_dropped_while_it_waits_leaves_nothing() {
    let (registry, _, mut collector) = hits();
    let wakes = Wakes::new();
    for _ in 0..100 {
        let mut stream = registry.reader().stream(0);
        assert_eq!(poll(&mut stream, &wakes.waker()), None);
    }
    assert_eq!(Arc::strong_count(&wakes), 1);
    collector.tick();
    assert_eq!(wakes.count(), 0);
}

#[test]
fn it_ends_where_nobody_collects_and_goes_on_with_the_next_collector() {
    let end = |stream: &mut Snapshots| stream.next().now_or_never().expect("it does not wait");
    assert!(end(&mut Registry::disabled().reader().stream(0)).is_none());
    let registry = Registry::new();
    let mut stream = registry.reader().stream(0);
    assert!(end(&mut stream).is_none());
    let collector = registry.collector().unwrap();
    let wakes = Wakes::new();
    assert_eq!(poll(&mut stream, &wakes.waker()), None);
    drop(collector);
    assert!(wakes.count() >= 1);
    // What was published last is seen before the end.
    assert_eq!(end(&mut stream).map(|last| last.epoch()), Some(1));
    assert!(end(&mut stream).is_none());
    let mut collector = registry.collector().unwrap();
    collector.tick();
    assert_eq!(end(&mut stream).map(|next| next.epoch()), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_follow_a_collector_that_ticks_on() {
    const TICKS: u64 = 2000;
    let (registry, hits, mut collector) = hits();
    let follow = |registry: Registry, hits: Set<Hits>| async move {
        let mut stream = registry.reader().stream(0);
        let mut last = 0;
        while last < TICKS {
            let snapshot = stream.next().await.expect("there is a collector");
            assert!(snapshot.epoch() > last);
            last = snapshot.epoch();
            assert_eq!(snapshot.set(&hits).hits, last);
        }
    };
    let tasks: Vec<_> =
        (0..4).map(|_| tokio::spawn(follow(registry.clone(), hits.clone()))).collect();
    for _ in 0..TICKS {
        hits.record(|h| h.hits.inc());
        collector.tick();
    }
    for task in tasks {
        task.await.unwrap();
    }
}
