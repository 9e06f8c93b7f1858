//! The thread that shows how things stand: a screen on a terminal, plain lines otherwise.

use std::io::{IsTerminal, Write, stdout};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers, poll, read};

use crate::books::Books;
use crate::follow::Shared;
use crate::interrupt::Interrupt;
use crate::lines::lines;
use crate::screen::draw;
use crate::view::{Goal, View};

/// Time between two screens, and between two looks for something to print.
const FRAME: Duration = Duration::from_millis(100);

/// Time between two blocks of plain lines, at least.
const BLOCK: Duration = Duration::from_secs(1);

/// What is shown and where it comes from.
struct Source {
    books: Books,
    verdict: Shared,
    goal: Goal,
    interval: Duration,
    last: Option<View>,
}

impl Source {
    fn look(&mut self) -> View {
        let snapshot = self.books.registry.reader().latest();
        let verdict = self.verdict.get();
        let view = View::of(&self.goal, self.interval, &snapshot, &self.books, verdict);
        if !view.cut.present.is_empty() {
            self.last = Some(view.clone());
        }
        view
    }

    /// The last table with members in it: at the very end they have all left, and the summary says the rest.
    fn parting(&mut self) -> View {
        let view = self.look();
        self.last.take().unwrap_or(view)
    }
}

/// The running display.
pub struct Display {
    stop: Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Display {
    /// Starts showing books that are closed every `interval`.
    pub fn start(
        books: Books,
        verdict: Shared,
        goal: Goal,
        interval: Duration,
        interrupt: Interrupt,
    ) -> Result<Self> {
        let (stop, stopped) = channel();
        let mut source = Source { books, verdict, goal, interval, last: None };
        let show = move || {
            let wait = |time| !matches!(stopped.recv_timeout(time), Err(RecvTimeoutError::Timeout));
            if !stdout().is_terminal() {
                return print(&mut source, wait);
            }
            // Takes care of panics too: ratatui restores the terminal before they are reported.
            let mut terminal = ratatui::try_init().context("cannot take over the terminal")?;
            let shown = redraw(&mut terminal, &mut source, &interrupt, || wait(Duration::ZERO));
            ratatui::restore();
            // The screen is gone now: leave the last one where it can be read.
            shown.and_then(|()| say(&lines(&source.parting())))
        };
        let thread = std::thread::Builder::new()
            .name("display".into())
            .spawn(show)
            .context("cannot start the display")?;
        Ok(Self { stop, thread })
    }

    /// Shows the last state and gives the terminal back.
    pub fn finish(self) -> Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow!("the display panicked"))?
    }
}

fn print(source: &mut Source, mut stopped: impl FnMut(Duration) -> bool) -> Result<()> {
    // Something at once: the first cut may take a while.
    let view = source.look();
    say(&lines(&view))?;
    let (mut said, mut at) = (view.cut.epoch, Instant::now());
    while !stopped(FRAME) {
        let view = source.look();
        // The same cut again would say nothing new.
        if view.cut.epoch != said && at.elapsed() >= BLOCK {
            (said, at) = (view.cut.epoch, Instant::now());
            say(&lines(&view))?;
        }
    }
    let view = source.parting();
    if view.cut.epoch == said { Ok(()) } else { say(&lines(&view)) }
}

fn say(text: &str) -> Result<()> {
    writeln!(stdout().lock(), "{text}").context("cannot write to standard output")
}

fn redraw(
    terminal: &mut DefaultTerminal,
    source: &mut Source,
    interrupt: &Interrupt,
    mut stopped: impl FnMut() -> bool,
) -> Result<()> {
    let broken = "the terminal is gone";
    while !stopped() {
        let view = source.look();
        terminal.draw(|frame| draw(frame, &view)).context(broken)?;
        // Waiting for a key is the timer, too.
        if poll(FRAME).context(broken)? && ends(&read().context(broken)?) {
            interrupt.press();
        }
    }
    Ok(())
}

/// Whether this is Ctrl-C, which is a key like any other while the screen is up, or q.
fn ends(event: &Event) -> bool {
    let Event::Key(key) = event else { return false };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    key.kind == KeyEventKind::Press
        && match key.code {
            KeyCode::Char('c') => control,
            KeyCode::Char('q') => !control,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn only_ctrl_c_and_q_end_it() {
        let key =
            |code, modifiers| ends(&Event::Key(KeyEvent::new(KeyCode::Char(code), modifiers)));
        assert!(key('c', KeyModifiers::CONTROL));
        assert!(key('q', KeyModifiers::NONE));
        assert!(!key('c', KeyModifiers::NONE));
        assert!(!ends(&Event::FocusGained));
    }
}
