//! [`Difference`]: what happened between two snapshots, and how fast.

use super::extrema::{ExtremaList, TOTAL};
use super::family_part::FamilyPart;
use super::segments::Segments;
use super::snapshot::Snapshot;
use crate::error::{OrPanic, WrongRegistry};
use crate::metric::{Metric, Stats};
use crate::record::{Family, Key, ReadSet};
use crate::row::{Extrema, Flows, RowExtrema};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A window may be too short by this part of itself, if that makes it the nearest.
const WINDOW_TOLERANCE: u32 = 16;

/// Two snapshots of one registry, seen as what happened between them: by [`Snapshot::window`] for
/// the last seconds, by [`Snapshot::since`] for any two, by
/// [`RateTracker::update`](crate::RateTracker::update) since the call before.
///
/// Its values have the types of a snapshot: counters are increases,
/// [histograms](crate::Distribution) hold what was recorded in between, gauges are those of the
/// later snapshot. Extrema (`Max`, `Min`, those of a histogram) are exactly those of the time in
/// between for every window, and wherever the earlier snapshot, as a reader gave it, has been held
/// and is not older than the longest window; otherwise `Max` and `Min` are those of the later
/// snapshot, and a histogram's are known to the bucket.
///
/// Its rates are increases divided by [`elapsed`](Self::elapsed), the time that really lies between
/// the cuts.
///
/// Its methods panic if a handle belongs to another registry. Where that can happen, ask the
/// [later](Self::later) snapshot first: [`Snapshot::try_set`], [`Snapshot::try_family`] and
/// [`Snapshot::try_state`] return an error instead, and both snapshots are of one registry.
#[derive(Clone)]
pub struct Difference {
    later: Arc<Snapshot>,
    earlier: Arc<Snapshot>,
    /// What was extreme in between, if that is known.
    extrema: Option<Box<[Arc<ExtremaList>]>>,
}

impl Snapshot {
    /// What happened between `earlier` and this one.
    ///
    /// # Errors
    /// If they are of different registries.
    pub fn since(self: &Arc<Self>, earlier: &Arc<Self>) -> Result<Difference, WrongRegistry> {
        if self.registry != earlier.registry {
            let name = "the earlier snapshot".to_owned();
            return Err(WrongRegistry::new(name, earlier.origin(), self.origin()));
        }
        let extrema = match extrema_since(&self.history, earlier.epoch()) {
            None if self.epoch() == earlier.epoch() => Some(Box::default()),
            known => known,
        };
        Ok(Difference { later: self.clone(), earlier: earlier.clone(), extrema })
    }

    /// What happened in the last `length` of time. Windows up to the longest that the registry was
    /// [built with](crate::registry::RegistryBuilder::windows), 60 seconds by default, can be asked
    /// for; a longer one begins where the history does.
    ///
    /// A window begins at the cut that is nearest to `length` before this one, if one lies within a
    /// sixteenth of `length`; otherwise at the latest cut that is old enough. So it is too short by
    /// a sixteenth at most, and too long by a sixteenth or one interval, whichever is more: ticks
    /// that jitter by a hair make no window of one second an interval longer. Where the registry is
    /// younger than the window, it begins with the registry. It is never shorter than the last
    /// interval. [`Difference::elapsed`] tells its length, and rates divide by that.
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    /// use tallybook::{Counter, ManualClock, Registry, Stats};
    ///
    /// #[derive(Stats)]
    /// struct Torrent {
    ///     received: Counter,
    /// }
    ///
    /// let clock = Arc::new(ManualClock::new());
    /// let registry = Registry::builder().clock(clock.clone()).build();
    /// let torrent = registry.set::<Torrent>("torrent")?;
    /// let mut collector = registry.collector()?;
    /// for second in 0..20 {
    ///     torrent.record(|t| t.received.add(second * 1000));
    ///     clock.advance(Duration::from_secs(1));
    ///     collector.tick();
    /// }
    /// let now = registry.reader().latest();
    /// let window = now.window(Duration::from_secs(2));
    /// assert_eq!(window.set(&torrent).received, 37_000);
    /// assert_eq!(window.rates(&torrent).received, 18_500.0); // per second
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn window(self: &Arc<Self>, length: Duration) -> Difference {
        let mut earlier = self;
        let mut extrema = Vec::new();
        let tolerance = length / WINDOW_TOLERANCE;
        // How much too short the window is that begins at `earlier`.
        let mut missing = length;
        for segment in self.history.newest_first() {
            let age = self.at().saturating_sub(segment.from.at());
            let is_near = !extrema.is_empty() && missing <= tolerance;
            if is_near && age.saturating_sub(length) >= missing {
                break;
            }
            earlier = &segment.from;
            extrema.push(segment.extrema.clone());
            missing = length.saturating_sub(age);
            if missing.is_zero() {
                break;
            }
        }
        let extrema = Some(extrema.into());
        Difference { later: self.clone(), earlier: earlier.clone(), extrema }
    }

