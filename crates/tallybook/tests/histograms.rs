//! Histograms while threads record and snapshots are taken as fast as possible: parts of one fact
//! agree in every snapshot, the entries and the retired total sum to the total bucket by bucket,
//! and the last snapshot is exact.
//!
//! `TALLYBOOK_CUTS` divided by 400 is the number of snapshots; the run ends with the last one.

#[path = "support/random.rs"]
mod random;
#[path = "support/stop_flag.rs"]
mod stop_flag;

use random::Random;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;
use stop_flag::StopOnDrop;
use tallybook::distribution::Measure;
use tallybook::registry::FenceKind;
use tallybook::{
    Counter, Distribution, Entry, Family, Histogram, Label, PerLabel, Registry, Set, Snapshot,
    Stats,
};

#[derive(Clone, Copy, Label)]
enum Way {
    In,
    Out,
}

/// All of it is changed in one fact.
#[derive(Stats)]
struct Node {
    count: Counter,
    sum: Counter,
    sizes: Histogram,
    waits: Histogram<Duration, 1>,
    ways: PerLabel<Way, Histogram<u64, 5>>,
}

const SMALL: bool = cfg!(tallybook_small) || cfg!(miri);
/// The first key is hot, the next ones come and go, and the others are held: more than a cache has
/// lines when it has two (`tallybook_small`).
const COMING_AND_GOING: u64 = 30;
const KEYS: u64 = if SMALL { 40 } else { 120 };
/// After how many snapshots the entries are summed up, too.
const THOROUGH: u64 = if SMALL { 10 } else { 30 };

struct World {
    registry: Registry,
    all: Set<Node>,
    family: Family<u64, Node>,
    over: AtomicBool,
}

/// What a thread has recorded.
#[derive(Debug, Default, PartialEq)]
struct Tally {
    count: u64,
    /// How many values are greater than `2^k` and at most `2^(k + 1)`, by `k`.
    octaves: BTreeMap<u32, u64>,
}

fn record(node: &Node, n: u64, times: u32) {
    let way = if n.is_multiple_of(3) { Way::In } else { Way::Out };
    node.sizes.record_n(n, times);
    node.count.add(times.into());
    node.ways[way].record_n(n, times);
    (0..times).for_each(|_| node.waits.record(Duration::from_nanos(n)));
    node.sum.add(n * u64::from(times));
}

impl World {
    fn produce(&self, thread: u64, held: &[Entry<u64, Node>]) -> Tally {
        let (mut random, mut tally) = (Random::new(thread), Tally::default());
        for round in 0..u64::MAX {
            // Values of the many keys are within one octave, which keeps tables small and buckets
            // few.
            let n = if round % 4 < 2 { random.size() } else { 32 + random.below(32) };
            let times = random.below(4) as u32;
            let one = match round % 4 {
                0 => held[0].clone(),
                1 => self.family.entry(1 + random.below(COMING_AND_GOING)).unwrap(),
                _ => held[(round * [1, 7, 11][thread as usize % 3]) as usize % held.len()].clone(),
            };
            self.all.record(|all| {
                record(all, n, times);
                one.record(|one| record(one, n, times));
            });
            tally.count += u64::from(times);
            if n >= 2 {
                *tally.octaves.entry((n - 1).ilog2()).or_default() += u64::from(times);
            }
            if self.over.load(Relaxed) {
                break;
            }
        }
        tally
    }
}

/// Checks what holds for a set, an entry, a total, and a difference.
fn check(node: &NodeSnapshot) {
    let counted = |sizes: &Distribution| {
        sizes.zeros() + sizes.buckets().map(|bucket| bucket.count).sum::<u64>()
    };
    let ways = node.ways[Way::In].merged(&node.ways[Way::Out]);
    assert_eq!((node.sizes.count(), node.sizes.sum()), (node.count, node.sum.into()));
    assert_eq!((counted(&node.sizes), counted(&ways)), (node.count, node.count));
    // The same values at a finer scale: extrema, sum and each bucket agree.
    assert_eq!(ways.downscaled(3), node.sizes);
    assert_eq!(node.waits.count(), node.count);
    assert_eq!(node.waits.sum(), Duration::from_nanos(node.sum));
    let ends = (node.sizes.min(), node.sizes.max());
    let nanos = |wait: Duration| wait.as_nanos() as u64;
    assert_eq!((node.waits.min().map(nanos), node.waits.max().map(nanos)), ends);
    for (quantile, wait) in [0.1, 0.5, 0.9]
        .map(|q| (node.sizes.quantile(q), node.waits.quantile(q)))
        .iter()
        .flat_map(|(a, b)| a.zip(*b))
    {
        assert!(quantile.is_finite() && wait <= node.waits.max().unwrap());
    }
}

