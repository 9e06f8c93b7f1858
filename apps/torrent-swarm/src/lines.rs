//! Plain lines, for when standard output is not a terminal.

use std::fmt::Write;

use crate::view::{COLUMNS, View};
use crate::wire::OnWire;

/// Widths of the columns after the name.
const WIDTHS: [usize; COLUMNS] = [14, 9, 7, 7, 8, 8, 8, 8, 6];

/// The view as text, a line for each row of the table.
pub fn lines(view: &View) -> String {
    let notice = view.notice.iter().map(|notice| format!("{notice}\n")).collect::<String>();
    if view.is_early() {
        return format!("{}\n{notice}", view.heading());
    }
    let progress = view.progress().map_or_else(String::new, |progress| format!("{progress}\n"));
    let (heading, law) = (view.heading(), view.law());
    let mut text = format!("{heading}\n{progress}{notice}{law}\n  {:<13}", "");
    for (column, width) in view.columns().iter().zip(WIDTHS) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{column:>width$}");
    }
    text.push('\n');
    for row in view.rows() {
        let _ = write!(text, "  {:<13}", row.name);
        for (cell, width) in row.cells.iter().zip(WIDTHS) {
            let _ = write!(text, "{cell:>width$}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    let wire = view.cut.wire.as_ref().map(OnWire::lines);
    for line in wire.into_iter().flatten().chain(view.times()) {
        let _ = writeln!(text, "  {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::midway;

    #[test]
    fn the_whole_text() {
        insta::assert_snapshot!(lines(&midway()));
    }

    #[test]
    fn before_the_first_cut_there_is_one_line() {
        let view = View { cut: Default::default(), ..midway() };
        assert_eq!(lines(&view).lines().count(), 1);
    }
}