    /// What happened since the cut before this one; nothing, in no time, where the registry was
    /// built without windows.
    #[must_use]
    pub fn last_interval(self: &Arc<Self>) -> Difference {
        self.window(Duration::ZERO)
    }

    /// The windows that the registry was [built with](crate::registry::RegistryBuilder::windows),
    /// shortest first.
    #[must_use]
    pub fn windows(&self) -> &[Duration] {
        &self.settings.windows
    }
}

/// What was extreme since the cut of an epoch, if a segment begins there.
fn extrema_since(history: &Segments<Snapshot>, epoch: u64) -> Option<Box<[Arc<ExtremaList>]>> {
    let mut extrema = Vec::new();
    for segment in history.newest_first() {
        extrema.push(segment.extrema.clone());
        match segment.from.epoch().cmp(&epoch) {
            Ordering::Greater => {}
            Ordering::Equal => return Some(extrema.into()),
            Ordering::Less => return None,
        }
    }
    None
}

impl Difference {
    /// What was extreme in between, if that is known.
    pub(crate) fn extrema(&self) -> Option<&[Arc<ExtremaList>]> {
        self.extrema.as_deref()
    }

    /// Between a snapshot and itself.
    pub(crate) fn nothing(at: &Arc<Snapshot>) -> Self {
        Difference { later: at.clone(), earlier: at.clone(), extrema: Some(Box::default()) }
    }

    /// The same, keeping of both snapshots only what they show.
    pub(crate) fn without_history(self) -> Self {
        let strip = |snapshot: &Arc<Snapshot>| {
            if snapshot.history.is_empty() {
                return snapshot.clone();
            }
            Arc::new(Snapshot { history: Segments::default(), ..Snapshot::clone(snapshot) })
        };
        let later = strip(&self.later);
        let is_one = Arc::ptr_eq(&self.later, &self.earlier);
        let earlier = if is_one { later.clone() } else { strip(&self.earlier) };
        Difference { later, earlier, ..self }
    }

