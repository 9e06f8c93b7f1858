//! The screen: redrawn in place. Drawing is a function of a [`View`] and of nothing else.
//!
//! What there is no room for is left out whole, the least important first. The heading, the law and
//! the swarm's row stay longest.

use ratatui::Frame;
use ratatui::style::{Color, Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::table::{Column, Side, Table};
use crate::text::clip;
use crate::view::{COLUMNS, Row, View};
use crate::wire::{LINKS, OnWire};

/// How soon each column after the share is left out.
const RANKS: [u8; COLUMNS] = [3, 1, 4, 7, 2, 8, 5, 9, 6];

/// How wide they are at least.
const WIDTHS: [usize; COLUMNS] = [13, 8, 6, 6, 7, 7, 7, 7, 5];

/// The ranks and widths in the table of connections.
const LINK_RANKS: [(u8, usize); LINKS.len()] =
    [(0, 10), (1, 10), (4, 4), (6, 5), (2, 5), (5, 4), (7, 5), (3, 5)];

/// Rows at the end that are left out last.
const LAST: usize = 2;

/// The rank of the lines in between: the first to go.
const SPACE: u8 = u8::MAX;

/// Cells of a progress bar.
const BAR: usize = 12;

/// What keys do.
pub const HELP: &str = "Ctrl-C or q ends it";

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

/// Lines that are shown together or not at all.
struct Block {
    lines: Vec<Line<'static>>,
    /// How soon it is left out; what has the same rank as another block goes first if it is later.
    rank: u8,
}

impl Block {
    fn new(rank: u8, style: Style, lines: impl IntoIterator<Item = String>) -> Self {
        let lines = lines.into_iter().map(|line| Line::styled(line, style)).collect();
        Self { lines, rank }
    }

    /// An empty line.
    fn space() -> Self {
        Self::new(SPACE, Style::new(), [String::new()])
    }
}

/// Draws a page of `view`.
pub fn draw(frame: &mut Frame<'_>, view: &View, page: Page) {
    let area = frame.area();
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    let mut blocks = vec![
        Block::new(0, Style::new().bold(), [view.heading()]),
        Block::new(4, Style::new(), view.progress().into_iter().chain(view.notice.clone())),
        Block::space(),
    ];
    if view.is_early() {
        blocks.push(Block::new(5, Style::new().dim(), [HELP.into()]));
        return show(frame, blocks, width, height);
    }
    let table = blocks.len();
    blocks.push(Block::space());
    let wire = view.cut.wire.as_ref();
    let is_links = page == Page::Links && wire.is_some();
    let (dim, plain) = (Style::new().dim(), Style::new());
    if is_links {
        blocks.push(Block::new(7, dim, OnWire::legend().map(String::from)));
    } else {
        blocks.push(Block::new(7, plain, view.times()));
    }
    blocks.push(Block::space());
    blocks.push(Block::new(6, plain, wire.map(OnWire::lines).unwrap_or_default()));
    let lawful = if view.verdict.broken == 0 { Color::Green } else { Color::Red };
    blocks.push(Block::new(1, plain.fg(lawful), [view.law()]));
    blocks.push(Block::new(8, dim, [view.own_law()]));
    blocks.push(Block::space());
    let help = if wire.is_some() { HELP_TAPPED } else { HELP };
    blocks.push(Block::new(5, dim, [help.into()]));
    // The header, and as many rows as cannot be left out.
    let rows = if is_links { 0 } else { view.rows().len() };
    let least = if is_links { LAST } else { (LAST + 2).min(rows) };
    let all = if is_links { wire.map_or(0, |wire| wire.view.links.len()) } else { rows };
    let used: usize = blocks.iter().map(|block| block.lines.len()).sum();
    if used + 1 + all > height {
        // Rows come before the space between.
        blocks.iter_mut().filter(|block| block.rank == SPACE).for_each(|block| block.lines.clear());
    }
    fit(&mut blocks, height, 1 + least);
    let used: usize = blocks.iter().map(|block| block.lines.len()).sum();
    let room = height.saturating_sub(used + 1);
    let drawn = match wire {
        Some(wire) if is_links => links(wire, room, width),
        _ => members(view, room, width),
    };
    let table = table.min(blocks.len());
    blocks.insert(table, Block { lines: drawn, rank: 0 });
    show(frame, blocks, width, height);
}

/// Empties blocks until the rest fits into `height` with `reserved` lines more, the least important
/// first.
fn fit(blocks: &mut [Block], height: usize, reserved: usize) {
    let used = |blocks: &[Block]| blocks.iter().map(|block| block.lines.len()).sum::<usize>();
    while used(blocks) + reserved > height {
        let last = blocks
            .iter_mut()
            .filter(|block| !block.lines.is_empty() && block.rank > 1)
            .max_by_key(|block| block.rank);
        match last {
            Some(block) => block.lines.clear(),
            None => return,
        }
    }
}

fn show(frame: &mut Frame<'_>, mut blocks: Vec<Block>, width: usize, height: usize) {
    fit(&mut blocks, height, 0);
    let mut lines: Vec<Line<'_>> = blocks.into_iter().flat_map(|block| block.lines).collect();
    for line in &mut lines {
        for span in &mut line.spans {
            span.content = clip(&span.content, width).into_owned().into();
        }
    }
    frame.render_widget(Paragraph::new(lines), frame.area());
}

/// `rows`, or as many as there is room for: the last ones, departed and swarm, as long as possible.
fn chosen(mut rows: Vec<Row>, room: usize) -> Vec<Row> {
    if rows.len() > room && room > LAST {
        let hidden = rows.len() - room + 1;
        let cut = room - LAST - 1;
        let more = Row { name: format!("... {hidden} more"), ..Row::default() };
        rows.splice(cut..cut + hidden, [more]);
    }
    // The swarm is the last of all.
    rows.drain(..rows.len().saturating_sub(room.max(1)));
    rows
}

fn members(view: &View, room: usize, width: usize) -> Vec<Line<'static>> {
    let rows = chosen(view.rows(), room);
    let column =
        |heading: &str, side, rank, least| Column { heading: heading.into(), side, rank, least };
    let headings = view.columns();
    let columns = [
        column("", Side::Left, 0, 10),
        column("", Side::Left, 10, 0),
        column("has", Side::Right, 5, 4),
    ];
    let others = headings.iter().zip(RANKS).zip(WIDTHS).enumerate();
    let others = others.map(|(place, ((heading, rank), least))| {
        column(heading, if place == 0 { Side::Left } else { Side::Right }, rank, least)
    });
    let cells = |row: &Row| {
        let [bar, share] = row.done.map(share).unwrap_or_default();
        [row.name.clone(), bar, share].into_iter().chain(row.cells.clone()).collect()
    };
    let table =
        Table::new(columns.into_iter().chain(others).collect(), rows.iter().map(cells).collect());
    let mut lines = table.lines(width).into_iter();
    let header = lines.next().map(|line| Line::from(line).dim());
    let lines = lines.zip(&rows).map(|(line, row)| {
        if row.name == "swarm" { Line::from(line).bold() } else { Line::from(line) }
    });
    header.into_iter().chain(lines).collect()
}

