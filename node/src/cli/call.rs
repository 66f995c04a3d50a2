//! `chancery call`: changes a contract's state, with the arguments that its own schema names.

use chancery_abi::{
    Call, Payload,
    schema::{Method, MethodKind, Schema},
};
use clap::Parser;
use serde_json::json;

use super::{
    arguments::{self, AddressNames},
    describe, each,
    failure::{Failure, Result},
    options::{Format, KeyOptions, NodeOptions},
    outcome::{self, Schemas},
    output::{Output, grouped},
    sender::{SendOptions, Sender, Sent},
    target::ContractTarget,
    words::{Sorted, Words},
};
use crate::client::ReceiptAnswer;

/// Call a contract's method. Its arguments follow by name; `chancery call CHAIN/CONTRACT METHOD --help` shows them.
#[derive(Parser)]
#[command(name = "chancery call", after_help = VALUES_HELP)]
struct CallOptions {
    /// The contract: CHAIN/CONTRACT, CHAIN/DEPARTMENT.CONTRACT or CHAIN/ADDRESS.
    target: ContractTarget,
    /// The method.
    method: Option<String>,
    /// The key that signs.
    #[arg(long = "as", value_name = "KEY")]
    key: Option<String>,
    /// A second key that signs, a sponsor's, whose department then pays: an administrator's, or one that an act appointed.
    #[arg(long, value_name = "KEY")]
    sponsor: Option<String>,
    /// Call once for each line of a file (`-` reads standard input), each a JSON object of arguments. Arguments given
    /// by name count for every line; members whose names begin with `_` are notes.
    #[arg(long, value_name = "FILE")]
    each: Option<std::path::PathBuf>,
    /// With --each: write a line of JSON for each call to this file.
    #[arg(long, value_name = "FILE", requires = "each")]
    results: Option<std::path::PathBuf>,
    #[command(flatten)]
    send: SendOptions,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// What values may look like.
pub(super) const VALUES_HELP: &str = "\
Arguments: --NAME VALUE, or --arg NAME=VALUE where an option has the same name.
  text        as it is               number     digits
  bytes       hexadecimal            address    hexadecimal, key:NAME or contract:DEPARTMENT.NAME
  bool        true, false, or --NAME alone
  list        JSON, or --NAME VALUE again for each entry
  optional    its value, or null     anything else: JSON
  @FILE       what a file holds";

/// Runs `chancery call`.
///
/// # Errors
/// When the call is not done.
pub(super) fn run(words: Words, output: &Output) -> Result {
    let Sorted { options, arguments: typed, help } = words.sort::<CallOptions>("chancery call", 2)?;
    let node = options.node.open()?;
    let chain = node.chain(options.target.chain.clone());
    let contract = chain.contract(&options.target.contract)?;
    let schema = chain.schema(&contract.address.to_string())?;
    let wanted = [MethodKind::Call];
    let Some(name) = &options.method else {
        return Err(Failure::usage("which method?").help(describe::method_list(&schema, &wanted, output.language)));
    };
    let method = arguments::method(&schema, name, &wanted)?;
    if help {
        let text = describe::method_help(&format!("chancery call {} {name}", options.target), method, output.language);
        return output.result(&describe::method_json(&schema, method), || text);
    }
    let explained = arguments::explained(method, output.language);
    let keys = options.keys.store()?;
    let names = AddressNames { keys: &keys, chain: chain.name() };
    let values = arguments::read(&schema, &method.arguments, typed).map_err(&explained)?;
    let key = options.key.as_deref().ok_or_else(|| {
        Failure::usage("which key signs?").help("give --as KEY; `chancery key list` shows the keys there are")
    })?;
    let mut schemas = Schemas::on(&chain);
    schemas.insert(contract.address.to_string(), schema.clone());
    let sender = || {
        let unlock = |key: &str| keys.unlock(key, &options.keys.passphrases());
        let (key, sponsor) = (unlock(key)?, options.sponsor.as_deref().map(unlock).transpose()?);
        Ok::<_, Failure>(Sender::new(&chain, key, options.send.valid_for)?.sponsored_by(sponsor))
    };
    let call = |input| Payload::Call(Call { contract: contract.address, method: method.name.clone(), input });
    if let Some(file) = &options.each {
        let encode = |values: &serde_json::Map<_, _>| arguments::encode(&schema, method, values, &names).map(&call);
        let lines = each::read(file, &values, &encode).map_err(&explained)?;
        let sender = sender()?;
        let job = each::Job { sender, send: &options.send, schemas, schema: &schema, returns: &method.returns, output };
        return job.run(lines, options.results.as_deref());
    }
    let input = arguments::encode(&schema, method, &values, &names).map_err(&explained)?;
    let sent = sender()?.send(call(input), &options.send)?;
    report(output, sent, &schema, method, &mut schemas)
}

fn report(output: &Output, sent: Sent, schema: &Schema, method: &Method, schemas: &mut Schemas<'_>) -> Result {
    match sent {
        Sent::Pending(digest) => output
            .result(&json!({ "transaction": digest.to_string(), "status": "pending" }), || {
                format!("sent {digest}; it is not final yet")
            }),
        Sent::Final(receipt) => {
            let explained = outcome::explain(&receipt, Some((schema, &method.returns)), schemas, output.language);
            finish(output, &receipt, &explained)
        }
        Sent::Withheld(receipt) => Err(withheld(&outcome::explain(&receipt, None, schemas, output.language))),
    }
}

/// Reports a final receipt; one that is not done is a failure.
pub(super) fn finish(output: &Output, receipt: &ReceiptAnswer, explained: &outcome::Explained) -> Result {
    if receipt.outcome.kind == "done" {
        return output.result(&explained.json, || outcome::text(receipt, explained));
    }
    Err(Failure::new(explained.sentence.clone())
        .because(format!(
            "transaction {} in block {} was not done; it used {} gas and changed nothing else",
            receipt.transaction,
            receipt.height,
            grouped(receipt.gas_used)
        ))
        .code(failure_code(receipt)))
}

/// A transaction that was not sent, because a simulation says it would not be done.
pub(super) fn withheld(explained: &outcome::Explained) -> Failure {
    Failure::new(explained.sentence.clone())
        .because("a simulation on the newest state ended so; nothing was sent")
        .help("--gas GAS sends it without a simulation")
        .code(explained.json["outcome"]["kind"].as_str().unwrap_or("failed").to_owned())
}

fn failure_code(receipt: &ReceiptAnswer) -> String {
    let outcome = &receipt.outcome;
    outcome.class.clone().or_else(|| outcome.reason.clone()).unwrap_or_else(|| outcome.kind.clone())
}
