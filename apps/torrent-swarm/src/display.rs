//! The thread that shows how things stand: a screen on a terminal, plain lines otherwise.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use nix::sys::signal::Signal;
use ratatui::DefaultTerminal;
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use tokio_util::sync::CancellationToken;

use crate::books::Books;
use crate::file::Making;
use crate::follow::Shared;
use crate::interrupt::Interrupt;
use crate::lines::lines;
use crate::output::say;
use crate::screen::{HELP, Page, draw};
use crate::terminal::{self, Keys, Wish};
use crate::text::{bytes, clip, ratio};
use crate::view::{Goal, View};

/// Time between two screens, and between two looks for something to print.
const FRAME: Duration = Duration::from_millis(100);

/// Time between two blocks of plain lines, at least.
const BLOCK: Duration = Duration::from_secs(1);

/// How long the end of the display is waited for. A terminal may be stopped, or a pipe full.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is shown and where it comes from.
pub struct Source {
    /// The books.
    pub books: Books,
    /// What the cuts said.
    pub verdict: Shared,
    /// What is fetched.
    pub goal: Goal,
    /// The time between two cuts.
    pub interval: Duration,
}

/// What there is to show.
#[derive(Default)]
enum Scene {
    /// Nothing yet.
    #[default]
    Empty,
    /// A file is made.
    Making(Making, u64),
    /// The run.
    Running(Source),
}

/// What is shown now.
#[derive(Clone)]
enum Picture {
    Nothing,
    Text(String),
    View(Box<View>),
}

/// What the display and the run share.
#[derive(Default)]
struct Stage {
    scene: Scene,
    notice: Option<String>,
    /// The last table with members in it: at the very end they have all left, and the summary says
    /// the rest.
    last: Option<View>,
}

impl Stage {
    fn look(&mut self) -> Picture {
        match &self.scene {
            Scene::Empty => Picture::Nothing,
            Scene::Making(making, total) => {
                let (done, percent) = (making.done(), ratio(making.done(), *total) * 100.0);
                let [done, total] = [done, *total].map(bytes);
                Picture::Text(format!("making the file: {} % of {total}, {done}", percent as u64))
            }
            Scene::Running(Source { books, verdict, goal, interval }) => {
                let snapshot = books.registry.reader().latest();
                let mut view = View::of(goal, *interval, &snapshot, books, verdict.get());
                view.notice.clone_from(&self.notice);
                if !view.cut.present.is_empty() {
                    self.last = Some(view.clone());
                }
                Picture::View(view.into())
            }
        }
    }

    fn parting(&mut self) -> Picture {
        let picture = self.look();
        self.last.take().map_or(picture, |view| Picture::View(view.into()))
    }
}

/// How the display is told what to show. Cheap to clone.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Stage>>);

impl Board {
    /// A file of so many bytes is being made.
    pub fn making(&self, making: Making, total: u64) {
        self.lock().scene = Scene::Making(making, total);
    }

    /// The run begins.
    pub fn running(&self, source: Source) {
        self.lock().scene = Scene::Running(source);
    }

