//! A lost key's replacement: announced by the authority, open to objection for a delay, then carried out.
//!
//! Who has the present key can stop it, so that an authority cannot take a credential over unseen. Where a thief objects,
//! the authority revokes the credential and attests another. The consents of the old key end with it.

use chancery_sdk::prelude::*;

use crate::{
    Identity, IdentityError, Replacement,
    refusals::check_reference,
    standing,
    types::{KeyReplaced, ReplacementAnnounced, ReplacementObjected},
};

#[methods]
impl Identity {
    /// Announces that another key shall take the place of a credential's. Its authority may, and the registrar. Returns
    /// from when it may be carried out.
    /// zh: 公告更换密钥
    #[access(anyone)]
    pub fn announce_replacement(
        &mut self,
        cx: &Cx,
        root: Digest,
        subject: Address,
        reference: String,
    ) -> Result<u64, IdentityError> {
        check_reference(&reference)?;
        let credential = self.answered_for(cx, root)?;
        standing(&credential)?;
        ensure!(!self.replacements.contains(&root), IdentityError::ReplacementPending);
        let announced_ms = cx.time_ms();
        let effective_ms = announced_ms + self.replacement_delay_ms.get_or_default();
        let replacement = Replacement { subject, reference, announced_ms, effective_ms, objected: false };
        self.replacements.insert(&root, &replacement);
        cx.emit(&ReplacementAnnounced { credential: root, present: credential.subject, effective_ms });
        Ok(effective_ms)
    }

    /// Objects to a replacement. Only the credential's present key may.
    /// zh: 对更换密钥提出异议
    #[access(anyone)]
    pub fn object(&mut self, cx: &Cx, root: Digest) -> Result<(), IdentityError> {
        ensure!(self.credential(root)?.subject == cx.caller(), IdentityError::NotYourKey);
        let objected = self.replacements.update(&root, |replacement| replacement.objected = true);
        objected.ok_or(IdentityError::NoReplacement)?;
        cx.emit(&ReplacementObjected { credential: root });
        Ok(())
    }

    /// Takes an announcement back. Who may announce may.
    /// zh: 撤回更换公告
    #[access(anyone)]
    pub fn cancel_replacement(&mut self, cx: &Cx, root: Digest) -> Result<(), IdentityError> {
        self.answered_for(cx, root)?;
        ensure!(self.replacements.remove(&root), IdentityError::NoReplacement);
        Ok(())
    }

    /// Carries out a replacement whose delay is over. Who may announce may.
    /// zh: 执行更换密钥
    #[access(anyone)]
    pub fn replace_key(&mut self, cx: &Cx, root: Digest) -> Result<(), IdentityError> {
        let mut credential = self.answered_for(cx, root)?;
        standing(&credential)?;
        let replacement = self.replacement(root).ok_or(IdentityError::NoReplacement)?;
        ensure!(!replacement.objected, IdentityError::ReplacementObjected);
        let effective_ms = replacement.effective_ms;
        ensure!(cx.time_ms() >= effective_ms, IdentityError::ReplacementTooEarly { effective_ms });
        credential.subject = replacement.subject;
        credential.key_epoch += 1;
        self.credentials.insert(&root, &credential);
        self.replacements.remove(&root);
        cx.emit(&KeyReplaced { credential: root, subject: replacement.subject });
        Ok(())
    }

    /// The announced replacement of a credential's key.
    /// zh: 查询待更换的密钥
    #[query]
    pub fn replacement(&self, root: Digest) -> Option<Replacement> {
        self.replacements.get(&root)
    }
}
