//! What a bundle proved: for programs the fields, for people a few sentences that say no more than was proven.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

use chancery_abi::{Digest, Ident, Name, Outcome, Receipt, StateSubject};

use crate::Utc;

/// Bytes of a key or value that a sentence spells out; of longer ones it gives the beginning.
const SPELLED_BYTES_MAX: usize = 64;

/// What is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// An entry was there.
    Present {
        /// Whose state.
        subject: StateSubject,
        /// The slot key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
    },
    /// An entry was not there.
    Absent {
        /// Whose state.
        subject: StateSubject,
        /// The slot key.
        key: Vec<u8>,
    },
    /// A transaction was executed, and this came of it.
    Receipt(Receipt),
}

/// How a sidechain's header is known to the mainchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    /// The mainchain's name.
    pub mainchain: Name,
    /// The sidechain's height that is anchored: the statement's own or a later one.
    pub anchored_height: u64,
    /// The mainchain height after which it is.
    pub height: u64,
    /// The time of that block, milliseconds since 1970.
    pub timestamp_ms: u64,
}

/// On whose word a header is final.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// A quorum of a committee's: it is known who signed.
    Certificate {
        /// The committee's term.
        epoch: u64,
        /// The ed25519 keys that signed, in the committee's order.
        signers: Vec<[u8; 32]>,
    },
    /// All but f of those who hold the committee's threshold key: it is not known who.
    Attestation {
        /// The key, a compressed point of G2.
        key: [u8; 96],
        /// How many rotations lead to it from the anchor's.
        rotations: u64,
        /// Whether the group that holds it is too small to bear a member that lies.
        untrusted: bool,
    },
}

/// What a bundle proved, as of when, and on whose word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The chain's name.
    pub chain: Name,
    /// The digest of the chain's genesis.
    pub genesis: Digest,
    /// For a sidechain, what leads from it to the mainchain.
    pub through: Option<Through>,
    /// The height after which the statement holds.
    pub as_of_height: u64,
    /// That block's time, milliseconds since 1970, by its proposer's clock.
    pub as_of_timestamp_ms: u64,
    /// The height of the header that was certified, the same or a later one: for a sidechain, of the mainchain.
    pub certified_height: u64,
    /// On whose word that one is final.
    pub confirmed: Confirmed,
    /// What is so.
    pub statement: Statement,
}

impl Statement {
    /// A stable, lower-case word for the kind of statement.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Present { .. } => "present",
            Self::Absent { .. } => "absent",
            Self::Receipt(_) => "receipt",
        }
    }

    /// Whose state it is about, if it is about state.
    pub const fn subject(&self) -> Option<&StateSubject> {
        match self {
            Self::Present { subject, .. } | Self::Absent { subject, .. } => Some(subject),
            Self::Receipt(_) => None,
        }
    }

    /// The slot key, if it is about state.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            Self::Present { key, .. } | Self::Absent { key, .. } => Some(key),
            Self::Receipt(_) => None,
        }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Present { value, .. } => Some(value),
            Self::Absent { .. } | Self::Receipt(_) => None,
        }
    }

    /// The receipt, if it is about one.
    pub const fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Receipt(receipt) => Some(receipt),
            Self::Present { .. } | Self::Absent { .. } => None,
        }
    }
}

