//! `chancery contract`: from sources to a contract on a chain.

use std::path::{Path, PathBuf};

use chancery_abi::{
    Address, Deploy, Name, Payload,
    schema::{MethodKind, SECTION, custom_section},
};
use chancery_build::{
    BuildError, Options, build,
    source::{self, SourceError},
    toolchain::{self, ToolchainError},
};
use chancery_runtime::module::CheckedModule;
use clap::{Args, Parser, Subcommand};
use serde_json::{Map, Value, json};

use super::{
    arguments::{self, AddressNames},
    call::{VALUES_HELP, finish, withheld},
    describe,
    failure::{Failure, Result, at},
    options::{Format, KeyOptions, NodeOptions},
    outcome::{self, Schemas},
    output::{Output, table},
    profile,
    sender::{SendOptions, Sender, Sent},
    size,
    target::ContractTarget,
    upgrade,
    words::{Sorted, Words},
};
use crate::{
    project::{self, ProjectError, Template},
    schema_json,
};

/// Build, check, deploy and describe contracts.
#[derive(Subcommand)]
pub(super) enum Contract {
    /// Begin a new contract: a project that builds and tests as it is.
    New(New),
    /// Build a contract's crate to Wasm, and check it.
    Build(Build),
    /// Check a module by the rules of every chain.
    Check(Check),
    /// Put a contract on a chain: chancery contract deploy CHAIN FILE --department D --name N --as KEY --ARG VALUE ...
    #[command(disable_help_flag = true)]
    Deploy(Words),
    /// Put new code in a contract's place: chancery contract upgrade CHAIN/CONTRACT FILE --as KEY --ARG VALUE ...
    #[command(disable_help_flag = true)]
    Upgrade(Words),
    /// Show what a contract offers.
    Schema(ShowSchema),
    /// List a chain's contracts.
    List(List),
    /// Say what a module's bytes are: by section, crate and function.
    Size(size::Size),
    /// Draw where a method's gas goes: chancery contract profile PROJECT METHOD --ARG VALUE ... -o FILE.svg
    #[command(disable_help_flag = true)]
    Profile(Words),
}

/// Begin a new contract.
#[derive(Args)]
pub(super) struct New {
    /// The new folder; its last part is the contract's name.
    path: PathBuf,
    /// What it begins with.
    #[arg(long, value_enum, default_value_t)]
    template: Template,
    #[command(flatten)]
    format: Format,
}

/// Build a contract's crate.
#[derive(Args)]
pub(super) struct Build {
    /// The crate's directory.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Let wasm-opt go over the module, which then says so.
    #[arg(long)]
    optimise: bool,
    /// Fail when Cargo.lock is not up to date.
    #[arg(long)]
    locked: bool,
    #[command(flatten)]
    format: Format,
}

/// Check a module.
#[derive(Args)]
pub(super) struct Check {
    /// The module, .wasm or .wat.
    file: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// Show what a contract offers.
#[derive(Args)]
pub(super) struct ShowSchema {
    /// A module's file, or CHAIN/CONTRACT.
    what: String,
    /// Write the schema to a file as well, from which the SDK's `handle!` makes a typed handle.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

/// List a chain's contracts.
#[derive(Args)]
pub(super) struct List {
    /// The chain.
    chain: Name,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    format: Format,
}

/// Put a contract on a chain. The arguments of its `init` follow by name.
#[derive(Parser)]
#[command(name = "chancery contract deploy", after_help = VALUES_HELP)]
struct DeployOptions {
    /// The chain.
    chain: Name,
    /// The module, .wasm or .wat.
    file: PathBuf,
    /// The department whose contract it is.
    #[arg(long)]
    department: Option<Name>,
    /// The contract's name in the department.
    #[arg(long)]
    name: Option<Name>,
    /// The key that signs; one of the department's deployers.
    #[arg(long = "as", value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    send: SendOptions,
    #[command(flatten)]
    node: NodeOptions,
    #[command(flatten)]
    keys: KeyOptions,
    #[command(flatten)]
    format: Format,
}

impl Contract {
    /// Runs the command.
    ///
    /// # Errors
    /// When it is refused or fails.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::New(command) => command.run(output),
            Self::Build(command) => command.run(output),
            Self::Check(command) => {
                let module = source::load(&command.file).map_err(source_failure)?;
                let text = || format!("{} is accepted\n{}", command.file.display(), module_text(&module));
                output.result(&module_json(&command.file, &module), text)
            }
            Self::Deploy(words) => deploy(words, output),
            Self::Upgrade(words) => upgrade::run(words, output),
            Self::Schema(command) => command.run(output),
            Self::List(command) => command.run(output),
            Self::Size(command) => command.run(output),
            Self::Profile(words) => profile::run(words, output),
        }
    }
}

