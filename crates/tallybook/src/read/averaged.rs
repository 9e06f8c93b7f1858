//! [`Averaged`]: exponentially weighted rates in one snapshot.

use super::family_part::FamilyPart;
use super::part::Part;
use super::snapshot::Snapshot;
use crate::error::OrPanic;
use crate::metric::{Metric, Stats, averages};
use crate::record::{Family, Key, ReadSet};
use crate::row::Flows;
use std::time::Duration;

/// Rates per second, averaged with exponentially falling weights, as a load average: what happened
/// one time constant ago counts 1/e as much as what happens now. Made by [`Snapshot::averaged`].
///
/// They weigh the time that really passed between cuts, so irregular ticks do not shift them; they
/// start at zero when the set, family or entry does; and they fall while nothing happens.
#[derive(Clone, Copy, Debug)]
pub struct Averaged<'a> {
    pub(crate) snapshot: &'a Snapshot,
    /// Which of the constants it is.
    pub(crate) which: usize,
}

impl Snapshot {
    /// The averages with this time constant; `None` if it is not one that the registry was
    /// [built with](crate::registry::RegistryBuilder::averages), by default 1, 5 and 15 minutes.
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
    /// for _ in 0..60 {
    ///     torrent.record(|t| t.received.add(1000));
    ///     clock.advance(Duration::from_secs(1));
    ///     collector.tick();
    /// }
    /// let now = registry.reader().latest();
    /// let minute = now.averaged(Duration::from_secs(60)).expect("a default");
    /// assert_eq!(minute.set(&torrent).received.round(), 632.0); // 1 - 1/e on the way to 1000
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn averaged(&self, constant: Duration) -> Option<Averaged<'_>> {
        let which = self.settings.constants.iter().position(|known| *known == constant)?;
        Some(Averaged { snapshot: self, which })
    }

    /// The time constants that the registry was [built
    /// with](crate::registry::RegistryBuilder::averages), shortest first.
    #[must_use]
    pub fn time_constants(&self) -> &[Duration] {
        &self.settings.constants
    }
}

impl Averaged<'_> {
    /// The time constant.
    #[must_use]
    pub fn time_constant(&self) -> Duration {
        self.snapshot.settings.constants[self.which]
    }

    /// The average rates of a set.
    ///
    /// # Panics
    /// If the set belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn set<H: ReadSet>(&self, set: &H) -> <H::Stats as Metric>::Rates {
        let index = self.snapshot.check(set.at().0).or_panic();
        match index.and_then(|index| self.snapshot.parts.get(index)) {
            Some(Part::Set(part)) => self.read::<H::Stats>(&part.averages),
            _ => self.read::<H::Stats>(&[]),
        }
    }

    /// The average rates of a family, over all entries that ever were.
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn total<K: Key, S: Stats>(&self, family: &Family<K, S>) -> S::Rates {
        let part = self.part(family);
        self.read::<S>(part.map_or(&[], |part| &part.total_averages))
    }

    /// The average rates of an entry. `None` if there is no such entry, or the family was
    /// registered without [averages for entries](crate::registry::FamilyBuilder::averages).
    ///
    /// # Panics
    /// If the family belongs to another registry.
    #[must_use]
    #[track_caller]
    pub fn entry<K: Key, S: Stats>(&self, family: &Family<K, S>, key: &K) -> Option<S::Rates> {
        let part = self.part(family)?;
        let (averages, row) = (part.averages.as_ref()?, part.find(key)?);
        let mut words = Vec::new();
        averages.read(row, &mut words);
        Some(self.read::<S>(&words))
    }

    fn read<M: Metric>(&self, row: &[u64]) -> M::Rates {
        if M::FLOWS == 0 {
            return M::rates(&mut Flows::new(&[]));
        }
        averages::read::<M>(row, self.which, self.time_constant(), self.snapshot.at())
    }

    #[track_caller]
    fn part<K: Key, S: Stats>(&self, family: &Family<K, S>) -> Option<&FamilyPart<K, S>> {
        self.snapshot.family_part(family).or_panic()
    }
}
