//! What Tallybook costs, measured beside its peers, and whether that is what was promised.
#![forbid(unsafe_code)]

mod cpu;
mod crowds;
mod durations;
mod events;
mod facts;
mod families;
mod fixtures;
mod guards;
mod histograms;
mod keys;
mod lookups;
mod measure;
mod memory;
mod off;
mod peers;
mod readers;
mod report;
mod sets;
mod threads;
mod ticks;
mod values;
mod windows;
mod work;

use anyhow::Result;
use cap::Cap;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use measure::Effort;
use report::Report;
use std::alloc::System;
use std::path::{Path, PathBuf};

/// Counts what is allocated: one uncontended atomic per allocation, the same for everybody.
#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

/// Measures what Tallybook costs, beside its peers.
#[derive(Parser)]
struct Arguments {
    /// The questions to answer; all if none is named.
    #[arg(value_parser = PossibleValuesParser::new(QUESTIONS.map(|known| known.0)))]
    questions: Vec<String>,
    /// Few and short rounds: checks that everything runs, and its numbers mean little.
    #[arg(long)]
    quick: bool,
    /// Writes the document.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

type Question = (&'static str, fn(Effort) -> Result<Report>);

const QUESTIONS: [Question; 17] = [
    ("facts", facts::report),
    ("sets", sets::report),
    ("histograms", histograms::report),
    ("durations", durations::report),
    ("events", events::report),
    ("work", work::report),
    ("families", families::report),
    ("lookups", lookups::report),
    ("guards", guards::report),
    ("memory", memory::report),
    ("keys", keys::report),
    ("threads", threads::report),
    ("ticks", ticks::report),
    ("windows", windows::report),
    ("readers", readers::report),
    ("crowds", crowds::report),
    ("off", off::report),
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let names = &arguments.questions;
    // Before there is any load of its own.
    let head = head();
    let mut reports = Vec::new();
    for (name, ask) in QUESTIONS {
        if names.is_empty() || names.iter().any(|wanted| wanted == name) {
            let report = ask(effort)?;
            println!("{report}");
            reports.push(report);
            if let Some(path) = &arguments.write {
                write(path, &head, &reports)?;
            }
        }
    }
    Ok(())
}

fn write(path: &Path, head: &str, reports: &[Report]) -> Result<()> {
    let answers: Vec<_> = reports.iter().map(ToString::to_string).collect();
    let notes = include_str!("../notes.md");
    let summary = Report::summary(reports);
    let text = format!("{head}\n{summary}\n{notes}\n{}", answers.join("\n"));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(std::fs::write(path, text)?)
}

fn head() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |model| model.1);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_string();
    format!(
        "# Performance\n\n\
         Made by `cargo run --release -p tallybook-bench -- --write docs/performance.md`, on {cores} cores ({model}, \
         {arch}, {os}) with a load average of {load}, so anything above {cores} was other work. Compare the ratios, \
         which are medians over rounds in which all contenders were measured in turn; the absolute times are this \
         machine's. Times are per operation and thread, with each thread on a core of its own. `--quick` only checks \
         that everything runs.\n"
    )
}
