//! What the command line says when something did not happen: what, why, and what to do about it.

use std::{fmt, process::ExitCode};

use serde_json::{Value, json};

use crate::{client::ClientError, keystore::KeystoreError};

/// Why a command ends without having done what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    usage: bool,
    /// What happened.
    what: String,
    /// Why, one reason a line.
    why: Vec<String>,
    /// What to do.
    help: Option<String>,
    /// A stable code, where there is one.
    code: Option<String>,
    /// What clap said, where it was clap that did not understand, or was asked for help.
    clap: Option<Box<clap::Error>>,
}

/// What a command ends with.
pub(super) type Result<T = ()> = std::result::Result<T, Failure>;

impl Failure {
    /// Something was refused or failed.
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self { usage: false, what: what.into(), why: Vec::new(), help: None, code: None, clap: None }
    }

    /// The command was not given what it needs.
    pub(super) fn usage(what: impl Into<String>) -> Self {
        Self { usage: true, ..Self::new(what) }
    }

    /// Adds a reason.
    pub(super) fn because(mut self, why: impl fmt::Display) -> Self {
        self.why.push(why.to_string());
        self
    }

    /// Adds what to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a code for programs.
    pub(super) fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// What happened and why, in one line.
    pub(super) fn summary(&self) -> String {
        let parts: Vec<&str> = std::iter::once(&self.what).chain(&self.why).map(String::as_str).collect();
        parts.join(": ")
    }

    /// The same, said of the argument `name`.
    pub(super) fn in_argument(mut self, name: &str) -> Self {
        self.what = format!("--{}: {}", name.replace('_', "-"), self.what);
        self
    }

    /// Whether it says what to do.
    pub(super) fn has_help(&self) -> bool {
        self.help.is_some()
    }

    /// clap's own word, where it has one.
    pub(super) fn clap(&self) -> Option<&clap::Error> {
        self.clap.as_deref()
    }

    /// What happened, in one line.
    #[cfg(test)]
    pub(super) fn what(&self) -> &str {
        &self.what
    }

    /// The process's exit code: 2 for usage, else 1.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(if self.usage { 2 } else { 1 })
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let code = self.code.as_deref().unwrap_or(if self.usage { "usage" } else { "failed" });
        json!({ "error": { "code": code, "message": self.what, "reasons": self.why, "help": self.help } })
    }

    /// For people; with colour when `colour`.
    pub(super) fn to_text(&self, colour: bool) -> String {
        let paint = |style: &str, text: &str| if colour { format!("\x1b[{style}m{text}\x1b[0m") } else { text.into() };
        let mut text = format!("{} {}\n", paint("1;31", "error:"), indented(&self.what, 7));
        for why in &self.why {
            text.push_str(&format!("  {} {}\n", paint("31", "because"), indented(why, 10)));
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("  {} {}\n", paint("36", "help:"), indented(help, 8)));
        }
        text
    }
}

/// `text` with its lines after the first moved to the right.
fn indented(text: &str, columns: usize) -> String {
    text.trim_end().replace('\n', &format!("\n{}", " ".repeat(columns)))
}

impl From<KeystoreError> for Failure {
    fn from(error: KeystoreError) -> Self {
        let failure = Self::new(error.to_string());
        match error {
            KeystoreError::Missing { .. } => failure
                .help("`chancery key list` shows the keys there are; --keys DIR (or CHANCERY_KEYS) names another directory")
                .code("key_missing"),
            KeystoreError::NoPassphrase { .. } => {
                failure.help("give --passphrase-file FILE, or set CHANCERY_PASSPHRASE").code("key_locked")
            }
            KeystoreError::Locked { .. } => failure.code("key_locked"),
            KeystoreError::Exists { .. } => failure.help("choose another name; a key is never overwritten"),
            KeystoreError::NoDirectory => failure.help("give --keys DIR"),
            _ => failure,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let failure = Self::new(error.to_string());
        match &error {
            // What the client says of TLS names certificates in nearly every case.
            ClientError::Unreachable { url, error } if url.starts_with("https") && error.contains("certificate") => {
                failure
                    .help("--ca FILE (or CHANCERY_CA) names the authority of the node's certificate")
                    .code("unreachable")
            }
            ClientError::Tls(_) => failure.code("tls"),
            ClientError::Unreachable { .. } => failure
                .help("start a node with `chancery dev`, or name one with --node URL (or CHANCERY_NODE)")
                .code("unreachable"),
            ClientError::Url { .. } => Self { usage: true, ..failure },
            ClientError::Unexpected { .. } => failure.help("is this the address of a Chancery node of this release?"),
            ClientError::Refused(problem) => {
                let failure = failure.code(problem.code.clone());
                match help_for(&problem.code) {
                    Some(help) => failure.help(help),
                    None => failure,
                }
            }
        }
    }
}

/// What to do about a node's refusal.
fn help_for(code: &str) -> Option<&'static str> {
    Some(match code {
        "certificate_required" => {
            "give --client-certificate FILE and --client-key FILE (or CHANCERY_CLIENT_CERTIFICATE and CHANCERY_CLIENT_KEY)"
        }
        "unknown_chain" => "`chancery status` shows the node's chains",
        "unknown_contract" => {
            "`chancery contract list CHAIN` shows the chain's contracts; deploy one with `chancery contract deploy`"
        }
        "ambiguous_contract" => "name it as DEPARTMENT.NAME, or by its address",
        "nonce_used" | "nonce_gap" => "another transaction of this key came between; run the command again",
        "too_old" => "stop the node and give its data directory with --data; the blocks before are then replayed",
        "expired" => "run the command again; --valid-for BLOCKS gives it more time",
        "bad_signature" | "wrong_key" => "is the key of this network, and the node's chain the one you mean?",
        _ => return None,
    })
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        Self { clap: Some(Box::new(error)), ..Self::usage("") }
    }
}

/// Adds to an error of the file system which file it was.
pub(super) fn at(path: &std::path::Path) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(format!("{}: {error}", path.display()))
}