fn add(sum: &mut NodeSnapshot, node: &NodeSnapshot) {
    sum.count += node.count;
    sum.sum += node.sum;
    sum.sizes = sum.sizes.merged(&node.sizes);
    sum.waits = sum.waits.merged(&node.waits);
}

fn check_cut(world: &World, cut: &Arc<Snapshot>, is_thorough: bool) {
    let (all, family) = (cut.set(&world.all), cut.family(&world.family));
    let total = family.total();
    check(&all);
    check(&family.retired());
    assert_eq!(all, total);
    for window in [cut.last_interval(), cut.window(Duration::from_millis(50))] {
        let (all, total) = (window.set(&world.all), window.total(&world.family));
        check(&all);
        assert_eq!(all, total);
    }
    if !is_thorough {
        return;
    }
    let (mut sum, mut ways) =
        (family.retired(), [Distribution::default(), Distribution::default()]);
    let of = |node: &NodeSnapshot| [node.ways[Way::In].clone(), node.ways[Way::Out].clone()];
    let add_ways = |ways: &mut [Distribution; 2], node: &NodeSnapshot| {
        ways.iter_mut().zip(of(node)).for_each(|(sum, way)| *sum = sum.merged(&way));
    };
    add_ways(&mut ways, &sum);
    for (_, node) in family.iter() {
        check(&node);
        add(&mut sum, &node);
        add_ways(&mut ways, &node);
    }
    assert_eq!(
        (sum.count, sum.sum, sum.sizes, sum.waits),
        (total.count, total.sum, total.sizes.clone(), total.waits.clone())
    );
    assert_eq!(ways, of(&total));
    let window = cut.window(Duration::from_millis(20));
    let mut sum = NodeSnapshot::default();
    for (_, node) in window.entries(&world.family) {
        check(&node);
        add(&mut sum, &node);
    }
    // The entries that retired within the window are missing.
    assert!(sum.count <= window.total(&world.family).count);
}

fn wanted_cuts() -> u64 {
    let default = if cfg!(miri) { 1_200 } else { 20_000 };
    std::env::var("TALLYBOOK_CUTS").map_or(default, |cuts| cuts.parse().unwrap()) / 400
}

