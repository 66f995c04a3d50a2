//! `chancery contract upgrade`: new code in a contract's place.
//!
//! Before anything is signed for good, the new schema is compared with the one on the chain, and the whole upgrade,
//! migration included, is run by the node without writing anything. What cannot read the old state is refused here with
//! the fields and types that are to blame; the chain itself refuses it by the same rule.

use std::path::PathBuf;

use chancery_abi::{
    Address, Payload, Upgrade,
    schema::{
        Method, MethodKind, Schema,
        diff::{self, Change, Effect},
    },
};
use chancery_build::source;
use chancery_runtime::execution::registry;
use clap::Parser;
use serde_json::{Map, Value, json};

use super::{
    arguments::{self, AddressNames},
    call::{VALUES_HELP, finish, withheld},
    contract::source_failure,
    describe,
    failure::{Failure, Result},
    options::{Format, KeyOptions, NodeOptions},
    outcome::{self, Schemas},
    output::{Language, Output, grouped, table},
    sender::{SendOptions, Sender, Sent, with_margin},
    target::ContractTarget,
    words::{RawArgument, Sorted, Words},
};
use crate::schema_json::{change_text, change_view, effect};

/// Put new code in a contract's place. The arguments of its migration follow by name.
#[derive(Parser)]
#[command(name = "chancery contract upgrade", after_help = VALUES_HELP)]
struct UpgradeOptions {
    /// The contract: CHAIN/CONTRACT, CHAIN/DEPARTMENT.CONTRACT or CHAIN/ADDRESS.
    target: ContractTarget,
    /// The new module, .wasm or .wat.
    file: PathBuf,
    /// The key that signs; one of the department's deployers, or for the registry, once an act has approved it, any.
    #[arg(long = "as", value_name = "KEY")]
    key: Option<String>,
    /// Compare and try the upgrade out on the newest state, and send nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    send: SendOptions,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// Runs `chancery contract upgrade`.
///
/// # Errors
/// When the new code cannot take the old one's place, or the upgrade is not done.
pub(super) fn run(words: Words, output: &Output) -> Result {
    let Sorted { options, arguments: typed, help } = words.sort::<UpgradeOptions>("chancery contract upgrade", 2)?;
    let module = source::load(&options.file).map_err(source_failure)?;
    let new = module.schema();
    let migration = new.methods.values().find(|method| method.kind == MethodKind::Migrate);
    if help {
        return migration_help(&options, new, migration, output);
    }
    let node = options.node.open()?;
    let chain = node.chain(options.target.chain.clone());
    let contract = chain.contract(&options.target.contract)?;
    let address = contract.address;
    if contract.code == module.code_digest() {
        return Err(Failure::new(format!("{} already runs this code", options.target)).code("unchanged"));
    }
    let old = chain.schema(&address.to_string())?;
    let changes = diff::changes(&old, new);
    refuse_unreadable(&options.target, &changes, migration)?;
    if address == Address::registry(&options.target.chain) {
        refuse_unread(new)?;
    }
    let Some(key) = &options.key else {
        let help = "give --as KEY, one of the department's deployers, or for the registry any key";
        return Err(Failure::usage("who signs?").help(help));
    };
    let keys = options.keys.store()?;
    let names = AddressNames { keys: &keys, chain: &options.target.chain };
    let input = input(new, migration, typed, &names, output.language)?;
    let key = keys.unlock(key, &options.keys.passphrases())?;
    let sender = Sender::new(&chain, key, options.send.valid_for)?;
    let payload = Payload::Upgrade(Upgrade { contract: address, code: module.source().to_vec(), input });
    let mut schemas = Schemas::on(&chain);
    // Whatever the migration announces or refuses with is explained by the new code's schema.
    schemas.insert(address.to_string(), new.clone());
    let nonce = sender.next_nonce()?;
    let tried = sender.estimate(nonce, payload.clone())?;
    if tried.outcome.kind != "done" {
        output.note(&changes_text(&old, new, &changes));
        let tried = sender.simulate(nonce, payload)?;
        return Err(withheld(&outcome::explain(&tried, None, &mut schemas, output.language)));
    }
    let mut json = json!({
        "contract": address.to_string(),
        "from": version(&old, &contract.code.to_string()),
        "to": version(new, &module.code_digest().to_string()),
        "migration": migration.map(|method| method.name.as_str()),
        "changes": changes.iter().map(change_view).collect::<Vec<_>>(),
        "simulated_gas": tried.gas_used,
    });
    if options.dry_run {
        json["status"] = "dry_run".into();
        return output.result(&json, || {
            let gas = grouped(tried.gas_used);
            format!(
                "{}\ntried out on the newest state: done, with {gas} gas; nothing was sent",
                changes_text(&old, new, &changes)
            )
        });
    }
    if !output.json {
        output.line(&changes_text(&old, new, &changes))?;
    }
    let send = SendOptions { gas: Some(options.send.gas.unwrap_or(with_margin(tried.gas_limit))), ..options.send };
    match sender.send(payload, &send)? {
        Sent::Withheld(receipt) => Err(withheld(&outcome::explain(&receipt, None, &mut schemas, output.language))),
        Sent::Pending(digest) => {
            (json["status"], json["transaction"]) = ("pending".into(), digest.to_string().into());
            output.result(&json, || format!("sent {digest}; it is not final yet"))
        }
        Sent::Final(receipt) => {
            let mut explained = outcome::explain(&receipt, None, &mut schemas, output.language);
            if receipt.outcome.kind == "done" {
                explained.sentence = format!("upgraded {} to revision {}", options.target, contract.revision + 1);
            }
            if let (Value::Object(all), Value::Object(upgrade)) = (&mut explained.json, json) {
                all.extend(upgrade);
            }
            finish(output, &receipt, &explained)
        }
    }
}

fn migration_help(options: &UpgradeOptions, schema: &Schema, migration: Option<&Method>, output: &Output) -> Result {
    match migration {
        Some(method) => {
            let command = format!("chancery contract upgrade {} {}", options.target, options.file.display());
            let text = describe::method_help(&command, method, output.language);
            output.result(&describe::method_json(schema, method), || text)
        }
        None => output.result(&Value::Null, || format!("{} has no migration and takes no arguments", schema.name)),
    }
}

/// Refuses new code that cannot read the old state, unless it brings a migration.
fn refuse_unreadable(target: &ContractTarget, changes: &[Change], migration: Option<&Method>) -> Result {
    let blamed: Vec<_> = changes.iter().filter(|change| change.effect() == Effect::State).collect();
    if blamed.is_empty() || migration.is_some() {
        return Ok(());
    }
    let failure = Failure::new(format!("the new code cannot read what {target} has stored"));
    let failure = blamed.iter().fold(failure, |failure, change| {
        let (what, how) = change_text(change);
        failure.because(format!("{what} {how}"))
    });
    Err(failure
        .help("keep these fields and types as they are, beside new ones, or write a method with #[migrate] that rewrites what is stored")
        .code("incompatible_upgrade"))
}

/// Refuses a registry of which nodes could not read what they need, or call it, as they do themselves.
fn refuse_unread(schema: &Schema) -> Result {
    if let Some(method) = registry::uncallable_method(schema) {
        return Err(Failure::new(format!("the method {method} of this registry could not be called as it is now"))
            .because("nodes call it by themselves, or no act could be decided without it")
            .help("keep it open to anyone and with the same arguments; what acts may do can only grow")
            .code("unreadable_registry"));
    }
    let Some(field) = registry::unreadable_field(schema) else { return Ok(()) };
    let failure = Failure::new(format!("nodes could not read the field {field} of this registry"));
    Err(failure
        .because("they read it by its keys, and this code keeps it in another form, or not at all")
        .help("keep the first fields of its entries as they are; what is new comes behind them, or in other fields")
        .code("unreadable_registry"))
}

/// The migration's arguments in SCALE; without a migration there are none.
fn input(
    schema: &Schema,
    migration: Option<&Method>,
    typed: Vec<RawArgument>,
    names: &AddressNames<'_>,
    language: Language,
) -> Result<Vec<u8>> {
    let Some(method) = migration else {
        return arguments::read(schema, &[], typed).map(|_: Map<_, _>| Vec::new());
    };
    let explained = arguments::explained(method, language);
    let values = arguments::read(schema, &method.arguments, typed).map_err(&explained)?;
    arguments::encode(schema, method, &values, names).map_err(&explained)
}

fn version(schema: &Schema, code: &str) -> Value {
    json!({ "name": schema.name, "version": schema.version, "sdk": schema.sdk, "code": code })
}

/// The changes for people, with whom each concerns.
fn changes_text(old: &Schema, new: &Schema, changes: &[Change]) -> String {
    let heading = format!("{} {} -> {} {}", old.name, old.version, new.name, new.version);
    if changes.is_empty() {
        return format!("{heading}: the same interface and storage");
    }
    let rows = changes.iter().flat_map(|change| {
        let (what, how) = change_text(change);
        let concerns = effect(change.effect());
        let lines: Vec<_> = how.lines().map(str::to_owned).collect();
        lines.into_iter().enumerate().map(move |(line, how)| match line {
            0 => vec![what.clone(), concerns.to_owned(), how],
            _ => vec![String::new(), String::new(), how],
        })
    });
    format!("{heading}\n{}", table(&["WHAT", "CONCERNS", "CHANGE"], &[], &rows.collect::<Vec<_>>()))
}
