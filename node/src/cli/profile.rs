//! `chancery contract profile`: runs a method in the real runtime, on a chain in memory, and draws where its gas goes.
//!
//! Invariant: the gas in the drawing adds up to the receipt's gas; what ran was metered as on every chain, and nothing
//! is sampled.

use std::{fs, path::PathBuf, sync::Arc};

use chancery_abi::{
    Address, Authorisation, Call, Committee, Department, Deploy, Genesis, Ident, Name, Payload, Receipt, Scheme,
    Transaction, TransactionBody, WIRE_VERSION,
    limits::TRANSACTION_GAS_MAX,
    schema::{MethodKind, Schema},
};
use chancery_build::flame::{Stacks, folded, stacks};
use chancery_runtime::{
    engine::{Engine, Observe},
    execution::{
        BlockContext, BlockExecutor, ChainRules, VerifiedTransaction, on_execution_stack,
        trace::{Profile, TraceLimits},
    },
    state::{MemoryBackend, State, StateConfig},
    storage::{Durability, StateBackend as _, WriteBatch},
};
use clap::Parser;
use ed25519_zebra::{SigningKey, VerificationKey};
use serde_json::{Map, Value, json};

use super::{
    arguments, describe,
    failure::{Failure, Result},
    loaded::Loaded,
    options::Format,
    outcome::{self, Schemas},
    output::{Output, grouped, table},
    words::{Sorted, Words, explicit},
};
use crate::{
    chain::observing_engine,
    schema_json::{DigitsOnly, Names},
    trace_view,
};

/// Functions that the text lists.
const TOP: usize = 15;
/// Calls that may be made before the profiled one.
const BEFORE_MAX: usize = 10_000;

/// Draw where a method's gas goes. The method's arguments follow by name; in place of an address, `me` is the caller,
/// who also deploys the contract.
#[derive(Parser)]
#[command(name = "chancery contract profile")]
struct ProfileOptions {
    /// The module, or the crate's directory, which is built.
    path: PathBuf,
    /// The method.
    method: Option<String>,
    /// An argument of the contract's `init`, NAME=VALUE. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    init: Vec<String>,
    /// Calls to make first, a JSON list of {"method": NAME, "arguments": {...}}.
    #[arg(long, value_name = "FILE")]
    before: Option<PathBuf>,
    /// Where to draw it [default: METHOD.svg].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Debug information that names functions [default: NAME.debug.wasm beside NAME.wasm].
    #[arg(long, value_name = "FILE")]
    debug: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// When the contract cannot be built, the arguments do not fit, or the drawing cannot be written.
pub(super) fn run(words: Words, output: &Output) -> Result {
    let Sorted { options, arguments: typed, help } = words.sort::<ProfileOptions>("chancery contract profile", 2)?;
    let loaded = Loaded::open(&options.path, options.debug.as_deref(), output)?;
    let schema = loaded.module.schema();
    let name = options.method.as_deref().ok_or_else(|| {
        let methods: Vec<_> = schema.methods.values().map(|method| method.name.as_str()).collect();
        Failure::usage("which method?").help(format!("there are: {}", methods.join(", ")))
    })?;
    let method = arguments::method(schema, name, &[MethodKind::Call, MethodKind::Query])?;
    if help {
        let command = format!("chancery contract profile {}", options.path.display());
        let text = describe::method_help(&command, method, output.language);
        return output.result(&describe::method_json(schema, method), || text);
    }
    let mut bench = Bench::new()?;
    bench.deploy(&loaded, &options.init, output)?;
    bench.prepare(schema, options.before.as_deref())?;
    let explained = arguments::explained(method, output.language);
    let values = arguments::read(schema, &method.arguments, typed).map_err(&explained)?;
    let input = arguments::encode(schema, method, &values, &bench.names()).map_err(&explained)?;
    let (receipt, profile) = bench.profile(method.name.clone(), input)?;
    let names = |address: &Address| if *address == bench.contract { schema.name.clone() } else { address.to_string() };
    let map = loaded.map.as_ref();
    let stacks = stacks(&profile, |code| map.filter(|map| map.code() == *code), names);
    let file = options.output.unwrap_or_else(|| PathBuf::from(format!("{name}.svg")));
    draw(&stacks, &format!("{}.{name}: {} gas", schema.name, grouped(receipt.gas_used)), &file)?;
    if map.is_none() {
        output.note("no debug information: functions have numbers instead of names; give --debug FILE");
    }
    report(&stacks, &receipt, schema, &file, &bench.contract, output)
}

fn report(
    stacks: &Stacks,
    receipt: &Receipt,
    schema: &Schema,
    file: &std::path::Path,
    contract: &Address,
    output: &Output,
) -> Result {
    let mut schemas = Schemas::none();
    schemas.insert(contract.to_string(), schema.clone());
    let explained = outcome::explain(&trace_view::receipt(receipt), None, &mut schemas, output.language);
    let mut own = std::collections::BTreeMap::<&str, u64>::new();
    for (frames, gas) in stacks {
        if let Some(innermost) = frames.last() {
            *own.entry(innermost).or_default() += gas;
        }
    }
    let mut own: Vec<_> = own.into_iter().collect();
    own.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let json = json!({
        "gas_used": receipt.gas_used,
        "outcome": explained.json["outcome"],
        "svg": file.to_string_lossy(),
        "functions": own.iter().map(|(name, gas)| json!({ "name": name, "own_gas": gas })).collect::<Value>(),
        "stacks": stacks.iter().map(|(frames, gas)| json!({ "frames": frames, "gas": gas })).collect::<Value>(),
    });
    output.result(&json, || {
        let row = |(name, gas): &(&str, u64)| {
            let share = format!("{:.1}%", 100.0 * *gas as f64 / receipt.gas_used.max(1) as f64);
            vec![grouped(*gas), share, (*name).to_owned()]
        };
        let rows: Vec<_> = own.iter().take(TOP).map(row).collect();
        format!(
            "{}\n  gas      {}\n  drawing  {}\n\n{}",
            explained.sentence,
            grouped(receipt.gas_used),
            file.display(),
            table(&["OWN GAS", "SHARE", "FUNCTION"], &[0, 1], &rows)
        )
    })
}

/// Draws the stacks as a flame graph.
fn draw(stacks: &Stacks, title: &str, file: &std::path::Path) -> Result {
    let mut options = inferno::flamegraph::Options::default();
    options.title = title.to_owned();
    options.count_name = "gas".into();
    options.deterministic = true;
    let lines = folded(stacks);
    let mut svg = Vec::new();
    inferno::flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)?;
    fs::write(file, svg).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}

