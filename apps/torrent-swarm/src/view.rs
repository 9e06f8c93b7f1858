//! What is shown, as text: the same table for the screen and for plain lines.

use bytesize::ByteSize;

use crate::cut::{Cut, Tally};
use crate::law::Verdict;
use crate::rate::{Rate, Rates};

/// What is being fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    /// A name for it.
    pub title: String,
    /// Its size.
    pub bytes: u64,
    /// Its pieces.
    pub pieces: u64,
}

/// Everything a screen shows.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// What is being fetched.
    pub goal: Goal,
    /// The latest cut.
    pub cut: Cut,
    /// What the cuts so far said.
    pub verdict: Verdict,
    /// The rates of the present members, in their order.
    pub rates: Vec<Rate>,
    /// The rate of the swarm.
    pub rate: Rate,
}

impl View {
    /// The view of `cut`, which `rates` gets to know first.
    pub fn of(goal: &Goal, cut: Cut, verdict: Verdict, rates: &mut Rates) -> Self {
        rates.push(&cut);
        Self {
            goal: goal.clone(),
            verdict,
            rates: cut.present.iter().map(|member| rates.member(&member.name)).collect(),
            rate: rates.swarm(),
            cut,
        }
    }

    /// The rows of the table: present members, the departed, the swarm.
    pub fn rows(&self) -> Vec<Row> {
        let members = self.cut.present.iter().zip(&self.rates).map(|(member, rate)| Row {
            name: member.name.clone(),
            cells: cells(&member.tally, *rate, Some(member.connections())),
            done: Some(ratio(member.have, self.goal.bytes)),
        });
        // Those whose counts are in this row; one that is on its way out still has its own.
        let gone = self.cut.joined.saturating_sub(self.cut.present.len() as u64);
        let departed = (gone > 0).then(|| Row {
            name: format!("departed ({gone})"),
            cells: cells(&self.cut.departed, Rate::default(), None),
            done: None,
        });
        let swarm = Row {
            name: "swarm".into(),
            cells: cells(&self.cut.swarm, self.rate, Some(self.cut.connections())),
            done: None,
        };
        members.chain(departed).chain([swarm]).collect()
    }

    /// Where the run stands.
    pub fn heading(&self) -> String {
        format!(
            "{}: {} in {} pieces, {:.1} s",
            self.goal.title,
            bytes(self.goal.bytes),
            self.goal.pieces,
            self.cut.at.as_secs_f64()
        )
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
    /// One text for each of [`COLUMNS`].
    pub cells: [String; 6],
    /// Share of the payload it has.
    pub done: Option<f64>,
}

/// The columns after the name.
pub const COLUMNS: [&str; 6] = ["received", "served", "pieces", "in", "out", "peers"];

fn cells(tally: &Tally, rate: Rate, connections: Option<u64>) -> [String; 6] {
    [
        bytes(tally.received),
        bytes(tally.served),
        tally.pieces.to_string(),
        speed(rate.received),
        speed(rate.served),
        connections.map_or(String::new(), |live| live.to_string()),
    ]
}

/// A number of bytes for people.
pub fn bytes(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

fn speed(rate: f64) -> String {
    if rate < 1.0 { "-".into() } else { format!("{}/s", bytes(rate as u64)) }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64).min(1.0) }
}

/// A number with its thousands set apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cut::{Present, Readings};

    /// A view in the middle of things.
    pub fn midway() -> View {
        let tally = |received, served| Tally {
            received,
            served,
            pieces: received >> 18,
            verified: (received >> 18) << 18,
            checked: received,
            writes: received >> 14,
            reads: (served >> 14) + (received >> 16),
        };
        let member = |name: &str, received, served, opened| Present {
            name: name.into(),
            tally: tally(received, served),
            have: if received == 0 { (64 << 20) + 4099 } else { received },
            opened,
            closed: 1,
        };
        let cut = Cut {
            epoch: 42,
            at: Duration::from_millis(4250),
            present: vec![
                member("seed", 0, 120 << 20, 5),
                member("leecher-2", 40 << 20, 30 << 20, 4),
                member("leecher-10", 64 << 20, 0, 4),
            ],
            departed: tally(50 << 20, 6 << 20),
            total: tally(154 << 20, 156 << 20),
            swarm: tally(154 << 20, 156 << 20),
            joined: 4,
            left: 1,
            librqbit: Readings { readings: 1234, broken: 56, worst: None },
        };
        let rates = vec![
            Rate { received: 0.0, served: 12e6 },
            Rate { received: 9.5e6, served: 2e6 },
            Rate { received: 4e6, served: 0.0 },
        ];
        let verdict = Verdict { taken: 42, checked: 42, worst: 98_304, ..Verdict::default() };
        let goal = Goal { title: "swarm.bin".into(), bytes: (64 << 20) + 4099, pieces: 257 };
        View { goal, cut, verdict, rates, rate: Rate { received: 13.5e6, served: 14e6 } }
    }

    #[test]
    fn rows_are_members_departed_swarm() {
        let names: Vec<_> = midway().rows().into_iter().map(|row| row.name).collect();
        assert_eq!(names, ["seed", "leecher-2", "leecher-10", "departed (1)", "swarm"]);
    }

    #[test]
    fn no_departed_row_before_anybody_left() {
        let mut view = midway();
        view.cut.joined = 3;
        assert!(view.rows().iter().all(|row| !row.name.starts_with("departed")));
    }

    #[test]
    fn nothing_is_divided_by_nothing() {
        assert_eq!(ratio(0, 0), 0.0);
        assert_eq!(speed(0.0), "-");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 67_112_963].map(grouped), ["0", "999", "1,000", "67,112,963"]);
    }
}
