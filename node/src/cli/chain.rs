//! `chancery chain`: sidechains of a mainchain, their anchors, and the lanes between chains.

use std::time::{Duration, Instant};

use chancery_abi::{Address, Call, Name, Payload};
use clap::{Args, Subcommand};
use parity_scale_codec::Decode as _;
use serde_json::{Map, Value, json};

use super::{
    arguments::{self, AddressNames},
    chain_data::{Export, Remove},
    failure::{Failure, Result},
    options::{Format, KeyOptions, NodeOptions},
    outcome::{self, Schemas},
    output::{Output, table},
    prove,
    sender::{SendOptions, Sender, Sent},
};
use crate::{
    client::{ChainClient, Node},
    keystore::{Keystore, PassphraseSource},
    schema_json::Names as _,
};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// How often it is looked whether a founded chain makes blocks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Found, list and retire sidechains; look at their anchors and at the lanes between chains.
#[derive(Subcommand)]
pub(super) enum Chain {
    /// Found a sidechain by one act of the registry: the nodes that it names start it by themselves.
    Create(Create),
    /// Retire a sidechain by one act of the registry: it takes nothing more, and its last header is fixed.
    Retire(Retire),
    /// Write all that a stopped node holds of a chain into a data directory of its own.
    Export(Export),
    /// Remove a sidechain from a stopped node, once its last header is fixed and there is an export of it.
    Remove(Remove),
    /// List the sidechains of a mainchain.
    List(List),
    /// Show how far the mainchain has each sidechain on record, and which it has closed.
    Anchors(List),
    /// Write the mainchain's record of a sidechain's header, as a contract there takes it for an argument `@FILE`.
    Anchored(AnchoredCommand),
    /// Show the lanes between a chain and others, or the messages that wait on one.
    Lanes(Lanes),
}