    /// The time between the two cuts; zero if they were given in the wrong order.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.later.at().saturating_sub(self.earlier.at())
    }

    /// The later of the two snapshots.
    #[must_use]
    pub fn later(&self) -> &Arc<Snapshot> {
        &self.later
    }

    /// The earlier of the two snapshots. One that begins a window has no windows of its own.
    #[must_use]
    pub fn earlier(&self) -> &Arc<Snapshot> {
        &self.earlier
    }

    /// What a set recorded in between.
    ///
    /// # Panics
    /// If the set belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn set<H: ReadSet>(&self, set: &H) -> <H::Stats as Metric>::Value {
        let later = self.later.set(set);
        let base = self.earlier.base::<H::Stats>(set.at().0, &self.later);
        let earlier = base.unwrap_or_else(|| self.earlier.set(set));
        let values = H::Stats::difference(&later, &earlier);
        self.observe::<H::Stats>(values, set.at().0.found(), TOTAL)
    }

    /// The rates per second of what a set recorded in between.
    ///
    /// # Panics
    /// If the set belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn rates<H: ReadSet>(&self, set: &H) -> <H::Stats as Metric>::Rates {
        self.per_second::<H::Stats>(&self.set(set))
    }

    /// What all entries of a family recorded in between, those included that retired meanwhile.
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn total<K: Key, S: Stats>(&self, family: &Family<K, S>) -> S::Value {
        let (later, earlier) = (self.later.family(family), self.earlier.family(family));
        let values = S::difference(&later.total(), &earlier.total());
        self.observe::<S>(values, family.shared().and_then(|shared| shared.place.found()), TOTAL)
    }

    /// The rates per second of what all entries of a family recorded in between.
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn total_rates<K: Key, S: Stats>(&self, family: &Family<K, S>) -> S::Rates {
        self.per_second::<S>(&self.total(family))
    }

    /// What an entry recorded in between. An entry that is not in the earlier snapshot, or that has
    /// come back as a new one since, started from zero: what the one before it counted is in the
    /// [total](Self::total) alone.
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn entry<K: Key, S: Stats>(&self, family: &Family<K, S>, key: &K) -> Option<S::Value> {
        let [later, earlier] = self.parts(family);
        let later = later?;
        let row = later.find(key)?;
        let values = self.row(later, earlier, row, &mut Vec::new());
        let serial = later.owner(row)?.meta.serial;
        Some(self.observe::<S>(values, later.place, serial))
    }

    /// The rates per second of what an entry recorded in between, over all of the time in between
    /// even if the entry is younger.
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn entry_rates<K: Key, S: Stats>(
        &self,
        family: &Family<K, S>,
        key: &K,
    ) -> Option<S::Rates> {
        Some(self.per_second::<S>(&self.entry(family, key)?))
    }

    /// What each entry of the later snapshot recorded in between, in no particular order.
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[track_caller]
    pub fn entries<'a, K: Key, S: Stats>(
        &'a self,
        family: &Family<K, S>,
    ) -> impl Iterator<Item = (&'a K, S::Value)> + use<'a, K, S> {
        let [later, earlier] = self.parts(family);
        let place = later.and_then(|later| later.place);
        let extrema = if S::EXTREMA > 0 { self.extrema_at(place) } else { HashMap::new() };
        let mut words = Vec::new();
        let entries =
            later.into_iter().flat_map(|later| later.entries().map(move |entry| (later, entry)));
        entries.map(move |(later, (row, entry))| {
            let mut values = self.row(later, earlier, row, &mut words);
            if S::EXTREMA > 0 && self.extrema.is_some() {
                let serial = entry.meta.serial;
                let extrema = extrema.get(&serial).map(Vec::as_slice).unwrap_or_default();
                S::observe(&mut values, &mut RowExtrema::new(extrema));
            }
            (&entry.meta.key, values)
        })
    }

    /// Rates per second of an increase that belongs to this difference, such as one of
    /// [`entries`](Self::entries). Zero if no time has elapsed.
    #[must_use]
    pub fn per_second<S: Stats>(&self, increase: &S::Value) -> S::Rates {
        S::rates(&mut Flows::new(&self.flows::<S>(increase)))
    }

    /// The flows of an increase, per second.
    pub(crate) fn flows<M: Metric>(&self, increase: &M::Value) -> Vec<f64> {
        let mut flows = Vec::with_capacity(M::FLOWS);
        M::flows(increase, &mut flows);
        let seconds = self.elapsed().as_secs_f64();
        let rate = |flow: &mut f64| *flow = if seconds > 0.0 { *flow / seconds } else { 0.0 };
        flows.iter_mut().for_each(rate);
        flows
    }

    #[track_caller]
    fn parts<K: Key, S: Stats>(&self, family: &Family<K, S>) -> [Option<&FamilyPart<K, S>>; 2] {
        [self.later.family_part(family).or_panic(), self.earlier.family_part(family).or_panic()]
    }

    /// What the entry of a row recorded, but for its extrema. An entry keeps its row for life.
    fn row<K: Key, S: Stats>(
        &self,
        later: &FamilyPart<K, S>,
        earlier: Option<&FamilyPart<K, S>>,
        row: usize,
        words: &mut Vec<u64>,
    ) -> S::Value {
        let values = later.values(row, self.later.span, words);
        let Some(entry) = later.owner(row) else { return values };
        let is_same = |owner: &Arc<_>| Arc::ptr_eq(owner, entry);
        let before = earlier.filter(|earlier| earlier.owner(row).is_some_and(is_same));
        let before =
            before.map(|earlier| earlier.values(row, self.earlier.span, words)).unwrap_or_default();
        S::difference(&values, &before)
    }

    /// The extrema of all entries of a place, by field, in order.
    fn extrema_at(&self, place: Option<(usize, u64)>) -> HashMap<u64, Vec<(u32, Extrema)>> {
        let mut all = HashMap::<u64, Vec<(u32, Extrema)>>::new();
        let (Some(segmentes), Some((place, _))) = (&self.extrema, place) else { return all };
        for (entry, field, extrema) in segmentes.iter().flat_map(|segment| segment.at(place as u32))
        {
            let own = all.entry(entry).or_default();
            match own.binary_search_by_key(&field, |(known, _)| *known) {
                Ok(at) => own[at].1.fold(extrema),
                Err(at) => own.insert(at, (field, extrema)),
            }
        }
        all
    }

    /// Puts the exact extrema into values that are a difference.
    fn observe<S: Stats>(
        &self,
        mut values: S::Value,
        place: Option<(usize, u64)>,
        entry: u64,
    ) -> S::Value {
        if let (Some(lists), Some((place, _))) = (&self.extrema, place)
            && S::EXTREMA > 0
        {
            let mut by_field = BTreeMap::<u32, Extrema>::new();
            for (field, seen) in lists.iter().flat_map(|list| list.of(place as u32, entry)) {
                by_field.entry(field).or_default().fold(seen);
            }
            let row: Vec<_> = by_field.into_iter().collect();
            S::observe(&mut values, &mut RowExtrema::new(&row));
        }
        values
    }
}

impl fmt::Debug for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Difference")
            .field("later", &self.later)
            .field("earlier", &self.earlier)
            .finish_non_exhaustive()
    }
}
