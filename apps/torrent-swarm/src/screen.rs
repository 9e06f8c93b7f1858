//! The screen: a table that is redrawn in place. Drawing is a function of a [`View`] and of nothing
//! else.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Text};
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Table};

use crate::view::{COLUMNS, Row, View};
use crate::wire::{LINKS, OnWire};

/// Widths of the columns after the bar.
const WIDTHS: [u16; COLUMNS] = [8, 6, 6, 7, 7, 7, 7, 5];

/// Width of the names.
const NAMES: u16 = 13;

/// Lines of the screen that are not rows: the heading, the header, the times, the laws, the help
/// and the space between.
const AROUND: u16 = 12;

/// The same where connections are shown: the heading, the header, the legend, the laws and the
/// help.
const AROUND_LINKS: u16 = 11;

/// Rows at the end that are never left out.
const LAST: usize = 2;

/// Cells of a progress bar, at most. With less than [`SHORTEST`] there is none.
const LONGEST: u16 = 24;
const SHORTEST: u16 = 4;

/// Width of the percentage.
const PERCENT: u16 = 4;

/// What keys do.
const HELP: &str = "Ctrl-C or q ends it";

/// The same where there is a tap.
const HELP_TAPPED: &str = "Ctrl-C or q ends it, w shows members or connections";

/// What is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Page {
    /// The members.
    #[default]
    Members,
    /// Who is connected to whom, if there is a tap.
    Links,
}

impl Page {
    /// The other one.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::Members => Self::Links,
            Self::Links => Self::Members,
        }
    }
}

/// Draws a page of `view`.
pub fn draw(frame: &mut Frame<'_>, view: &View, page: Page) {
    if view.is_early() {
        let lines =
            vec![Line::from(view.heading()).bold(), Line::default(), Line::from(HELP).dim()];
        return frame.render_widget(Paragraph::new(lines), frame.area());
    }
    let wire = view.cut.wire.as_ref();
    let told: Vec<Line<'_>> =
        wire.map(OnWire::lines).unwrap_or_default().into_iter().map(Line::from).collect();
    let room = |around: u16| frame.area().height.saturating_sub(around + told.len() as u16).into();
    let (rows, table, notes) = match (page, wire) {
        (Page::Links, Some(wire)) => {
            let rows = links(wire, room(AROUND_LINKS));
            let notes = OnWire::legend().map(|line| Line::from(line).dim()).to_vec();
            (rows.len(), connections(rows), notes)
        }
        _ => {
            let rows = fit(view.rows(), room(AROUND));
            let [header, lines @ ..] = view.times().map(Line::from);
            let notes = [header.dim()].into_iter().chain(lines).collect();
            (rows.len(), members(view, &rows, frame.area().width), notes)
        }
    };
    let [heading, body, below, on_wire, law, own, help] = Layout::vertical([
        Constraint::Length(2),
        // The header and an empty line.
        Constraint::Length(rows as u16 + 2),
        Constraint::Length(notes.len() as u16 + 1),
        Constraint::Length(told.len() as u16),
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Min(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(view.heading()).bold(), heading);
    frame.render_widget(table, body);
    frame.render_widget(Paragraph::new(notes), below);
    frame.render_widget(Paragraph::new(told), on_wire);
    let lawful = if view.verdict.broken == 0 { Color::Green } else { Color::Red };
    frame.render_widget(Paragraph::new(view.law()).fg(lawful), law);
    frame.render_widget(Paragraph::new(view.own_law()).dim(), own);
    let keys = if wire.is_some() { HELP_TAPPED } else { HELP };
    frame.render_widget(Paragraph::new(keys).dim(), help);
}

/// `rows`, or as many as there is room for: the last ones, departed and swarm, always.
fn fit(mut rows: Vec<Row>, room: usize) -> Vec<Row> {
    let room = room.max(LAST + 2);
    if rows.len() > room {
        let hidden = rows.len() - room + 1;
        let cut = room - LAST - 1;
        let more = Row { name: format!("... {hidden} more"), ..Row::default() };
        rows.splice(cut..cut + hidden, [more]);
    }
    rows
}

/// The open connections, or as many as there is room for.
fn links(wire: &OnWire, room: usize) -> Vec<[String; LINKS.len()]> {
    let (mut rows, room) = (wire.links(), room.max(LAST));
    if rows.len() > room {
        let hidden = rows.len() - room + 1;
        rows.truncate(room - 1);
        rows.push(std::array::from_fn(|column| {
            if column == 0 { format!("... {hidden} more") } else { String::new() }
        }));
    }
    rows
}

fn connections(rows: Vec<[String; LINKS.len()]>) -> Table<'static> {
    // Names and states are words, the others are numbers.
    let is_number = |column| !matches!(LINKS[column], ("from" | "to", _));
    let cell = |column, text: String| {
        let side = if is_number(column) { Alignment::Right } else { Alignment::Left };
        Cell::from(Text::from(text).alignment(side))
    };
    let header = (0..LINKS.len()).map(|column| cell(column, LINKS[column].0.into()));
    let header = TableRow::new(header).style(Style::new().add_modifier(Modifier::DIM));
    let lines = rows.into_iter().map(|row| {
        TableRow::new(row.into_iter().enumerate().map(|(column, text)| cell(column, text)))
    });
    let widths = LINKS.map(|(_, width)| Constraint::Length(width));
    Table::new(lines, widths).header(header).column_spacing(2)
}

fn members(view: &View, rows: &[Row], width: u16) -> Table<'static> {
    // A space before each column but the first.
    let others = NAMES + WIDTHS.iter().sum::<u16>() + WIDTHS.len() as u16 + 1;
    // A bar is followed by a space.
    let room = width.saturating_sub(others + PERCENT + 1).min(LONGEST);
    let cells = if room < SHORTEST { 0 } else { room };
    let done = PERCENT + if cells > 0 { cells + 1 } else { 0 };
    let right = |text: &str| Cell::from(Text::from(text.to_string()).alignment(Alignment::Right));
    let has = if cells > 0 { "has".into() } else { right("has") };
    let header = TableRow::new(
        ["".into(), has].into_iter().chain(view.columns().iter().map(|column| right(column))),
    )
    .style(Style::new().add_modifier(Modifier::DIM));
    let lines = rows.iter().map(|row| {
        let bar = Cell::from(
            Line::from(row.done.map(|done| bar(done, cells.into())).unwrap_or_default())
                .fg(Color::Cyan),
        );
        let line = TableRow::new(
            [row.name.clone().into(), bar]
                .into_iter()
                .chain(row.cells.iter().map(|cell| right(cell))),
        );
        if row.name == "swarm" { line.bold() } else { line }
    });
    let widths = [NAMES, done].into_iter().chain(WIDTHS).map(Constraint::Length);
    Table::new(lines, widths).header(header).column_spacing(1)
}

