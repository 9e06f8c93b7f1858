//! A memory allocator that counts its work as facts: allocations, frees and sizes.
//!
//! ```sh
//! cargo run --release -p tallybook --example allocator
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::OnceLock;
use std::time::Duration;
use tallybook::{Counter, Histogram, Registry, Set, Stats};

/// What the allocator has done.
#[derive(Stats)]
struct Heap {
    allocated: Counter,
    freed: Counter,
    /// Sizes of allocations.
    #[stats(unit = "bytes")]
    sizes: Histogram,
}

/// Work of the program itself.
#[derive(Stats)]
struct Work {
    lines: Counter,
    #[stats(unit = "bytes")]
    lengths: Histogram,
}

static HEAP: OnceLock<Set<Heap>> = OnceLock::new();

thread_local! {
    static COUNTING: Cell<bool> = const { Cell::new(false) };
}

/// Records a fact, but none for allocations by the recording itself.
fn count(fact: impl FnOnce(&Heap)) {
    if let Some(heap) = HEAP.get()
        && !COUNTING.replace(true)
    {
        heap.record(fact);
        COUNTING.set(false);
    }
}

struct Counted;

// SAFETY: all of it is the system's; recording a fact is safe wherever it is done.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(|heap| {
            heap.allocated.inc();
            heap.sizes.record(layout.size() as u64);
        });
        // SAFETY: passed on from the caller.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(|heap| heap.freed.inc());
        // SAFETY: passed on from the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = Registry::new();
    let work = registry.set::<Work>("work")?;
    let heap = HEAP.get_or_init(|| registry.set("heap").expect("nobody else has the name"));
    let ticker = registry.collect_every(Duration::from_millis(100))?;

    std::thread::scope(|scope| {
        for thread in 0..4 {
            let work = &work;
            scope.spawn(move || {
                for n in 0..50_000_u64 {
                    let line = format!("line {n} of thread {thread}");
                    work.record(|w| {
                        w.lines.inc();
                        w.lengths.record(line.len() as u64);
                    });
                }
            });
        }
    });
    ticker.stop()?;

    let now = registry.reader().latest();
    let (heap, work) = (now.set(heap), now.set(&work));
    assert_eq!(heap.sizes.count(), heap.allocated); // one fact: they always agree
    println!("{} lines, {} allocations, {} frees", work.lines, heap.allocated, heap.freed);
    let [p50, p99] = heap.sizes.quantiles([0.5, 0.99]).unwrap_or_default();
    println!("sizes: p50 {p50:.0} bytes, p99 {p99:.0} bytes");
    Ok(())
}
