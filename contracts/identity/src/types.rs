//! What the contract stores and announces. Fields are stored as they stand here, so a change needs a migration.

use chancery_sdk::prelude::*;

/// An authority or a department.
#[data]
pub struct Office {
    /// The registrar's own reference for it.
    pub label: String,
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
}

/// What became of a credential.
#[data]
#[derive(Clone, PartialEq, Eq)]
pub enum Status {
    /// It stands.
    Attested,
    /// Its authority withdrew it.
    Revoked {
        /// At which height.
        height: u64,
        /// The authority's reference.
        reason: String,
    },
    /// Its salts were destroyed: nothing can be shown by it any more.
    Erased {
        /// At which height.
        height: u64,
    },
}

/// A resident's attributes under one salted root, for one service.
#[data]
#[derive(Clone)]
pub struct Credential {
    /// Who attested it.
    pub authority: Address,
    /// Whose it is: the resident's key for this one service.
    pub subject: Address,
    /// Leaves of its tree.
    pub leaves: u32,
    /// From when it holds, milliseconds since 1970.
    pub valid_from_ms: u64,
    /// The first moment at which it no longer holds.
    pub valid_until_ms: u64,
    /// The height at which it was attested.
    pub attested_height: u64,
    /// How often its key was replaced. A consent holds only under the key that gave it.
    pub key_epoch: u32,
    /// What became of it.
    pub status: Status,
}

/// A credential to attest.
#[data]
pub struct NewCredential {
    /// The root of its tree.
    pub root: Digest,
    /// How many leaves the tree has.
    pub leaves: u32,
    /// The resident's key for this one service.
    pub subject: Address,
    /// From when it holds, milliseconds since 1970.
    pub valid_from_ms: u64,
    /// The first moment at which it no longer holds.
    pub valid_until_ms: u64,
}

/// How a credential stands at this moment.
#[data]
pub enum Standing {
    /// It holds.
    Valid,
    /// Its time has not come.
    NotYet,
    /// Its time is over.
    Expired,
    /// Its authority withdrew it.
    Revoked,
    /// Its salts were destroyed.
    Erased,
}

/// A resident's leave for one department to verify one attribute.
#[data]
#[derive(Clone)]
pub struct Consent {
    /// Who may verify.
    pub department: Address,
    /// The salted commitment of the attribute, a leaf of the credential.
    pub commitment: Digest,
    /// What for: the department's reference.
    pub purpose: String,
    /// The SHA-256 of the encryption key to which the reasons are sealed.
    pub recipient: Digest,
    /// The Merkle root of the tags, one for each verification.
    pub tags: Digest,
    /// How many verifications it allows.
    pub uses_max: u32,
    /// How many there were.
    pub used: u32,
    /// The first moment at which it no longer holds.
    pub until_ms: u64,
    /// The height at which it was given.
    pub given_height: u64,
    /// The height at which it was withdrawn.
    pub withdrawn_height: Option<u64>,
    /// The credential's key under which it was given.
    pub key_epoch: u32,
}

/// What a resident consents to.
#[data]
pub struct NewConsent {
    /// Who may verify.
    pub department: Address,
    /// The salted commitment of the attribute.
    pub commitment: Digest,
    /// Its place among the credential's leaves.
    pub index: u64,
    /// The siblings from its leaf upwards.
    pub siblings: Vec<Digest>,
    /// What for: the department's reference.
    pub purpose: String,
    /// The SHA-256 of the encryption key to which the reasons are sealed.
    pub recipient: Digest,
    /// The Merkle root of the tags.
    pub tags: Digest,
    /// How many tags there are.
    pub uses_max: u32,
    /// The first moment at which it no longer holds.
    pub until_ms: u64,
}

/// What a verification leaves, under a tag that only the resident and the department can tie to anyone.
#[data]
pub struct Record {
    /// Who verified.
    pub department: Address,
    /// The salted commitment of the reason.
    pub reason: Digest,
    /// The SHA-256 of the reason sealed to the resident, which the department keeps.
    pub sealed: Digest,
    /// At which height.
    pub height: u64,
    /// When, milliseconds since 1970.
    pub at_ms: u64,
}

/// What a verification answers.
#[data]
pub struct Verification {
    /// The attribute's salted commitment, which the department holds against what it was shown.
    pub commitment: Digest,
    /// Who attested it.
    pub authority: Address,
    /// As of which height.
    pub height: u64,
    /// As of when, milliseconds since 1970.
    pub at_ms: u64,
}

/// A key that shall take the place of a lost one.
#[data]
pub struct Replacement {
    /// The new key.
    pub subject: Address,
    /// The authority's reference.
    pub reference: String,
    /// When it was announced, milliseconds since 1970.
    pub announced_ms: u64,
    /// From when it may be carried out.
    pub effective_ms: u64,
    /// Whether who has the present key objected.
    pub objected: bool,
}

/// Credentials were attested.
#[event]
pub struct Attested {
    #[index]
    pub authority: Address,
    pub count: u32,
}

/// A credential was revoked.
#[event]
pub struct Revoked {
    #[index]
    pub credential: Digest,
}

/// A credential was erased.
#[event]
pub struct Erased {
    #[index]
    pub credential: Digest,
}

/// A resident consented.
#[event]
pub struct ConsentGiven {
    #[index]
    pub credential: Digest,
    #[index]
    pub department: Address,
    pub consent: u32,
}

/// A resident withdrew a consent.
#[event]
pub struct ConsentWithdrawn {
    #[index]
    pub credential: Digest,
    #[index]
    pub department: Address,
    pub consent: u32,
}

/// A department verified. Whose attribute it was stands nowhere in it.
#[event]
pub struct Verified {
    #[index]
    pub tag: Digest,
    #[index]
    pub department: Address,
}

/// Word of a verification came back from another chain.
#[event]
pub struct WordReturned {
    #[index]
    pub contract: Address,
    pub sequence: u64,
}

/// The notice that a credential's key shall be replaced: who still has the key can object.
#[event]
pub struct ReplacementAnnounced {
    #[index]
    pub credential: Digest,
    #[index]
    pub present: Address,
    pub effective_ms: u64,
}

/// Who has the present key objected to its replacement.
#[event]
pub struct ReplacementObjected {
    #[index]
    pub credential: Digest,
}

/// A credential's key was replaced.
#[event]
pub struct KeyReplaced {
    #[index]
    pub credential: Digest,
    #[index]
    pub subject: Address,
}
