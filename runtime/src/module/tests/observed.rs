//! What instrumenting tells of itself changes nothing, and is true.

use wasmparser::{Parser, Payload};
use wasmtime::OptLevel;

use super::{equality::PROGRAMS, *};
use crate::module::{PROBE_MODULE, PROBE_NAME, Probe};

fn observed(source: &[u8], with_probes: bool) -> crate::module::Observed {
    check(source).expect("the test's contract is accepted").instrument_observed(schedule(), with_probes)
}

/// Offsets and bytes of a module's own functions' instructions.
fn instructions(wasm: &[u8]) -> Vec<Vec<usize>> {
    let bodies = Parser::new(0).parse_all(wasm).filter_map(|payload| match payload.expect("a module") {
        Payload::CodeSectionEntry(body) => {
            let operators = body.get_operators_reader().expect("a body").into_iter_with_offsets();
            Some(operators.map(|operator| operator.expect("an instruction").1).collect())
        }
        _ => None,
    });
    bodies.collect()
}

#[test]
fn the_map_alone_changes_no_byte() {
    for program in PROGRAMS {
        let source = with_memory(program);
        assert_eq!(observed(&source, false).wasm, instrument(&source));
        assert!(observed(&source, false).probes.is_empty());
    }
}

#[test]
fn every_source_instruction_is_found_again_in_its_function() {
    let imports = "(import \"chancery_v1\" \"input_len\" (func (result i32)))";
    for program in PROGRAMS {
        let source = contract(&format!("(module {imports} (memory (export \"memory\") 1 4) {program})"));
        let observed = observed(&source, true);
        let (before, after) = (instructions(&source), instructions(&observed.wasm));
        assert_eq!(before.len(), after.len());
        for (own, (before, after)) in before.iter().zip(&after).enumerate() {
            let mut found: Vec<_> = after
                .iter()
                .map(|offset| {
                    let place = observed.source_map.place(*offset).expect("it is in a function");
                    assert_eq!(place.function, 1 + own as u32);
                    place.offset as usize
                })
                .collect();
            found.dedup();
            // The trap at the end stands at the beginning.
            assert_eq!(found.pop(), Some(before[0]));
            assert_eq!(&found, before, "{program}");
        }
        assert_eq!(observed.source_map.place(0), None);
    }
}

#[test]
fn probes_change_no_gas_and_report_all_of_it() {
    for program in PROGRAMS {
        let source = with_memory(program);
        let plain = call(&instrument(&source), OptLevel::Speed, "a", PLENTY);
        for gas in [PLENTY, 40, 3, 0] {
            let plain =
                if gas == PLENTY { plain.clone() } else { call(&instrument(&source), OptLevel::Speed, "a", gas) };
            let observed = observed(&source, true);
            super::super::validate::operand_heights(&observed.wasm).expect("what comes out is valid");
            let (left, reported) = call_probed(&observed, gas);
            assert_eq!(left, plain, "{program}");
            assert_eq!(reported, gas - left.gas, "{program}");
        }
    }
}

/// Calls the method and returns the gas that its probes reported.
fn call_probed(observed: &crate::module::Observed, gas: i64) -> (Left, i64) {
    on_large_stack(|| {
        let engine = engine(OptLevel::Speed);
        let module = Module::new(&engine, &observed.wasm).expect("the engine takes it");
        let mut store = Store::new(&engine, Vec::new());
        let mut linker = Linker::new(&engine);
        let hook = |mut caller: wasmtime::Caller<'_, Vec<(u32, i64)>>, probe: u32| {
            let gas = caller.get_export(GAS_EXPORT).expect("it is exported").into_global().expect("a global");
            let gas = gas.get(&mut caller).unwrap_i64();
            caller.data_mut().push((probe, gas));
        };
        linker.func_wrap(PROBE_MODULE, PROBE_NAME, hook).expect("a name of its own");
        let instance = linker.instantiate(&mut store, &module).expect("it does not trap");
        let left = instance.get_global(&mut store, GAS_EXPORT).expect("it is exported");
        let height = instance.get_global(&mut store, HEIGHT_EXPORT).expect("it is exported");
        left.set(&mut store, Val::I64(gas)).expect("it is mutable");
        let method = instance.get_typed_func::<(), ()>(&mut store, "call.a").expect("it is exported");
        let trapped = method.call(&mut store, ()).is_err();
        let memory = instance.get_memory(&mut store, "memory").expect("it is exported").data(&store).to_vec();
        let mut seen = gas;
        let mut reported = 0;
        for (probe, now) in store.data() {
            match &observed.probes[*probe as usize] {
                Probe::Region(charges) => reported += charges.iter().map(|(_, cost)| *cost as i64).sum::<i64>(),
                Probe::Operand { .. } => reported += seen - now,
                Probe::Enter { .. } | Probe::Leave => assert_eq!(seen, *now, "nothing is charged unseen"),
            }
            seen = *now;
        }
        let gas = left.get(&mut store).unwrap_i64();
        (Left { trapped, gas, height: height.get(&mut store).unwrap_i32(), memory }, reported)
    })
}
