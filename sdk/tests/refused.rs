//! What does not compile, and what the compiler says then: each file in `refused/` has mistakes that people make, and
//! beside it stands every word of the answer. The answer points at the user's own line and says what to write.
//!
//! A changed text is a decision: look at it, then `TRYBUILD=overwrite cargo test -p chancery-sdk --test refused`.

#[test]
fn mistakes_are_explained_where_they_stand() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
