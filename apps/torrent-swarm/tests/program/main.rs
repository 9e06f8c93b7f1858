//! Tests of the program as it is built.

mod ending;
mod fetching;
mod harness;
mod journal;
mod others;
mod peer;
mod seeding;
mod swarming;
mod terminal;