/// A chain in memory with one contract on it.
struct Bench {
    engine: Arc<Engine>,
    rules: ChainRules,
    state: State<MemoryBackend>,
    key: SigningKey,
    caller: Address,
    contract: Address,
    nonce: u64,
}

impl Bench {
    fn new() -> Result<Self> {
        let fault = |error: &dyn std::fmt::Display| Failure::new("a chain in memory cannot be made").because(error);
        // Nothing outside this process ever sees the chain, so its one key needs no secret.
        let key = SigningKey::from([1; 32]);
        let public_key: [u8; 32] = VerificationKey::from(&key).into();
        let caller = Address::of_key(Scheme::Ed25519, &public_key);
        let name = |text: &str| Name::new(text).expect("it is a name");
        let genesis = Genesis {
            version: WIRE_VERSION,
            chain: name("main"),
            timestamp_ms: 1_700_000_000_000,
            committee: Committee::new(vec![[1; 32]]).expect("one member is a committee"),
            schedule: 1,
            departments: vec![Department { name: name("bench"), deployers: vec![caller] }],
            relying_parties: Vec::new(),
            mainchain: None,
            registry: None,
        };
        let rules = ChainRules::new(genesis).map_err(|error| fault(&error))?;
        let engine = observing_engine(Observe::Gas).map_err(|error| fault(&error))?;
        let state = State::open(Arc::new(MemoryBackend::default()), StateConfig::default());
        let state = state.map_err(|error| fault(&error))?;
        let contract = Address::of_contract(rules.name(), &name("bench"), &name("contract"));
        Ok(Self { engine, rules, state, key, caller, contract, nonce: 0 })
    }

    fn names(&self) -> Me {
        Me(self.caller)
    }

    fn deploy(&mut self, loaded: &Loaded, init: &[String], output: &Output) -> Result {
        let schema = loaded.module.schema();
        let typed = init.iter().map(|word| explicit(Some(word.clone()))).collect::<Result<Vec<_>>>()?;
        let input = match schema.methods.values().find(|method| method.kind == MethodKind::Init) {
            Some(method) => {
                let explained = arguments::explained(method, output.language);
                let values = arguments::read(schema, &method.arguments, typed).map_err(&explained)?;
                let encoded = arguments::encode(schema, method, &values, &self.names());
                encoded.map_err(|error| explained(error.in_argument("init")))?
            }
            None => arguments::read(schema, &[], typed).map(|_: Map<_, _>| Vec::new())?,
        };
        let name = |text: &str| Name::new(text).expect("it is a name");
        let code = loaded.module.source().to_vec();
        let deploy = Deploy { department: name("bench"), name: name("contract"), code, input };
        self.must_be_done(Payload::Deploy(deploy), "deploying the contract", schema)
    }

