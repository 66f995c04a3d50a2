//! Whether prices are right: the CPU time of each class of instruction and of each host function for the gas it costs,
//! against the reference, a chain of simple instructions that wait for each other. The bench fails where a ratio is above
//! 3; one far below 1 is dear, which harms nobody but its user.
//!
//! Each operation runs many times in one real transaction of a block, and so does a loop without it, which is taken off
//! both time and gas. The state is the one in memory: what entries cost on disk is `node/benches/store.rs`.

#[path = "../sandbox/chancery.rs"]
mod chancery;
#[path = "../clock.rs"]
mod clock;
mod operations;

use chancery_abi::{
    Ident,
    schema::{self, Access, Docs, Entry, Method, MethodKind, TypeRef},
};
use chancery_runtime::execution::on_execution_stack;

use self::{
    chancery::Chancery,
    clock::{Contender, side_by_side},
    operations::{MEMORY, Operation, operations},
};

/// Rounds that are compared.
const ROUNDS: usize = 15;
/// Gas of each transaction.
const GAS: u64 = 9_000_000_000;
/// Most time for gas that a fair price leaves, as a multiple of the reference's; beyond it the bench fails.
const FAIR: f64 = 3.0;

fn main() {
    let operations = operations();
    on_execution_stack(|stack| {
        let chain = Chancery::new(stack, module(&operations), Vec::new());
        let mut gas = Vec::new();
        let mut contenders = Vec::new();
        for operation in &operations {
            let calls = chain.calls(&operation.method(), std::slice::from_ref(&operation.input), GAS);
            gas.push(chain.time_of_block(stack, &calls).1 as f64);
            let chain = &chain;
            contenders.push(Contender::new(operation.name, 1, move || chain.time_of_block(stack, &calls).0));
        }
        let times = side_by_side(&mut contenders, ROUNDS);
        // The first is the empty loop, the second the reference.
        let price = |at: usize| {
            let (rounds, empty_rounds) = (operations[at].rounds as f64, operations[0].rounds as f64);
            let scale = rounds.min(empty_rounds) / empty_rounds;
            let (time, gas) = (times[at] - scale * times[0], gas[at] - scale * gas[0]);
            let count = rounds * operations[at].repeats as f64;
            (time / count, gas / count, time / gas)
        };
        let reference = price(1).2;
        println!("\nCPU time for gas, medians of {ROUNDS} rounds in turns; reference {reference:.3} ns a gas\n");
        println!("| operation | ns | gas | ns a gas | to the reference |\n| --- | ---: | ---: | ---: | ---: |");
        let mut cheap = Vec::new();
        for (at, operation) in operations.iter().enumerate().skip(1) {
            let (ns, gas, rate) = price(at);
            let ratio = rate / reference;
            let mark = if ratio > FAIR { " **too cheap**" } else { "" };
            if ratio > FAIR {
                cheap.push(operation.name);
            }
            println!("| {} | {ns:.1} | {gas:.1} | {rate:.3} | {ratio:.2}{mark} |", operation.name);
        }
        assert!(cheap.is_empty(), "more than {FAIR} times the reference's time for their gas: {cheap:?}");
    });
}

/// A contract with a method for each operation.
fn module(operations: &[Operation]) -> Vec<u8> {
    let contract = Entry::Contract {
        format: schema::FORMAT,
        name: "Prices".into(),
        version: "0.1.0".into(),
        sdk: "0.1.0".into(),
        docs: Docs::default(),
    };
    let method = |name: String| {
        Entry::Method(Method {
            name: Ident::new(name).expect("the methods' names are identifiers"),
            kind: MethodKind::Call,
            access: Access::Anyone,
            arguments: Vec::new(),
            returns: TypeRef::Unit,
            reentrant: true,
            docs: Docs::default(),
        })
    };
    let names = operations.iter().map(Operation::method).chain(["nothing".to_owned(), "trap".to_owned()]);
    let entries = std::iter::once(contract).chain(names.map(method));
    let section: Vec<u8> = entries.flat_map(|entry| entry.to_section_bytes()).collect();
    let section: String = section.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let functions: String = operations.iter().map(Operation::function).collect();
    let text = format!(
        "(module {MEMORY} {functions} (func (export \"call.nothing\")) (func (export \"call.trap\") unreachable)
         (@custom \"{}\" \"{section}\"))",
        schema::SECTION,
    );
    wat::parse_str(text).expect("the operations are text of a module")
}
