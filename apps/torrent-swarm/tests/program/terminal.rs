//! On a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::harness::{end_of, left_in, swarm};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The program on a terminal of its own.
struct Screen {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Screen {
    fn start(args: &[&str], term: &str, temporary: &std::path::Path) -> Self {
        let size = Winsize { ws_row: 16, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).expect("a terminal");
        // The program must not hold this end itself.
        fcntl(&pty.master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("open");
        fcntl(&pty.slave, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("open");
        let side = || Stdio::from(OwnedFd::from(File::from(pty.slave.try_clone().expect("open"))));
        let child = swarm()
            .args(args)
            .env("TERM", term)
            .env("TMPDIR", temporary)
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .expect("started");
        let keys = File::from(pty.master);
        let mut output = keys.try_clone().expect("open");
        let (show, shown) = channel();
        thread::spawn(move || {
            let mut part = [0; 4096];
            // Fails when the program has ended.
            while let Ok(read @ 1..) = output.read(&mut part)
                && show.send(part[..read].to_vec()).is_ok()
            {}
        });
        Self { child, keys, shown, seen: Vec::new() }
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).expect("open");
    }

    /// Waits until that was written.
    fn shows(&mut self, what: &str) {
        while !String::from_utf8_lossy(&self.seen).contains(what) {
            let part = self.shown.recv_timeout(LIMIT);
            let seen = String::from_utf8_lossy(&self.seen);
            let part = part.unwrap_or_else(|_| panic!("no {what:?} in {seen:?}"));
            self.seen.extend(part);
        }
    }

    /// All that was written until its end, and its exit status.
    fn end(mut self) -> (String, Option<i32>) {
        let code = end_of(self.child).code();
        while let Ok(part) = self.shown.recv_timeout(Duration::from_millis(200)) {
            self.seen.extend(part);
        }
        (String::from_utf8_lossy(&self.seen).into_owned(), code)
    }
}

#[test]
fn keys_work_while_the_file_is_made() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let mut screen = Screen::start(&["--size", "200MiB", "--leechers", "1"], "xterm", root.path());
    screen.shows("making");
    screen.press(b"q");
    let (shown, code) = screen.end();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains("interrupted before anything was fetched"), "{shown}");
    assert_eq!(left_in(root.path()), 0);
}

#[test]
fn a_dumb_terminal_gets_lines() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let screen = Screen::start(&["--size", "1MiB", "--leechers", "1"], "dumb", root.path());
    let (shown, code) = screen.end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("everything holds") && !shown.contains('\x1b'), "{shown}");
}

#[test]
fn it_ends_when_the_terminal_is_gone() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let args = ["--size", "8MiB", "--rate-limit", "16KiB"];
    let mut screen = Screen::start(&args, "xterm", root.path());
    screen.shows("leecher-1");
    // Both ends that are held here: nobody has the terminal any more.
    let Screen { child, keys, shown, .. } = screen;
    drop((keys, shown));
    let status = end_of(child);
    assert_eq!(status.code(), Some(1), "{status}");
    assert_eq!(left_in(root.path()), 0);
}
