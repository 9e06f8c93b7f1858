//! What is shown, as text: the same table for the screen and for plain lines.

use std::sync::Arc;
use std::time::Duration;

use tallybook::{Distribution, Snapshot};

use crate::books::Books;
use crate::cut::{Cut, Tally};
use crate::rate::{Rate, Rates, WINDOWS};
use crate::swarm::SEED;
use crate::text::{
    QUANTILES, bytes, grouped, quantiles, ratio, remaining, short, speed, times, window,
};
use crate::verdict::Verdict;

/// What is being fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    /// A name for it.
    pub title: String,
    /// Its size.
    pub bytes: u64,
    /// Its pieces.
    pub pieces: u64,
    /// How many members are to have it who do not have it at the start.
    pub copies: u64,
}

/// Everything a screen shows.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What is being fetched.
    pub goal: Goal,
    /// The time between two cuts.
    pub interval: Duration,
    /// The latest cut.
    pub cut: Cut,
    /// What the cuts so far said.
    pub verdict: Verdict,
    /// What happened in the [`WINDOWS`] that end at the cut.
    pub rates: [Rates; 2],
    /// What else is to be known.
    pub notice: Option<String>,
}

impl View {
    /// The view of a snapshot.
    pub fn of(
        goal: &Goal,
        interval: Duration,
        snapshot: &Arc<Snapshot>,
        books: &Books,
        verdict: Verdict,
    ) -> Self {
        Self {
            goal: goal.clone(),
            interval,
            cut: Cut::of(snapshot, books),
            verdict,
            rates: WINDOWS.map(|length| Rates::over(&snapshot.window(length), books)),
            notice: None,
        }
    }

    /// Whether there was no cut yet, so that there is nothing to show.
    pub fn is_early(&self) -> bool {
        self.cut.epoch == 0
    }

    /// The names of the columns after that of the rows.
    pub fn columns(&self) -> [String; COLUMNS] {
        let windows: [String; 2] =
            std::array::from_fn(|each| window(WINDOWS[each], self.rates[each].elapsed));
        let [short, long] = &windows;
        [
            "state".into(),
            "received".into(),
            "served".into(),
            "pieces".into(),
            format!("in {short}"),
            format!("in {long}"),
            format!("out {short}"),
            format!("out {long}"),
            "peers".into(),
        ]
    }

    /// The rows of the table: present members, the departed, the swarm. None before the first cut.
    pub fn rows(&self) -> Vec<Row> {
        if self.is_early() {
            return Vec::new();
        }
        let rates = |of: &dyn Fn(&Rates) -> Rate| self.rates.each_ref().map(of);
        let members = self.cut.present.iter().map(|member| Row {
            name: member.name.clone(),
            cells: cells(
                member.state.told(self.cut.at, member.retry_at),
                &member.tally,
                rates(&|rates| rates.member(&member.name)),
                Some(member.connections()),
            ),
            done: Some(ratio(member.have, self.goal.bytes)),
        });
        // Those whose counts are in this row; one that is on its way out still has its own.
        let gone = self.cut.departed.left;
        let departed = (gone > 0).then(|| Row {
            name: format!("departed ({gone})"),
            cells: cells(String::new(), &self.cut.departed, rates(&|rates| rates.departed), None),
            done: None,
        });
        let swarm = Row {
            name: "swarm".into(),
            cells: cells(
                String::new(),
                &self.cut.swarm,
                rates(&|rates| rates.swarm),
                Some(self.cut.connections()),
            ),
            done: None,
        };
        members.chain(departed).chain([swarm]).collect()
    }

    /// Where the run stands.
    pub fn heading(&self) -> String {
        let Goal { title, bytes: size, pieces, .. } = &self.goal;
        let interval = humantime::format_duration(self.interval);
        let goal = format!("{title}: {} in {}", bytes(*size), times(*pieces, "piece"));
        if self.is_early() {
            return format!("{goal}, the first cut comes after {interval}");
        }
        format!("{goal}, {:.1} s, a cut every {interval}", self.cut.at.as_secs_f64())
    }

