//! Totality: every function answers whatever it is given. That the verifier's answers are right is tested where it lives;
//! `tests/web` runs the module itself, in browsers.

use std::collections::BTreeMap;

use chancery_abi::{
    Digest,
    merkle::{self, Mountain},
};
use chancery_json::paths::{Heading, entry_line};
use serde_json::Value;

use super::*;

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("answers are JSON")
}

#[test]
fn what_is_no_bundle_and_no_anchor_is_said_to_be_none() {
    for bytes in [&[][..], &[0; 3], &[255; 4096]] {
        let answer = json(&verify(bytes, bytes, None));
        assert_eq!((&answer["verified"], &answer["code"]), (&false.into(), &"unreadable_anchor".into()));
        assert!(json(&anchor_view(bytes))["error"].is_string());
    }
}

#[test]
fn a_document_in_pieces_has_the_digest_of_its_salt_and_itself() {
    let mut hasher = Hasher::new(b"salt");
    hasher.update(b"a docu");
    hasher.update(b"");
    hasher.update(b"ment");
    assert_eq!(hasher.finish(), Digest::of(b"salta document").0);
}

#[test]
fn a_document_is_found_in_its_batch_and_another_is_not() {
    let digests: Vec<Digest> = (0u8..5).map(|number| Digest::of(&[number])).collect();
    let (mut mountain, mut subtrees) = (Mountain::default(), BTreeMap::new());
    for digest in &digests {
        let closed = mountain.push(merkle::leaf(&digest.0));
        subtrees.extend(closed.into_iter().map(|(level, place, hash)| ((level, place), hash)));
    }
    let heading = Heading { root: mountain.root(), count: 5 };
    let subtree = |level, place| Ok::<_, ()>(subtrees.get(&(level, place)).copied().unwrap_or_default());
    let lines = (0u64..).zip(&digests).map(|(index, digest)| {
        let path = merkle::path_in_mountain(index, 5, subtree).expect("no error").expect("a path");
        entry_line(digest, index, &path.siblings)
    });
    let text = [heading.line()].into_iter().chain(lines).collect::<Vec<_>>().join("\n");
    let found = json(&batch_place(&text, &digests[3].0));
    assert_eq!((&found["index"], &found["count"]), (&3.into(), &5.into()));
    assert_eq!(found["root"], heading.root.to_string());
    let code = |text: &str, digest: &[u8]| json(&batch_place(text, digest))["error"].clone();
    assert_eq!(code(&text, &[7; 32]), "not_in_batch");
    assert_eq!(code(&text.replace("\"index\":3", "\"index\":2"), &digests[3].0), "wrong_path");
    assert_eq!(code(&text.replace("paths/1", "paths/2"), &digests[3].0), "other_format");
    for (text, digest) in [("", &[7; 32][..]), (&text, &[7; 31]), ("{}", &[7; 32])] {
        assert_eq!(code(text, digest), "unreadable");
    }
}

#[test]
fn a_draw_of_another_list_or_of_none_says_so() {
    let zero = "0".repeat(64);
    let finish = |draw: &Draw| json(&draw.finish());
    assert_eq!(finish(&Draw::new(1, "no hash", &zero, 1, 1))["error"], "other_list");
    let mut draw = Draw::new(1, &zero, &zero, 1, 1);
    draw.push(&zero, &zero, 1, 0);
    assert_eq!(finish(&draw)["error"], "other_list");
    draw.push(&zero, &zero, 256, 0);
    assert_eq!(finish(&draw)["error"], "other_list");
    let list = Digest::of(&1u32.to_be_bytes()).to_string();
    assert_eq!(finish(&Draw::new(1, &list, &zero, 1, 1))["error"], "too_few_entries");
    assert_eq!(finish(&Draw::new(1, &list, &zero, 1, 0))["winners"], Value::Array(Vec::new()));
}

/// A draw whose entries have no tickets would search for a winner for ever.
#[test]
fn entries_without_tickets_end_the_draw() {
    let zero = "0".repeat(64);
    let first = [&Digest::of(&1u32.to_be_bytes()).0[..], &0u32.to_be_bytes(), &[0; 32], &[0; 32], &[0, 0]].concat();
    let second = [&Digest::of(&first).0[..], &1u32.to_be_bytes(), &[0; 32], &[0; 32], &[1, 0]].concat();
    let mut draw = Draw::new(1, &Digest::of(&first).to_string(), &zero, 0, 1);
    draw.push(&zero, &zero, 0, 0);
    assert_eq!(json(&draw.finish())["error"], "too_few_entries");
    // One has a ticket and two are to win.
    let mut draw = Draw::new(1, &Digest::of(&second).to_string(), &zero, 1, 2);
    draw.push(&zero, &zero, 0, 0);
    draw.push(&zero, &zero, 1, 0);
    assert_eq!(json(&draw.finish())["error"], "too_few_entries");
}

#[test]
fn a_code_that_is_written_can_be_read() {
    let text = format!("https://gov.example/en/check#salt={}&at=evidence/evidence", "5f".repeat(32));
    let code = fast_qr::QRBuilder::new(text.as_str()).ecl(fast_qr::ECL::M).build().expect("it fits");
    let (scale, margin) = (4, 16);
    let side = code.size * scale + 2 * margin;
    let mut luma = vec![255; side * side];
    for (place, pixel) in luma.iter_mut().enumerate() {
        let (x, y) = (place % side, place / side);
        let module = |at: usize| at.checked_sub(margin).map(|at| at / scale).filter(|at| *at < code.size);
        if let (Some(x), Some(y)) = (module(x), module(y))
            && code[y][x].value()
        {
            *pixel = 0;
        }
    }
    assert_eq!(read_qr(side as u32, side as u32, &luma), Some(text));
    assert_eq!(read_qr(side as u32, side as u32 - 1, &luma), None);
    assert_eq!(read_qr(3, 3, &[255; 9]), None);
    assert_eq!(read_qr(0, 0, &[]), None);
    assert!(qr_svg("text").starts_with("<svg"));
    assert_eq!(qr_svg(&"x".repeat(8000)), "");
}
