//! Many registries: created, used and dropped in any order, from any thread, while others record.

#[path = "support/random.rs"]
mod random;

use random::Random;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tallybook::{Collector, Counter, Entry, Family, Live, Registry, Set, Snapshot, Stats};

/// A tenant.
#[derive(Stats)]
struct Tenant {
    one: Counter,
    two: Counter,
    calls: Live,
}

/// A registry, with a separate count of its facts.
struct World {
    registry: Registry,
    tenant: Set<Tenant>,
    users: Family<u64, Tenant>,
    held: Entry<u64, Tenant>,
    collector: Mutex<Option<Collector>>,
    facts: AtomicU64,
}

const WORKERS: u64 = if cfg!(miri) { 2 } else { 4 };
const STEPS: u64 = if cfg!(miri) { 25 } else { 3_000 };

impl World {
    fn new(n: u64) -> Self {
        // No snapshot is stale, however busy the machine is.
        let registry = Registry::builder().patience(Duration::from_secs(3_600)).build();
        let users = registry.family("user", "n").unwrap();
        World {
            tenant: registry.set("tenant").unwrap(),
            held: users.entry(n).unwrap(),
            users,
            collector: Mutex::new(Some(registry.collector().unwrap())),
            registry,
            facts: AtomicU64::new(0),
        }
    }

    fn record(&self, n: u64) {
        let _call = self.tenant.open(Tenant::calls);
        self.tenant.record(|t| {
            t.one.inc();
            self.held.record(|u| u.one.inc());
            t.two.inc();
        });
        self.users.entry(n % 7).unwrap().record(|u| u.two.inc());
        self.facts.fetch_add(1, SeqCst);
    }

    fn check(&self, cut: &Snapshot) -> u64 {
        let (tenant, users) = (cut.set(&self.tenant), cut.family(&self.users));
        assert_eq!((tenant.one, tenant.one), (tenant.two, users.total().one));
        assert!(tenant.calls.live() >= 0 && users.total().two <= tenant.one);
        tenant.one
    }

    /// Ticks, unless another thread does so.
    fn tick(&self) {
        if let Ok(mut collector) = self.collector.try_lock()
            && let Some(collector) = collector.as_mut()
        {
            let (before, cut) = (self.facts.load(SeqCst), collector.tick());
            assert!(self.check(&cut) >= before);
        }
    }

    fn release(this: Arc<Self>) {
        if let Some(world) = Arc::into_inner(this) {
            world.finish();
        }
    }

    /// Called by the last owner.
    fn finish(self) {
        let World { registry, tenant, users, held, facts, collector } = self;
        drop(collector);
        let latest = registry.reader().latest();
        drop((registry, held));
        let facts = facts.into_inner();
        assert_eq!(latest.set(&tenant).one, facts);
        assert_eq!(latest.set(&tenant).calls.live(), 0);
        assert_eq!(latest.family(&users).total().two, facts);
        // A handle that outlives its registry records nowhere.
        tenant.record(|t| t.one.inc());
    }
}

fn work(worlds: &Mutex<Vec<Arc<World>>>, seed: u64) {
    let mut random = Random::new(seed);
    let (mut mine, mut threads) = (Vec::new(), Vec::new());
    for _ in 0..STEPS {
        let n = random.bits() >> 33;
        let chosen = {
            let worlds = worlds.lock().unwrap();
            (!worlds.is_empty()).then(|| worlds[n as usize % worlds.len()].clone())
        };
        let Some(chosen) = chosen else {
            worlds.lock().unwrap().push(Arc::new(World::new(n % 7)));
            continue;
        };
        match n / 64 % 16 {
            0 => worlds.lock().unwrap().push(Arc::new(World::new(n % 7))),
            1 => {
                let mut worlds = worlds.lock().unwrap();
                let at = n as usize % worlds.len().max(1);
                if at < worlds.len() {
                    mine.push(worlds.swap_remove(at));
                }
            }
            2 => mine.drain(..).filter_map(Arc::into_inner).for_each(World::finish),
            3..6 => chosen.tick(),
            6 => {
                let other = chosen.clone();
                threads.push(thread::spawn(move || {
                    other.record(n);
                    World::release(other);
                }));
            }
            _ => chosen.record(n),
        }
        World::release(chosen);
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    mine.into_iter().filter_map(Arc::into_inner).for_each(World::finish);
}

#[test]
fn registries_come_and_go_in_any_order_and_each_is_exact() {
    let worlds = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for seed in 1..=WORKERS {
            let worlds = &worlds;
            scope.spawn(move || work(worlds, seed));
        }
    });
    let left = worlds.into_inner().unwrap();
    left.into_iter().filter_map(Arc::into_inner).for_each(World::finish);
}

#[test]
fn a_thread_that_used_many_registries_finds_each_again() {
    let many = if cfg!(miri) { 5 } else { 100 };
    let mut worlds: Vec<_> = (0..many).map(World::new).collect();
    for round in 0..3 {
        worlds.iter().for_each(|world| world.record(round));
        worlds.iter().rev().for_each(|world| world.record(round));
    }
    for world in &worlds {
        world.tick();
        assert_eq!(world.check(&world.registry.reader().latest()), 6);
    }
    // Every other one is dropped; the remaining ones are found as before.
    let mut keep = false;
    worlds.retain(|_| {
        keep = !keep;
        keep
    });
    worlds.insert(0, World::new(0));
    worlds.iter().for_each(|world| world.record(1));
    worlds.into_iter().for_each(World::finish);
}
