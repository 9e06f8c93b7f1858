//! Snapshots as a stream: the newest each time, on any runtime, and nothing left behind.

use futures_core::Stream;
use futures_util::{FutureExt, StreamExt};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use tallybook::reader::Snapshots;
use tallybook::{Collector, Counter, Registry, Set, Stats};

/// What is read.
#[derive(Stats)]
struct Hits {
    hits: Counter,
}

fn hits() -> (Registry, Set<Hits>, Collector) {
    let registry = Registry::new();
    let hits = registry.set("hits").unwrap();
    let collector = registry.collector().unwrap();
    (registry, hits, collector)
}

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// The epoch that a stream gives when it is polled once.
fn poll(stream: &mut Snapshots, waker: &Waker) -> Option<u64> {
    match Pin::new(stream).poll_next(&mut Context::from_waker(waker)) {
        Poll::Ready(snapshot) => Some(snapshot.expect("there is a collector").epoch()),
        Poll::Pending => None,
    }
}

#[test]
fn who_is_slow_sees_the_newest_and_no_queue() {
    let (registry, _, mut collector) = hits();
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(woken.clone());
    let mut stream = registry.reader().stream(0);
    assert_eq!(poll(&mut stream, &waker), None);
    assert_eq!(poll(&mut stream, &waker), None);
    (0..5).for_each(|_| drop(collector.tick()));
    assert!(woken.0.load(SeqCst) >= 1);
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
    let wakers = [(); 2].map(|()| Arc::new(Woken::default()));
    let mut stream = registry.reader().stream(0);
    for woken in &wakers {
        assert_eq!(poll(&mut stream, &Waker::from(woken.clone())), None);
    }
    collector.tick();
    assert_eq!(wakers.map(|woken| woken.0.load(SeqCst)), [0, 1]);
}

#[test]
fn a_stream_that_is_dropped_while_it_waits_leaves_nothing() {
    let (registry, _, mut collector) = hits();
    let woken = Arc::new(Woken::default());
    for _ in 0..100 {
        let mut stream = registry.reader().stream(0);
        assert_eq!(poll(&mut stream, &Waker::from(woken.clone())), None);
    }
    assert_eq!(Arc::strong_count(&woken), 1);
    collector.tick();
    assert_eq!(woken.0.load(SeqCst), 0);
}

#[test]
fn it_ends_where_nobody_collects_and_goes_on_with_the_next_collector() {
    let end = |stream: &mut Snapshots| stream.next().now_or_never().expect("it does not wait");
    assert!(end(&mut Registry::disabled().reader().stream(0)).is_none());
    let registry = Registry::new();
    let mut stream = registry.reader().stream(0);
    assert!(end(&mut stream).is_none());
    let collector = registry.collector().unwrap();
    let woken = Arc::new(Woken::default());
    assert_eq!(poll(&mut stream, &Waker::from(woken.clone())), None);
    drop(collector);
    assert!(woken.0.load(SeqCst) >= 1);
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
