//! `chancery plates`: a person's half of the lottery's blind signatures (RFC 9474, RSABSSA-SHA384-PSS with 2,048 bits and
//! the exponent 65,537). The authority sees a number that says nothing, signs it with its own tools, and cannot tell
//! later whose entry it made possible.
//!
//! What the authority does for each line is one raw RSA operation with its key, such as
//! `openssl pkeyutl -decrypt -inkey KEY -pkeyopt rsa_padding_mode:none`.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use chancery_abi::types::from_hex;
use clap::{Args, Subcommand};
use crypto_bigint::{
    Odd, U2048,
    modular::{FixedMontyForm, FixedMontyParams},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha384};

use super::{
    failure::{Failure, Result, at},
    options::Format,
    output::Output,
};
use crate::{keystore::AccountKey, schema_json::to_hex};

/// What stands in front of a token, as the contract has it.
const TOKEN_DOMAIN: &[u8] = b"chancery/plate-lottery/token/v1";
const MODULUS: usize = 256;
const HASH: usize = 48;
const SALT: usize = 48;
const BLOCK: usize = MODULUS - HASH - 1;
/// Tokens of one file.
const TOKENS_MAX: usize = 1_000_000;

/// Blind and unblind tokens of the licence-plate lottery.
#[derive(Subcommand)]
pub(super) enum Plates {
    /// Make tokens and an entry's key for each, and print what the authority is to sign without seeing them.
    Blind(Blind),
    /// Turn what the authority signed into entries.
    Unblind(Unblind),
}

/// Make blinded tokens.
#[derive(Args)]
pub(super) struct Blind {
    /// The period's token key: its modulus of 2,048 bits in hexadecimal, in a file.
    #[arg(long, value_name = "FILE")]
    token_key: PathBuf,
    /// A new file that only you can read: tokens, blinding factors, entries' keys.
    #[arg(long, value_name = "FILE")]
    secrets: PathBuf,
    /// How many.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    count: usize,
    #[command(flatten)]
    format: Format,
}

/// Unblind signatures.
#[derive(Args)]
pub(super) struct Unblind {
    /// What the authority signed: a line of 512 hexadecimal digits for each, in the order in which they were printed.
    signatures: PathBuf,
    /// The period's token key.
    #[arg(long, value_name = "FILE")]
    token_key: PathBuf,
    /// The file that `blind` made.
    #[arg(long, value_name = "FILE")]
    secrets: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// What stays with a person, a line for each token.
#[derive(Serialize, Deserialize)]
struct Secret {
    token: String,
    /// The seed of the entry's ed25519 key.
    seed: String,
    /// The encoding that is signed.
    encoded: String,
    /// What takes the blinding away.
    inverse: String,
}

impl Plates {
    /// Runs the command.
    ///
    /// # Errors
    /// When a file cannot be used, or a signature is not the authority's.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::Blind(blind) => blind.run(output),
            Self::Unblind(unblind) => unblind.run(output),
        }
    }
}

/// A key with which tokens are signed.
struct TokenKey {
    modulus: U2048,
    odd: Odd<U2048>,
    params: FixedMontyParams<{ U2048::LIMBS }>,
}

