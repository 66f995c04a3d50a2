//! Makes a node lie: alters the store that a stopped node left, so that the node which is then started from it says what
//! is not so. `make test-web` starts such nodes and shows that the portal, in a browser that knows nothing but the trust
//! anchor, finds each of them out.
//!
//! ```text
//! liar STORE CHAIN plain  CONTRACT KEY=VALUE...    the values that reads find, and nothing that proofs are made of
//! liar STORE CHAIN value  CONTRACT KEY=VALUE...    the state with its trie, under the true headers
//! liar STORE CHAIN root   CONTRACT KEY=VALUE...    and the root in the header that proofs lead to
//! liar STORE CHAIN forged CONTRACT KEY=VALUE...    and the mainchain's record of that header; the votes for it are by other keys
//! liar STORE CHAIN certificate                     the signatures of the newest certificates have a bit changed
//! liar STORE CHAIN signers                         the newest certificates are signed by other keys, and rightly
//! ```
//!
//! CONTRACT is DEPARTMENT.NAME; KEY is a slot key in hexadecimal; VALUE is a value in hexadecimal, `@KEY` for what stands
//! under another key, or nothing at all, which removes the entry.
//!
//! What it writes is as consistent as the lie allows, for a node checks its own store when it opens and when it makes a
//! proof; what cannot be made consistent are the votes, for which it has no keys. It is no part of the binary.

mod forger;
mod lie;
mod votes;

use std::{env, path::Path, process::ExitCode};

use crate::{forger::Forger, lie::Lie};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match tell(&arguments) {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("liar: {error}");
            ExitCode::FAILURE
        }
    }
}

fn tell(arguments: &[String]) -> Result<String> {
    let [store, chain, lie, rest @ ..] = arguments else {
        return Err("usage: liar STORE CHAIN LIE [CONTRACT KEY=VALUE...]".into());
    };
    let lie = Lie::parse(lie, rest)?;
    Forger::open(Path::new(store), &chain.parse()?)?.tell(&lie)
}
