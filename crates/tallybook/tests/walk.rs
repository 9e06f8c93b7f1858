//! The walk says what the types say: over snapshots, differences and averages, of random sets.
#![cfg(feature = "serde")]

#[path = "support/cases.rs"]
mod cases;
#[path = "support/clock.rs"]
mod clock;

use clock::manual;
use proptest::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tallybook::snapshot::DeclarationKind;
use tallybook::walk::{Item, Sample, Walk};
use tallybook::{
    Collector, Counter, Entry, Family, Gauge, Histogram, Label, Live, ManualClock, Max, Min,
    PerLabel, Registry, Set, Snapshot, Stats, TimedLive, UpDownCounter,
};

#[derive(Clone, Copy, Debug, Label)]
enum Side {
    Left,
    #[label(value = "the right one")]
    Right,
}

#[derive(Clone, Copy, Debug, Label)]
enum Size {
    Small,
    Large,
    Huge,
}

/// One of each metric.
#[derive(Stats)]
struct Leaf {
    #[stats(unit = "bytes")]
    counter: Counter,
    sum: UpDownCounter,
    live: Live,
    timed: TimedLive,
    gauge: Gauge,
    ratio: Gauge<f64>,
    max: Max,
    min: Min,
    sizes: Histogram,
    coarse: Histogram<u64, 0>,
    times: Histogram<Duration>,
}

/// Sets and labels in each other.
#[derive(Stats)]
struct Tree {
    first: Counter,
    leaf: Leaf,
    by_side: PerLabel<Side, Leaf>,
    by_both: PerLabel<Side, PerLabel<Size, Histogram<Duration>>>,
    gauges: PerLabel<Size, Gauge>,
    last: Max,
}

/// What a fact does to a leaf.
#[derive(Clone, Copy, Debug)]
enum Step {
    Count(u32),
    Sum(i32),
    Gauge(i64),
    Ratio(i32),
    Extrema(u64),
    Sizes(u64),
    Times(u64),
}

fn leaf(of: &Leaf, step: Step) {
    match step {
        Step::Count(n) => of.counter.add(n.into()),
        Step::Sum(n) => of.sum.add(n.into()),
        Step::Gauge(n) => of.gauge.set(n),
        Step::Ratio(n) => of.ratio.set(f64::from(n) / 8.0),
        Step::Extrema(n) => {
            of.max.observe(n);
            of.min.observe(n);
        }
        Step::Sizes(n) => {
            of.sizes.record(n);
            of.coarse.record(n / 2);
        }
        Step::Times(n) => of.times.record(Duration::from_nanos(n)),
    }
}

fn tree(of: &Tree, place: usize, step: Step) {
    match place % 6 {
        0 => leaf(&of.leaf, step),
        1 => leaf(&of.by_side[Side::Left], step),
        2 => leaf(&of.by_side[Side::Right], step),
        3 => of.by_both[Side::Left][Size::Huge].record(Duration::from_micros(place as u64)),
        4 => of.gauges[Size::Large].set(place as i64),
        _ => {
            of.first.inc();
            of.last.observe(place as u64);
        }
    }
}

fn steps() -> impl Strategy<Value = Step> {
    let values = prop_oneof![Just(0), 1..100_u64, any::<u64>()];
    prop_oneof![
        any::<u32>().prop_map(Step::Count),
        any::<i32>().prop_map(Step::Sum),
        any::<i64>().prop_map(Step::Gauge),
        any::<i32>().prop_map(Step::Ratio),
        values.clone().prop_map(Step::Extrema),
        values.clone().prop_map(Step::Sizes),
        values.prop_map(Step::Times),
    ]
}

