//! The verdict: what the cuts of a run said together.

use crate::cut::Cut;
use crate::law::Breach;

/// What the cuts of a run said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Cuts the collector has taken.
    pub taken: u64,
    /// Cuts that were looked at.
    pub checked: u64,
    /// Cuts that broke the law.
    pub broken: u64,
    /// The first breach, in words.
    pub first: Option<String>,
    /// The most by which librqbit's own counters contradicted each other in any cut, in bytes.
    pub worst: u64,
}

impl Verdict {
    /// Adds one cut and what was found wrong with it; `unseen` have not been looked at until now.
    pub fn enter(&mut self, cut: &Cut, unseen: u64, found: &[Breach]) {
        self.checked += 1;
        self.taken = self.checked + unseen;
        self.worst = self.worst.max(cut.librqbit.worst.unwrap_or(0));
        if let Some(breach) = found.first() {
            self.broken += 1;
            self.first.get_or_insert_with(|| format!("cut {}: {breach}", cut.epoch));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::tests::lawful;
    use crate::law::{World, breaches};

    #[test]
    fn a_verdict_counts_cuts_and_keeps_the_first_breach() {
        let mut verdict = Verdict::default();
        let mut enter = |cut: &Cut, unseen| {
            verdict.enter(cut, unseen, &breaches(cut, World::Closed));
        };
        enter(&lawful(), 0);
        let mut torn = lawful();
        torn.swarm.received += 1;
        enter(&torn, 0);
        torn.epoch = 9;
        enter(&torn, 1);
        assert_eq!((verdict.taken, verdict.checked, verdict.broken), (4, 3, 2));
        assert_eq!(
            verdict.first.as_deref(),
            Some("cut 7: received: the members sum to 80, the swarm says 81")
        );
    }
}
