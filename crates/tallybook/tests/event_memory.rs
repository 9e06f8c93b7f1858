//! The memory of events is in the collector's gauge, and is given back: compared with the allocator's count.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tallybook::{Actor, Collector, Counter, Event, Reducer, Registry, Stats};

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

/// What is in use is that of all threads, so these tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

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
        // Whatever is made once.
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

    /// By the gauge, and by the allocator.
    fn memory(&mut self) -> [isize; 2] {
        let memory = |collector: &mut Collector| {
            collector.tick().set(&self.registry.collector_stats()).memory.unwrap()
        };
        let told = memory(&mut self.collector);
        [told as isize, IN_USE.load(Relaxed)]
    }
}

fn difference(later: [isize; 2], earlier: [isize; 2]) -> [isize; 2] {
    std::array::from_fn(|i| later[i] - earlier[i])
}

#[test]
fn queues_and_what_is_taken_out_of_them_are_in_the_gauge() {
    let _alone = alone();
    let mut scene = Scene::new();
    let before = scene.memory();
    (0..2).for_each(|_| scene.fill(CAPACITY, CAPACITY)); // both sides
    let [told, used] = difference(scene.memory(), before);
    // Two sides of two queues, of events and a number each.
    let least = 2 * 2 * CAPACITY * (size_of::<Happening>() + 8) - 64 * 1024;
    assert!(told >= least as isize, "{told} of {least}");
    let off = (told - used).abs();
    assert!(off < 64 * 1024, "told {told} bytes, used {used}");
}

#[test]
fn what_is_merged_is_in_the_gauge_while_it_waits_and_given_back_when_taken() {
    const KEYS: usize = 50_000;
    let _alone = alone();
    let mut scene = Scene::new();
    (0..4).for_each(|_| scene.fill(0, CAPACITY));
    (0..8).for_each(|_| scene.fill(1, 1));
    let before = scene.memory();
    let set = scene.registry.set::<Facts>("facts").unwrap();
    set.record(|_| {
        scene.send(0, CAPACITY + KEYS);
        let held_up = scene.memory(); // a stale tick: the queue cannot be emptied
        let [told, used] = difference(held_up, before);
        let least = KEYS * (size_of::<u64>() + size_of::<Happening>());
        assert!(told >= least as isize, "{told} of {least}");
        assert!((told - used).abs() < 64 * 1024, "told {told} bytes, used {used}");
    });
    (0..8).for_each(|_| scene.fill(1, 1));
    let [told, used] = difference(scene.memory(), before);
    assert!(told.abs() < 128 * 1024, "told {told} bytes are left");
    assert!(used.abs() < 128 * 1024, "used {used} bytes are left");
}
