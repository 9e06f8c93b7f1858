//! The collector's memory gauge includes events, and their memory is freed, as compared with the
//! allocator's count.

#[path = "support/counting_allocator.rs"]
mod counting_allocator;

use counting_allocator::{bytes_in_use, exclusive};
use std::time::Duration;
use tallybook::{Actor, Collector, Counter, Event, Reducer, Registry, Stats};

const CAPACITY: usize = 8192;

#[derive(Event)]
enum Happening {
    /// 128 bytes, and a number.
    Large(#[expect(dead_code, reason = "it has a size")] [u64; 15]),
    #[event(overflow = "coalesce")]
    Keyed {
        #[event(key)]
        id: u64,
        #[expect(dead_code, reason = "it has a size")]
        more: [u64; 10],
    },
}

struct Ignores;

impl Reducer for Ignores {
    type Event = Happening;
    type Snapshot = ();
    fn apply(&mut self, _: Happening, _: Duration) {}
    fn snapshot(&self) {}
}

#[derive(Stats)]
struct Facts {
    made: Counter,
}

struct Scene {
    registry: Registry,
    actor: Actor<Ignores>,
    collector: Collector,
}

impl Scene {
    fn new() -> Self {
        let registry = Registry::builder().windows([]).patience(Duration::ZERO).build();
        let actor = registry.actor_builder("a").capacity(CAPACITY).register(Ignores).unwrap();
        let collector = registry.collector().unwrap();
        let mut scene = Scene { registry, actor, collector };
        // Everything that is allocated only once.
        (0..4).for_each(|_| scene.fill(1, 1));
        scene
    }

    fn send(&self, large: usize, keyed: usize) {
        let sender = self.actor.sender();
        (0..large).for_each(|_| sender.send(Happening::Large([0; 15])));
        (0..keyed).for_each(|n| sender.send(Happening::Keyed { id: n as u64, more: [0; 10] }));
    }

    fn fill(&mut self, large: usize, keyed: usize) {
        self.send(large, keyed);
        self.collector.tick();
    }

    /// Bytes in use according to the gauge, and according to the allocator.
    fn memory(&mut self) -> [isize; 2] {
        let memory = |collector: &mut Collector| {
            collector.tick().set(&self.registry.collector_stats()).memory.unwrap()
        };
        let reported = memory(&mut self.collector);
        [reported as isize, bytes_in_use()]
    }
}

fn difference(later: [isize; 2], earlier: [isize; 2]) -> [isize; 2] {
    std::array::from_fn(|i| later[i] - earlier[i])
}

#[test]
fn queues_and_what_is_taken_out_of_them_are_in_the_gauge() {
    let _exclusive = exclusive();
    let mut scene = Scene::new();
    let before = scene.memory();
    (0..2).for_each(|_| scene.fill(CAPACITY, CAPACITY)); // both sides
    let [reported, used] = difference(scene.memory(), before);
    // Two sides of two queues; each slot has an event and a number.
    let at_least = 2 * 2 * CAPACITY * (size_of::<Happening>() + 8) - 64 * 1024;
    assert!(reported >= at_least as isize, "{reported} of {at_least}");
    let off = (reported - used).abs();
    assert!(off < 64 * 1024, "{reported} bytes reported, {used} used");
}

#[test]
fn what_is_merged_is_in_the_gauge_while_it_waits_and_given_back_when_taken() {
    const KEYS: usize = 50_000;
    let _exclusive = exclusive();
    let mut scene = Scene::new();
    (0..4).for_each(|_| scene.fill(0, CAPACITY));
    (0..8).for_each(|_| scene.fill(1, 1));
    let before = scene.memory();
    let set = scene.registry.set::<Facts>("facts").unwrap();
    set.record(|_| {
        scene.send(0, CAPACITY + KEYS);
        let held_up = scene.memory(); // a stale tick: the queue cannot be emptied
        let [reported, used] = difference(held_up, before);
        let at_least = KEYS * (size_of::<u64>() + size_of::<Happening>());
        assert!(reported >= at_least as isize, "{reported} of {at_least}");
        assert!((reported - used).abs() < 64 * 1024, "{reported} bytes reported, {used} used");
    });
    (0..8).for_each(|_| scene.fill(1, 1));
    let [reported, used] = difference(scene.memory(), before);
    assert!(reported.abs() < 128 * 1024, "{reported} bytes are reported still");
    assert!(used.abs() < 128 * 1024, "{used} bytes are still used");
}
