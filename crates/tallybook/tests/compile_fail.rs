//! What the derive macros reject, with messages that say what to write instead.
//!
//! For each file that must not compile, `pass` has one that follows the message and compiles. After
//! a change, `TRYBUILD=overwrite cargo test --test compile_fail` regenerates the messages; review
//! the difference.

#[test]
fn refused_with_an_answer() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
    cases.pass("tests/compile_fail/pass/*.rs");
}