impl New {
    fn run(self, output: &Output) -> Result {
        let name = project::create(&self.path, self.template).map_err(|error| match error {
            error @ (ProjectError::Name { .. } | ProjectError::Exists { .. }) => Failure::usage(error.to_string()),
            error => Failure::new(error.to_string()),
        })?;
        let path = self.path.display();
        let json = json!({ "path": self.path.to_string_lossy(), "name": name, "template": self.template.name() });
        output.result(&json, || {
            format!("made {path}\n  cd {path}\n  cargo test                 runs it in the real runtime; the first time compiles that\n  chancery contract build    to Wasm, checked")
        })
    }
}

impl Build {
    fn run(self, output: &Output) -> Result {
        let progress = output.progress("building", None);
        let built = build(&self.path, Options { optimise: self.optimise, locked: self.locked, quiet: false });
        progress.finish();
        let built = built.map_err(build_failure)?;
        let mut json = module_json(&built.path, &built.module);
        json["package"] = built.package.as_str().into();
        json["debug_file"] = built.debug_path.to_string_lossy().into();
        json["compiler"] = built.compiler.as_str().into();
        output.result(&json, || {
            let (package, path, debug) = (&built.package, built.path.display(), built.debug_path.display());
            let (module, compiler) = (module_text(&built.module), &built.compiler);
            format!("{package} -> {path}\n{module}\n  compiler {compiler}\n  debug    {debug}")
        })
    }
}

impl ShowSchema {
    fn run(self, output: &Output) -> Result {
        let file = Path::new(&self.what);
        let (section, schema) = match self.what.parse::<ContractTarget>() {
            Ok(target) if !file.exists() => self.node.open()?.chain(target.chain).schema_section(&target.contract)?,
            _ => {
                let module = source::load(file).map_err(source_failure)?;
                let section = custom_section(module.source(), SECTION).expect("a checked module has a schema");
                (section.to_vec(), module.schema().clone())
            }
        };
        if let Some(path) = &self.save {
            std::fs::write(path, section).map_err(at(path))?;
        }
        output.result(&schema_json::document(&schema), || describe::schema_text(&schema, output.language))
    }
}

impl List {
    fn run(self, output: &Output) -> Result {
        let contracts = self.node.open()?.chain(self.chain).contracts()?;
        let view = |contract: &crate::client::ContractAnswer| {
            json!({
                "address": contract.address.to_string(),
                "department": contract.department.as_str(),
                "name": contract.name.as_str(),
                "code": contract.code.to_string(),
                "revision": contract.revision,
                "height": contract.height,
            })
        };
        output.result(&json!({ "contracts": contracts.iter().map(view).collect::<Vec<_>>() }), || {
            let row = |contract: &crate::client::ContractAnswer| {
                let name = format!("{}.{}", contract.department, contract.name);
                vec![name, contract.address.to_string(), contract.revision.to_string(), contract.height.to_string()]
            };
            table(
                &["CONTRACT", "ADDRESS", "REVISION", "HEIGHT"],
                &[2, 3],
                &contracts.iter().map(row).collect::<Vec<_>>(),
            )
        })
    }
}

