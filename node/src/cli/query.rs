//! `chancery query`: asks a contract, changing nothing. The answer is one node's word; `chancery prove` makes it
//! everyone's.

use chancery_abi::{
    schema::{MethodKind, TypeRef},
    types::from_hex,
};
use clap::Parser;
use serde_json::{Value, json};

use super::{
    arguments::{self, AddressNames},
    call::VALUES_HELP,
    describe,
    failure::{Failure, Result},
    options::{Format, KeyOptions, NodeOptions},
    outcome::{self, Schemas},
    output::{Output, grouped},
    target::ContractTarget,
    words::{Sorted, Words},
};
use crate::{
    client::{ClientError, OutcomeAnswer, ReceiptAnswer},
    schema_json::{self, Names as _},
};

/// Ask a contract. The method's arguments follow by name; `chancery query CHAIN/CONTRACT METHOD --help` shows them.
#[derive(Parser)]
#[command(name = "chancery query", after_help = VALUES_HELP)]
struct QueryOptions {
    /// The contract: CHAIN/CONTRACT, CHAIN/DEPARTMENT.CONTRACT or CHAIN/ADDRESS.
    target: ContractTarget,
    /// The method.
    method: Option<String>,
    /// Whom the contract sees as the caller: a key's name, or an address.
    #[arg(long = "as", value_name = "KEY")]
    caller: Option<String>,
    /// The most gas it may use.
    #[arg(long, value_name = "GAS")]
    gas: Option<u64>,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// Runs `chancery query`.
///
/// # Errors
/// When the contract does not answer.
pub(super) fn run(words: Words, output: &Output) -> Result {
    let Sorted { options, arguments: typed, help } = words.sort::<QueryOptions>("chancery query", 2)?;
    let node = options.node.open()?;
    let chain = node.chain(options.target.chain.clone());
    let contract = chain.contract(&options.target.contract)?.address.to_string();
    let schema = chain.schema(&contract)?;
    let wanted = [MethodKind::Query];
    let Some(name) = &options.method else {
        return Err(Failure::usage("which method?").help(describe::method_list(&schema, &wanted, output.language)));
    };
    let method = arguments::method(&schema, name, &wanted)?;
    if help {
        let text = describe::method_help(&format!("chancery query {} {name}", options.target), method, output.language);
        return output.result(&describe::method_json(&schema, method), || text);
    }
    let explained = arguments::explained(method, output.language);
    let keys = options.keys.store()?;
    let names = AddressNames { keys: &keys, chain: chain.name() };
    let caller = options.caller.as_deref().map(|text| match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => names.address(&format!("key:{text}")).map_err(Failure::usage),
    });
    let caller = caller.transpose()?;
    let values = arguments::read(&schema, &method.arguments, typed).map_err(&explained)?;
    let input = arguments::encode(&schema, method, &values, &names).map_err(&explained)?;
    let answer = match chain.query(&contract, &method.name, &input, caller.as_ref(), options.gas) {
        Err(ClientError::Refused(problem)) => {
            let mut schemas = Schemas::on(&chain);
            schemas.insert(contract, schema.clone());
            return Err(refused(*problem, &mut schemas, output));
        }
        answer => answer?,
    };
    let bytes = from_hex(&answer.output).ok_or_else(|| Failure::new("the node's answer is not hexadecimal"))?;
    let value = match &method.returns {
        TypeRef::Unit if bytes.is_empty() => Value::Null,
        ty => schema_json::decode(&schema, ty, &bytes).map_err(|error| {
            Failure::new("the answer is not of the type that the contract's schema says").because(error)
        })?,
    };
    if !output.json {
        output.note(&format!("as of height {}, {} gas", answer.height, grouped(answer.gas_used)));
    }
    output.result(&json!({ "value": value, "height": answer.height, "gas_used": answer.gas_used }), || {
        outcome::pretty(&value)
    })
}

/// A query that a contract refused: the problem holds how it ended.
fn refused(problem: crate::client::Problem, schemas: &mut Schemas<'_>, output: &Output) -> Failure {
    let ended = problem.more.get("outcome").cloned().map(serde_json::from_value::<OutcomeAnswer>);
    let Some(Ok(outcome)) = ended else {
        return ClientError::Refused(Box::new(problem)).into();
    };
    let receipt =
        ReceiptAnswer { transaction: String::new(), height: 0, index: 0, gas_used: 0, outcome, events: Vec::new() };
    let explained = outcome::explain(&receipt, None, schemas, output.language);
    Failure::new(explained.sentence).code(problem.code)
}