    /// How much of all that is to arrive is there, and when it will be if it goes on like this;
    /// nothing where nobody wants any.
    pub fn progress(&self) -> Option<String> {
        let wanted = self.goal.bytes * self.goal.copies;
        if wanted == 0 || self.is_early() {
            return None;
        }
        // What a member had before it was fetched counts where there is one member only.
        let alone = self.cut.present.iter().filter(|_| self.goal.copies == 1);
        let alone = alone.filter(|member| member.name != SEED).map(|member| member.have).max();
        let done = self.cut.swarm.verified.max(alone.unwrap_or(0)).min(wanted);
        let percent = (ratio(done, wanted) * 100.0) as u64;
        let [_, lately] = &self.rates;
        let left = (wanted - done) as f64 / lately.swarm.received;
        let when = match () {
            () if done == wanted => "all of it is there".into(),
            // Slower than a byte a second is no speed.
            () if lately.swarm.received < 1.0 => "nothing arrives".into(),
            () => format!("about {} left", remaining(left)),
        };
        Some(format!("{percent} % of {}, {when}", bytes(wanted)))
    }

    /// How long it took to write a piece, in the last seconds and since the start: a small table of
    /// its own.
    pub fn times(&self) -> [String; 3] {
        let line = |name: &str, cells: [&str; 4], pieces: &str| {
            let cells: String = cells.iter().map(|cell| format!("{cell:>10}")).collect();
            format!("{name:<18}{cells}{pieces:>9}")
        };
        let of = |name: &str, times: &Distribution<Duration>| {
            let cells = quantiles(times);
            line(name, cells.each_ref().map(String::as_str), &grouped(times.count()))
        };
        let [p50, p90, p99] = QUANTILES.map(|(_, name)| name);
        let [_, long] = &self.rates;
        [
            line("piece write time", [p50, p90, p99, "max"], "pieces"),
            of(&format!("  last {}", window(WINDOWS[1], long.elapsed)), &long.piece_write_time),
            of("  since the start", &self.cut.swarm.piece_write_time),
        ]
    }

    /// What the cuts said.
    pub fn law(&self) -> String {
        let Verdict { checked, broken, .. } = self.verdict;
        format!(
            "members present + departed = swarm: held in {} of {checked} cuts",
            checked - broken
        )
    }

    /// What librqbit's own counters said.
    pub fn own_law(&self) -> String {
        let own = self.cut.librqbit;
        let worst = if own.broken > 0 {
            format!(", worst {}", bytes(self.verdict.worst))
        } else {
            String::new()
        };
        format!(
            "librqbit's own (peers <= torrent): held in {} of {} readings{worst}",
            own.readings - own.broken,
            own.readings
        )
    }
}

/// One row of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Who.
    pub name: String,
    /// One text for each of [`View::columns`].
    pub cells: [String; COLUMNS],
    /// Share of the payload it has.
    pub done: Option<f64>,
}

/// How many columns there are after the name.
pub const COLUMNS: usize = 9;

