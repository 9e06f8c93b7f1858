//! [`Snapshot`]: an immutable state that the program was in.

use super::declaration::Declaration;
use super::family::FamilySnapshot;
use super::family_part::{AnyFamily, FamilyPart};
use super::panics::UserPanics;
use super::part::{Part, PartList, nothing};
use super::segments::Segments;
use super::settings::Settings;
use crate::error::{OrPanic, RegistryOrigin, WrongRegistry};
use crate::metric::{Counter, Metric, Stats};
use crate::phase::Place;
use crate::record::{Family, Key, ReadSet};
use crate::row::Span;
use std::any::Any;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

/// All numbers of a registry, as of one consistent cut: if a fact is in it, everything that
/// happened before that fact is in it too, and each fact is in it entirely or not at all.
///
/// Immutable, and cheap to keep: it shares whatever has not changed with the snapshots before and
/// after it. Its windows keep their earlier cuts, so a snapshot that is kept for long keeps a
/// minute of history with it.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) registry: u64,
    pub(crate) span: Span,
    pub(crate) wall: SystemTime,
    pub(crate) interval: Duration,
    pub(crate) stale: bool,
    /// Some of the schema's have none, where they were registered later.
    pub(crate) parts: PartList,
    pub(crate) schema: Arc<Vec<Declaration>>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) panics: Arc<[UserPanics]>,
    pub(crate) history: Segments<Snapshot>,
    /// Shared by all copies of one cut, so that the history can tell whether anybody else has one.
    pub(crate) held: Arc<()>,
}

impl Snapshot {
    /// The snapshot of all disabled registries.
    pub(crate) fn nothing() -> Arc<Self> {
        static NOTHING: OnceLock<Arc<Snapshot>> = OnceLock::new();
        let empty = || Snapshot::empty(0, Duration::ZERO, SystemTime::UNIX_EPOCH, Arc::default());
        NOTHING.get_or_init(|| Arc::new(empty())).clone()
    }

    pub(crate) fn empty(
        registry: u64,
        at: Duration,
        wall: SystemTime,
        settings: Arc<Settings>,
    ) -> Self {
        Snapshot {
            registry,
            span: Span { at, ..Span::default() },
            wall,
            interval: Duration::ZERO,
            stale: false,
            parts: PartList::default(),
            schema: Arc::default(),
            settings,
            panics: Arc::default(),
            history: Segments::default(),
            held: Arc::default(),
        }
    }

