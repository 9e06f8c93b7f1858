//! How many cases a property test runs, and where it keeps those that failed.

use proptest::test_runner::{Config, FileFailurePersistence};

/// Runs `cases` cases, or under miri `under_miri`. Seeds that fail are kept in
/// `proptest-regressions/` in the file `kept_in`, if there is one, and tried first the next time.
pub fn config(cases: u32, under_miri: u32, kept_in: Option<&'static str>) -> Config {
    let persistence = |file| Box::new(FileFailurePersistence::Direct(file)) as _;
    Config {
        cases: if cfg!(miri) { under_miri } else { cases },
        failure_persistence: kept_in.filter(|_| cfg!(not(miri))).map(persistence),
        ..Config::default()
    }
}
