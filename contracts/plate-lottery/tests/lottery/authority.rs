//! The authority's key in these tests, and what signs tokens with it: RSASSA-PSS as RFC 8017 has it, by the private
//! exponent. The one signature that stands here was made by OpenSSL, which shares no code with the contract.

use crypto_bigint::{
    Odd, U2048,
    modular::{FixedMontyForm, FixedMontyParams},
};
use sha2::{Digest as _, Sha384};

const MODULUS: &str = "
a90e5a0db15c13f187d6475d56ccc83ba6f0483f3d7b7318fb81a88a03ac42b2432a2c4ca3193bab05a3c1359a9346c4
a283408ff031474b9acdd422cb60979a760dd17d23d9b9f47ff7485ffd872479750299b9ed611db3aae0dbe47a5c26b8
9734267703d79bbce8d7767f395bf57ff242f304de6c090401d651e8435732d2013248e4d9b0022f7f9e7935ba641980
e59ad086d405525ddfc40e9645ffb6793e43c04b1ba5d3a7984832c264a97109e5b52a9c744ce0d27e40b0c8d66bc289
665f52eff8e08c32d80208c39011e52813d1301555dfcb3a22db48167e5b59423cbd5709fce8fb8003fb8f344018312b
4bb3f120c7e52f8e7fd1fdaccd40eb89";
const PRIVATE_EXPONENT: &str = "
1f46ed784d11090b8da3224eed89339e7db344da96686991fcae2f5d6172946060b6c3bd660b7c13971685df81faaf84
1fc102c7de9b6f625880ae37c5c2d829969fd5db3e2fc10cb04432dab790323a5a60a1ca5955b7660f3e4cd087a6d6ef
1de2631f6fd18b19b7466dc0f9febe7bee795e76cf23d3c32f07d4dd90dfe821cf43f3a415c45a3a3160ebc9a3e36764
2056230c49f744dcc84f7bfee5227beba4f4b5ee67426768e850077a311b65467590e1e993a148ddc3ae4db508907ddd
308c16d6d9cb2b3ea1f8b4bfc93d193a0c83c2658db876d2a0ea8d0969dbc92d55e76a1ffa14b1f2ca0245fee65760eb
a2ce916daebcd7f65cf60cdf23dcf945";
/// OpenSSL's signature over the token of 32 sevens.
pub(crate) const OPENSSL_SIGNATURE: &str = "
6359879972d40dcd93266a28aa1c5889185e01e5612a5eb64a9c31ed4ffc81291e7d794c820c248b1e7a90c1ef0374f6
30ff9af437dea7fdf24d579fbe6117d5058bfb920a257be1124b772fa11524853227ddd64ba6cfc6572e5e897acb25f6
9dce9c4f9b4ec5cb0e66c87e0335a0bfe04945f758592ad0230888dc5aa675ff65c4912d2761d11fae5bd55954f15b6b
1fc0e9e64221697aa909fc100af3112330eccc0af415f56800d6f9f2bdab32566f4b416de8317a901de553d59c46f57f
4bcaa910d2225cf62fc29a0dfb0751941bb6403f9734bb487471df1b7caa0237f52d42b96c8ae14c15983be8a90bb1c9
7a50d33c058d6c25c41eb1f505d89705";

/// Bytes from hexadecimal digits in lines.
pub(crate) fn hex(text: &str) -> [u8; 256] {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(byte).collect::<Vec<_>>().try_into().expect("256 bytes")
}

/// The modulus.
pub(crate) fn modulus() -> [u8; 256] {
    hex(MODULUS)
}

/// The authority's signature over a token, with a salt that this makes from it.
pub(crate) fn sign(token: &[u8; 32]) -> [u8; 256] {
    let message = [plate_lottery::TOKEN_DOMAIN, token].concat();
    let salt: [u8; 48] = Sha384::digest(token).into();
    let hash: [u8; 48] =
        Sha384::new().chain_update([0; 8]).chain_update(Sha384::digest(&message)).chain_update(salt).finalize().into();
    let mut block = [0; 207];
    block[158] = 1;
    block[159..].copy_from_slice(&salt);
    for (counter, part) in (0u32..).zip(block.chunks_mut(48)) {
        let mask = Sha384::new().chain_update(hash).chain_update(counter.to_be_bytes()).finalize();
        part.iter_mut().zip(mask.iter()).for_each(|(byte, mask)| *byte ^= mask);
    }
    block[0] &= 0x7f;
    let encoded = [&block[..], &hash, &[0xbc]].concat();
    let number = |bytes: &[u8]| U2048::from_be_slice(bytes);
    let odd = Odd::new(number(&modulus())).expect("a modulus is odd");
    let base = FixedMontyForm::new(&number(&encoded), &FixedMontyParams::new_vartime(odd));
    let power = base.pow(&number(&hex(PRIVATE_EXPONENT)));
    power.retrieve().to_be_bytes().as_ref().try_into().expect("256 bytes")
}
