//! A guide by task.
//!
//! - [Count something](#count-something)
//! - [Tell clients apart: families](#tell-clients-apart-families)
//! - [Time something](#time-something)
//! - [Show what is open now](#show-what-is-open-now)
//! - [Gauges, and numbers that live elsewhere](#gauges-and-numbers-that-live-elsewhere)
//! - [Send events to an owner](#send-events-to-an-owner)
//! - [Read: snapshots, windows, rates](#read-snapshots-windows-rates)
//! - [Test your numbers](#test-your-numbers)
//! - [Serve `/stats` and `/snapshot` from axum](#serve-stats-and-snapshot-from-axum)
//! - [Combine registries: reports](#combine-registries-reports)
//! - [Shut down](#shut-down)
//!
//! # Count something
//!
//! A *set* is a struct of metrics that derives [`Stats`](crate::Stats). Register it under a name,
//! and record on the handle from any thread. Everything that one call of
//! [`record`](crate::Set::record) changes is one *fact*: a snapshot holds all of it or nothing. Doc
//! comments become help texts.
//!
//! ```
//! use tallybook::{Counter, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Requests {
//!     /// Requests received.
//!     received: Counter,
//!     /// Size of their bodies.
//!     #[stats(unit = "bytes")]
//!     body: Counter,
//! }
//!
//! let registry = Registry::new();
//! let requests = registry.set::<Requests>("requests")?;
//! let mut collector = registry.collector()?;
//!
//! requests.record(|r| {
//!     r.received.inc();
//!     r.body.add(512);
//! });
//! let counted = collector.tick().set(&requests);
//! assert_eq!((counted.received, counted.body), (1, 512));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This collector is ticked by hand. Most programs start a thread that ticks, with
//! [`Registry::collect_every`](crate::Registry::collect_every), or run the collector as a future,
//! with [`Collector::run`](crate::Collector::run).
//!
//! Read before you record: a fact belongs to the moment at which it begins, so its closure should
//! not learn from other threads. [`Set::record`](crate::Set::record) says why.
//!
//! # Tell clients apart: families
//!
//! If the values are known at compile time, such as routes, directions or status classes, derive
//! [`Label`](crate::Label) for an enum and use a [`PerLabel`](crate::PerLabel) field. If they are
//! known at run time only, such as addresses, paths or users, use a [`Family`](crate::Family): a
//! set per key.
//!
//! **A family forgets a key when nobody holds its entry.** An entry is in snapshots while a handle,
//! a guard or a timer of it exists. After the last one is dropped, the next snapshot still shows
//! the entry, and then it *retires*: the key disappears, and its counts move into the family's
//! retired total. No count is lost, but a request handler that calls
//! `family.entry(key)?.record(..)` and drops the handle shows its client for a tick or two only. So
//! keep the [`Entry`](crate::Entry) for as long as the client should be visible: in its connection
//! or session, or in a map from which you remove clients that have been idle for too long. Keeping
//! it also saves a look-up per fact.
//!
//! ```
//! use std::collections::HashMap;
//! use tallybook::{Counter, Entry, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Client {
//!     requests: Counter,
//! }
//!
//! let registry = Registry::new();
//! let clients = registry.family::<String, Client>("client", "addr")?;
//! let mut collector = registry.collector()?;
//! let mut recent: HashMap<String, Entry<String, Client>> = HashMap::new();
//!
//! for addr in ["10.0.0.1", "10.0.0.2", "10.0.0.1"] {
//!     if !recent.contains_key(addr) {
//!         recent.insert(addr.to_string(), clients.entry(addr.to_string())?);
//!     }
//!     recent[addr].record(|client| client.requests.inc());
//! }
//! collector.tick();
//! assert_eq!(collector.tick().family(&clients).len(), 2); // still here
//!
//! recent.remove("10.0.0.2");
//! collector.tick(); // shows the entry for the last time
//! let now = collector.tick();
//! assert_eq!(now.family(&clients).len(), 1);
//! assert_eq!(now.family(&clients).total().requests, 3); // and nothing is lost
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! If others choose the keys, limit their number: [`Family::entry`](crate::Family::entry) then
//! returns an error for a new key, and the family counts the refusal. An entry that is created
//! first and held can take what is refused:
//!
//! ```
//! # use tallybook::{Counter, Registry, Stats};
//! # #[derive(Stats)]
//! # struct Client { requests: Counter }
//! # let registry = Registry::new();
//! # let mut collector = registry.collector()?;
//! let builder = registry.family_builder::<String, Client>("client", "addr");
//! let clients = builder.max_keys(2).register()?;
//! let others = clients.entry("other".to_string())?;
//! let client = |addr: &str| clients.entry(addr.to_string()).unwrap_or_else(|_| others.clone());
//!
//! let (first, second) = (client("10.0.0.1"), client("10.0.0.2"));
//! second.record(|client| client.requests.inc());
//! let now = collector.tick().family(&clients);
//! assert_eq!(now.get(&"other".to_string()).map(|client| client.requests), Some(1));
//! assert_eq!((now.total().requests, now.refused()), (1, 1));
//! # drop(first);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Time something
//!
//! A [`Timer`](crate::Timer) records a duration on a `Histogram<Duration>` when it is dropped or
//! stopped. It may live across an `.await` and in a struct. A histogram in a snapshot is a
//! [`Distribution`](crate::Distribution): it has quantiles, an exact sum, and exact extrema.
//!
//! ```
//! use std::time::Duration;
//! use tallybook::{Counter, Histogram, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Queries {
//!     failed: Counter,
//!     duration: Histogram<Duration>,
//! }
//!
//! let registry = Registry::new();
//! let queries = registry.set::<Queries>("queries")?;
//!
//! let timer = queries.timer(Queries::duration);
//! let result = "17".parse::<u32>(); // the query
//! queries.record(|q| {
//!     timer.stop(); // records in the same fact
//!     if result.is_err() {
//!         q.failed.inc();
//!     }
//! });
//!
//! let duration = registry.collector()?.tick().set(&queries).duration;
//! assert_eq!(duration.count(), 1);
//! println!("p99 {:?}, max {:?}", duration.quantile(0.99), duration.max());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A duration that is measured elsewhere is recorded with
//! [`Histogram::record`](crate::Histogram::record), and so are sizes, on a `Histogram<u64>`.
//!
//! # Show what is open now
//!
//! A [`Live`](crate::Live) field counts openings and closings with a guard, [`Open`](crate::Open).
//! The guard may be dropped on any thread, by a cancelled future or a panic; it counts exactly one
//! closing. A [`TimedLive`](crate::TimedLive) also shows how long things stay open, and how many
//! are open on average.
//!
//! ```
//! use tallybook::record::OpenLabel;
//! use tallybook::{Label, Live, Open, PerLabel, Registry, Set, Stats};
//!
//! #[derive(Stats)]
//! struct Relay {
//!     connections: Live,
//!     streams: PerLabel<Role, Live>,
//! }
//!
//! #[derive(Clone, Copy, Label)]
//! enum Role {
//!     Publisher,
//!     Subscriber,
//! }
//!
//! /// The guards have types that can stand in a struct.
//! struct Connection {
//!     counted: Open<Set<Relay>>,
//!     stream: OpenLabel<Set<Relay>, Role>,
//! }
//!
//! let registry = Registry::new();
//! let relay = registry.set::<Relay>("relay")?;
//! let mut collector = registry.collector()?;
//! let connection = Connection {
//!     counted: relay.open(Relay::connections),
//!     stream: relay.open_label(Relay::streams, Role::Subscriber),
//! };
//! let now = collector.tick().set(&relay);
//! assert_eq!((now.connections.live(), now.streams[Role::Subscriber].live()), (1, 1));
//! drop(connection);
//! assert_eq!(collector.tick().set(&relay).connections.live(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Gauges, and numbers that live elsewhere
//!
//! A [`Gauge`](crate::Gauge) holds the value that was set last, on whatever thread;
//! [`Max`](crate::Max) and [`Min`](crate::Min) hold the extrema of an interval or window. A number
//! that goes up and down by known amounts, such as the bytes in a buffer, is better an
//! [`UpDownCounter`](crate::UpDownCounter): many threads can change it, and a family can add it up.
//!
//! ```
//! use tallybook::{Gauge, Max, Registry, Stats, UpDownCounter};
//!
//! #[derive(Stats)]
//! struct Buffer {
//!     #[stats(unit = "bytes")]
//!     used: UpDownCounter,
//!     #[stats(unit = "bytes")]
//!     limit: Gauge,
//!     #[stats(unit = "bytes")]
//!     largest_write: Max,
//! }
//!
//! let registry = Registry::new();
//! let buffer = registry.set::<Buffer>("buffer")?;
//! buffer.record(|b| b.limit.set(65_536));
//! buffer.record(|b| {
//!     b.used.add(4096);
//!     b.largest_write.observe(4096);
//! });
//! buffer.record(|b| b.used.add(-1024));
//!
//! let now = registry.collector()?.tick().set(&buffer);
//! assert_eq!((now.used, now.limit, now.largest_write), (3072, Some(65_536), Some(4096)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Some numbers live elsewhere: the length of a queue, the size of a cache, the memory of the
//! process. [`Registry::observe`](crate::Registry::observe) asks a callback for them at each tick, so
//! they need not be kept twice. With the feature `process`, `tallybook::process::observe` does so for
//! memory, CPU time, threads and open files.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use tallybook::{Gauge, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Queue {
//!     length: Gauge,
//! }
//!
//! let jobs = Arc::new(Mutex::new(vec!["one", "two"]));
//! let registry = Registry::new();
//! let source = jobs.clone();
//! let queue = registry.observe("queue", move |q: &Queue| {
//!     q.length.set(source.lock().unwrap().len() as i64);
//! })?;
//! assert_eq!(registry.collector()?.tick().set(&queue).length, Some(2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Send events to an owner
//!
//! Some facts are not numbers: who connected, which job failed. Send them as events. The collector
//! applies them, one after the other, to a [`Reducer`](crate::Reducer), which owns its state and
//! needs no lock. A snapshot holds the reducer's state and the counters of one cut, and an account
//! of the events that were sent, applied, merged and dropped. [`Actor::ask`](crate::Actor::ask)
//! puts a question to the reducer between two ticks.
//!
//! ```
//! use std::collections::BTreeSet;
//! use std::time::Duration;
//! use tallybook::{Event, Reducer, Registry};
//!
//! #[derive(Event)]
//! #[event(overflow = "coalesce")] // if a queue is full, merge events of a kind and peer
//! enum PeerEvent {
//!     Joined(#[event(key)] u32),
//!     Left(#[event(key)] u32),
//! }
//!
//! #[derive(Default)]
//! struct Peers(BTreeSet<u32>);
//!
//! impl Reducer for Peers {
//!     type Event = PeerEvent;
//!     type Snapshot = BTreeSet<u32>;
//!
//!     fn apply(&mut self, event: PeerEvent, _at: Duration) {
//!         match event {
//!             PeerEvent::Joined(peer) => _ = self.0.insert(peer),
//!             PeerEvent::Left(peer) => _ = self.0.remove(&peer),
//!         }
//!     }
//!
//!     fn snapshot(&self) -> BTreeSet<u32> {
//!         self.0.clone()
//!     }
//! }
//!
//! let registry = Registry::new();
//! let peers = registry.actor("peers", Peers::default())?;
//! let sender = peers.sender(); // one for each thread or task
//! sender.send(PeerEvent::Joined(7));
//! sender.send(PeerEvent::Joined(8));
//! sender.send(PeerEvent::Left(7));
//! let now = registry.collector()?.tick();
//! assert_eq!(*now.state(&peers), BTreeSet::from([8]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Read: snapshots, windows, rates
//!
//! A [`Reader`](crate::Reader) loads the latest [`Snapshot`](crate::Snapshot), which never changes:
//! with [`latest`](crate::Reader::latest) to keep it, with [`load`](crate::Reader::load) to look at
//! it. Or it waits for the next: [`next`](crate::Reader::next) in a task,
//! [`wait_next`](crate::Reader::wait_next) in a thread, [`stream`](crate::Reader::stream) as a
//! stream. [`Snapshot::window`](crate::Snapshot::window) is what happened in the last seconds, with
//! increases, rates per second, and the quantiles and extrema of that time.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use tallybook::{Counter, ManualClock, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Torrent {
//!     received: Counter,
//! }
//!
//! # let clock = Arc::new(ManualClock::new());
//! # let registry = Registry::builder().clock(clock.clone()).build();
//! let torrent = registry.set::<Torrent>("torrent")?;
//! # let mut collector = registry.collector()?;
//! # for _ in 0..60 {
//! #     torrent.record(|t| t.received.add(3000));
//! #     clock.advance(Duration::from_secs(1));
//! #     collector.tick();
//! # }
//! // A minute later, at 3000 bytes per second:
//! let reader = registry.reader();
//! let now = reader.latest();
//! assert_eq!(now.set(&torrent).received, 180_000);
//!
//! let window = now.window(Duration::from_secs(10));
//! assert_eq!(window.set(&torrent).received, 30_000);
//! assert_eq!(window.rates(&torrent).received, 3000.0);
//! println!("{now}"); // everything, as text
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A snapshot is as old as the last tick. [`Registry::cut`](crate::Registry::cut) makes one now,
//! for the caller alone. [`Reader::is_collected`](crate::Reader::is_collected) and
//! [`Reader::age`](crate::Reader::age) tell whether the numbers are kept up to date. Consumers with
//! a rhythm of their own use a [`RateTracker`](crate::RateTracker), which returns the rates since
//! its previous call. Code that knows no types, such as an exporter, [walks](crate::walk) a
//! snapshot.
//!
//! # Test your numbers
//!
//! Pass the registry to the code under test, with a [`ManualClock`](crate::ManualClock), and tick
//! by hand: every number and every rate is exact, and no test sleeps. Under tokio's paused time,
//! use [`clock::from_fn`](crate::clock::from_fn). While a ticker runs, as in a test of the whole
//! program, use [`Registry::cut`](crate::Registry::cut). Code that is given
//! [`Registry::disabled`](crate::Registry::disabled) records nothing and works as before.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use tallybook::{Histogram, ManualClock, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Jobs {
//!     duration: Histogram<Duration>,
//! }
//!
//! let clock = Arc::new(ManualClock::new());
//! let registry = Registry::builder().clock(clock.clone()).build();
//! let jobs = registry.set::<Jobs>("jobs")?;
//! let mut collector = registry.collector()?;
//!
//! let timer = jobs.timer(Jobs::duration);
//! clock.advance(Duration::from_secs(2)); // the job
//! drop(timer);
//! let interval = collector.tick().last_interval();
//! assert_eq!(interval.set(&jobs).duration.max(), Some(Duration::from_secs(2)));
//! assert_eq!(interval.rates(&jobs).duration.count, 0.5); // per second
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Serve `/stats` and `/snapshot` from axum
//!
//! With the feature `serde`, snapshots and their summaries are `Serialize`. [`Snapshot::summary`]
//! is short, with rates and quantiles; a whole snapshot has the buckets of each histogram.
//!
#![cfg_attr(feature = "serde", doc = "[`Snapshot::summary`]: crate::Snapshot::summary")]
#![cfg_attr(not(feature = "serde"), doc = "[`Snapshot::summary`]: crate::Snapshot")]
//!
#![cfg_attr(feature = "serde", doc = "```")]
#![cfg_attr(not(feature = "serde"), doc = "```text")]
//! use axum::{Json, Router, routing::get};
//! use tallybook::Reader;
//!
//! fn stats(reader: Reader) -> Router {
//!     let whole = reader.clone();
//!     Router::new()
//!         .route("/stats", get(async move || Json(reader.latest().summary())))
//!         .route("/snapshot", get(async move || Json(whole.latest())))
//! }
//!
//! let registry = tallybook::Registry::new();
//! let app: Router = Router::new().merge(stats(registry.reader()));
//! # _ = app;
//! ```
//!
//! The example [`web`](https://docs.rs/crate/tallybook/latest/source/examples/web.rs) is a whole
//! service with a middleware that counts.
//!
//! # Combine registries: reports
//!
//! A [`Report`](crate::report::Report) holds the values of a snapshot and nothing that belongs to a
//! process: send it, store it, subtract an earlier one, or fold it with those of other nodes.
//! Counters and histograms add up exactly. [`Registry::builder`](crate::Registry::builder) gives
//! each node its [`instance`](crate::registry::RegistryBuilder::instance) name. With the feature
//! `serde`, reports are `Serialize` and `Deserialize`; `msgpack` is a compact form.
//!
#![cfg_attr(feature = "serde", doc = "```")]
#![cfg_attr(not(feature = "serde"), doc = "```text")]
//! use tallybook::report::{Gauges, Report};
//! use tallybook::{Counter, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Requests {
//!     answered: Counter,
//! }
//!
//! /// On each node: the numbers as JSON.
//! fn node(name: &str, answered: u64) -> Result<String, Box<dyn std::error::Error>> {
//!     let registry = Registry::builder().instance(name).build();
//!     let requests = registry.set::<Requests>("requests")?;
//!     requests.record(|r| r.answered.add(answered));
//!     Ok(serde_json::to_string(&Report::of(&registry.collector()?.tick()))?)
//! }
//!
//! let one: Report = serde_json::from_str(&node("one", 3)?)?;
//! let two: Report = serde_json::from_str(&node("two", 4)?)?;
//! let both = one.fold(&two, Gauges::Latest)?;
//! assert_eq!(both.sources().len(), 2);
//! println!("{}", both.walk()); // answered 7
//! # let requests = both.walk().get("requests").expect("it is in both").values();
//! # let answered = requests.values().get("answered");
//! # assert!(matches!(answered, Some(tallybook::walk::Sample::Counter(7))));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Shut down
//!
//! Keep the [`Ticker`](crate::Ticker) for as long as the program is to be collected. Stop it last,
//! when the threads and tasks that record have ended: [`Ticker::stop`](crate::Ticker::stop) makes a
//! last exact cut and says whether it is complete. Dropping it does the same without the answer.
//! Readers get that snapshot, and then [`NotCollected`](crate::error::NotCollected) if they wait
//! for another. Handles and guards may outlive all of it.
//!
//! ```
//! use std::time::Duration;
//! use tallybook::error::WaitError;
//! use tallybook::{Counter, Registry, Stats};
//!
//! #[derive(Stats)]
//! struct Jobs {
//!     done: Counter,
//! }
//!
//! let registry = Registry::new();
//! let jobs = registry.set::<Jobs>("jobs")?;
//! let ticker = registry.collect_every(Duration::from_secs(60))?;
//! std::thread::scope(|scope| {
//!     scope.spawn(|| jobs.record(|j| j.done.inc()));
//! });
//! ticker.stop()?;
//!
//! let reader = registry.reader();
//! let last = reader.latest();
//! assert_eq!(last.set(&jobs).done, 1);
//! let next = reader.wait_next(last.epoch(), Duration::from_secs(60));
//! assert_eq!(next.err(), Some(WaitError::NotCollected)); // at once
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
