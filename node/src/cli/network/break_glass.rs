//! `chancery network break-glass`: an operator's signature under an order that replaces all administrators. Each operator
//! signs where the operator's key is; anyone files the order with the signatures of a quorum.

use std::path::PathBuf;

use chancery_abi::{Digest, Ident, Name, schema::TypeRef, types::from_hex};
use chancery_runtime::module::CheckedModule;
use clap::Args;
use ed25519_zebra::SigningKey;
use parity_scale_codec::Decode as _;
use serde_json::{Value, json};

use super::files::write_durably;
use crate::{
    chain::REGISTRY_WASM,
    cli::{
        arguments::AddressNames,
        failure::{Failure, Result, at},
        options::{Format, KeyOptions, NodeOptions},
        output::Output,
    },
    schema_json,
};

/// What an operator signs begins with this, and then a digest of the one registry that it is for.
const DOMAIN: &[u8] = b"chancery/registry/break-glass/v1";
/// The longest order's file.
const ORDER_BYTES_MAX: u64 = 1 << 20;

/// Sign, as a node's operator, an order that replaces all administrators when they can no longer act.
#[derive(Args)]
#[command(after_help = "The order is JSON: \
{\"number\": 0, \"administrators\": [{\"account\": \"...\", \"department\": \"...\"}], \"routine\": RULE, \
\"constitution\": RULE, \"freeze\": RULE, \"effective_height\": HEIGHT, \"legal_basis\": \"REFERENCE\"}\n\
with RULE {\"approvals\": 2, \"departments\": 1, \"delay_ms\": 3600000, \"open_ms\": 864000000}.\n\
Its number is the next one: chancery query CHAIN/registry break_glass_status")]
pub(in crate::cli) struct BreakGlass {
    /// The chain whose registry it is for.
    #[arg(long, value_name = "CHAIN", default_value = "main")]
    chain: Name,
    /// The order.
    #[arg(long, value_name = "FILE")]
    order: PathBuf,
    /// The validator key of the node whose operator signs.
    #[arg(long, value_name = "KEY")]
    validator: Digest,
    /// The operator's key.
    #[arg(long = "as", value_name = "KEY", default_value = super::join::OPERATOR)]
    operator: String,
    /// Where the signature goes.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

impl BreakGlass {
    pub(super) fn run(self, output: &Output) -> Result {
        let bytes = std::fs::metadata(&self.order).map_err(at(&self.order))?.len();
        if bytes > ORDER_BYTES_MAX {
            return Err(Failure::new(format!("{} has {bytes} bytes, too many for an order", self.order.display())));
        }
        let text = std::fs::read_to_string(&self.order).map_err(at(&self.order))?;
        let order: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("{} is not JSON", self.order.display())).because(error))?;
        // What is signed is encoded here, by the schema that this binary has: a node is not trusted with it.
        let module = CheckedModule::check(REGISTRY_WASM).map_err(|error| Failure::new(error.to_string()))?;
        let keys = self.keys.store()?;
        let names = AddressNames { keys: &keys, chain: &self.chain };
        let order_type = TypeRef::Named("Order".into());
        let encoded = schema_json::encode(module.schema(), &order_type, &order, &names)
            .map_err(|error| Failure::new(format!("{} is not an order", self.order.display())).because(error))?;
        let message = self.message(&encoded)?;
        let key = keys.unlock(&self.operator, &self.keys.passphrases())?;
        let signature = SigningKey::from(key.seed()).sign(&message).to_bytes();
        let json = json!({
            "node": self.validator.to_string(),
            "signature": schema_json::to_hex(&signature),
        });
        write_durably(&self.out, format!("{json}\n").as_bytes())?;
        output.result(&json, || {
            format!(
                "signed {} as operator of node {}\nonce a quorum of operators has signed, anyone files it:\n  chancery \
                 call {}/registry break_glass --order @{} --signatures \"[$(paste -sd, SIGNATURE...)]\"\nwith the \
                 signatures in ascending order of their nodes' keys",
                self.order.display(),
                self.validator,
                self.chain,
                self.order.display(),
            )
        })
    }

    /// The bytes to sign. The node is asked which registry it is, and may say nothing else.
    fn message(&self, order: &[u8]) -> Result<Vec<u8>> {
        let node = self.node.open()?;
        let chain = node.chain(self.chain.clone());
        let contract = chain.contract("registry")?.address.to_string();
        let method = Ident::new("break_glass_message").map_err(|error| Failure::new(error.to_string()))?;
        let answer = chain.query(&contract, &method, order, None, None)?;
        let output = from_hex(&answer.output).unwrap_or_default();
        let message = Vec::<u8>::decode(&mut &output[..]).unwrap_or_default();
        let registry = message.strip_prefix(DOMAIN).and_then(|rest| rest.strip_suffix(order));
        match registry {
            Some(registry) if registry.len() == 32 => Ok(message),
            _ => Err(Failure::new("the node would have something else signed than this order; ask another node")),
        }
    }
}
