//! Plain lines, for when standard output is not a terminal.

use std::fmt::Write;

use crate::view::{COLUMNS, View};

/// Widths of the columns after the name.
const WIDTHS: [usize; 6] = [11, 11, 7, 12, 12, 6];

/// The view as text, a line for each row of the table.
pub fn lines(view: &View) -> String {
    let mut text = format!("{}\n{}\n  {:<13}", view.heading(), view.law(), "");
    for (column, width) in COLUMNS.iter().zip(WIDTHS) {
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
}
