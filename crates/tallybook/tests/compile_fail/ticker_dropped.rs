// What the compiler can say of a ticker that is thrown away: the first by default, the second where
// the lint is on.
#![deny(unused_must_use)]
#![deny(let_underscore_drop)]

use std::time::Duration;
use tallybook::Registry;

fn main() -> Result<(), tallybook::error::CollectError> {
    let registry = Registry::new();
    registry.collect_every(Duration::from_secs(1))?;
    let _ = registry.collect_every(Duration::from_secs(1))?;
    Ok(())
}
