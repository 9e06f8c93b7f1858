#![forbid(unsafe_code)]
//! A real BitTorrent swarm on loopback, every byte of it counted with Tallybook.
//!
//! Each member is a librqbit session of its own, with a storage that counts every read and write.
//! What it counts goes to the member and to the swarm as one fact, so that in every snapshot the
//! members, present and departed, sum to the swarm.

mod args;
mod books;
mod cut;
mod display;
mod fetch;
mod file;
mod follow;
mod interrupt;
mod law;
mod lines;
mod member;
mod observe;
mod pieces;
mod rate;
mod run;
mod screen;
mod storage;
mod summary;
mod swarm;
mod text;
mod verdict;
mod view;
mod windows;
mod wire;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(run::run(args));
    // Whatever librqbit still has in flight is of no more use.
    runtime.shutdown_background();
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
