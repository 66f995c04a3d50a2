//! The examples' own tests, which are the templates' of `chancery contract new`, as part of `make test`: the same files
//! that `cargo test` runs in each example's folder.

#[path = "../examples/courier/tests/chains.rs"]
mod chains;
#[path = "../examples/counter/tests/counter.rs"]
mod counter;
#[path = "../contracts/evidence/tests/evidence.rs"]
mod evidence;
#[path = "../examples/filing/tests/filing.rs"]
mod filing;
#[path = "../examples/lottery/tests/lottery.rs"]
mod lottery;

/// What a test is told about a call that was stopped: the tree of calls down to the one, what was written before, and the
/// functions and lines of the source.
#[test]
fn a_trap_is_explained_down_to_the_line() {
    use ::faulty::*;
    use chancery_testing::{Chain, TrapClass};

    let chain = Chain::new();
    let outer = chain.deploy::<Faulty>("outer").done();
    let inner = chain.deploy::<Faulty>("inner").done();
    let called = outer.relay(inner.address(), 100, 0).by(&chain.deployer());
    let text = called.trapped(TrapClass::Unreachable).explanation();
    let source = include_str!("../examples/faulty/src/lib.rs");
    let line = |text: &str| (1..).zip(source.lines()).find(|(_, line)| line.contains(text)).expect("the line").0;
    let (assertion, insistence) = (line("assert!(parts != 0"), line("panic!(\"the other"));
    let places = [assertion, insistence].map(|line| format!("examples/faulty/src/lib.rs:{line}"));
    for part in ["outer.relay by deployer: the sandbox stopped outer", "inner.split", &places[0], &places[1]] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}

/// What a test is told about a call that failed: the error by name and in both languages, the tree of calls, and the
/// function and line of the contract's source.
#[test]
fn a_failing_call_is_explained_down_to_the_line() {
    use ::filing::*;
    use chancery_testing::{Chain, Digest};

    let chain = Chain::new();
    let filing = chain.deploy::<Filing>("filing").init().done();
    let file = || filing.file(Digest([7; 32]), "2026-0001").by(&chain.deployer());
    file().done();
    let failure = file().result().expect_err("it was filed before");
    assert_eq!(failure.name.as_deref(), Some("AlreadyFiled"));
    let text = &failure.explanation;
    let source = include_str!("../examples/filing/src/lib.rs");
    // An error that is returned has no place of its own; the method that returned it has.
    let (line, _) = (1..).zip(source.lines()).find(|(_, line)| line.contains("pub fn file(")).expect("the line");
    let place = format!("examples/filing/src/lib.rs:{line}");
    let sentences = format!("{0} was filed before / 该摘要已存证:{0}", Digest([7; 32]));
    for part in ["filing.file by deployer: filing refused with AlreadyFiled", &sentences, "gas ", &place] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
}
