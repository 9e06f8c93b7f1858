//! What was found: tables and targets, as Markdown, for the terminal and for the document alike.

use crate::measure::Times;
use std::fmt::{self, Write};

/// The answer to one question.
pub struct Report {
    title: &'static str,
    intro: String,
    tables: Vec<Table>,
    targets: Vec<Target>,
}

/// Rows of cells under a heading.
pub struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// What was promised, and what came out.
pub struct Target {
    what: String,
    measured: String,
    met: bool,
}

impl Report {
    pub fn new(title: &'static str, intro: impl Into<String>) -> Self {
        Report { title, intro: intro.into(), tables: Vec::new(), targets: Vec::new() }
    }

    pub fn table(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// States a target of at most `limit`.
    pub fn at_most(&mut self, what: impl Into<String>, measured: f64, limit: f64, unit: &str) {
        self.target(what, measured, limit, unit, measured <= limit);
    }

    /// States a target of at least `limit`.
    pub fn at_least(&mut self, what: impl Into<String>, measured: f64, limit: f64, unit: &str) {
        self.target(what, measured, limit, unit, measured >= limit);
    }

    fn target(
        &mut self,
        what: impl Into<String>,
        measured: f64,
        limit: f64,
        unit: &str,
        met: bool,
    ) {
        let mut measured = format!("{} {unit}", digits(measured, 2));
        if !met {
            let _ = write!(measured, " for {} {unit}", digits(limit, 2));
        }
        self.targets.push(Target { what: what.into(), measured, met });
    }

    /// The targets of several reports in one table.
    pub fn summary(reports: &[Report]) -> String {
        let mut table = Table::new("Targets", ["target", "measured", "met"]);
        for target in reports.iter().flat_map(|report| &report.targets) {
            let met = if target.met { "yes" } else { "**no**" };
            table.row([target.what.clone(), target.measured.clone(), met.into()]);
        }
        table.to_string().replacen("###", "##", 1)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n{}\n", self.title, self.intro)?;
        for table in &self.tables {
            writeln!(f, "{table}")?;
        }
        for target in &self.targets {
            let met = if target.met { "met" } else { "**missed**" };
            writeln!(f, "- {}: {}, {met}", target.what, target.measured)?;
        }
        Ok(())
    }
}

impl Table {
    pub fn new<C: Into<String>>(
        title: impl Into<String>,
        columns: impl IntoIterator<Item = C>,
    ) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Table { title: title.into(), columns, rows: Vec::new() }
    }

    pub fn row<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// All contenders against `floor`, one column of ratios and one of times for each number of
    /// threads.
    pub fn of_times(title: impl Into<String>, floor: &str, runs: &[(usize, Times)]) -> Self {
        let threads = |n: usize| if n == 1 { "1 thread".into() } else { format!("{n} threads") };
        let ratios = runs.iter().map(|(n, _)| format!("× {floor}, {}", threads(*n)));
        let times = runs.iter().map(|(n, _)| format!("ns here, {}", threads(*n)));
        let columns = std::iter::once(String::new()).chain(ratios).chain(times);
        let mut table = Table::new(title, columns);
        for name in runs[0].1.names() {
            let ratios = runs.iter().map(|(_, run)| digits(run.ratio(name, floor), 1));
            let times = runs.iter().map(|(_, run)| digits(run.ns(name), 2));
            table.row(std::iter::once(name.clone()).chain(ratios).chain(times));
        }
        table
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |at: usize| {
            let cells = self.rows.iter().chain([&self.columns]).map(|row| row[at].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let line = |row: &[String]| {
            row.iter().zip(&widths).fold("|".to_string(), |mut line, (cell, &width)| {
                let _ = write!(line, " {cell:width$} |");
                line
            })
        };
        let rule: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        writeln!(f, "### {}\n", self.title)?;
        writeln!(f, "{}\n{}", line(&self.columns), line(&rule))?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{}", line(row)))
    }
}

/// A number with so many digits after the point, or none where they would not matter.
pub fn digits(value: f64, after: usize) -> String {
    let after = if value.abs() >= 100.0 { 0 } else { after };
    format!("{value:.after$}")
}