impl TokenKey {
    fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(at(path))?;
        let bytes = from_hex(text.trim()).filter(|bytes| bytes.len() == MODULUS && bytes[0] & 0x80 != 0);
        let modulus = bytes.map(|bytes| U2048::from_be_slice(&bytes));
        let odd = modulus.and_then(|modulus| Option::<Odd<U2048>>::from(Odd::new(modulus)));
        let odd = odd.ok_or_else(|| Failure::new(format!("{} is not a modulus of 2,048 bits", path.display())))?;
        Ok(Self { modulus: *odd.as_ref(), odd, params: FixedMontyParams::new_vartime(odd) })
    }

    fn form(&self, number: &U2048) -> FixedMontyForm<{ U2048::LIMBS }> {
        FixedMontyForm::new(number, &self.params)
    }

    /// A number to the power of the public exponent.
    fn power(&self, number: &U2048) -> FixedMontyForm<{ U2048::LIMBS }> {
        let base = self.form(number);
        // 65,537 is sixteen squares and one product.
        (0..16).fold(base, |power, _| power.square()) * base
    }

    /// A random number below the modulus, with its inverse.
    fn blinding(&self) -> Result<(U2048, U2048)> {
        loop {
            let factor = U2048::from_be_slice(&random::<MODULUS>()?);
            if factor >= self.modulus {
                continue;
            }
            if let Some(inverse) = Option::<U2048>::from(factor.invert_odd_mod(&self.odd)) {
                return Ok((factor, inverse));
            }
        }
    }

    fn blind(&self) -> Result<(Secret, String)> {
        let (token, seed) = (random::<32>()?, random::<32>()?);
        let encoded = encode(&[TOKEN_DOMAIN, &token].concat(), &random::<SALT>()?);
        let (factor, inverse) = self.blinding()?;
        let blinded = self.form(&U2048::from_be_slice(&encoded)) * self.power(&factor);
        let secret = Secret {
            token: to_hex(&token),
            seed: to_hex(&seed),
            encoded: to_hex(&encoded),
            inverse: to_hex(inverse.to_be_bytes().as_ref()),
        };
        Ok((secret, to_hex(blinded.retrieve().to_be_bytes().as_ref())))
    }

    /// The signature over a token, when what the authority signed was the blinded one.
    fn unblind(&self, secret: &Secret, signed: &str) -> Option<String> {
        let number = |text: &str| {
            let bytes = from_hex(text.trim()).filter(|bytes| bytes.len() == MODULUS)?;
            Some(U2048::from_be_slice(&bytes)).filter(|number| *number < self.modulus)
        };
        let signature = (self.form(&number(signed)?) * self.form(&number(&secret.inverse)?)).retrieve();
        let holds = self.power(&signature).retrieve() == number(&secret.encoded)?;
        holds.then(|| to_hex(signature.to_be_bytes().as_ref()))
    }
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new("this machine has no randomness").because(error))?;
    Ok(bytes)
}

/// EMSA-PSS-ENCODE of RFC 8017, 9.1.1, with SHA-384 and MGF1 of the same, for an encoding of 2,047 bits.
fn encode(message: &[u8], salt: &[u8; SALT]) -> [u8; MODULUS] {
    let digest = Sha384::digest(message);
    let hash: [u8; HASH] = Sha384::new().chain_update([0; 8]).chain_update(digest).chain_update(salt).finalize().into();
    let mut encoded = [0; MODULUS];
    let (block, rest) = encoded.split_at_mut(BLOCK);
    block[BLOCK - SALT - 1] = 1;
    block[BLOCK - SALT..].copy_from_slice(salt);
    for (counter, part) in (0u32..).zip(block.chunks_mut(HASH)) {
        let mask = Sha384::new().chain_update(hash).chain_update(counter.to_be_bytes()).finalize();
        part.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
    }
    block[0] &= 0x7f;
    rest[..HASH].copy_from_slice(&hash);
    rest[HASH] = 0xbc;
    encoded
}

impl Blind {
    fn run(self, output: &Output) -> Result {
        if !(1..=TOKENS_MAX).contains(&self.count) {
            return Err(Failure::usage(format!("--count is 1 to {TOKENS_MAX}")));
        }
        let key = TokenKey::read(&self.token_key)?;
        let made = (0..self.count).map(|_| key.blind()).collect::<Result<Vec<_>>>()?;
        // The secrets are safe before anything leaves this machine.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.secrets);
        let mut file = std::io::BufWriter::new(file.map_err(at(&self.secrets))?);
        let written = made.iter().try_for_each(|(secret, _)| {
            writeln!(file, "{}", serde_json::to_string(secret).expect("a secret is texts"))
        });
        written.and_then(|()| file.flush()).and_then(|()| file.get_ref().sync_all()).map_err(at(&self.secrets))?;
        made.iter().try_for_each(|(_, blinded)| output.document(&json!({ "blinded": blinded })))
    }
}

