//! The wire as text.

use tallybook::event::EventStatsSnapshot;

use super::OnWire;
use super::state::{Link, Side};
use crate::text::{grouped, short};

/// The columns of the table of connections: three for each end after the two names.
pub const LINKS: [&str; 8] = ["from", "to", "from", "waits", "sent", "to", "waits", "sent"];

impl OnWire {
    /// How things stand on the wire, and what became of the events that told it; of noise only if
    /// there was any.
    pub fn lines(&self) -> Vec<String> {
        let EventStatsSnapshot { sent, applied, coalesced, dropped, lost } = self.account();
        let [sent, applied, coalesced, dropped, lost] =
            [sent, applied, coalesced, dropped, lost].map(grouped);
        let mut lines = vec![
            format!(
                "wire: {} connections, {} choked, {} interested, {} in flight, {}",
                self.view.links.len(),
                self.view.choked(),
                self.view.interested(),
                grouped(self.view.in_flight()),
                short(self.view.totals.bytes as f64),
            ),
            format!(
                "events: {sent} = {applied} applied + {coalesced} coalesced + {dropped} dropped + {lost} lost"
            ),
        ];
        if self.noise.sent > 0 {
            let EventStatsSnapshot { sent, applied, dropped, .. } = self.noise;
            let [sent, applied, dropped] = [sent, applied, dropped].map(grouped);
            lines.push(format!("noise: {sent} = {applied} applied + {dropped} dropped"));
        }
        if !self.view.culprits.is_empty() {
            let culprits = self.view.culprits.iter();
            let told = culprits.map(|(name, pieces)| format!("{} from {name}", grouped(*pieces)));
            lines.push(format!("bad pieces: {}", told.collect::<Vec<_>>().join(", ")));
        }
        lines
    }

    /// The open connections, a row of [`LINKS`] for each.
    pub fn links(&self) -> Vec<[String; LINKS.len()]> {
        self.view.links.iter().map(row).collect()
    }

    /// What the letters in the table mean.
    pub fn legend() -> [&'static str; 2] {
        [
            "c chokes the other end, i is interested in what it has, a has all pieces;",
            "waits for so many chunks that it asked for, has sent so much payload",
        ]
    }
}

fn row(link: &Link) -> [String; LINKS.len()] {
    [
        link.from.to_string(),
        link.to.to_string(),
        letters(&link.there),
        grouped(link.there.waiting),
        short(link.there.bytes as f64),
        letters(&link.back),
        grouped(link.back.waiting),
        short(link.back.bytes as f64),
    ]
}

/// A letter for each thing that is true of an end.
fn letters(side: &Side) -> String {
    [(side.chokes, 'c'), (side.interested, 'i'), (side.has_all, 'a')]
        .map(|(holds, letter)| if holds { letter } else { '-' })
        .iter()
        .collect()
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wire::{Totals, WireView};

    /// A wire in the middle of things.
    pub fn midway() -> OnWire {
        let side = |chokes, interested, waiting, chunks: u64, has_all| Side {
            chokes,
            interested,
            waiting,
            chunks,
            bytes: chunks << 14,
            has_all,
        };
        let link = |from: &str, to: &str, there, back| Link {
            from: from.into(),
            to: to.into(),
            there,
            back,
        };
        let links = vec![
            link(
                "leecher-2",
                "seed",
                side(true, true, 64, 0, false),
                side(false, false, 0, 2048, true),
            ),
            link(
                "leecher-10",
                "leecher-2",
                side(false, true, 120, 1024, false),
                side(false, true, 3, 512, false),
            ),
        ];
        let totals = Totals {
            connected: 5,
            disconnected: 3,
            requested: 12_345,
            cancelled: 2,
            chunks: 10_000,
            bytes: 10_000 << 14,
            ..Totals::default()
        };
        let account = |sent, coalesced| EventStatsSnapshot {
            sent,
            applied: sent - coalesced,
            coalesced,
            ..EventStatsSnapshot::default()
        };
        OnWire {
            view: Arc::new(WireView { links, totals, culprits: Vec::new() }),
            events: vec![("choked", account(12, 0)), ("piece_received", account(10_000, 77))],
            noise: EventStatsSnapshot::default(),
        }
    }

    #[test]
    fn the_lines() {
        let mut wire = midway();
        assert_eq!(wire.lines().len(), 2);
        wire.noise = EventStatsSnapshot {
            sent: 123_456_789,
            applied: 3,
            dropped: 123_456_786,
            ..EventStatsSnapshot::default()
        };
        insta::assert_snapshot!(wire.lines().join("\n"));
    }
}