/// Who acts, where.
#[derive(Args)]
struct Acting {
    /// The keys of administrators: the first proposes and carries out, the others approve.
    #[arg(long = "as", value_name = "KEY", required = true)]
    by: Vec<String>,
    /// The reference of the decision.
    #[arg(long, default_value = "chain")]
    reference: String,
    /// The mainchain.
    #[arg(long, value_name = "CHAIN", default_value = "main")]
    mainchain: Name,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

/// Found a sidechain.
#[derive(Args)]
pub(super) struct Create {
    /// Its name, never used before.
    name: Name,
    /// The department whose services it hosts.
    #[arg(long)]
    department: Name,
    /// The keys of the nodes that are its committee, in hexadecimal [default: the mainchain's committee].
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    committee: Vec<String>,
    /// Who may deploy for the department there: addresses or key:NAME.
    #[arg(long = "deployer", value_name = "WHO")]
    deployers: Vec<String>,
    /// How long a header may wait for its anchor, in milliseconds. Messages do not wait for that.
    #[arg(long, value_name = "MS", default_value_t = 10_000)]
    anchor_ms: u64,
    /// How many seconds to wait until it makes blocks; 0 does not wait.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
    #[command(flatten)]
    acting: Acting,
}

/// Retire a sidechain.
#[derive(Args)]
pub(super) struct Retire {
    /// Its name.
    name: Name,
    #[command(flatten)]
    acting: Acting,
}

/// List sidechains.
#[derive(Args)]
pub(super) struct List {
    /// The mainchain.
    #[arg(default_value = "main")]
    chain: Name,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

/// Write the mainchain's record of a sidechain's header.
#[derive(Args)]
pub(super) struct AnchoredCommand {
    /// The sidechain.
    chain: Name,
    /// The first record of this height or a later one.
    #[arg(long, value_name = "HEIGHT")]
    from: u64,
    /// Where to write it.
    #[arg(short, long, value_name = "FILE")]
    output: std::path::PathBuf,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

/// Show lanes.
#[derive(Args)]
pub(super) struct Lanes {
    /// The chain.
    chain: Name,
    /// Show the messages that are still in its outbox for this chain.
    other: Option<Name>,
    /// From this number on.
    #[arg(long, value_name = "NUMBER", requires = "other")]
    from: Option<u64>,
    /// At most so many.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    limit: u64,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

impl Chain {
    /// Runs the command.
    ///
    /// # Errors
    /// When the node cannot be reached, or an act is not carried out.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::Create(create) => create.run(output),
            Self::Retire(retire) => retire.run(output),
            Self::Export(export) => export.run(output),
            Self::Remove(remove) => remove.run(output),
            Self::List(list) => list.list(output),
            Self::Anchors(list) => list.anchors(output),
            Self::Anchored(anchored) => {
                let node = anchored.node.open()?;
                let chain = node.chain(anchored.chain.clone());
                let bytes = prove::once_anchored(|| chain.present_own_anchor(anchored.from))?;
                prove::write_presented(&anchored.output, &bytes, output)
            }
            Self::Lanes(lanes) => lanes.run(output),
        }
    }
}

impl Create {
    fn run(self, output: &Output) -> Result {
        let node = self.acting.node.open()?;
        let main = node.chain(self.acting.mainchain.clone());
        let committee = match self.committee.is_empty() {
            true => committee_of(&main)?,
            false => {
                let mut keys = self.committee.clone();
                keys.sort_unstable();
                keys
            }
        };
        let keys = self.acting.keys.store()?;
        let names = AddressNames { keys: &keys, chain: main.name() };
        let deployer = |who: &String| names.address(who).map_err(Failure::usage);
        let deployers = self.deployers.iter().map(deployer).collect::<Result<Vec<Address>>>()?;
        let until_ms = main.status()?.timestamp_ms + 5 * 365 * DAY_MS;
        let founded = Founded {
            chain: self.name.as_str(),
            department: self.department.as_str(),
            members: &committee,
            anchor_ms: self.anchor_ms,
            deployers: deployers.iter().map(ToString::to_string).collect(),
            deployers_until_ms: until_ms,
        };
        let measure = founded.measure();
        let act = self.acting.enact(&main, measure, output)?;
        let deadline = Instant::now() + Duration::from_secs(self.wait);
        let height = loop {
            let height = node.chain(self.name.clone()).status().map_or(0, |status| status.height);
            if height > 0 || Instant::now() >= deadline {
                break height;
            }
            std::thread::sleep(LOOK_EVERY);
        };
        let json = json!({ "chain": self.name.as_str(), "act": act, "members": committee, "height": height });
        output.result(&json, || {
            let name = &self.name;
            let begun = match height {
                0 => "it is founded; this node does not host it, or it has no block yet".to_owned(),
                height => format!("it is at height {height}"),
            };
            format!(
                "founded chain {name} by act {act}, with {} nodes; {begun}\n`chancery status {name}` shows it",
                committee.len()
            )
        })
    }
}

impl Retire {
    fn run(self, output: &Output) -> Result {
        let node = self.acting.node.open()?;
        let main = node.chain(self.acting.mainchain.clone());
        let measure = json!({ "RetireChain": { "chain": self.name.as_str() } });
        let act = self.acting.enact(&main, measure, output)?;
        output.result(&json!({ "chain": self.name.as_str(), "act": act }), || {
            format!(
                "retired chain {} by act {act}: it takes nothing more once word of that has come\n\
                 `chancery chain anchors {}` shows when its last header is fixed; then `chancery chain export` and `chain remove` take it off a node",
                self.name, self.acting.mainchain,
            )
        })
    }
}

/// A sidechain that is to be founded.
struct Founded<'a> {
    chain: &'a str,
    department: &'a str,
    /// The nodes' keys, in ascending order.
    members: &'a [String],
    anchor_ms: u64,
    deployers: Vec<String>,
    deployers_until_ms: u64,
}

impl Founded<'_> {
    /// The measure of the registry that founds it.
    fn measure(&self) -> Value {
        json!({ "FoundChain": {
            "chain": self.chain,
            "department": self.department,
            "members": self.members,
            "anchor_ms": self.anchor_ms,
            "deployers": self.deployers,
            "deployers_until_ms": self.deployers_until_ms,
        }})
    }
}

/// The keys of a chain's present committee, in ascending order.
fn committee_of(chain: &ChainClient<'_>) -> Result<Vec<String>> {
    let status = chain.status()?;
    let members = status.consensus["members"].as_array().cloned().unwrap_or_default();
    let mut keys: Vec<String> =
        members.iter().filter_map(|member| member["key"].as_str().map(ToOwned::to_owned)).collect();
    keys.sort_unstable();
    if keys.is_empty() {
        return Err(Failure::new("the node does not say who is of the mainchain's committee")
            .help("name the nodes with --committee KEY,KEY,..."));
    }
    Ok(keys)
}

