//! What is said at the end.

use std::fmt;
use std::time::Duration;

use tallybook::Distribution;
use tallybook::event::EventStatsSnapshot;

use crate::cut::Cut;
use crate::rate::Rates;
use crate::swarm::Outcome;
use crate::text::{QUANTILES, bytes, grouped, quantiles, time, times};
use crate::verdict::Verdict;
use crate::view::Goal;
use crate::wire::{OnWire, Totals};

/// How the run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It came to its end.
    Finished,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// It failed.
    Failed,
}

/// Everything there is to say.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How it ended.
    pub ending: Ending,
    /// How long it took.
    pub time: Duration,
    /// What was fetched.
    pub goal: Goal,
    /// How many files, or torrents, were to arrive.
    pub expected: u64,
    /// What became of the leechers.
    pub outcome: Outcome,
    /// The last cut.
    pub last: Cut,
    /// The rates from the start to the last cut.
    pub rates: Rates,
    /// What all cuts said.
    pub verdict: Verdict,
}

impl Ending {
    /// In a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
        }
    }
}

impl Summary {
    /// Whether everything holds that has to hold.
    pub fn holds(&self) -> bool {
        self.ending == Ending::Finished
            && self.outcome.verified == self.expected
            && self.verdict.broken == 0
            && self.verdict.checked > 0
    }

    /// The verdict in words.
    pub fn conclusion(&self) -> String {
        let unseen = self.verdict.taken - self.verdict.checked;
        match self.ending {
            _ if self.holds() && unseen > 0 => {
                return format!("all that was seen holds, but {} were not", times(unseen, "cut"));
            }
            _ if self.holds() => "everything holds",
            _ if self.verdict.broken > 0 => "the law does NOT hold",
            _ if self.verdict.checked == 0 => "no cut was checked",
            Ending::Finished => "the law holds, but files are missing",
            Ending::Interrupted | Ending::Failed => {
                "the law holds, but the run did not come to its end"
            }
        }
        .into()
    }