/// What happens in a registry.
#[derive(Clone, Debug)]
enum Act {
    Set(usize, Step),
    Entry(u8, usize, Step),
    Open(u8),
    Close(usize),
    LetGo(u8),
    Advance(u16),
    Tick,
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..64_usize, steps()).prop_map(|(place, step)| Act::Set(place, step)),
        6 => (0..4_u8, 0..64_usize, steps()).prop_map(|(key, at, step)| Act::Entry(key, at, step)),
        1 => (0..4_u8).prop_map(Act::Open),
        1 => any::<usize>().prop_map(Act::Close),
        1 => (0..4_u8).prop_map(Act::LetGo),
        2 => (0..2_000_u16).prop_map(Act::Advance),
        2 => Just(Act::Tick),
    ]
}

struct World {
    registry: Registry,
    clock: Arc<ManualClock>,
    collector: Collector,
    set: Set<Tree>,
    family: Family<String, Tree>,
    entries: Vec<Option<Entry<String, Tree>>>,
}

impl World {
    fn new() -> Self {
        let (registry, clock) = manual(|builder| builder.averages([Duration::from_secs(60)]));
        let set = registry.set("tree").unwrap();
        let family = registry.family_builder("trees", "key").averages().register().unwrap();
        let collector = registry.collector().unwrap();
        let entries = (0..4).map(|_| None).collect();
        World { registry, clock, collector, set, family, entries }
    }

    fn entry(&mut self, key: u8) -> &Entry<String, Tree> {
        let entry = &mut self.entries[usize::from(key)];
        entry.get_or_insert_with(|| self.family.entry(format!("key \"{key}\"")).unwrap())
    }

    /// All snapshots on the way.
    fn run(&mut self, acts: Vec<Act>) -> Vec<Arc<Snapshot>> {
        let mut cuts = vec![self.registry.reader().latest()];
        let mut guards = Vec::new();
        for act in acts {
            match act {
                Act::Set(place, step) => self.set.record(|set| tree(set, place, step)),
                Act::Entry(key, place, step) => {
                    self.entry(key).record(|set| tree(set, place, step));
                }
                Act::Open(key) => {
                    let entry = self.entry(key).clone();
                    guards.push((
                        entry.open(|tree: &Tree| &tree.leaf.timed),
                        entry.open(|tree: &Tree| &tree.by_side[Side::Right].live),
                    ));
                }
                Act::Close(n) if !guards.is_empty() => drop(guards.swap_remove(n % guards.len())),
                Act::Close(_) => {}
                Act::LetGo(key) => self.entries[usize::from(key)] = None,
                Act::Advance(millis) => self.clock.advance(Duration::from_millis(millis.into())),
                Act::Tick => cuts.push(self.collector.tick()),
            }
        }
        cuts.push(self.collector.tick());
        cuts
    }
}

fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The entries of an item by key: `f` says what of each.
fn entries(item: Item<'_>, mut f: impl FnMut(&tallybook::walk::Entry<'_>) -> Value) -> Value {
    let mut all = serde_json::Map::new();
    let mut entries = item.entries();
    while let Some(entry) = entries.next_entry() {
        let (name, key) = entry.labels().next().expect("there is one label");
        assert_eq!(name, "key");
        assert!(all.insert(key.to_string(), f(&entry)).is_none(), "a key comes twice");
    }
    assert_eq!(all.len(), item.len());
    Value::Object(all)
}

fn by_key(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.collect())
}

fn items<'a>(walk: Walk<'a>) -> [Item<'a>; 2] {
    let [set, family] = ["tree", "trees"].map(|name| walk.get(name).expect("it is registered"));
    assert_eq!((set.kind(), family.kind()), (DeclarationKind::Set, DeclarationKind::Family));
    assert_eq!((set.labels().len(), &*family.labels()[0]), (0, "key"));
    [set, family]
}