/// Founds the sidechains of the reference network where they are not there, in which each department has its services; the
/// nodes of `committee` are theirs.
pub(super) fn found_reference(node: &Node, keys: &Keystore, committee: &[String], output: &Output) -> Result {
    let main = node.chain(Name::new("main").map_err(|error| Failure::new(error.to_string()))?);
    let there = main.sidechains()?;
    let until_ms = main.status()?.timestamp_ms + 5 * 365 * DAY_MS;
    let demo = keys.find("demo")?.address().to_string();
    let acts = Acts { keys, passphrases: PassphraseSource::default(), reference: "reference", output };
    for (place, (chain, department)) in REFERENCE.iter().enumerate() {
        if there.iter().any(|side| side["name"] == *chain) {
            continue;
        }
        // Each of another committee, as far as there are enough to bear one that is away.
        let mut members: Vec<String> = committee.to_vec();
        if members.len() > 4 {
            members.remove(place % members.len());
        }
        let founded = Founded {
            chain,
            department,
            members: &members,
            anchor_ms: 2_000,
            deployers: vec![demo.clone()],
            deployers_until_ms: until_ms,
        };
        let measure = founded.measure();
        let by = ["admin-judicial".to_owned(), "admin-interior".to_owned()];
        acts.enact(&main, &by, measure)?;
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    let is_up = |chain: &str| {
        let name = Name::new(chain).ok();
        let taken = || {
            let lanes = node.chain(name.clone()?).lanes().ok()?;
            lanes["lanes"].as_array()?.iter().map(|lane| lane["taken"].as_u64()).sum::<Option<u64>>()
        };
        taken().is_some_and(|taken| taken > 0)
    };
    // Up once it has word from the registry of who may deploy.
    while !REFERENCE.iter().all(|(chain, _)| is_up(chain)) {
        if Instant::now() > deadline {
            return Err(Failure::new("the sidechains do not come up").help("the node's log says more"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// The sidechains of the reference network, with the departments whose services they host.
pub(super) const REFERENCE: &[(&str, &str)] =
    &[("evidence", "judicial"), ("waste", "environment"), ("plates", "transport")];

/// Acts of the registry, with keys of administrators.
struct Acts<'a> {
    keys: &'a Keystore,
    passphrases: PassphraseSource,
    reference: &'a str,
    output: &'a Output,
}

impl Acting {
    /// Proposes a measure, has the others approve it, and carries it out; the act's number.
    fn enact(&self, main: &ChainClient<'_>, measure: Value, output: &Output) -> Result<u32> {
        let keys = self.keys.store()?;
        let acts = Acts { keys: &keys, passphrases: self.keys.passphrases(), reference: &self.reference, output };
        acts.enact(main, &self.by, measure)
    }
}

impl Acts<'_> {
    /// Proposes a measure, has the others approve it, and carries it out; the act's number.
    fn enact(&self, main: &ChainClient<'_>, by: &[String], measure: Value) -> Result<u32> {
        let mut arguments = Map::new();
        arguments.insert("measure".into(), measure);
        arguments.insert("reference".into(), self.reference.into());
        let (first, others) = by.split_first().expect("somebody acts");
        let act = self.call(main, first, "propose", &arguments)?;
        let act = u32::decode(&mut &act[..]).map_err(|_| Failure::new("the registry gave no act's number"))?;
        let of_act = Map::from_iter([("act".to_owned(), json!(act))]);
        for other in others {
            self.call(main, other, "approve", &of_act)?;
        }
        self.call(main, first, "carry_out", &of_act).map_err(|failure| {
            let next = "have the other administrators approve, then carry it out";
            failure.help(format!(
                "act {act} stands; {next}: chancery call {}/registry approve --act {act} --as KEY",
                main.name()
            ))
        })?;
        Ok(act)
    }

    /// Calls the registry; what it returned.
    fn call(&self, main: &ChainClient<'_>, by: &str, method: &str, values: &Map<String, Value>) -> Result<Vec<u8>> {
        let contract = Address::registry(main.name());
        let schema = main.schema(&contract.to_string())?;
        let method = arguments::method(&schema, method, &[chancery_abi::schema::MethodKind::Call])?;
        let names = AddressNames { keys: self.keys, chain: main.name() };
        let input = arguments::encode(&schema, method, values, &names)?;
        let key = self.keys.unlock(by, &self.passphrases)?;
        let options = SendOptions { gas: None, valid_for: 1_000, wait: true, no_wait: false, timeout: 60 };
        let sender = Sender::new(main, key, options.valid_for)?;
        let mut schemas = Schemas::on(main);
        schemas.insert(contract.to_string(), schema.clone());
        match sender.send(Payload::Call(Call { contract, method: method.name.clone(), input }), &options)? {
            Sent::Final(receipt) if receipt.outcome.kind == "done" => {
                let output = receipt.outcome.output.as_deref().and_then(chancery_abi::types::from_hex);
                Ok(output.unwrap_or_default())
            }
            Sent::Final(receipt) | Sent::Withheld(receipt) => {
                let explained = outcome::explain(&receipt, None, &mut schemas, self.output.language);
                Err(Failure::new(explained.sentence))
            }
            Sent::Pending(digest) => Err(Failure::new(format!("transaction {digest} is not final yet"))),
        }
    }
}

impl List {
    fn rows(&self) -> Result<(Node, Vec<Value>)> {
        let node = self.node.open()?;
        let found = node.chain(self.chain.clone()).sidechains()?;
        Ok((node, found))
    }

    fn list(self, output: &Output) -> Result {
        let (_, found) = self.rows()?;
        output.result(&json!({ "chain": self.chain.as_str(), "sidechains": found }), || {
            let row = |side: &Value| {
                vec![
                    text(&side["name"]),
                    text(&side["department"]),
                    side["members"].as_array().map_or(0, Vec::len).to_string(),
                    if side["hosted"] == true { "yes".into() } else { "no".into() },
                    standing(side),
                    text(&side["genesis"]),
                ]
            };
            table(
                &["CHAIN", "DEPARTMENT", "NODES", "HERE", "STANDS", "GENESIS"],
                &[2],
                &found.iter().map(row).collect::<Vec<_>>(),
            )
        })
    }

    fn anchors(self, output: &Output) -> Result {
        let (_, found) = self.rows()?;
        output.result(&json!({ "chain": self.chain.as_str(), "sidechains": found }), || {
            let row = |side: &Value| {
                let anchored = &side["anchored"];
                vec![
                    text(&side["name"]),
                    anchored["height"].to_string(),
                    anchored["mainchain_height"].to_string(),
                    side["epoch"].to_string(),
                    standing(side),
                    text(&anchored["header"]),
                ]
            };
            let all = table(
                &["CHAIN", "HEIGHT", "AT", "EPOCH", "STANDS", "HEADER"],
                &[1, 2, 3],
                &found.iter().map(row).collect::<Vec<_>>(),
            );
            let evidence = found.iter().filter_map(|side| {
                let header = side["evidence"].as_str()?;
                Some(format!("{}: its committee also certified header {header}", text(&side["name"])))
            });
            std::iter::once(all).chain(evidence).collect::<Vec<_>>().join("\n")
        })
    }
}

impl Lanes {
    fn run(self, output: &Output) -> Result {
        let node = self.node.open()?;
        let chain = node.chain(self.chain.clone());
        if let Some(other) = &self.other {
            let found = chain.lane_messages(other, self.from, self.limit)?;
            return output.result(&json!({ "chain": self.chain.as_str(), "messages": found }), || {
                let row = |message: &Value| {
                    vec![
                        message["sequence"].to_string(),
                        text(&message["kind"]),
                        text(&message["method"]),
                        message["amount"].as_u64().map_or_else(String::new, |amount| amount.to_string()),
                        text(&message["contract"]),
                    ]
                };
                let rows: Vec<_> = found.iter().map(row).collect();
                table(&["NUMBER", "KIND", "METHOD", "AMOUNT", "FOR"], &[0, 3], &rows)
            });
        }
        let found = chain.lanes()?;
        output.result(&found, || {
            let row = |lane: &Value| {
                let (sent, there) = (lane["sent"].as_u64().unwrap_or(0), lane["taken_there"].as_u64());
                vec![
                    text(&lane["chain"]),
                    sent.to_string(),
                    there.map_or_else(|| "?".into(), |there| sent.saturating_sub(there).to_string()),
                    lane["settled"].to_string(),
                    lane["taken"].to_string(),
                ]
            };
            let rows: Vec<_> = found["lanes"].as_array().into_iter().flatten().map(row).collect();
            let all = table(&["CHAIN", "SENT", "WAITING", "SETTLED", "TAKEN"], &[1, 2, 3, 4], &rows);
            match found["claims"].as_u64().unwrap_or(0) {
                0 => all,
                claims => format!("{all}\n{claims} messages came back and wait to be claimed"),
            }
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// How a sidechain stands, in a word.
fn standing(side: &Value) -> String {
    match side["closed"].as_str() {
        Some(closed) => closed.to_owned(),
        None if side["retired_height"].is_u64() => "retiring".into(),
        None => "open".into(),
    }
}
