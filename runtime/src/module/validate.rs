//! The parser's own validation, with everything off that is not on the list, and the operand heights it knows.
//!
//! The surveys before this give readable refusals; this is what decides. It reads the bytes anew under [`FEATURES`]
//! alone, so that a gap in a survey lets nothing through.

use wasmparser::{
    FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, ValidPayload, Validator, ValidatorResources,
    WasmFeatures,
};

use super::ModuleError;

/// What of WebAssembly is on beside the integers of its first version. Floats are a feature here, and off.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    // All that stable rustc's default target features leave of reference types: a longer encoding of a table's index.
    .union(WasmFeatures::CALL_INDIRECT_OVERLONG);

/// The greatest operand height of each function of the module's own.
///
/// # Errors
/// When the module is not valid under [`FEATURES`].
pub(super) fn operand_heights(wasm: &[u8]) -> Result<Vec<u32>, ModuleError> {
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    let mut heights = Vec::new();
    for payload in parser.parse_all(wasm) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            let index = function.index;
            let (height, reused) =
                operand_height(function, &body, allocations).map_err(|error| ModuleError::Invalid {
                    offset: error.offset(),
                    function: Some(index.into()),
                    reason: error.message().to_owned(),
                })?;
            heights.push(height);
            allocations = reused;
        }
    }
    Ok(heights)
}

fn operand_height(
    function: FuncToValidate<ValidatorResources>,
    body: &FunctionBody<'_>,
    allocations: FuncValidatorAllocations,
) -> Result<(u32, FuncValidatorAllocations), wasmparser::Error> {
    let mut validator = function.into_validator(allocations);
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    reader.set_features(FEATURES);
    let mut height = 0;
    while !reader.eof() {
        let offset = reader.original_position();
        reader.visit_operator(&mut validator.visitor(offset))??;
        height = height.max(validator.operand_stack_height());
    }
    let end = reader.original_position();
    reader.finish_expression(&validator.visitor(end))?;
    Ok((height, validator.into_allocations()))
}
