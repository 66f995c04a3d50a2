//! The authority's key in these tests, and what signs tokens with it: RSASSA-PSS as RFC 8017 has it, by the private
//! key. The one signature that stands here was made by OpenSSL, which shares no code with the contract.

use crypto_bigint::{
    NonZero, Odd, U1024, U2048,
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
// The modulus' factors, and the exponent for each: signing modulo both takes a quarter of the time.
const FIRST: &str = "
dcb7666cf982ea838f32e8306d153690893aa6658c58104d6c88a3eb7309fcafb786642f09c9d1c8f1d877997876db70
9333f2dfc398a09bfe7474a9584c3a598b9df4fa0efa4bd5df9a75a01ec1667258f0a6721387b493391a884ae71207d4
83dfb83ffb18d4f03b65683bf46d320051ccbbffac894380e71df590315dbb17";
const SECOND: &str = "
c414cda6510a05f22baedf5c5698dca83373cabb0c712176cde32d635fa165cb9e818174f40255c9f701abde7c4e2680
d586fe2148bea0ce4033ea21efa38b87926fa0ff3618e6d34e6f3eaca8ad1c10a0eeca833a47454f87bda01ad4eeee4c
72194ea7cc8d07cf70fc574b79ab0df7d2fca1f6afc10a5e1a7fed663742325f";
const EXPONENT_OF_FIRST: &str = "
1579ff0c7186ec9cda8d408c9dc0a7ab8ebed73c2058dd553b4f5c6be7a8bc1eb903e9b1ae092651a03ec8fc74fd53c2
f37fe58d227232869b4ee79f26c95c102486bd34abca6d20a57e591db88067208f48f3593c4f4321e43791b580208004
8cc473203ea59eeab54cdbc4a1b7125b779a2d5ce68400be853ea40b60d25707";
const EXPONENT_OF_SECOND: &str = "
8ce9ce68e9f06419879f22d1ff41d7c1e14823b78cd7788f22a352a909beb9a33d84207ee6250f76175752268ffab1dd
009704e6f29a5c821ccdb243352eb94572cd5a4c4e9a52b824b3f9bca773d0a97a9e61573178aaacdf063d9b4acf72dd
e9599a97287f69cf8089384afb631ca4af31f34b8f3f11ae53290078e6d961cd";
/// The second factor's inverse modulo the first.
const INVERSE: &str = "
8da21d535db21f2b4784f647230b4a1124b10293108037dab0adbe1fbe764dc9ed0f3782cbf157aa7c56f54a8c4a7ba6
8468ad6e850c342fcb185dc9a719536c723d8a4425cfe9518fd34da2d69f51f8390555280adb7f66eef0852e7f22b043
67bf50d963876b5f01f248d2659250f993de6478b7a6474e14c65c5e472a1c3f";
/// OpenSSL's signature over the token of 32 sevens.
pub(crate) const OPENSSL_SIGNATURE: &str = "
6359879972d40dcd93266a28aa1c5889185e01e5612a5eb64a9c31ed4ffc81291e7d794c820c248b1e7a90c1ef0374f6
30ff9af437dea7fdf24d579fbe6117d5058bfb920a257be1124b772fa11524853227ddd64ba6cfc6572e5e897acb25f6
9dce9c4f9b4ec5cb0e66c87e0335a0bfe04945f758592ad0230888dc5aa675ff65c4912d2761d11fae5bd55954f15b6b
1fc0e9e64221697aa909fc100af3112330eccc0af415f56800d6f9f2bdab32566f4b416de8317a901de553d59c46f57f
4bcaa910d2225cf62fc29a0dfb0751941bb6403f9734bb487471df1b7caa0237f52d42b96c8ae14c15983be8a90bb1c9
7a50d33c058d6c25c41eb1f505d89705";

/// Bytes from hexadecimal digits in lines.
pub(crate) fn hex<const BYTES: usize>(text: &str) -> [u8; BYTES] {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("digits");
    digits.chunks(2).map(byte).collect::<Vec<_>>().try_into().expect("as many bytes as that")
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
    power(&U2048::from_be_slice(&encoded)).to_be_bytes().as_ref().try_into().expect("256 bytes")
}

/// A number to the power of the private exponent.
fn power(number: &U2048) -> U2048 {
    let half = |text: &str| U1024::from_be_slice(&hex::<128>(text));
    let (first, second) = (half(FIRST), half(SECOND));
    let modulo = |factor: &U1024| {
        let factor: U2048 = factor.resize();
        number.rem_vartime(&NonZero::new(factor).expect("a factor is not 0")).resize::<{ U1024::LIMBS }>()
    };
    let form = |number: &U1024, factor: U1024| {
        let odd = Odd::new(factor).expect("a factor is odd");
        FixedMontyForm::new(number, &FixedMontyParams::new_vartime(odd))
    };
    let of_first = form(&modulo(&first), first).pow(&half(EXPONENT_OF_FIRST));
    let of_second = form(&modulo(&second), second).pow(&half(EXPONENT_OF_SECOND)).retrieve();
    // The second factor is the smaller one, so what is below it is below the first too.
    let apart = (of_first - form(&of_second, first)) * form(&half(INVERSE), first);
    let (second, apart): (U2048, U2048) = (second.resize(), apart.retrieve().resize());
    second.wrapping_mul(&apart).wrapping_add(&of_second.resize())
}
