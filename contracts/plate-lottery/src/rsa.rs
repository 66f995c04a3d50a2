//! The authority's blind signatures, as they look once they are unblinded: RSASSA-PSS with SHA-384, MGF1 with the same,
//! a salt of 48 bytes, 2,048 bits and the exponent 65,537 (RFC 8017, 8.1.2; RFC 9474's RSABSSA-SHA384-PSS).

use chancery_sdk::prelude::*;
use crypto_bigint::{
    Odd, U2048,
    modular::{FixedMontyForm, FixedMontyParams},
};
use sha2::{Digest as _, Sha384};

/// Bytes of a modulus and of a signature.
pub const MODULUS_BYTES: usize = 256;
const HASH: usize = 48;
const SALT: usize = 48;
/// The masked data block is what the hash and the trailing byte leave.
const BLOCK: usize = MODULUS_BYTES - HASH - 1;

/// Whether a modulus has 2,048 bits and can be one.
pub fn is_modulus(modulus: &[u8; MODULUS_BYTES]) -> bool {
    modulus[0] & 0x80 != 0 && modulus[MODULUS_BYTES - 1] & 1 != 0
}

/// Whether `signature` holds over `message` under the key with this modulus.
pub fn holds(modulus: &[u8; MODULUS_BYTES], message: &[u8], signature: &[u8; MODULUS_BYTES]) -> bool {
    power(modulus, signature).is_some_and(|encoded| is_encoding(message, &encoded))
}

/// Whether `signature` is the authority's on a blinded message: its power is that message.
pub fn opens(modulus: &[u8; MODULUS_BYTES], signature: &[u8; MODULUS_BYTES], blinded: &[u8; MODULUS_BYTES]) -> bool {
    power(modulus, signature).is_some_and(|power| power[..] == blinded[..])
}

/// What a signature is of.
fn power(modulus: &[u8; MODULUS_BYTES], signature: &[u8; MODULUS_BYTES]) -> Option<Vec<u8>> {
    let (modulus, signature) = (U2048::from_be_slice(modulus), U2048::from_be_slice(signature));
    let odd = Option::<Odd<U2048>>::from(Odd::new(modulus))?;
    if signature >= modulus {
        return None;
    }
    // s^65537 is sixteen squares and one product.
    let base = FixedMontyForm::new(&signature, &FixedMontyParams::new_vartime(odd));
    let power = (0..16).fold(base, |power, _| power.square()) * base;
    Some(power.retrieve().to_be_bytes().as_ref().to_vec())
}

/// EMSA-PSS-VERIFY of RFC 8017, 9.1.2, for an encoding of 2,047 bits.
fn is_encoding(message: &[u8], encoded: &[u8]) -> bool {
    let Some((block, rest)) = encoded.split_at_checked(BLOCK) else { return false };
    let Some((hash, trailer)) = rest.split_at_checked(HASH) else { return false };
    if trailer != [0xbc] || block[0] & 0x80 != 0 {
        return false;
    }
    let mut block: Vec<u8> = block.to_vec();
    for (counter, part) in (0u32..).zip(block.chunks_mut(HASH)) {
        let mask = Sha384::new().chain_update(hash).chain_update(counter.to_be_bytes()).finalize();
        part.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
    }
    block[0] &= 0x7f;
    let (padding, salt) = block.split_at(BLOCK - SALT);
    let is_padding = padding.split_last().is_some_and(|(one, zeros)| *one == 1 && zeros.iter().all(|byte| *byte == 0));
    let digest = Sha384::digest(message);
    let expected = Sha384::new().chain_update([0; 8]).chain_update(digest).chain_update(salt).finalize();
    is_padding && expected.as_slice() == hash
}