fn deploy(words: Words, output: &Output) -> Result {
    let Sorted { options, arguments: typed, help } = words.sort::<DeployOptions>("chancery contract deploy", 2)?;
    let module = source::load(&options.file).map_err(source_failure)?;
    let schema = module.schema();
    let init = schema.methods.values().find(|method| method.kind == MethodKind::Init);
    if help {
        return match init {
            Some(init) => {
                let command = format!("chancery contract deploy {} {}", options.chain, options.file.display());
                let text = describe::method_help(&command, init, output.language);
                output.result(&describe::method_json(schema, init), || text)
            }
            None => {
                output.result(&Value::Null, || format!("contract {} takes nothing when it is deployed", schema.name))
            }
        };
    }
    let (Some(department), Some(contract_name), Some(key)) = (options.department, options.name, options.key) else {
        return Err(Failure::usage("whose contract is it, what is its name, and who signs?")
            .help("give --department DEPARTMENT, --name NAME and --as KEY"));
    };
    let keys = options.keys.store()?;
    let names = AddressNames { keys: &keys, chain: &options.chain };
    let input = match init {
        Some(init) => {
            let explained = arguments::explained(init, output.language);
            let values = arguments::read(schema, &init.arguments, typed).map_err(&explained)?;
            arguments::encode(schema, init, &values, &names).map_err(&explained)?
        }
        None => arguments::read(schema, &[], typed).map(|_: Map<_, _>| Vec::new())?,
    };
    let node = options.node.open()?;
    let chain = node.chain(options.chain.clone());
    let key = keys.unlock(&key, &options.keys.passphrases())?;
    let sender = Sender::new(&chain, key, options.send.valid_for)?;
    let address = Address::of_contract(&options.chain, &department, &contract_name);
    let payload = Payload::Deploy(Deploy {
        department: department.clone(),
        name: contract_name.clone(),
        code: module.source().to_vec(),
        input,
    });
    let mut schemas = Schemas::on(&chain);
    schemas.insert(address.to_string(), schema.clone());
    match sender.send(payload, &options.send)? {
        Sent::Pending(digest) => {
            let json =
                json!({ "transaction": digest.to_string(), "status": "pending", "contract": address.to_string() });
            output.result(&json, || format!("sent {digest}; it is not final yet"))
        }
        Sent::Withheld(receipt) => Err(withheld(&outcome::explain(&receipt, None, &mut schemas, output.language))),
        Sent::Final(receipt) => {
            let mut explained = outcome::explain(&receipt, None, &mut schemas, output.language);
            explained.json["contract"] = address.to_string().into();
            let name = format!("{}/{department}.{contract_name}", options.chain);
            explained.sentence = match receipt.outcome.kind.as_str() {
                "done" => format!("deployed {name}\n  address      {address}"),
                _ => explained.sentence,
            };
            finish(output, &receipt, &explained)
        }
    }
}

fn module_text(module: &CheckedModule) -> String {
    format!(
        "  schema   {}\n  size     {} bytes\n  sha-256  {}",
        describe::schema_summary(module.schema()),
        module.source().len(),
        module.code_digest()
    )
}

fn module_json(path: &Path, module: &CheckedModule) -> Value {
    json!({
        "file": path.to_string_lossy(),
        "size_bytes": module.source().len(),
        "sha256": module.code_digest().to_string(),
        "schema": schema_json::document(module.schema()),
    })
}

/// A file that is no contract.
pub(super) fn source_failure(error: SourceError) -> Failure {
    match error {
        SourceError::Refused { path, error } => {
            Failure::new(format!("{} is refused", path.display())).because(error).code("invalid_module")
        }
        other => Failure::new(other.to_string()),
    }
}

pub(super) fn build_failure(error: BuildError) -> Failure {
    match error {
        BuildError::Source(error) => source_failure(error),
        BuildError::Toolchain(error @ ToolchainError::NoRust { .. }) => {
            Failure::new(error.to_string()).help("install Rust, for instance with rustup").code("no_toolchain")
        }
        BuildError::Toolchain(error) => Failure::new(format!("no compiler for {} is here", toolchain::TARGET))
            .because(error)
            .help(toolchain::HELP)
            .code("no_toolchain"),
        BuildError::Cargo { what, said } => {
            let failure = Failure::new(format!("cargo {what} failed")).code("build_failed");
            if said.is_empty() { failure.because("its messages stand above") } else { failure.because(said) }
        }
        error @ BuildError::NoCrate { .. } => Failure::usage(error.to_string()).help("name the contract's crate"),
        error @ BuildError::NoModule { .. } => {
            Failure::new(error.to_string()).help("its Cargo.toml needs [lib] crate-type = [\"cdylib\"]")
        }
        error @ BuildError::NoOptimiser { .. } => {
            Failure::new(error.to_string()).help("install binaryen, or build without --optimise").code("no_optimiser")
        }
        BuildError::Optimiser { program, said } => {
            Failure::new(format!("{program} failed")).because(said).code("build_failed")
        }
        error @ BuildError::Io { .. } => Failure::new(error.to_string()),
    }
}
