//! [`History`]: earlier cuts, to compare the latest with, and what was extreme between them.
//!
//! It is a list of *stretches*, one after the other: the cut a stretch begins at, and the extremes that were seen until
//! the next. A tick adds one. Two neighbours become one, and the cut between them is let go, when the two together are no
//! longer than a [`RESOLUTION`]th of their age, unless somebody holds that cut and may ask what happened since. So a window of any length up to the longest begins at a cut that is at most
//! that part, or one tick, too old; and the number of stretches grows with the logarithm of the longest window.
//!
//! Cuts share what has not changed, so a kept one costs what was overwritten since; the extremes cost what was touched.

use crate::row::Peak;
use crate::snapshot::Snapshot;
use std::sync::Arc;
use std::time::Duration;

/// A window is at most this part of itself too long.
pub(crate) const RESOLUTION: u32 = 16;

/// The stretches up to the present, oldest first. Shared by whoever holds the snapshot.
pub(crate) type Stretches = Arc<[Stretch]>;

/// Some time between two cuts.
#[derive(Clone)]
pub(crate) struct Stretch {
    /// The cut it begins at, without a history of its own.
    pub(crate) from: Arc<Snapshot>,
    until: Duration,
    pub(crate) extremes: Arc<Extremes>,
}

/// What was extreme at all places, in order.
#[derive(Default)]
pub(crate) struct Extremes(Vec<Extreme>);

/// What was extreme in one field.
#[derive(Clone, Copy)]
pub(crate) struct Extreme {
    /// The place, the entry there ([`Meta::serial`](crate::family::Meta), or [`TOTAL`]), and the field's number.
    pub(crate) of: (u32, u64, u32),
    pub(crate) peak: Peak,
}

/// In the place of an entry: a set, or a family as a whole.
pub(crate) const TOTAL: u64 = 0;

impl Extremes {
    pub(crate) fn new(mut all: Vec<Extreme>) -> Self {
        // Where two lists are joined, this merges them.
        all.sort_by_key(|extreme| extreme.of);
        all.dedup_by(|next, kept| {
            let same = next.of == kept.of;
            if same {
                kept.peak.fold(next.peak);
            }
            same
        });
        Extremes(all)
    }

    /// Those of one entry, by field.
    pub(crate) fn of(&self, place: u32, entry: u64) -> impl Iterator<Item = (u32, Peak)> {
        let start = self.0.partition_point(|extreme| extreme.of < (place, entry, 0));
        let own = move |extreme: &&Extreme| (extreme.of.0, extreme.of.1) == (place, entry);
        self.0[start..].iter().take_while(own).map(|extreme| (extreme.of.2, extreme.peak))
    }

    /// Those of a place, by entry and field.
    pub(crate) fn at(&self, place: u32) -> impl Iterator<Item = (u64, u32, Peak)> {
        let start = self.0.partition_point(|extreme| extreme.of.0 < place);
        let own = move |extreme: &&Extreme| extreme.of.0 == place;
        self.0[start..]
            .iter()
            .take_while(own)
            .map(|extreme| (extreme.of.1, extreme.of.2, extreme.peak))
    }

    fn merged(&self, later: &Self) -> Self {
        Extremes::new(self.0.iter().chain(&later.0).copied().collect())
    }

    fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Extreme>()
    }
}

/// The collector's side.
pub(crate) struct History {
    stretches: Vec<Stretch>,
    longest: Duration,
    limit: usize,
}

impl History {
    /// A history for windows up to `longest`, of about `limit` bytes; none at all where that is zero.
    pub(crate) fn new(longest: Duration, limit: usize) -> Self {
        History { stretches: Vec::new(), longest, limit }
    }

    /// Adds what happened since `from`, up to a cut at `now`. `bytes` is what the cuts of the past take.
    pub(crate) fn add(
        &mut self,
        from: Arc<Snapshot>,
        now: Duration,
        extremes: Vec<Extreme>,
        bytes: usize,
    ) -> Stretches {
        if self.longest.is_zero() {
            return Stretches::default();
        }
        let extremes = Arc::new(Extremes::new(extremes));
        let stretch = Stretch { from, until: now, extremes };
        let mut thinned: Vec<Stretch> = Vec::with_capacity(self.stretches.len() + 1);
        for next in self.stretches.drain(..) {
            match thinned.last_mut() {
                Some(last) if may_join(last, &next, now) => last.join(&next),
                _ => thinned.push(next),
            }
        }
        // Never joined at once, however short it is: it is the last interval.
        thinned.push(stretch);
        // Of those that begin before the longest window does, the youngest is enough.
        let start = now.checked_sub(self.longest);
        let too_old = |stretch: &Stretch| start.is_some_and(|start| stretch.from.at() <= start);
        let surplus = thinned.iter().take_while(|stretch| too_old(stretch)).count();
        thinned.drain(..surplus.saturating_sub(1));
        self.stretches = thinned;
        if bytes + self.bytes() > self.limit {
            // A part of them at each tick: what they had is freed at the next.
            let surplus = (self.stretches.len() / 4).max(2).min(self.stretches.len() - 1);
            self.stretches.drain(..surplus);
        }
        self.stretches.as_slice().into()
    }

    /// How many bytes the extremes take.
    pub(crate) fn bytes(&self) -> usize {
        self.stretches.iter().map(|stretch| stretch.extremes.bytes()).sum()
    }

    pub(crate) fn len(&self) -> usize {
        self.stretches.len()
    }
}

/// Whether two neighbours are short enough for their age to become one, and nobody else has the cut between them.
fn may_join(one: &Stretch, next: &Stretch, now: Duration) -> bool {
    if Arc::strong_count(&next.from.held) > 1 {
        return false;
    }
    let (length, age) = (next.until.saturating_sub(one.from.at()), now.saturating_sub(next.until));
    length.saturating_mul(RESOLUTION) <= age
}

impl Stretch {
    fn join(&mut self, next: &Self) {
        self.extremes = Arc::new(self.extremes.merged(&next.extremes));
        self.until = next.until;
    }
}
