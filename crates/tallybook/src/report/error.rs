//! What can be wrong with reports.

use std::time::Duration;
use thiserror::Error;

/// The format of reports that this version writes and reads.
#[cfg(feature = "serde")]
pub(super) const FORMAT: u32 = 1;

/// Two reports cannot be subtracted.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SinceError {
    /// They are not of the same incarnations of the same registries: the program was started again,
    /// or it is another one.
    #[error(
        "the reports are of different incarnations: {later} and {earlier}; subtract reports of one incarnation"
    )]
    OtherIncarnation {
        /// The incarnations of the later report.
        later: String,
        /// Those of the earlier one.
        earlier: String,
    },
    /// The report that was said to be earlier is later.
    #[error("the earlier report is {by:?} later than the other: exchange them")]
    NotEarlier {
        /// By how much.
        by: Duration,
    },
}

/// Two reports cannot be folded.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoldError {
    /// Both are of one registry, whose numbers would be counted twice.
    #[error(
        "both reports are of the incarnation {incarnation:032x}: fold only the latest report of each"
    )]
    SameIncarnation {
        /// The incarnation.
        incarnation: u128,
    },
    /// The reports declare so different fields for so many entries that the result would be many
    /// times as large as both.
    #[error(
        "the folded report would have {cells} values, where both have {both}: their sets have hardly a field in common"
    )]
    TooLarge {
        /// How many values the result would have.
        cells: usize,
        /// How many both have.
        both: usize,
    },
    /// The same name is declared in two ways.
    #[error("`{name}` is {one} in one report and {other} in the other: rename one of the two")]
    Declared {
        /// The full name of the set, family or metric.
        name: String,
        /// How the report that folds declares it.
        one: String,
        /// How the other does.
        other: String,
    },
}

/// A report that was received is not one.
#[cfg(feature = "serde")]
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is of a format that this version does not read.
    #[error("the report has format {found}, and this version reads format {FORMAT}")]
    Format {
        /// The format.
        found: u32,
    },
    /// A name is not one.
    #[error("`{name}` is not a name for {what}")]
    Name {
        /// What it is to name.
        what: &'static str,
        /// The name, or the beginning of a long one.
        name: String,
    },
    /// A name or a key comes twice.
    #[error("{what} comes twice: `{name}`")]
    Twice {
        /// What comes twice.
        what: &'static str,
        /// Its name, or the beginning of a long one.
        name: String,
    },
    /// A row has more or fewer values than its set has fields.
    #[error("a row has {found} values where its set has {expected}")]
    Cells {
        /// How many the set has.
        expected: usize,
        /// How many the row has.
        found: usize,
    },
    /// Something else is wrong.
    #[error("{reason}")]
    Invalid {
        /// What.
        reason: &'static str,
    },
}

#[cfg(feature = "serde")]
impl DecodeError {
    pub(super) fn invalid(reason: &'static str) -> Self {
        DecodeError::Invalid { reason }
    }
    pub(super) fn name(what: &'static str, name: &str) -> Self {
        DecodeError::Name { what, name: beginning(name) }
    }
    pub(super) fn twice(what: &'static str, name: &str) -> Self {
        DecodeError::Twice { what, name: beginning(name) }
    }
}

#[cfg(feature = "serde")]
fn beginning(name: &str) -> String {
    name.chars().take(80).collect()
}