    /// Makes the calls in a file.
    fn prepare(&mut self, schema: &Schema, file: Option<&std::path::Path>) -> Result {
        let Some(file) = file else { return Ok(()) };
        let unreadable = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("{} is no list of calls", file.display()))
                .because(error)
                .help("write [{\"method\": \"add\", \"arguments\": {\"amount\": 3}}, ...]")
        };
        let text = fs::read(file).map_err(|error| unreadable(&error))?;
        let calls: Vec<Value> = serde_json::from_slice(&text).map_err(|error| unreadable(&error))?;
        if calls.len() > BEFORE_MAX {
            return Err(Failure::usage(format!(
                "{} has {} calls, of at most {BEFORE_MAX}",
                file.display(),
                calls.len()
            )));
        }
        for (at, call) in calls.iter().enumerate() {
            let name = call["method"].as_str().ok_or_else(|| unreadable(&format!("call {at} has no method")))?;
            let method = arguments::method(schema, name, &[MethodKind::Call, MethodKind::Query])?;
            let values = call["arguments"].as_object().cloned().unwrap_or_default();
            let input = arguments::encode(schema, method, &values, &self.names())?;
            let payload = self.call(method.name.clone(), input);
            self.must_be_done(payload, &format!("call {at} of {} ({name})", file.display()), schema)?;
        }
        Ok(())
    }

    fn call(&self, method: Ident, input: Vec<u8>) -> Payload {
        Payload::Call(Call { contract: self.contract, method, input })
    }

    fn must_be_done(&mut self, payload: Payload, what: &str, schema: &Schema) -> Result {
        let (receipt, _) = self.submit(payload)?;
        if receipt.outcome.is_done() {
            return Ok(());
        }
        let mut schemas = Schemas::none();
        schemas.insert(self.contract.to_string(), schema.clone());
        let explained =
            outcome::explain(&trace_view::receipt(&receipt), None, &mut schemas, super::output::Language::English);
        Err(Failure::new(format!("{what} failed")).because(explained.sentence))
    }

    fn profile(&mut self, method: Ident, input: Vec<u8>) -> Result<(Receipt, Profile)> {
        let payload = self.call(method, input);
        let (receipt, profile) = self.submit(payload)?;
        let profile = profile.ok_or_else(|| Failure::new("the engine gave no profile"))?;
        Ok((receipt, profile))
    }

    /// Executes one block of one transaction and makes it final.
    fn submit(&mut self, payload: Payload) -> Result<(Receipt, Option<Profile>)> {
        let fault = |error: &dyn std::fmt::Display| Failure::new("the contract cannot be run").because(error);
        let verified = VerifiedTransaction::verify(self.sign(payload), &self.rules).map_err(|error| fault(&error))?;
        let height = self.state.height() + 1;
        let context =
            BlockContext { height, timestamp_ms: self.rules.genesis().timestamp_ms + height, mainchain: None };
        let limits = TraceLimits { steps_max: 0, bytes_max: 0 };
        let (receipt, trace, changes) = on_execution_stack(|stack| {
            let view = self.state.view(None);
            let begun = BlockExecutor::begin(stack, &self.engine, &self.rules, &view, context, &[]);
            let mut executor = begun.map_err(|error| fault(&error))?;
            let (receipt, trace) = executor.execute_traced(&verified, limits).map_err(|error| fault(&error))?;
            let executed = executor.finish().map_err(|error| fault(&error))?;
            Ok::<_, Failure>((receipt, trace, executed.changes))
        })?;
        let overlay = Arc::new(self.state.prepare(None, changes).map_err(|error| fault(&error))?);
        let mut batch = WriteBatch::default();
        self.state.stage(&overlay, &mut batch).map_err(|error| fault(&error))?;
        self.state.backend().write(batch, Durability::Synced).map_err(|error| fault(&error))?;
        self.state.advance(overlay).map_err(|error| fault(&error))?;
        self.nonce += 1;
        Ok((receipt, trace.profile))
    }

    fn sign(&self, payload: Payload) -> Transaction {
        let body = TransactionBody {
            version: WIRE_VERSION,
            chain: self.rules.name().clone(),
            sender: self.caller,
            nonce: self.nonce,
            gas_limit: TRANSACTION_GAS_MAX,
            valid_until_height: self.state.height() + 1,
            payload,
            sponsor: None,
        };
        let signature = self.key.sign(&body.digest(self.rules.digest()).0).to_bytes();
        let public_key = VerificationKey::from(&self.key).into();
        Transaction {
            body,
            authorisation: Authorisation::Ed25519 { public_key, signature },
            sponsor_authorisation: None,
        }
    }
}

/// Addresses by their digits, and the caller's own.
struct Me(Address);

impl Names for Me {
    fn address(&self, text: &str) -> std::result::Result<Address, String> {
        if text == "me" { Ok(self.0) } else { DigitsOnly.address(text) }
    }
}
