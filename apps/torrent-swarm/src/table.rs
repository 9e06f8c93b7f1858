//! [`Table`]: columns of text that are shown whole or not at all.

use crate::text::clip;

/// The space between two columns.
const GAP: usize = 2;

/// On which side of its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column: its heading, its side, and its rank. Where there is no room for all columns, those of
/// the highest ranks are left out.
#[derive(Clone, Debug)]
pub struct Column {
    /// What stands above it.
    pub heading: String,
    /// On which side its texts stand.
    pub side: Side,
    /// How soon it is left out.
    pub rank: u8,
    /// How wide it is at least, so that it does not move with what is in it.
    pub least: usize,
}

/// A table as lines of text.
#[derive(Clone, Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with those columns, and a text in each row for each of them. A text that no other
    /// stands behind may be longer than its column.
    pub fn new(columns: Vec<Column>, rows: Vec<Vec<String>>) -> Self {
        Self { columns, rows }
    }

    /// The heading and the rows, none longer than `width`.
    pub fn lines(&self, width: usize) -> Vec<String> {
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        let kept = self.kept(&widths, width);
        let heading = self.columns.iter().map(|column| column.heading.clone()).collect();
        let line = |row: &Vec<String>| {
            let mut text = String::new();
            for (place, &column) in kept.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                let room = widths[column];
                let gap = if place == 0 { 0 } else { GAP };
                text.extend(std::iter::repeat_n(' ', gap));
                text += &match self.columns[column].side {
                    Side::Left => format!("{cell:<room$}"),
                    Side::Right => format!("{cell:>room$}"),
                };
            }
            clip(text.trim_end(), width).into_owned()
        };
        [heading].iter().chain(&self.rows).map(line).collect()
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(String::as_str);
        let texts = cells.chain([self.columns[column].heading.as_str()]);
        texts.map(|text| text.chars().count()).fold(self.columns[column].least, usize::max)
    }

    /// The columns that there is room for.
    fn kept(&self, widths: &[usize], width: usize) -> Vec<usize> {
        let mut kept: Vec<usize> = (0..self.columns.len()).collect();
        let needed = |kept: &[usize]| {
            kept.iter().map(|column| widths[*column] + GAP).sum::<usize>().saturating_sub(GAP)
        };
        while needed(&kept) > width
            && let Some(last) =
                kept.iter().max_by_key(|column| self.columns[**column].rank).copied()
        {
            kept.retain(|column| *column != last);
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let column =
            |heading: &str, side, rank| Column { heading: heading.into(), side, rank, least: 0 };
        let columns = vec![
            column("", Side::Left, 0),
            column("out", Side::Right, 2),
            column("received", Side::Right, 1),
        ];
        let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
        Table::new(columns, vec![row(["seed", "29.0M/s", "0"]), row(["leecher-10", "", "10.8M"])])
    }

    #[test]
    fn all_of_it_where_there_is_room() {
        assert_eq!(
            table().lines(29),
            [
                "                out  received",
                "seed        29.0M/s         0",
                "leecher-10              10.8M",
            ]
        );
    }

    #[test]
    fn a_number_is_whole_or_not_there() {
        assert_eq!(
            table().lines(28),
            ["            received", "seed               0", "leecher-10     10.8M"]
        );
        assert_eq!(table().lines(19), ["", "seed", "leecher-10"]);
        assert_eq!(table().lines(9), ["", "", ""], "part of a name is another name");
    }
}