impl Unblind {
    fn run(self, output: &Output) -> Result {
        let key = TokenKey::read(&self.token_key)?;
        let secrets = fs::read_to_string(&self.secrets).map_err(at(&self.secrets))?;
        let signatures = fs::read_to_string(&self.signatures).map_err(at(&self.signatures))?;
        let (secrets, signatures): (Vec<_>, Vec<_>) = (secrets.lines().collect(), signatures.lines().collect());
        if secrets.len() != signatures.len() {
            let (expected, found) = (secrets.len(), signatures.len());
            return Err(Failure::new(format!("{expected} tokens were blinded, and {found} lines are signed")));
        }
        let mut left_out = 0;
        for (line, (secret, signed)) in (1..).zip(secrets.iter().zip(signatures)) {
            let malformed = || Failure::new(format!("line {line} of {} is no secret", self.secrets.display()));
            let secret: Secret = serde_json::from_str(secret).map_err(|_| malformed())?;
            let seed = from_hex(&secret.seed).and_then(|seed| seed.try_into().ok()).ok_or_else(malformed)?;
            match key.unblind(&secret, signed) {
                Some(signature) => output.document(&json!({ "entry": {
                    "token": secret.token,
                    "signature": signature,
                    "key": to_hex(&AccountKey::from_seed(seed).public_key()),
                    "loss": null,
                } }))?,
                None => {
                    left_out += 1;
                    output.note(&format!("line {line} is not the authority's signature over that token; left out"));
                }
            }
        }
        match left_out {
            0 => Ok(()),
            count => {
                Err(Failure::new(format!("{count} lines are not signed, the others are entries")).code("not_signed"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULUS_HEX: &str = "\
a90e5a0db15c13f187d6475d56ccc83ba6f0483f3d7b7318fb81a88a03ac42b2432a2c4ca3193bab05a3c1359a9346c4\
a283408ff031474b9acdd422cb60979a760dd17d23d9b9f47ff7485ffd872479750299b9ed611db3aae0dbe47a5c26b8\
9734267703d79bbce8d7767f395bf57ff242f304de6c090401d651e8435732d2013248e4d9b0022f7f9e7935ba641980\
e59ad086d405525ddfc40e9645ffb6793e43c04b1ba5d3a7984832c264a97109e5b52a9c744ce0d27e40b0c8d66bc289\
665f52eff8e08c32d80208c39011e52813d1301555dfcb3a22db48167e5b59423cbd5709fce8fb8003fb8f344018312b\
4bb3f120c7e52f8e7fd1fdaccd40eb89";
    const PRIVATE_HEX: &str = "\
1f46ed784d11090b8da3224eed89339e7db344da96686991fcae2f5d6172946060b6c3bd660b7c13971685df81faaf84\
1fc102c7de9b6f625880ae37c5c2d829969fd5db3e2fc10cb04432dab790323a5a60a1ca5955b7660f3e4cd087a6d6ef\
1de2631f6fd18b19b7466dc0f9febe7bee795e76cf23d3c32f07d4dd90dfe821cf43f3a415c45a3a3160ebc9a3e36764\
2056230c49f744dcc84f7bfee5227beba4f4b5ee67426768e850077a311b65467590e1e993a148ddc3ae4db508907ddd\
308c16d6d9cb2b3ea1f8b4bfc93d193a0c83c2658db876d2a0ea8d0969dbc92d55e76a1ffa14b1f2ca0245fee65760eb\
a2ce916daebcd7f65cf60cdf23dcf945";

    fn key() -> TokenKey {
        let home = tempfile::tempdir().expect("a temporary directory");
        let file = home.path().join("key");
        fs::write(&file, MODULUS_HEX).expect("a file");
        TokenKey::read(&file).expect("a modulus")
    }

    fn authority(key: &TokenKey, blinded: &str) -> String {
        let number = |text: &str| U2048::from_be_slice(&from_hex(text).expect("digits"));
        to_hex(key.form(&number(blinded)).pow(&number(PRIVATE_HEX)).retrieve().to_be_bytes().as_ref())
    }

    #[test]
    fn what_the_authority_signed_blindly_is_a_signature_over_the_token() {
        let key = key();
        let (secret, blinded) = key.blind().expect("randomness");
        let signature = key.unblind(&secret, &authority(&key, &blinded)).expect("it was signed");
        let (modulus, bytes) = (from_hex(MODULUS_HEX).expect("digits"), from_hex(&signature).expect("digits"));
        let message = [TOKEN_DOMAIN, &from_hex(&secret.token).expect("digits")].concat();
        // As the contract has it: s^e is an encoding of the message.
        let encoded = key.power(&U2048::from_be_slice(&bytes)).retrieve().to_be_bytes();
        assert_eq!(to_hex(encoded.as_ref()), secret.encoded);
        assert_eq!((modulus.len(), message.len()), (256, 63));
        assert!(key.unblind(&secret, &authority(&key, &signature)).is_none(), "of another number");
        assert!(key.unblind(&secret, &blinded).is_none(), "not signed at all");
        assert!(key.unblind(&secret, "12").is_none());
    }

    #[test]
    fn two_blindings_of_anything_are_unlike_and_say_nothing() {
        let key = key();
        let made: Vec<_> = (0..4).map(|_| key.blind().expect("randomness")).collect();
        for (place, (secret, blinded)) in made.iter().enumerate() {
            assert!(!blinded.contains(&secret.token) && *blinded != secret.encoded);
            assert!(made[place + 1..].iter().all(|(other, again)| again != blinded && other.token != secret.token));
        }
    }
}