fn check_snapshot(world: &World, cut: &Snapshot) {
    let typed = cut.family(&world.family);
    if cut.epoch() == 0 {
        return;
    }
    let [set, family] = items(cut.walk());
    assert_eq!(json(set.values().values()), json(cut.set(&world.set)));
    assert!(set.retired().is_none() && set.values().rates().is_none());
    assert_eq!(json(family.values().values()), json(typed.total()));
    assert_eq!(json(family.retired().unwrap().values()), json(typed.retired()));
    assert_eq!((family.refused(), family.len()), (typed.refused(), typed.len()));
    let expected = by_key(typed.iter().map(|(key, values)| (key.clone(), json(values))));
    assert_eq!(entries(family, |entry| json(entry.values())), expected);
    let changed: Vec<&String> = typed.changed().map(|(key, _)| key).collect();
    entries(family, |entry| {
        let key = entry.labels().next().unwrap().1.to_string();
        assert_eq!(entry.is_changed(), changed.contains(&&key));
        let created = typed.created_at(&key).unwrap();
        // The time of day of a manual clock begins at 0.
        assert_eq!(entry.created(), std::time::SystemTime::UNIX_EPOCH + created);
        Value::Null
    });
    // The whole text is made of the same.
    let whole = json(cut);
    assert_eq!(whole["sets"]["tree"], json(cut.set(&world.set)));
    assert_eq!(whole["families"]["trees"]["total"], json(typed.total()));
}

fn check_difference(world: &World, earlier: &Arc<Snapshot>, later: &Arc<Snapshot>) {
    let between = later.since(earlier).unwrap();
    let [set, family] = items(between.walk());
    assert_eq!(between.walk().cut().elapsed, Some(between.elapsed()));
    assert_eq!(json(set.values().values()), json(between.set(&world.set)));
    assert_eq!(json(set.values().rates().unwrap()), json(between.rates(&world.set)));
    assert_eq!(json(family.values().values()), json(between.total(&world.family)));
    assert_eq!(json(family.values().rates().unwrap()), json(between.total_rates(&world.family)));
    let expected = by_key(between.entries(&world.family).map(|(key, values)| {
        let rates = between.per_second::<Tree>(&values);
        let key = key.clone();
        (key, json!([json(values), json(rates)]))
    }));
    let walked =
        entries(family, |entry| json!([json(entry.values()), json(entry.rates().unwrap())]));
    assert_eq!(walked, expected);
}

fn check_averages(world: &World, cut: &Snapshot) {
    let averaged = cut.averaged(Duration::from_secs(60)).unwrap();
    let [set, family] = items(averaged.walk());
    assert_eq!(json(set.values().rates().unwrap()), json(averaged.set(&world.set)));
    assert_eq!(json(set.values().values()), json(cut.set(&world.set)));
    assert_eq!(json(family.values().rates().unwrap()), json(averaged.total(&world.family)));
    entries(family, |entry| {
        let key = entry.labels().next().unwrap().1.to_string();
        let expected = averaged.entry(&world.family, &key).unwrap();
        assert_eq!(json(entry.rates().unwrap()), json(expected));
        Value::Null
    });
}

proptest! {
    #![proptest_config(cases::config(96, 2, None))]
    /// JSON from the walk is JSON from the types.
    #[test]
    fn the_walk_says_what_the_types_say(acts in prop::collection::vec(acts(), 1..80), at in any::<[usize; 2]>()) {
        let mut world = World::new();
        let cuts = world.run(acts);
        for cut in &cuts {
            check_snapshot(&world, cut);
        }
        let last = cuts.len() - 1;
        check_averages(&world, &cuts[last]);
        let [one, other] = at.map(|at| 1 + at % last);
        check_difference(&world, &cuts[one.min(other)], &cuts[one.max(other)]);
        check_difference(&world, &cuts[last - 1], &cuts[last]);
        check_difference(&world, &cuts[0], &cuts[last]);
    }
}

