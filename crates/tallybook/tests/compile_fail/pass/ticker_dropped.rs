// A ticker that is kept.
#![deny(unused_must_use)]
#![deny(let_underscore_drop)]

use std::time::Duration;
use tallybook::Registry;

fn main() -> Result<(), tallybook::error::CollectError> {
    let registry = Registry::new();
    let _ticker = registry.collect_every(Duration::from_secs(1))?;
    assert!(registry.reader().is_collected());
    Ok(())
}
