//! [`Extrema`]: the minimum and maximum that a field saw in an interval.

/// The extrema of what one field saw in an interval. Zero words mean nothing seen, and folding
/// takes the larger of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extrema {
    /// The complement of the minimum.
    pub(crate) min_complement: u64,
    pub(crate) max: u64,
}

impl Extrema {
    pub(crate) fn of(min: u64, max: u64) -> Self {
        Extrema { min_complement: !min, max }
    }

    pub(crate) fn min(self) -> u64 {
        !self.min_complement
    }

    pub(crate) fn max(self) -> u64 {
        self.max
    }

    pub(crate) fn fold(&mut self, other: Extrema) {
        self.min_complement = self.min_complement.max(other.min_complement);
        self.max = self.max.max(other.max);
    }
}

/// The extrema of one row over a stretch of time: each field takes its own from the front.
pub struct RowExtrema<'a> {
    extrema: &'a [(u32, Extrema)],
    next: u32,
}

impl<'a> RowExtrema<'a> {
    /// From a list in order.
    pub(crate) fn new(extrema: &'a [(u32, Extrema)]) -> Self {
        RowExtrema { extrema, next: 0 }
    }

    /// Takes the next extrema; `None` if nothing was seen.
    pub(crate) fn take(&mut self) -> Option<Extrema> {
        let found = self.extrema.iter().find(|(index, _)| *index == self.next);
        self.next += 1;
        found.map(|(_, extrema)| *extrema)
    }
}
