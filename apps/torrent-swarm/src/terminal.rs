//! The terminal: taken over for the screen, given back, and listened to.
//!
//! Keys are read here and not by crossterm, whose reader never returns when the terminal is gone.

use std::fs::File;
use std::io::{self, IsTerminal, Read, stdin, stdout};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, raise};
use ratatui::DefaultTerminal;

/// Whether the screen is up: there is one terminal.
static IS_UP: AtomicBool = AtomicBool::new(false);

/// Whether there is a terminal that can show a screen.
pub fn is_there() -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    !is_dumb && stdout().is_terminal()
}

/// Puts the screen up.
pub fn enter() -> Result<DefaultTerminal> {
    // Takes care of panics too: ratatui restores the terminal before they are reported.
    let terminal = ratatui::try_init().context("cannot take over the terminal")?;
    IS_UP.store(true, Relaxed);
    Ok(terminal)
}

/// Takes the screen down, if it is up.
pub fn leave() {
    if IS_UP.swap(false, Relaxed) {
        // There may be no terminal any more.
        let _ = ratatui::try_restore();
    }
}

/// Takes the screen down, stops the program until a shell has it go on, and puts it up again.
pub fn suspend() -> Result<DefaultTerminal> {
    leave();
    raise(Signal::SIGTSTP).context("cannot stop")?;
    let mut terminal = enter()?;
    terminal.clear().context("the terminal is gone")?;
    Ok(terminal)
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To end the run.
    End,
    /// The other page.
    Turn,
    /// To stop until a shell has the program go on.
    Stop,
}

/// The keys of the terminal.
pub struct Keys(File);

impl Keys {
    /// Those of standard input, or of the terminal that the program belongs to.
    pub fn open() -> Result<Self> {
        let keys = if stdin().is_terminal() {
            stdin().as_fd().try_clone_to_owned().map(File::from)
        } else {
            File::open("/dev/tty")
        };
        keys.map(Self).context("cannot read keys")
    }

    /// Waits for keys, but not for longer than `time`. Fails when the terminal is gone.
    pub fn next(&mut self, time: Duration) -> Result<Vec<Wish>> {
        let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return Ok(Vec::new()),
            Ok(_) => {}
            Err(error) => return Err(error).context("the terminal is gone"),
        }
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        if fds[0].revents().is_none_or(|events| events.intersects(gone)) {
            bail!("the terminal is gone");
        }
        let mut bytes = [0; 256];
        match self.0.read(&mut bytes) {
            Ok(0) => bail!("the terminal is gone"),
            Ok(read) => Ok(wishes(&bytes[..read])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Vec::new()),
            Err(error) => Err(error).context("the terminal is gone"),
        }
    }
}

/// What was typed. What follows an escape belongs to it: it is the name of a key.
fn wishes(bytes: &[u8]) -> Vec<Wish> {
    const CTRL_C: u8 = 3;
    const CTRL_Z: u8 = 26;
    let typed = bytes.split(|byte| *byte == 0x1b).next().unwrap_or_default();
    let wish = |byte: &u8| match byte {
        &CTRL_C | b'q' => Some(Wish::End),
        b'w' | b'\t' => Some(Wish::Turn),
        &CTRL_Z => Some(Wish::Stop),
        _ => None,
    };
    typed.iter().filter_map(wish).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ctrl_c_and_q_end_it_w_and_tab_turn_the_page_ctrl_z_stops_it() {
        assert_eq!(wishes(b"\x03"), [Wish::End]);
        assert_eq!(wishes(b"q"), [Wish::End]);
        assert_eq!(wishes(b"xw\t"), [Wish::Turn, Wish::Turn]);
        assert_eq!(wishes(b"\x1a"), [Wish::Stop]);
        assert_eq!(wishes(b"c\x1bOq\x1b[1;5w"), [], "other keys");
    }
}
