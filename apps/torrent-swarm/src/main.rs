#![forbid(unsafe_code)]
//! A real BitTorrent swarm on loopback, every byte of it counted with Tallybook.
//!
//! Each member is a librqbit session of its own, with a storage that counts every read and write.
//! What it counts goes to the member and to the swarm as one fact, so that in every snapshot the
//! members, present and departed, sum to the swarm.

mod args;
mod bencode;
mod books;
mod cut;
mod display;
mod fetch;
mod file;
mod files;
mod follow;
mod interrupt;
mod journal;
mod law;
mod line;
mod lines;
mod member;
mod observe;
mod output;
mod pace;
mod pieces;
mod prepare;
mod rate;
mod run;
mod screen;
mod state;
mod storage;
mod summary;
mod swarm;
mod table;
mod terminal;
mod text;
mod torrent;
mod tracker;
mod verdict;
mod view;
mod windows;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use crate::args::Args;
use crate::output::complain;

/// The most threads that may block at once. Each thread that ever records has a shard in the books,
/// and librqbit reads and writes files on such threads.
const BLOCKING: usize = 16;

/// How long threads are waited for at the end. They are in the middle of a read or write at most.
const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let args = Args::of_command_line();
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = match builder.max_blocking_threads(BLOCKING).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("error: cannot start the runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run::run(args));
    // The sessions are closed by now. What their threads are still at has to end before the process
    // takes down what they use: a library that is unloaded under a thread ends it by a signal, and
    // the exit status is lost. To leave without taking anything down would need no waiting, but
    // what is still in the buffers of standard output would be lost as well.
    runtime.shutdown_timeout(PATIENCE);
    match ended {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