fn bar(done: f64, cells: usize) -> String {
    let full = (done * cells as f64) as usize;
    // Rounded down like the bar: all of it is only shown for all of it.
    let percent = format!("{:3}%", (done * 100.0) as usize);
    match cells {
        0 => percent,
        _ => format!("{}{} {percent}", "█".repeat(full), "░".repeat(cells - full)),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::view::tests::midway;

    fn drawn(view: &View, page: Page, width: u16, height: u16) -> String {
        let mut terminal =
            Terminal::new(TestBackend::new(width, height)).expect("a terminal in memory");
        terminal.draw(|frame| draw(frame, view, page)).expect("drawn");
        terminal.backend().to_string()
    }

    #[test]
    fn the_whole_screen() {
        insta::assert_snapshot!(drawn(&midway(), Page::Members, 110, 22));
    }

    #[test]
    fn a_narrow_terminal_loses_no_column() {
        insta::assert_snapshot!(drawn(&midway(), Page::Members, 80, 22));
    }

    #[test]
    fn the_connections() {
        insta::assert_snapshot!(drawn(&midway(), Page::Links, 80, 20));
        let mut many = midway();
        let wire = many.cut.wire.as_mut().expect("there is a tap");
        let mut view = (*wire.view).clone();
        view.links = std::iter::repeat_n(view.links[0].clone(), 15).collect();
        wire.view = view.into();
        let low = drawn(&many, Page::Links, 80, 24);
        assert!(low.contains("... 5 more") && low.contains("Ctrl-C or q ends it"), "{low}");
        let mut untapped = midway();
        untapped.cut.wire = None;
        let members = drawn(&untapped, Page::Members, 80, 24);
        assert_eq!(drawn(&untapped, Page::Links, 80, 24), members, "there are none to show");
        assert!(!members.contains("wire") && !members.contains("connections"), "{members}");
    }

    #[test]
    fn before_the_first_cut_the_heading_stands_alone() {
        let early = drawn(&View { cut: Default::default(), ..midway() }, Page::Members, 80, 18);
        assert!(early.contains("the first cut comes after 100ms"), "{early}");
        assert!(!early.contains("received") && !early.contains("piece write time"), "{early}");
    }

    #[test]
    fn a_low_terminal_leaves_out_members_and_says_how_many() {
        let names = |room| -> Vec<String> {
            fit(midway().rows(), room).into_iter().map(|row| row.name).collect()
        };
        assert_eq!(names(5), ["seed", "leecher-2", "leecher-10", "departed (1)", "swarm"]);
        assert_eq!(names(4), ["seed", "... 2 more", "departed (1)", "swarm"]);
        assert_eq!(names(0), names(4), "not less than this");
    }

    #[test]
    fn a_small_terminal_and_an_empty_view_are_no_trouble() {
        drawn(&midway(), Page::Members, 20, 3);
        drawn(&midway(), Page::Members, 1, 1);
        drawn(&View::default(), Page::Links, 100, 18);
    }

    #[test]
    fn a_bar_is_never_longer_than_its_cells() {
        for done in [0.0, 0.5, 1.0] {
            assert_eq!(bar(done, 16).chars().count(), 16 + 5);
            assert_eq!(bar(done, 0).chars().count(), 4);
        }
    }
}