    /// Something is to be known from now on.
    pub fn notice(&self, text: String) {
        self.lock().notice = Some(text);
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running display. Dropping it ends it as [`Display::finish`] does.
pub struct Display {
    /// What it shows.
    pub board: Board,
    /// Cancelled when nothing can be shown any more; [`Display::finish`] says why.
    pub trouble: CancellationToken,
    running: Option<Running>,
}

struct Running {
    stop: Sender<()>,
    ended: Receiver<Result<()>>,
}

impl Running {
    fn end(self) -> Result<()> {
        drop(self.stop);
        match self.ended.recv_timeout(PATIENCE) {
            Ok(shown) => shown,
            Err(RecvTimeoutError::Disconnected) => Err(anyhow!("the display panicked")),
            Err(RecvTimeoutError::Timeout) => Err(anyhow!("nobody takes what is written")),
        }
    }
}

impl Display {
    /// Starts it; a silent one shows nothing, as standard output is taken.
    pub fn start(interrupt: Interrupt, is_silent: bool) -> Result<Self> {
        let ((stop, stopped), (end, ended)) = (channel(), channel());
        let (board, trouble) = (Board::default(), CancellationToken::new());
        let (shown, failed) = (board.clone(), trouble.clone());
        let show = move || {
            let wait = |time| !matches!(stopped.recv_timeout(time), Err(RecvTimeoutError::Timeout));
            let result = match () {
                () if is_silent => Ok(()),
                () if terminal::is_there() => watch(&shown, &interrupt, || wait(Duration::ZERO)),
                () => print(&shown, wait),
            };
            if result.is_err() {
                failed.cancel();
            }
            // Nobody waits for it any more if it took too long.
            let _ = end.send(result);
        };
        std::thread::Builder::new()
            .name("display".into())
            .spawn(show)
            .context("cannot start the display")?;
        Ok(Self { board, trouble, running: Some(Running { stop, ended }) })
    }

    /// Shows the last state and gives the terminal back.
    pub fn finish(mut self) -> Result<()> {
        self.running.take().map_or(Ok(()), Running::end)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        // Whoever drops it has something else to say.
        let _ = self.running.take().map(Running::end);
    }
}

/// Plain lines.
fn print(board: &Board, mut stopped: impl FnMut(Duration) -> bool) -> Result<()> {
    // Something at once: the first cut may take a while.
    let (mut said, mut at) = (None, Instant::now());
    while !stopped(if said.is_none() { Duration::from_millis(10) } else { FRAME }) {
        if said.is_some() && at.elapsed() < BLOCK {
            continue;
        }
        let picture = board.lock().look();
        // The same cut again would say nothing new.
        let sign = picture.sign();
        if sign.is_some() && sign != said {
            (said, at) = (sign, Instant::now());
            say(&picture.text())?;
        }
    }
    let picture = board.lock().parting();
    if picture.sign().is_none() || picture.sign() == said { Ok(()) } else { say(&picture.text()) }
}

impl Picture {
    /// What differs where there is something new to say.
    fn sign(&self) -> Option<(u64, Option<String>)> {
        match self {
            Self::Nothing => None,
            Self::Text(text) => Some((0, Some(text.clone()))),
            Self::View(view) => Some((view.cut.epoch, view.notice.clone())),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Text(text) => text.clone(),
            Self::View(view) => lines(view),
        }
    }
}

/// The screen.
fn watch(board: &Board, interrupt: &Interrupt, stopped: impl FnMut() -> bool) -> Result<()> {
    let shown = enter_and_redraw(board, interrupt, stopped);
    terminal::leave();
    // The screen is gone now: leave the last one where it can be read.
    let parting = board.lock().parting();
    match (shown, parting) {
        (Ok(()), parting @ Picture::View(_)) => say(&parting.text()),
        (shown, _) => shown,
    }
}

fn enter_and_redraw(
    board: &Board,
    interrupt: &Interrupt,
    mut stopped: impl FnMut() -> bool,
) -> Result<()> {
    // What is wrong with the arguments is said without a screen.
    while matches!(board.lock().look(), Picture::Nothing) {
        if stopped() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut terminal = terminal::enter()?;
    let shown = redraw(&mut terminal, board, interrupt, stopped);
    if shown.is_err() {
        // Dropped, it would show the cursor again, and panic where there is no standard error.
        std::mem::forget(terminal);
    }
    shown
}

fn redraw(
    terminal: &mut DefaultTerminal,
    board: &Board,
    interrupt: &Interrupt,
    mut stopped: impl FnMut() -> bool,
) -> Result<()> {
    let mut keys = Keys::open()?;
    let mut page = Page::default();
    while !stopped() {
        let picture = board.lock().look();
        let draw = |frame: &mut ratatui::Frame<'_>| match &picture {
            Picture::Nothing => {}
            Picture::Text(text) => {
                let width = frame.area().width.into();
                let text = [text.as_str(), "", HELP].map(|line| clip(line, width).into_owned());
                let lines: Vec<Line<'_>> =
                    text.into_iter().map(|line| Line::from(line).bold()).collect();
                frame.render_widget(Paragraph::new(lines), frame.area());
            }
            Picture::View(view) => draw(frame, view, page),
        };
        terminal.draw(draw).context("the terminal is gone")?;
        // Waiting for a key is the timer, too.
        for wish in keys.next(FRAME)? {
            match wish {
                Wish::End => interrupt.press(Signal::SIGINT),
                Wish::Turn => page = page.turned(),
                Wish::Stop => *terminal = terminal::suspend()?,
            }
        }
    }
    Ok(())
}
