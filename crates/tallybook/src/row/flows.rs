//! [`Flows`]: the numbers of a row that have rates.

/// Rates in the order of the fields: each field takes its own from the front.
pub struct Flows<'a>(std::slice::Iter<'a, f64>);

impl<'a> Flows<'a> {
    pub(crate) fn new(flows: &'a [f64]) -> Self {
        Flows(flows.iter())
    }

    /// Takes the next rate.
    pub fn take(&mut self) -> f64 {
        self.0.next().copied().unwrap_or(0.0)
    }
}