fn under_fire(fence: FenceKind) {
    let registry = Registry::builder().fence(fence).build();
    let (all, family) = (registry.set("all").unwrap(), registry.family("one", "n").unwrap());
    let world = World { registry, all, family, over: AtomicBool::new(false) };
    let mut collector = world.registry.collector().unwrap();
    let enter = |key: &u64| *key == 0 || *key > COMING_AND_GOING;
    let held: Vec<_> =
        (0..KEYS).filter(enter).map(|key| world.family.entry(key).unwrap()).collect();
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let (world, held) = (&world, &held);
        let threads: Vec<_> =
            (0..3).map(|thread| scope.spawn(move || world.produce(thread, held))).collect();
        // Stops the threads on failure, too.
        let _stop = StopOnDrop(&world.over);
        let mut epoch = 0;
        while epoch < wanted_cuts() {
            let cut = collector.tick();
            check_cut(world, &cut, epoch % THOROUGH == 0);
            epoch = cut.epoch();
        }
        world.over.store(true, Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    while collector.tick().is_stale() {}
    let cut = collector.tick();
    check_cut(&world, &cut, true);
    let all = cut.set(&world.all);
    assert_eq!(all.count, tallies.iter().map(|tally| tally.count).sum::<u64>());
    for octave in 0..64 {
        let recorded: u64 = tallies.iter().filter_map(|tally| tally.octaves.get(&octave)).sum();
        let ends = 2_f64.powi(octave as i32)..2_f64.powi(octave as i32 + 1);
        let found = all.sizes.buckets().filter(|bucket| ends.contains(&bucket.lower));
        assert_eq!(found.map(|bucket| bucket.count).sum::<u64>(), recorded, "above 2^{octave}");
    }
    drop(held);
    (0..2).for_each(|_| drop(collector.tick()));
    let family = collector.tick().family(&world.family);
    assert_eq!((family.len(), family.retired()), (0, all));
}

#[test]
fn every_cut_agrees_with_itself_and_the_last_one_is_exact_with_membarrier() {
    under_fire(FenceKind::Membarrier);
}

#[test]
fn every_cut_agrees_with_itself_and_the_last_one_is_exact_with_fences() {
    under_fire(FenceKind::Fence);
}

#[derive(Stats)]
struct Scales {
    zero: Histogram<u64, 0>,
    two: Histogram<u64, 2>,
    three: Histogram,
    six: Histogram<u64, 6>,
    eight: Histogram<u64, 8>,
    waits: Histogram<Duration, 4>,
}

fn check_quantiles<V: Measure>(found: &Distribution<V>, values: &[u64], units: f64) {
    assert_eq!(found.count(), values.len() as u64);
    let real = |units: u64| V::real_to_f64(V::real_from_units(units));
    for q in [0.0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1.0] {
        let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
        let (found_at, wanted) =
            (V::real_to_f64(found.quantile(q).unwrap()), real(values[rank - 1]));
        let error = wanted * found.relative_error() * (1.0 + 1e-9)
            + 0.5 / units.max(2.0) * f64::from(units > 1.0);
        assert!((found_at - wanted).abs() <= error, "{found_at} instead of {wanted} at {q}");
    }
    for bucket in found.buckets() {
        let is_in = |n: &&u64| real(**n) > bucket.lower && real(**n) <= bucket.upper;
        assert_eq!(values.iter().filter(is_in).count() as u64, bucket.count, "{bucket:?}");
    }
}

/// From `record` on several threads to a quantile some ticks later, checked with a sorted list of
/// all values.
#[test]
fn quantiles_are_as_near_as_they_say_on_the_whole_way() {
    let registry = Registry::new();
    let set: Set<Scales> = registry.set("scales").unwrap();
    let mut collector = registry.collector().unwrap();
    let (mut values, mut random) = (Vec::new(), Random::new(3));
    for round in 1..=4_usize {
        let fresh: Vec<Vec<u64>> = (0..3)
            .map(|_| (0..if SMALL { 50 } else { 700 }).map(|_| random.size()).collect())
            .collect();
        thread::scope(|scope| {
            for values in &fresh {
                let set = &set;
                scope.spawn(move || {
                    for n in values {
                        set.record(|set| {
                            set.zero.record(*n);
                            set.two.record(*n);
                            set.three.record(*n);
                            set.six.record(*n);
                            set.eight.record(*n);
                            set.waits.record(Duration::from_nanos(*n));
                        });
                    }
                });
            }
        });
        let cut = collector.tick();
        let mut fresh = fresh.concat();
        values.extend(&fresh);
        values.sort_unstable();
        fresh.sort_unstable();
        let last = cut.last_interval().set(&set);
        for (found, values) in [(cut.set(&set), &values), (last, &fresh)] {
            assert_eq!(found.three.sum(), values.iter().map(|n| u128::from(*n)).sum::<u128>());
            assert_eq!(
                (found.six.min(), found.eight.max()),
                (values.first().copied(), values.last().copied())
            );
            check_quantiles(&found.zero, values, 1.0);
            check_quantiles(&found.two, values, 1.0);
            check_quantiles(&found.three, values, 1.0);
            check_quantiles(&found.six, values, 1.0);
            check_quantiles(&found.eight, values, 1.0);
            check_quantiles(&found.waits, values, 1e9);
        }
        assert_eq!(cut.set(&set).two.count() as usize, values.len(), "round {round}");
    }
}