    /// What was seen on the wire, and what became of the events.
    fn wire(&self, f: &mut fmt::Formatter<'_>, wire: &OnWire) -> fmt::Result {
        let Totals { connected, requested, cancelled, chunks, bytes: payload, undecoded, .. } =
            wire.view.totals;
        let amount = format!("{} ({} bytes)", bytes(payload), grouped(payload));
        let chunks = times(chunks, "chunk");
        writeln!(f, "  wire       {amount} in {chunks}, {}", times(connected, "connection"))?;
        let (requested, cancelled) = (times(requested, "request"), grouped(cancelled));
        writeln!(f, "             {requested}, {cancelled} of them cancelled")?;
        // Sent twice, or to somebody who was leaving.
        let vain = payload.saturating_sub(self.last.swarm.received);
        let late = self.last.swarm.served.saturating_sub(payload);
        let (vain, late) = (bytes(vain), bytes(late));
        write!(f, "             {vain} of it were not written")?;
        match self.last.swarm.served {
            0 => writeln!(f)?,
            _ => writeln!(f, ", {late} more were read to be sent")?,
        }
        if undecoded > 0 {
            writeln!(
                f,
                "             {} not understood to the end",
                times(undecoded, "direction")
            )?;
        }
        for (name, pieces) in &wire.view.culprits {
            writeln!(f, "             {name} sent {}", times(*pieces, "bad piece"))?;
        }
        let account = |f: &mut fmt::Formatter<'_>, name, account: EventStatsSnapshot| {
            let EventStatsSnapshot { sent, applied, coalesced, dropped, lost } = account;
            let [sent, applied, coalesced, dropped, lost] =
                [sent, applied, coalesced, dropped, lost].map(grouped);
            writeln!(
                f,
                "  {name:<10} {sent} sent: {applied} applied, {coalesced} coalesced, {dropped} dropped, {lost} lost"
            )
        };
        account(f, "events", wire.account())?;
        if wire.noise.sent > 0 {
            account(f, "noise", wire.noise.clone())?;
        }
        Ok(())
    }

    /// How long writing and reading took: a table of its own.
    fn times(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let swarm = &self.last.swarm;
        let [p50, p90, p99] = QUANTILES.map(|(_, name)| name);
        writeln!(
            f,
            "  times      {:<12}{:>8}{:>9}{p50:>9}{p90:>9}{p99:>9}{:>9}",
            "", "count", "mean", "max"
        )?;
        let rows: [(&str, &Distribution<Duration>); 3] = [
            ("piece write", &swarm.piece_write_time),
            ("chunk write", &swarm.write_time),
            ("read", &swarm.read_time),
        ];
        for (name, times) in rows {
            let mean = times.mean().map_or_else(|| "-".into(), time);
            let [p50, p90, p99, max] = quantiles(times);
            writeln!(
                f,
                "             {name:<12}{:>8}{mean:>9}{p50:>9}{p90:>9}{p99:>9}{max:>9}",
                grouped(times.count())
            )?;
        }
        let error = swarm.piece_write_time.relative_error() * 100.0;
        writeln!(f, "             p50, p90 and p99 are true to ±{error:.1} %, all else is exact")
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { goal, outcome, last, rates, verdict, .. } = self;
        let ending = self.ending.name();
        let amount = |number| format!("{} ({} bytes)", bytes(number), grouped(number));
        writeln!(f, "{ending} after {:.1} s", self.time.as_secs_f64())?;
        let pieces = times(goal.pieces, "piece");
        writeln!(f, "  file       {}, {}, {pieces}", goal.title, amount(goal.bytes))?;
        let Outcome { departed, returned, .. } = outcome;
        let swarm = &last.swarm;
        let (joins, departures) = (times(swarm.joined, "join"), times(swarm.left, "departure"));
        // A connection between two members is one for each of them.
        let peers = if rates.present > 0.0 { rates.connections / rates.present } else { 0.0 };
        writeln!(
            f,
            "  members    {joins}, {departures}, {:.1} present on average with {peers:.1} peers each",
            rates.present
        )?;
        if departed + returned > 0 {
            writeln!(
                f,
                "             {departed} left with the file, {returned} broke off half-way and came back"
            )?;
        }
        let mean = |rate: f64| format!("{}/s on average", bytes(rate as u64));
        writeln!(f, "  received   {}, {}", amount(swarm.received), mean(rates.swarm.received))?;
        writeln!(f, "  served     {}, {}", amount(swarm.served), mean(rates.swarm.served))?;
        writeln!(f, "  checked    {} for hashes", amount(swarm.checked))?;
        if swarm.bad_pieces > 0 {
            let bad = times(swarm.bad_pieces, "piece");
            writeln!(f, "             {bad} had a wrong hash and came again")?;
        }
        let (writes, reads) = (times(swarm.writes, "write"), times(swarm.reads, "read"));
        writeln!(f, "  storage    {writes}, {reads}")?;
        self.times(f)?;
        if let Some(wire) = &last.wire {
            self.wire(f, wire)?;
        }
        writeln!(
            f,
            "  cuts       {} taken, {} checked, {} broke the law",
            grouped(verdict.taken),
            grouped(verdict.checked),
            grouped(verdict.broken)
        )?;
        if let Some(first) = &verdict.first {
            writeln!(f, "             first: {first}")?;
        }
        let own = last.librqbit;
        write!(
            f,
            "  librqbit   {} readings, {} broke its own law",
            grouped(own.readings),
            grouped(own.broken)
        )?;
        if own.broken > 0 {
            write!(f, ", worst by {}", bytes(verdict.worst))?;
        }
        writeln!(f)?;
        let came = if outcome.was_there { "was there already" } else { "arrived" };
        let (verified, expected) = (outcome.verified, self.expected);
        writeln!(f, "  files      {verified} of {expected} {came} with the right hash")?;
        write!(f, "  verdict    {}", self.conclusion())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::midway;

    fn good() -> Summary {
        let view = midway();
        Summary {
            ending: Ending::Finished,
            time: Duration::from_millis(10_240),
            goal: view.goal,
            expected: 3,
            outcome: Outcome { verified: 3, departed: 1, returned: 1, ..Outcome::default() },
            rates: view.rates.into_iter().next_back().expect("two"),
            last: view.cut,
            verdict: view.verdict,
        }
    }

    #[test]
    fn the_whole_text() {
        insta::assert_snapshot!(good());
    }

    #[test]
    fn what_was_not_seen_is_said() {
        let mut hasty = good();
        hasty.verdict.taken += 2;
        let said = hasty.to_string();
        assert!(said.ends_with("all that was seen holds, but 2 cuts were not"), "{said}");
    }

    #[test]
    fn bad_pieces_are_told_with_who_sent_them() {
        let mut bad = good();
        bad.last.swarm.bad_pieces = 2;
        let wire = bad.last.wire.as_mut().expect("there is a tap");
        let mut view = (*wire.view).clone();
        view.culprits = vec![("-XX0001-".into(), 2)];
        wire.view = view.into();
        let said = bad.to_string();
        assert!(
            said.contains("\n             2 pieces had a wrong hash and came again\n"),
            "{said}"
        );
        assert!(said.contains("\n             -XX0001- sent 2 bad pieces\n"), "{said}");
    }

    #[test]
    fn it_holds_only_if_all_of_it_holds() {
        assert!(good().holds());
        let mut late = good();
        late.outcome.verified = 2;
        let mut torn = good();
        torn.verdict.broken = 1;
        let mut blind = good();
        blind.verdict.checked = 0;
        let stopped = Summary { ending: Ending::Interrupted, ..good() };
        for (summary, conclusion) in [
            (late, "the law holds, but files are missing"),
            (torn, "the law does NOT hold"),
            (blind, "no cut was checked"),
            (stopped, "the law holds, but the run did not come to its end"),
        ] {
            assert!(!summary.holds(), "{conclusion}");
            assert!(summary.to_string().ends_with(conclusion), "{summary}");
        }
    }
}
