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
use crate::screen::{Page, draw};
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

    /// The last table with members in it: at the very end they have all left, and the summary says
    /// the rest.
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
    let mut page = Page::default();
    while !stopped() {
        let view = source.look();
        terminal.draw(|frame| draw(frame, &view, page)).context(broken)?;
        // Waiting for a key is the timer, too.
        if poll(FRAME).context(broken)? {
            match wish(&read().context(broken)?) {
                Some(Wish::End) => interrupt.press(),
                Some(Wish::Turn) => page = page.turned(),
                None => {}
            }
        }
    }
    Ok(())
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    End,
    /// The other page.
    Turn,
}

/// Ctrl-C is a key like any other while the screen is up.
fn wish(event: &Event) -> Option<Wish> {
    let Event::Key(key) = event else { return None };
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        _ if key.kind != KeyEventKind::Press => None,
        KeyCode::Char('c') if control => Some(Wish::End),
        KeyCode::Char('q') if !control => Some(Wish::End),
        KeyCode::Char('w') if !control => Some(Wish::Turn),
        KeyCode::Tab => Some(Wish::Turn),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyEvent;

    use super::*;

    #[test]
    fn ctrl_c_and_q_end_it_and_w_and_tab_turn_the_page() {
        let key =
            |code, modifiers| wish(&Event::Key(KeyEvent::new(KeyCode::Char(code), modifiers)));
        assert_eq!(key('c', KeyModifiers::CONTROL), Some(Wish::End));
        assert_eq!(key('q', KeyModifiers::NONE), Some(Wish::End));
        assert_eq!(key('w', KeyModifiers::NONE), Some(Wish::Turn));
        let tab = KeyEvent::new(KeyCode::Tab, KeyModifiers::NONE);
        assert_eq!(wish(&Event::Key(tab)), Some(Wish::Turn));
        assert_eq!(key('c', KeyModifiers::NONE), None);
        assert_eq!(wish(&Event::FocusGained), None);
    }
}
