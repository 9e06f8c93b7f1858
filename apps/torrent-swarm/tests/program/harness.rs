//! Runs programs with their output at hand and an end to all waiting.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use librqbit::spawn_utils::BlockingSpawner;
use librqbit::{CreateTorrentOptions, create_torrent};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long anything may take. A run takes a few seconds; this is for a machine with other things
/// to do.
const LIMIT: Duration = Duration::from_secs(60);

/// How a program ended.
pub struct Ended {
    /// Its exit status, or the signal that ended it.
    pub status: ExitStatus,
    /// All it wrote to standard output.
    pub stdout: String,
    /// All it wrote to standard error.
    pub stderr: String,
}

/// A running program; killed when it is dropped.
pub struct Program {
    pid: Pid,
    lines: Receiver<String>,
    ended: Receiver<Ended>,
    over: bool,
}

impl Program {
    /// Starts `command`; `hint` says what to do if it is not there.
    pub fn start(command: &mut Command, hint: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot start {:?}: {error}. {hint}", command.get_program())
            });
        let pid = Pid::from_raw(child.id().cast_signed());
        let (mut out, mut err) =
            (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (line, lines) = channel();
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            for next in BufReader::new(&mut out).lines().map_while(Result::ok) {
                text += &next;
                text += "\n";
                // Whether anybody waits for lines is up to the test.
                let _ = line.send(next);
            }
            text
        });
        let stderr = thread::spawn(move || {
            let mut bytes = Vec::new();
            err.read_to_end(&mut bytes).expect("readable");
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let (end, ended) = channel();
        thread::spawn(move || {
            let stdout = stdout.join().expect("no panic");
            let stderr = stderr.join().expect("no panic");
            let status = child.wait().expect("a child");
            let _ = end.send(Ended { status, stdout, stderr });
        });
        Self { pid, lines, ended, over: false }
    }

    /// Starts the program under test.
    pub fn swarm<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Self {
        Self::start(swarm().args(args), "Build it first.")
    }

    /// Starts the program under test, with its temporary files in `dir`.
    pub fn swarm_in<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> Self {
        Self::start(swarm().args(args).env("TMPDIR", dir), "Build it first.")
    }

    /// Waits for a line that contains `what`.
    pub fn line(&self, what: &str) -> String {
        let deadline = Instant::now() + LIMIT;
        let mut seen = Vec::new();
        while let Ok(line) =
            self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now()))
        {
            if line.contains(what) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with {what:?} in {LIMIT:?}, only:\n{}", seen.join("\n"));
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid, signal).expect("it is still there");
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let ended = self.ended.recv_timeout(LIMIT);
        self.over = ended.is_ok();
        ended.unwrap_or_else(|_| panic!("it did not end in {LIMIT:?}"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.over {
            // It may have ended by itself just now.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
    }
}

impl Ended {
    /// Asserts the exit status.
    pub fn expect(self, code: i32) -> Self {
        let Self { status, stdout, stderr } = &self;
        assert_eq!(status.code(), Some(code), "{status}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// Asserts that standard error says `what`.
    pub fn complains(self, what: &str) -> Self {
        assert!(self.stderr.contains(what), "{what:?} is not in stderr:\n{}", self.stderr);
        self
    }

    /// Asserts that standard output says `what`.
    pub fn says(self, what: &str) -> Self {
        assert!(self.stdout.contains(what), "{what:?} is not in stdout:\n{}", self.stdout);
        self
    }
}

/// The program under test.
pub fn swarm() -> Command {
    Command::new(env!("CARGO_BIN_EXE_torrent-swarm"))
}

/// Waits for the end of `child`, for as long as anything may take.
pub fn end_of(mut child: Child) -> ExitStatus {
    let pid = Pid::from_raw(child.id().cast_signed());
    let (end, ended) = channel();
    thread::spawn(move || end.send(child.wait().expect("a child")));
    ended.recv_timeout(LIMIT).unwrap_or_else(|_| {
        let _ = kill(pid, Signal::SIGKILL);
        panic!("it did not end in {LIMIT:?}")
    })
}

/// How many files and folders there are in `dir`.
pub fn left_in(dir: &Path) -> usize {
    std::fs::read_dir(dir).expect("a folder").count()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a name in UTF-8")
}

/// Waits until a TCP port answers.
pub fn wait_for_port(address: &str) {
    let deadline = Instant::now() + LIMIT;
    while std::net::TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "nobody listens at {address}");
        thread::yield_now();
    }
}

/// Writes a torrent of `file` to `torrent`.
pub fn make_torrent(file: &Path, torrent: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let made = runtime.block_on(async {
        let options = CreateTorrentOptions { piece_length: Some(32 * 1024), ..Default::default() };
        create_torrent(file, options, &BlockingSpawner::new(1)).await.expect("a torrent")
    });
    std::fs::write(torrent, made.as_bytes().expect("serialised")).expect("written");
}

/// Bytes without a pattern that could make one piece pass for another.
pub fn noise(bytes: usize) -> Vec<u8> {
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    let mut noise = vec![0; bytes];
    SmallRng::seed_from_u64(7).fill_bytes(&mut noise);
    noise
}
