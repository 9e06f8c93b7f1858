//! Tests of the program as it is built.

mod fetching;
mod harness;
mod swarming;