#[test]
fn an_entry_that_comes_back_has_another_identity() {
    let mut world = World::new();
    let mut seen = Vec::new();
    for _ in 0..3 {
        world.entry(1);
        let cut = world.collector.tick();
        entries(cut.walk().get("trees").unwrap(), |entry| {
            seen.push(entry.id().unwrap());
            Value::Null
        });
        world.entries[1] = None;
        world.collector.tick();
        world.collector.tick();
    }
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[test]
fn metrics_are_taken_apart_with_their_names_and_labels() {
    let world = World::new();
    let mut collector = world.collector;
    world.set.record(|set| set.by_both[Side::Right][Size::Small].record(Duration::from_secs(1)));
    let cut = collector.tick();
    let mut found = Vec::new();
    let item = cut.walk().get("tree").unwrap();
    item.values().values().each_metric(|metric| {
        if let Sample::Histogram(it) = metric.sample
            && it.count() > 0
        {
            assert_eq!(metric.field.unit.as_deref(), Some("seconds"));
            assert_eq!(it.buckets().count(), 1);
            found.push((metric.path.join("_"), metric.labels.to_vec().len(), it.sum()));
            assert_eq!(metric.labels, [("side", "the right one"), ("size", "small")]);
        }
    });
    assert_eq!(found, [("by_both".to_owned(), 2, 1.0)]);
}

#[test]
fn what_is_registered_says_what_it_is_and_since_when() {
    let world = World::new();
    world.clock.advance(Duration::from_secs(5));
    world.registry.set::<Leaf>("later").unwrap();
    let mut collector = world.collector;
    let cut = collector.tick();
    let created = |name: &str| {
        let created = cut.walk().get(name).unwrap().created();
        created.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs()
    };
    assert_eq!((created("tallybook"), created("tree"), created("later")), (0, 0, 5));
    let [_, family] = items(cut.walk());
    assert_eq!(family.group().help, "Sets and labels in each other.");
    assert!(cut.walk().get("nothing").is_none());
}

#[test]
fn a_snapshot_is_readable_text() {
    let mut world = World::new();
    world.set.record(|set| {
        set.leaf.counter.add(512);
        set.by_both[Side::Left][Size::Large].record(Duration::from_millis(250));
    });
    world.entry(2).record(|set| set.first.add(3));
    world.clock.advance(Duration::from_secs(2));
    let cut = world.collector.tick();
    let text = cut.to_string();
    for line in [
        "epoch 1 at 2s, interval 2s\n",
        "\ntree\n",
        "  leaf_counter ",
        " 512 bytes\n",
        "  by_both{side=\"left\",size=\"large\"} ",
        "count 1, mean 250.0ms",
        "\ntrees\n  total, 0 refused\n",
        "  key=\"key \\\"2\\\"\"\n",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
    let debug = format!("{cut:#?}");
    let dense: String = debug.split_whitespace().collect();
    assert!(dense.contains("\"counter\":Counter(512,)"), "{debug}");
    assert!(!format!("{cut:?}").contains("512"));
    let increases = cut.last_interval().to_string();
    assert!(increases.contains("512 bytes, 256.0/s"), "{increases}");
}

/// What an observed counter shows first is no increase, for types and for the walk.
#[test]
fn the_first_values_of_an_observed_set_are_no_increase() {
    let world = World::new();
    let asked = Arc::new(std::sync::atomic::AtomicU64::new(100));
    let source = asked.clone();
    let observed = world.registry.observe("observed", move |leaf: &Leaf| {
        leaf.counter.add(source.load(std::sync::atomic::Ordering::Relaxed));
    });
    let observed = observed.unwrap();
    let mut collector = world.collector;
    let before = world.registry.reader().latest();
    let first = collector.tick();
    asked.store(107, std::sync::atomic::Ordering::Relaxed);
    world.clock.advance(Duration::from_secs(1));
    let second = collector.tick();
    for (earlier, later, increase) in
        [(&before, &first, 0), (&before, &second, 7), (&first, &second, 7)]
    {
        let between = later.since(earlier).unwrap();
        assert_eq!(between.set(&observed).counter, increase);
        let walked = between.walk().get("observed").unwrap().values();
        let Some(Sample::Counter(n)) = walked.values().get("counter") else { panic!("no counter") };
        assert_eq!(n, increase);
    }
}
