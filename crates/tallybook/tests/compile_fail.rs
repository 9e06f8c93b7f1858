//! What the derive macros refuse, and that the message says what to write instead.
//!
//! Next to each file that must not compile stands one in `pass` that does, with what the message asks for. After a
//! change, `TRYBUILD=overwrite cargo test --test compile_fail` writes the messages anew: read them.

#[test]
fn refused_with_an_answer() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile_fail/*.rs");
    cases.pass("tests/compile_fail/pass/*.rs");
}
