//! What is to be said instead of the truth, as the command line has it.

use chancery_abi::{Name, types::from_hex};

use crate::Result;

/// A lie.
pub(crate) enum Lie {
    /// About entries of a contract's state.
    State {
        /// How far it reaches.
        reach: Reach,
        /// The contract's department.
        department: Name,
        /// The contract's name.
        name: Name,
        /// The entries' slot keys, and what they are said to be.
        entries: Vec<(Vec<u8>, Said)>,
    },
    /// The newest certificates' signatures do not hold.
    Certificate,
    /// The newest certificates are signed by others.
    Signers,
}

/// How much of the store a lie about the state takes along.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// The flat values alone: proofs are still made of the truth, if they are made.
    Values,
    /// The trie, so that proofs are made of the lie.
    Trie,
    /// The header that proofs lead to.
    Header,
    /// What the mainchain has on record of it.
    Anchor,
}

/// What stands under a key.
pub(crate) enum Said {
    /// Nothing.
    Absent,
    /// This value.
    Value(Vec<u8>),
    /// What stands under another key.
    As(Vec<u8>),
}

impl Lie {
    /// The lie that the command line names.
    ///
    /// # Errors
    /// When there is no such lie, or it is told of something else.
    pub(crate) fn parse(lie: &str, rest: &[String]) -> Result<Self> {
        let reach = match lie {
            "plain" => Reach::Values,
            "value" => Reach::Trie,
            "root" => Reach::Header,
            "forged" => Reach::Anchor,
            "certificate" if rest.is_empty() => return Ok(Self::Certificate),
            "signers" if rest.is_empty() => return Ok(Self::Signers),
            _ => return Err(format!("there is no lie `{lie}` with {} arguments", rest.len()).into()),
        };
        let [contract, entries @ ..] = rest else { return Err("a contract and entries are missing".into()) };
        let (department, name) = contract.split_once('.').ok_or("the contract is not DEPARTMENT.NAME")?;
        let entries = entries.iter().map(|entry| parse_entry(entry)).collect::<Result<Vec<_>>>()?;
        if entries.is_empty() {
            return Err("no entry is named".into());
        }
        Ok(Self::State { reach, department: department.parse()?, name: name.parse()?, entries })
    }
}

fn parse_entry(text: &str) -> Result<(Vec<u8>, Said)> {
    let (key, value) = text.split_once('=').ok_or("an entry is not KEY=VALUE")?;
    let bytes = |text: &str| from_hex(text).ok_or_else(|| format!("`{text}` is not hexadecimal"));
    let said = match value.strip_prefix('@') {
        Some(other) => Said::As(bytes(other)?),
        None if value.is_empty() => Said::Absent,
        None => Said::Value(bytes(value)?),
    };
    Ok((bytes(key)?, said))
}