impl Verified {
    /// What was proven, a sentence a line.
    pub fn sentences(&self) -> Vec<String> {
        let mut lines = Vec::from([format!("{}", self.statement)]);
        lines.push(format!(
            "This holds as of height {} of chain {}, at {}.",
            self.as_of_height,
            self.chain,
            Utc::of(self.as_of_timestamp_ms),
        ));
        lines.push(format!("The chain is the one whose genesis is {}.", self.genesis));
        if let Some(Through { mainchain, anchored_height, height, timestamp_ms }) = &self.through {
            lines.push(format!(
                "It is a sidechain of chain {mainchain}, which had its height {anchored_height} on record at height {height}, at {}.",
                Utc::of(*timestamp_ms),
            ));
        }
        let own_height = self.through.as_ref().map_or(self.as_of_height, |through| through.height);
        let certified = if self.certified_height == own_height { "that header" } else { "a later header" };
        let height = self.certified_height;
        match &self.confirmed {
            Confirmed::Certificate { epoch, signers } => {
                let count = signers.len();
                lines.push(format!(
                    "{count} members of the committee of epoch {epoch} certified {certified} (height {height}):"
                ));
                lines.extend(signers.iter().map(|key| format!("  {}", Hex(key))));
            }
            Confirmed::Attestation { key, rotations, untrusted } => {
                lines.push(format!("The committee's threshold key attested {certified} (height {height}):"));
                lines.push(format!("  {}", Digest::of(key)));
                match rotations {
                    0 => lines.push("The trust anchor has that key, here by its SHA-256.".into()),
                    _ => lines.push(format!(
                        "That key, here by its SHA-256, took the place of the trust anchor's by {rotations} signed rotation(s)."
                    )),
                }
                if *untrusted {
                    lines.push("UNTRUSTED GROUP: those who hold it are too few to bear one that lies.".into());
                }
            }
        }
        lines
    }

    /// The term of the committee that certified, where one did.
    pub fn epoch(&self) -> Option<u64> {
        match self.confirmed {
            Confirmed::Certificate { epoch, .. } => Some(epoch),
            Confirmed::Attestation { .. } => None,
        }
    }

    /// The ed25519 keys that signed, where that is known.
    pub fn signers(&self) -> &[[u8; 32]] {
        match &self.confirmed {
            Confirmed::Certificate { signers, .. } => signers,
            Confirmed::Attestation { .. } => &[],
        }
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentences().join("\n"))
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present { subject, key, value } => {
                let (key, count) = (Key(key), value.len());
                write!(f, "{} holds {count} bytes under {key}: {}.", Subject(subject), Hex(value))
            }
            Self::Absent { subject, key } => write!(f, "{} holds nothing under {}.", Subject(subject), Key(key)),
            Self::Receipt(receipt) => {
                write!(
                    f,
                    "Transaction {} was executed, at place {} of its block: ",
                    receipt.transaction, receipt.index
                )?;
                match &receipt.outcome {
                    Outcome::Done { output } => write!(f, "it was done and returned {} bytes", output.len())?,
                    Outcome::Failed { contract, code, .. } => {
                        write!(f, "contract {contract} refused with error {code}")?
                    }
                    Outcome::Trapped { contract, class } => write!(f, "contract {contract} was stopped: {class}")?,
                    Outcome::Refused { reason } => write!(f, "no contract ran: {reason}")?,
                }
                write!(f, "; it used {} gas and announced {} events.", receipt.gas_used, receipt.events.len())
            }
        }
    }
}

struct Subject<'a>(&'a StateSubject);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StateSubject::Contract { department, name } => write!(f, "Contract {department}.{name}"),
            StateSubject::System => f.write_str("The runtime's own state"),
        }
    }
}

/// A slot key: the field's name, where the key begins with one, and the rest.
struct Key<'a>(&'a [u8]);

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match field(self.0) {
            Some((name, [])) => write!(f, "field {name}"),
            Some((name, entry)) => write!(f, "field {name}, key {}", Hex(entry)),
            None => write!(f, "slot {}", Hex(self.0)),
        }
    }
}

fn field(key: &[u8]) -> Option<(Ident, &[u8])> {
    let (&length, rest) = key.split_first()?;
    let (name, entry) = rest.split_at_checked(usize::from(length))?;
    Some((Ident::new(core::str::from_utf8(name).ok()?).ok()?, entry))
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("(empty)");
        }
        let spelled = self.0.get(..SPELLED_BYTES_MAX).unwrap_or(self.0);
        spelled.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        if spelled.len() < self.0.len() {
            write!(f, "... (SHA-256 {})", Digest::of(self.0))?;
        }
        Ok(())
    }
}
