//! Consents and verifications.
//!
//! A consent carries the Merkle root of as many tags as it allows verifications, made from a secret of the resident's.
//! Each verification uses up the next one, so the counts in the state and the tags under the root tell the resident,
//! and whoever the resident shows them to, that these records are all there are. A record itself says nothing of the
//! credential.

use chancery_sdk::{merkle, prelude::*};

use crate::{
    Consent, Identity, IdentityError, NewConsent, Record, Verification,
    refusals::check_reference,
    types::{ConsentGiven, ConsentWithdrawn, Verified, WordReturned},
};

/// Gas for taking word of a verification.
const WORD_GAS: u64 = 30_000_000;
/// Verifications of one consent.
const USES_MAX: u32 = 10_000;

#[methods]
impl Identity {
    /// Lets a department verify one attribute. Only the credential's key may; it returns the consent's number.
    /// zh: 同意某部门核验一项属性
    #[access(anyone)]
    pub fn give_consent(&mut self, cx: &Cx, root: Digest, consent: NewConsent) -> Result<u32, IdentityError> {
        let credential = self.holding(cx, root)?;
        ensure!(credential.subject == cx.caller(), IdentityError::NotYourKey);
        check_reference(&consent.purpose)?;
        let department = consent.department;
        ensure!(self.departments.contains(&department), IdentityError::NotDepartment { account: department });
        ensure!((1..=USES_MAX).contains(&consent.uses_max), IdentityError::BadCount { limit: USES_MAX });
        let is_time = consent.until_ms > cx.time_ms() && consent.until_ms <= credential.valid_until_ms;
        ensure!(is_time, IdentityError::BadTime);
        let count = u64::from(credential.leaves);
        let path = merkle::Path { index: consent.index, count, siblings: consent.siblings };
        let is_leaf = cx.merkle_root(&path, &consent.commitment.0) == Some(root);
        ensure!(is_leaf, IdentityError::NotInCredential);
        let number = self.consent_counts.update_or_default(&root, |count| {
            *count += 1;
            *count - 1
        });
        let given = Consent {
            department,
            commitment: consent.commitment,
            purpose: consent.purpose,
            recipient: consent.recipient,
            tags: consent.tags,
            uses_max: consent.uses_max,
            used: 0,
            until_ms: consent.until_ms,
            given_height: cx.height(),
            withdrawn_height: None,
            key_epoch: credential.key_epoch,
        };
        self.consents.insert(&(root, number), &given);
        cx.emit(&ConsentGiven { credential: root, department, consent: number });
        Ok(number)
    }

    /// Withdraws a consent, for ever. Only the credential's key may, also when the credential no longer holds.
    /// zh: 撤回同意
    #[access(anyone)]
    pub fn withdraw_consent(&mut self, cx: &Cx, root: Digest, consent: u32) -> Result<(), IdentityError> {
        ensure!(self.credential(root)?.subject == cx.caller(), IdentityError::NotYourKey);
        let mut given = self.consent(root, consent)?;
        if let Some(height) = given.withdrawn_height {
            return Err(IdentityError::ConsentWithdrawn { height });
        }
        given.withdrawn_height = Some(cx.height());
        self.consents.insert(&(root, consent), &given);
        cx.emit(&ConsentWithdrawn { credential: root, department: given.department, consent });
        Ok(())
    }

    /// Verifies an attribute under a consent: that its credential holds now. It leaves a record under the consent's next
    /// tag, with the salted commitment of the reason and the digest of the reason as it was sealed to the resident.
    /// zh: 核验一项属性,并留下记录
    #[access(member(departments))]
    pub fn verify(
        &mut self,
        cx: &Cx,
        root: Digest,
        consent: u32,
        tag: Digest,
        siblings: Vec<Digest>,
        reason: Digest,
        sealed: Digest,
    ) -> Result<Verification, IdentityError> {
        let credential = self.holding(cx, root)?;
        let mut given = self.consent(root, consent)?;
        let (department, height, at_ms) = (cx.caller(), cx.height(), cx.time_ms());
        check_consent(&given, &department, at_ms)?;
        ensure!(given.key_epoch == credential.key_epoch, IdentityError::ConsentOfLostKey);
        let path = merkle::Path { index: u64::from(given.used), count: u64::from(given.uses_max), siblings };
        ensure!(cx.merkle_root(&path, &tag.0) == Some(given.tags), IdentityError::WrongTag);
        let record = Record { department, reason, sealed, height, at_ms };
        ensure!(self.records.insert_new(&tag, &record), IdentityError::TagUsed);
        given.used += 1;
        self.consents.insert(&(root, consent), &given);
        cx.emit(&Verified { tag, department });
        Ok(Verification { commitment: given.commitment, authority: credential.authority, height, at_ms })
    }

    /// Verifies as [`Self::verify`] does, and sends word of it to a contract on another chain: its method `eligible` is given
    /// the subject, the tag, the commitment and the department. Returns the message's number.
    /// zh: 核验并将结果送交其他链上的合约
    #[access(member(departments))]
    pub fn verify_for(
        &mut self,
        cx: &Cx,
        root: Digest,
        consent: u32,
        tag: Digest,
        siblings: Vec<Digest>,
        reason: Digest,
        sealed: Digest,
        chain: String,
        contract: Address,
        subject: u32,
    ) -> Result<u64, IdentityError> {
        let verified = self.verify(cx, root, consent, tag, siblings, reason, sealed)?;
        let chain = Name::new(chain).map_err(|_| IdentityError::NotSent)?;
        let word = (subject, tag, verified.commitment, cx.caller());
        cx.send(&chain, &contract, "eligible", &word, WORD_GAS).map_err(|_| IdentityError::NotSent)
    }

    /// Word of a verification that was not taken: the verification stands, and its department may send word again elsewhere.
    /// zh: 核验结果未被接收
    #[on_bounce]
    pub fn word_returned(&mut self, cx: &Cx) {
        if let Some(bounced) = cx.arrived().and_then(|arrived| arrived.bounce) {
            cx.emit(&WordReturned { contract: bounced.contract, sequence: bounced.sequence });
        }
    }

    /// A consent.
    /// zh: 查询同意
    #[query]
    pub fn consent(&self, root: Digest, consent: u32) -> Result<Consent, IdentityError> {
        self.consents.get(&(root, consent)).ok_or(IdentityError::NoConsent)
    }

    /// The consents of a credential, after the number given.
    /// zh: 查询凭证的全部同意
    #[query]
    pub fn consents_of(&self, root: Digest, after: Option<u32>, limit: u32) -> Vec<Consent> {
        self.consents.page_of(&root, after.as_ref(), limit).into_iter().map(|(_, consent)| consent).collect()
    }

    /// What a verification left.
    /// zh: 查询核验记录
    #[query]
    pub fn record(&self, tag: Digest) -> Option<Record> {
        self.records.get(&tag)
    }
}

/// Refuses what the consent itself does not allow.
fn check_consent(given: &Consent, department: &Address, now_ms: u64) -> Result<(), IdentityError> {
    ensure!(given.department == *department, IdentityError::ConsentToAnother { department: given.department });
    if let Some(height) = given.withdrawn_height {
        return Err(IdentityError::ConsentWithdrawn { height });
    }
    ensure!(now_ms < given.until_ms, IdentityError::ConsentEnded { until_ms: given.until_ms });
    ensure!(given.used < given.uses_max, IdentityError::ConsentUsedUp { uses_max: given.uses_max });
    Ok(())
}
