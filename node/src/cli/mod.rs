//! The command line: one binary, a command group a file.
//!
//! Invariants: the exit code is 0 when what was asked is done, 1 when it was refused or failed, 2 when the command was
//! not understood; with `--json`, standard output holds JSON only, failures included; an error says what happened,
//! why and what to do. Whatever a command knows of a chain it asks a node over HTTP or proves from a file; only `dev`,
//! `node`, `replay`, `snapshot` and `tx --data` open a data directory.

mod anchor;
mod arguments;
mod bench;
mod call;
mod chain;
mod chain_data;
mod contract;
mod describe;
mod dev;
mod digest;
mod each;
mod failure;
mod identity;
mod key;
mod loaded;
mod network;
mod node;
mod options;
mod outcome;
mod output;
mod past;
mod plates;
mod profile;
mod prove;
mod query;
mod replay;
mod sender;
mod size;
mod snapshot;
mod status;
mod target;
mod trace;
mod tx;
mod upgrade;
mod verify;
mod waste;
mod words;

use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand};

use failure::{Failure, Result};
use output::Output;
use words::Words;

/// A blockchain for the public record.
#[derive(Parser)]
#[command(
    name = "chancery",
    version,
    about,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a developer's chain on this machine.
    Dev(dev::Dev),
    /// Run a node.
    Node(node::NodeCommand),
    /// Make a network of validators.
    #[command(subcommand)]
    Network(network::Network),
    /// Make, list and show the keys you sign with.
    #[command(subcommand)]
    Key(key::Key),
    /// Build, check, deploy and describe contracts.
    #[command(subcommand)]
    Contract(contract::Contract),
    /// Found, list and retire sidechains; look at anchors and lanes.
    #[command(subcommand)]
    Chain(chain::Chain),
    /// Export and look at trust anchors.
    #[command(subcommand)]
    Anchor(anchor::Anchor),
    /// Call a contract's method: chancery call CHAIN/CONTRACT METHOD --ARG VALUE ... --as KEY.
    #[command(disable_help_flag = true)]
    Call(Words),
    /// Ask a contract: chancery query CHAIN/CONTRACT METHOD --ARG VALUE ...
    #[command(disable_help_flag = true)]
    Query(Words),
    Prove(prove::Prove),
    /// Verify a proof, without a network.
    Verify(verify::Verify),
    Bench(bench::Bench),
    /// Show a transaction.
    Tx(tx::Tx),
    /// Show how far a node's chains are.
    Status(status::Status),
    /// Execute a chain's blocks again from its genesis, and compare.
    Replay(replay::Replay),
    /// Make, download, check and use state snapshots.
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    Digest(digest::DigestCommand),
    /// Prepare, present and check attested attributes.
    #[command(subcommand)]
    Identity(identity::Identity),
    /// Prepare calls of the contract `waste-sorting`.
    #[command(subcommand)]
    Waste(waste::Waste),
    /// Blind and unblind tokens of the licence-plate lottery.
    #[command(subcommand)]
    Plates(plates::Plates),
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    run_words(&std::env::args_os().collect::<Vec<_>>())
}

/// Runs a command; the first word is the program's name.
pub fn run_words(words: &[OsString]) -> ExitCode {
    let output = Output::new(words.iter().any(|word| word == "--json"));
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&output, &error),
    };
    match run(cli.command, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => report(&output, &failure),
    }
}

fn run(command: Command, output: &Output) -> Result {
    match command {
        Command::Dev(dev) => dev.run(output),
        Command::Node(node) => node.run(output),
        Command::Network(network) => network.run(output),
        Command::Key(key) => key.run(output),
        Command::Contract(contract) => contract.run(output),
        Command::Chain(chain) => chain.run(output),
        Command::Anchor(anchor) => anchor.run(output),
        Command::Call(words) => call::run(words, output),
        Command::Query(words) => query::run(words, output),
        Command::Prove(prove) => prove.run(output),
        Command::Verify(verify) => verify.run(output),
        Command::Bench(bench) => bench.run(output),
        Command::Tx(tx) => tx.run(output),
        Command::Status(status) => status.run(output),
        Command::Replay(replay) => replay.run(output),
        Command::Snapshot(snapshot) => snapshot.run(output),
        Command::Digest(digest) => digest.run(output),
        Command::Identity(identity) => identity.run(output),
        Command::Waste(waste) => waste.run(output),
        Command::Plates(plates) => plates.run(output),
    }
}

/// What clap has to say: help and version are results, everything else is a misunderstanding.
fn misunderstood(output: &Output, error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        return match error.print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    if output.json {
        return report(output, &Failure::usage(error.to_string().trim_end()));
    }
    // clap's own rendering, with its colours; that nobody reads it changes nothing about the exit code.
    if error.print().is_err() {
        tracing::debug!("standard error is closed");
    }
    ExitCode::from(2)
}

fn report(output: &Output, failure: &Failure) -> ExitCode {
    match failure.clap() {
        Some(error) => return misunderstood(output, error),
        None if output.json => {
            if output.document(&failure.to_json()).is_err() {
                tracing::debug!("standard output is closed");
            }
        }
        None => output.note(failure.to_text(output.colour()).trim_end()),
    }
    failure.exit_code()
}