    /// The epoch that was closed to make it: 0 before the first snapshot, then a larger one each
    /// time. One larger, unless epochs were closed in between: to empty the queues of events, for a
    /// [cut](crate::Registry::cut) on demand, or because a tick was held up.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.span.last
    }

    /// When the cut was made, on the registry's clock.
    #[must_use]
    pub fn at(&self) -> Duration {
        self.span.at
    }

    /// When the cut was made, by the time of day.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.wall
    }

    /// The time between the published cut before this one and this one; for the first, since the
    /// registry was made.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether this is not the state at the last tick but an older one: a thread was inside a fact
    /// for longer than the collector's patience, so the next cut could not be finished yet. The
    /// numbers are those of [`epoch`](Self::epoch), whole and consistent; only the collector's own
    /// have moved on. After the collector was stopped or dropped, it says that facts are missing
    /// that were over by then.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Where code of the user has panicked in the collector, in the order of registration: a
    /// reducer, a question, a clock, a waker, the `Drop` of a key, an event or a state. Each panic
    /// was caught and cost nothing but what the code was called for. Empty in most programs.
    /// [`CollectorStats::panics`](crate::collector::CollectorStats::panics) counts all of them.
    #[must_use]
    pub fn panics(&self) -> &[UserPanics] {
        &self.panics
    }

    /// Everything that is registered, in the order of registration, beginning with the collector's own statistics.
    pub fn declarations(&self) -> impl Iterator<Item = &Declaration> {
        self.schema.iter()
    }

    /// The values of a set, or of an [observed](crate::Registry::observe) one. Zeros if the set was
    /// registered after the cut, or in a disabled registry.
    ///
    /// # Panics
    /// If the set belongs to another registry; see [`try_set`](Self::try_set).
    #[must_use]
    #[track_caller]
    pub fn set<H: ReadSet>(&self, set: &H) -> <H::Stats as Metric>::Value {
        self.try_set(set).or_panic()
    }

    /// The values of a set, as [`set`](Self::set).
    ///
    /// # Errors
    /// If the set belongs to another registry.
    pub fn try_set<H: ReadSet>(
        &self,
        set: &H,
    ) -> Result<<H::Stats as Metric>::Value, WrongRegistry> {
        let nothing = || nothing::<H::Stats>(self.span);
        let index = self.check(set.at().0)?;
        Ok(index.map_or_else(nothing, |index| self.metric::<H::Stats>(index)))
    }

    /// A family: its entries and totals. Empty if it was registered after the cut, or in a disabled
    /// registry.
    ///
    /// # Panics
    /// If the family belongs to another registry; see [`try_family`](Self::try_family).
    #[must_use]
    #[track_caller]
    pub fn family<K: Key, S: Stats>(&self, family: &Family<K, S>) -> FamilySnapshot<K, S> {
        self.try_family(family).or_panic()
    }

    /// A family, as [`family`](Self::family).
    ///
    /// # Errors
    /// If the family belongs to another registry.
    pub fn try_family<K: Key, S: Stats>(
        &self,
        family: &Family<K, S>,
    ) -> Result<FamilySnapshot<K, S>, WrongRegistry> {
        let Some(shared) = family.shared() else {
            return Ok(FamilySnapshot::new(None, 0, self.span));
        };
        let part = match self.any_family(&shared.place)? {
            Some(part) => part.clone().as_any().downcast::<FamilyPart<K, S>>().ok(),
            None => None,
        };
        let refusals = self.check(&shared.refusals)?;
        let refused = refusals.map_or(0, |index| self.metric::<Counter>(index));
        Ok(FamilySnapshot::new(part, refused, self.span))
    }

    /// What the place of a family holds.
    pub(crate) fn family_part<K: Key, S: Stats>(
        &self,
        family: &Family<K, S>,
    ) -> Result<Option<&FamilyPart<K, S>>, WrongRegistry> {
        let Some(shared) = family.shared() else { return Ok(None) };
        let part = self.any_family(&shared.place)?;
        Ok(part.and_then(|part| {
            let part: &dyn Any = &**part;
            part.downcast_ref()
        }))
    }

    fn any_family(&self, place: &Place) -> Result<Option<&Arc<dyn AnyFamily>>, WrongRegistry> {
        let index = self.check(place)?;
        Ok(match index.and_then(|index| self.parts.get(index)) {
            Some(Part::Family(part)) => Some(part),
            _ => None,
        })
    }

    pub(crate) fn metric<M: Metric>(&self, place: usize) -> M::Value {
        match self.parts.get(place).and_then(Part::set) {
            Some(part) => M::read(&mut part.row(self.span)),
            None => nothing::<M>(self.span),
        }
    }

    /// Its values of a set as those that a later snapshot is compared with. An observed set has
    /// none before it is asked for the first time; then the first values that it had, which the
    /// later snapshot knows, stand for them.
    pub(crate) fn base<M: Metric>(&self, place: &Place, later: &Snapshot) -> Option<M::Value> {
        let (index, _) = place.found()?;
        let first = later.parts.get(index)?.set()?.first.as_ref()?;
        let is_known = self.parts.get(index).and_then(Part::set).is_some();
        (!is_known).then(|| M::read(&mut first.row(self.span)))
    }

    /// Which registry it is of.
    pub(crate) fn origin(&self) -> RegistryOrigin {
        RegistryOrigin::new(self.registry, self.settings.made_at)
    }

    /// The number of a place, if it is this registry's; `None` for one that is nowhere.
    pub(crate) fn check(&self, place: &Place) -> Result<Option<usize>, WrongRegistry> {
        match place.found() {
            None => Ok(None),
            Some((index, own)) if own == self.registry => Ok(Some(index)),
            Some((_, own)) => {
                let own = RegistryOrigin::new(own, place.made_at());
                Err(WrongRegistry::new(place.name().to_owned(), own, self.origin()))
            }
        }
    }
}
