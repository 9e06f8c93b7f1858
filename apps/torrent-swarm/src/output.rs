//! What is written to standard output and standard error, of which nothing can harm a terminal.

use std::io::{Write, stderr, stdout};

use anyhow::{Context, Result};

use crate::text::plain_lines;

/// Writes to standard output; fails if nobody takes it.
pub fn say(text: &str) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{}", plain_lines(text))
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

/// Writes to standard error. If nobody takes that there is nobody to tell.
pub fn complain(text: &str) {
    let _ = writeln!(stderr().lock(), "{}", plain_lines(text));
}
