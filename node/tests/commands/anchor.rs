//! `chancery anchor`: the file, the fingerprint and the codes are of one anchor; what is none is refused.

use std::fs;

use chancery_abi::Digest;

use crate::{Dev, Ended, chancery};

#[test]
fn an_anchor_is_exported_drawn_and_shown_with_the_fingerprint_of_its_bytes() {
    let dev = Dev::start();
    let at = |name: &str| dev.folder().join(name).to_str().expect("the path is a text").to_owned();
    let (file, image) = (at("main.anchor"), at("anchor.svg"));
    let exported = dev.run(&["anchor", "export", "-o", &file, "--qr", &image]);
    assert_eq!(exported.code, Some(0), "{}{}", exported.out, exported.err);
    let json = exported.json();
    let fingerprint = Digest::of(&fs::read(&file).expect("the anchor")).to_string();
    assert_eq!((&json["fingerprint"], &json["chain"]), (&fingerprint.as_str().into(), &"main".into()));
    assert_eq!((json["committee"].as_array().map(Vec::len), &json["quorum"]), (Some(4), &3.into()));
    assert!(fs::read_to_string(&image).expect("the image").starts_with("<svg "));

    let shown = dev.run(&["anchor", "show", &file]).json();
    assert_eq!(shown["fingerprint"], fingerprint.as_str());
    // For people: the fingerprint in groups, and drawn.
    let mut command = chancery(&["anchor", "export", "--qr", "-o", &file, "--node"]);
    let printed = Ended::of(command.arg(&dev.url));
    assert_eq!(printed.code, Some(0), "{}{}", printed.out, printed.err);
    assert!(printed.out.contains(&format!("{} {}", &fingerprint[..8], &fingerprint[8..16])), "{}", printed.out);
    assert!(printed.out.contains("████"), "{}", printed.out);

    let genesis = dev.run(&["anchor", "export", "--genesis", &file, "-o", &at("none")]);
    assert_eq!(genesis.code, Some(1), "{}", genesis.out);
    assert!(genesis.out.contains("is not a genesis"), "{}", genesis.out);
    let shown = dev.run(&["anchor", "show", &image]);
    assert_eq!(shown.code, Some(1), "{}", shown.out);
    assert!(shown.out.contains("is not a trust anchor"), "{}", shown.out);
}