fn cells(
    state: String,
    tally: &Tally,
    rates: [Rate; 2],
    connections: Option<u64>,
) -> [String; COLUMNS] {
    let [now, lately] = rates;
    [
        state,
        short(tally.received as f64),
        short(tally.served as f64),
        tally.pieces.to_string(),
        speed(now.received),
        speed(lately.received),
        speed(now.served),
        speed(lately.served),
        connections.map_or(String::new(), |live| live.to_string()),
    ]
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::cut::{Present, Readings};
    use crate::state::State;

    /// A view in the middle of things.
    pub fn midway() -> View {
        let times = |count: u64, micros: u64| -> Distribution<Duration> {
            (1..=count).map(|each| Duration::from_micros(each * micros)).collect()
        };
        let tally = |received: u64, served: u64| Tally {
            received,
            served,
            pieces: received >> 18,
            verified: (received >> 18) << 18,
            checked: received,
            bad_pieces: 0,
            writes: received >> 14,
            reads: (served >> 14) + (received >> 16),
            joined: 1,
            left: 0,
            write_time: times(received >> 14, 1),
            read_time: times((served >> 14) + (received >> 16), 2),
            piece_write_time: times(received >> 18, 17),
        };
        let member = |name: &str, received, served, opened| Present {
            name: name.into(),
            tally: tally(received, served),
            have: if received == 0 { (64 << 20) + 4099 } else { received },
            state: if received == 0 { State::Seeding } else { State::Fetching },
            retry_at: None,
            opened,
            closed: 1,
        };
        let all = Tally { joined: 4, left: 1, ..tally(154 << 20, 156 << 20) };
        let cut = Cut {
            epoch: 42,
            at: Duration::from_millis(4250),
            present: vec![
                member("seed", 0, 120 << 20, 5),
                member("leecher-2", 40 << 20, 30 << 20, 4),
                member("leecher-10", 64 << 20, 0, 4),
            ],
            departed: Tally { left: 1, ..tally(50 << 20, 6 << 20) },
            total: all.clone(),
            swarm: all,
            librqbit: Readings { readings: 1234, broken: 56, worst: None },
            wire: Some(crate::wire::tests::midway()),
        };
        let rates = |millis, factor: f64| {
            let rate =
                |received, served| Rate { received: received * factor, served: served * factor };
            let members = [
                ("seed", rate(0.0, 12e6)),
                ("leecher-2", rate(9.5e6, 2e6)),
                ("leecher-10", rate(4e6, 0.0)),
            ];
            Rates {
                elapsed: Duration::from_millis(millis),
                swarm: rate(13.6e6, 14.1e6),
                departed: rate(1e5, 1e5),
                members: members.map(|(name, rate)| (name.into(), rate)).into(),
                piece_write_time: times(300, 19),
                present: 3.5,
                connections: 6.25,
            }
        };
        let verdict = Verdict { taken: 42, checked: 42, worst: 98_304, ..Verdict::default() };
        let goal =
            Goal { title: "swarm.bin".into(), bytes: (64 << 20) + 4099, pieces: 257, copies: 3 };
        let interval = Duration::from_millis(100);
        let rates = [rates(1040, 1.0), rates(4250, 0.8)];
        View { goal, interval, cut, verdict, rates, notice: None }
    }

    #[test]
    fn rows_are_members_departed_swarm() {
        let names: Vec<_> = midway().rows().into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["seed", "leecher-2", "leecher-10", "departed (1)", "swarm"]);
    }

    #[test]
    fn no_departed_row_before_anybody_left() {
        let mut view = midway();
        view.cut.departed = Tally::default();
        assert!(view.rows().iter().all(|row| !row.name.starts_with("departed")));
    }

    #[test]
    fn columns_say_how_long_their_windows_are() {
        let mut view = midway();
        assert_eq!(view.columns()[4..8], ["in 1s", "in 4s", "out 1s", "out 4s"]);
        view.rates.iter_mut().for_each(|rates| rates.elapsed = Duration::from_secs(10));
        assert_eq!(view.columns()[4..6], ["in 10s", "in 10s"], "a cut every ten seconds");
    }

    #[test]
    fn progress_is_that_of_all_who_want_it() {
        let mut view = midway();
        assert_eq!(view.progress().as_deref(), Some("80 % of 192.0 MiB, about 4 s left"));
        view.rates[1].swarm.received = 0.0;
        assert_eq!(view.progress().as_deref(), Some("80 % of 192.0 MiB, nothing arrives"));
        view.cut.swarm.verified = view.goal.bytes * 3;
        assert_eq!(view.progress().as_deref(), Some("100 % of 192.0 MiB, all of it is there"));
        // Fetched by one who had some of it before.
        view.goal.copies = 1;
        view.cut.swarm.verified = 0;
        view.cut.present.retain(|member| member.name == "leecher-2");
        assert_eq!(view.progress().as_deref(), Some("62 % of 64.0 MiB, nothing arrives"));
        view.goal.copies = 0;
        assert_eq!(view.progress(), None);
    }

    #[test]
    fn one_piece_is_one_piece() {
        let mut view = midway();
        view.goal = Goal { title: "a".into(), bytes: 1, pieces: 1, copies: 1 };
        assert_eq!(view.heading(), "a: 1 B in 1 piece, 4.2 s, a cut every 100ms");
    }

    #[test]
    fn before_the_first_cut_the_heading_says_when_it_comes() {
        let interval = Duration::from_secs(10);
        let early = View { cut: Cut::default(), interval, ..midway() };
        assert_eq!(
            early.heading(),
            "swarm.bin: 64.0 MiB in 257 pieces, the first cut comes after 10s"
        );
        assert_eq!(early.rows(), []);
    }
}