/// The open connections, or as many as there is room for.
fn links(wire: &OnWire, room: usize, width: usize) -> Vec<Line<'static>> {
    let mut rows: Vec<Vec<String>> = wire.links().into_iter().map(Vec::from).collect();
    let room = room.max(1);
    if rows.len() > room {
        let hidden = rows.len() - room + 1;
        rows.truncate(room - 1);
        rows.push(vec![format!("... {hidden} more")]);
    }
    // Names and states are words, the others are numbers.
    let column = |(heading, (rank, least)): (&&str, (u8, usize))| Column {
        heading: heading.to_string(),
        side: if matches!(*heading, "from" | "to") { Side::Left } else { Side::Right },
        rank,
        least,
    };
    let columns = LINKS.iter().zip(LINK_RANKS).map(column).collect();
    let mut lines = Table::new(columns, rows).lines(width).into_iter();
    let header = lines.next().map(|line| Line::from(line).dim());
    header.into_iter().chain(lines.map(Line::from)).collect()
}

/// A bar and a percentage. Both are rounded down: all of it is only shown for all of it.
fn share(done: f64) -> [String; 2] {
    let full = (done * BAR as f64) as usize;
    let bar = format!("{}{}", "█".repeat(full), "░".repeat(BAR - full));
    [bar, format!("{}%", (done * 100.0) as usize)]
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
        insta::assert_snapshot!(drawn(&midway(), Page::Members, 130, 23));
    }

    #[test]
    fn a_narrow_terminal_leaves_out_columns() {
        insta::assert_snapshot!(drawn(&midway(), Page::Members, 80, 23));
    }

    #[test]
    fn a_small_terminal_keeps_the_swarm() {
        insta::assert_snapshot!(drawn(&midway(), Page::Members, 60, 12));
        let names = |room| -> Vec<String> {
            chosen(midway().rows(), room).into_iter().map(|row| row.name).collect()
        };
        assert_eq!(names(5), ["seed", "leecher-2", "leecher-10", "departed (1)", "swarm"]);
        assert_eq!(names(4), ["seed", "... 2 more", "departed (1)", "swarm"]);
        assert_eq!(names(3), ["... 3 more", "departed (1)", "swarm"]);
        assert_eq!(
            (names(2), names(0)),
            (vec!["departed (1)".into(), "swarm".into()], vec!["swarm".into()])
        );
        for height in 4..40 {
            let screen = drawn(&midway(), Page::Members, 80, height);
            assert!(screen.contains("\"swarm  "), "{height} lines:\n{screen}");
        }
    }

    /// Each word that is shown in a small terminal is shown in a large one: part of a number would
    /// be another number.
    #[test]
    fn a_number_is_whole_or_not_there() {
        for page in [Page::Members, Page::Links] {
            let large = drawn(&midway(), page, 200, 40);
            let words: Vec<&str> = large.split_whitespace().collect();
            for width in [1, 9, 20, 33, 47, 59, 60, 71, 79, 80, 99, 120] {
                for height in [12, 24] {
                    let small = drawn(&midway(), page, width, height);
                    for word in small.split_whitespace() {
                        let word = word.trim_matches('"').trim_end_matches('…');
                        let is_known = word.is_empty()
                            || word == "..."
                            || words.iter().any(|known| known.trim_matches('"') == word)
                            || ["2", "3", "more"].contains(&word);
                        assert!(is_known, "{word:?} in {width} x {height}:\n{small}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_connections() {
        insta::assert_snapshot!(drawn(&midway(), Page::Links, 80, 20));
        let mut many = midway();
        let wire = many.cut.wire.as_mut().expect("there is a tap");
        let mut view = (*wire.view).clone();
        view.links = std::iter::repeat_n(view.links[0].clone(), 30).collect();
        wire.view = view.into();
        let low = drawn(&many, Page::Links, 80, 24);
        assert!(low.contains(" more") && low.contains("Ctrl-C or q ends it"), "{low}");
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
    fn a_small_terminal_and_an_empty_view_are_no_trouble() {
        drawn(&midway(), Page::Members, 20, 3);
        drawn(&midway(), Page::Members, 1, 1);
        drawn(&View::default(), Page::Links, 100, 18);
    }

    #[test]
    fn a_bar_is_as_long_as_its_cells() {
        for (done, percent) in [(0.0, "0%"), (0.5, "50%"), (0.999, "99%"), (1.0, "100%")] {
            let [bar, told] = share(done);
            assert_eq!((bar.chars().count(), told.as_str()), (BAR, percent));
        }
    }
}
