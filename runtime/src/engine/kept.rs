//! Compiled modules that outlive the process: what a node's disk keeps, and why it can be believed.
//!
//! Loading a compiled module runs whatever machine code is in it, so nothing is loaded that this engine did not write.
//! Each is kept under a MAC whose key never leaves the node: HMAC-SHA256 over the digest of the source, the engine's
//! fingerprint, the schedule, the digest of the instrumented module, and the compiled bytes. A bad MAC, a missing file,
//! a file of another release or another CPU mean compiling again, never an error. The bytes are read before the MAC is
//! checked, and only by hashing.
//!
//! No outcome depends on any of it. There is no disk here: [`ModuleStore`] is the node's.

use std::hash::{Hash as _, Hasher};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, Module};

use crate::{abi::Digest, module::Schedule};

/// What begins every kept module's MAC.
const DOMAIN: &[u8] = b"chancery/compiled module/1";
const TAG_BYTES: usize = 32;

/// A place for bytes that may be lost or changed at any time. It need not be trusted.
pub trait ModuleStore: Send + Sync {
    /// The bytes saved under this name, if they are there and can be read.
    fn load(&self, name: &str) -> Option<Vec<u8>>;
    /// Keeps bytes under a name, if it can. The name has lower-case hexadecimal digits and dashes.
    fn save(&self, name: &str, bytes: &[u8]);
}

/// A store with the key that what is in it was signed with.
pub struct KeptModules {
    store: Box<dyn ModuleStore>,
    key: [u8; 32],
}

impl KeptModules {
    /// Compiled modules in `store`, under a key that only this node knows.
    pub fn new(store: Box<dyn ModuleStore>, key: [u8; 32]) -> Self {
        Self { store, key }
    }
}

/// The same for one engine.
pub(super) struct Kept {
    modules: KeptModules,
    fingerprint: [u8; 32],
}

/// What a compiled module is of.
pub(super) struct Subject<'a> {
    pub(super) code: Digest,
    pub(super) schedule: &'a Schedule,
    pub(super) instrumented: &'a [u8],
}

impl Kept {
    pub(super) fn new(modules: KeptModules, engine: &Engine) -> Self {
        let mut hasher = Fingerprint(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self { modules, fingerprint: hasher.0.finalize().into() }
    }

    /// The compiled form of `subject`, when it is kept and nobody touched it.
    pub(super) fn load(&self, engine: &Engine, subject: &Subject<'_>) -> Option<Module> {
        let kept = self.modules.store.load(&self.name(subject))?;
        let (tag, compiled) = kept.split_first_chunk::<TAG_BYTES>()?;
        self.mac(subject, compiled).verify_slice(tag).ok()?;
        load_authentic(engine, compiled)
    }

    pub(super) fn save(&self, subject: &Subject<'_>, module: &Module) {
        // What cannot be written out is compiled again next time.
        let Ok(compiled) = module.serialize() else { return };
        let tag = self.mac(subject, &compiled).finalize().into_bytes();
        self.modules.store.save(&self.name(subject), &[&tag[..], &compiled].concat());
    }

    fn name(&self, subject: &Subject<'_>) -> String {
        let fingerprint = Digest(self.fingerprint).to_string();
        format!("{}-{}-{}", subject.code, &fingerprint[..16], subject.schedule.number)
    }

    fn mac(&self, subject: &Subject<'_>, compiled: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.modules.key).expect("HMAC takes keys of any length");
        // All parts but the last have one length each.
        mac.update(DOMAIN);
        mac.update(&subject.code.0);
        mac.update(&self.fingerprint);
        mac.update(&subject.schedule.number.to_be_bytes());
        // A release that instruments differently under the same schedule must not run what another one compiled.
        mac.update(&Sha256::digest(subject.instrumented));
        mac.update(compiled);
        mac
    }
}

#[expect(unsafe_code, reason = "loading compiled code is trusting it")]
fn load_authentic(engine: &Engine, compiled: &[u8]) -> Option<Module> {
    // SAFETY: these bytes must come from `Module::serialize` and be unchanged. The caller has checked a MAC over them
    // that only `Kept::save` makes, with the node's own key, right after `serialize` gave them. The engine itself refuses
    // what another version or configuration of it wrote.
    unsafe { Module::deserialize(engine, compiled) }.ok()
}

/// The engine's compatibility hash as SHA-256, because the standard library's hashers are not for keeping.
struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
