//! Draws a period of the licence-plate lottery again from what the chain has published, and compares.
//!
//!     chancery query plates/plate-lottery period --period 3 --json > period.json
//!     chancery query plates/plate-lottery entries --period 3 --limit 200 --json > page-1.json     and so on, with --after
//!     chancery query plates/plate-lottery winners --period 3 --limit 200 --json > winners.json
//!     redraw 3 period.json winners.json page-1.json ...
//!
//! It shares no code with the contract: only SHA-256 and what the lottery's README says.

use std::{fs, process::ExitCode};

use redraw::{Entry, Published, redraw};
use serde_json::Value;

fn main() -> ExitCode {
    match run() {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("redraw: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let mut words = std::env::args().skip(1);
    let usage = "redraw PERIOD PERIOD.json WINNERS.json PAGE.json ...";
    let period = words.next().and_then(|word| word.parse().ok()).ok_or(usage)?;
    let (about, won) = (read(&words.next().ok_or(usage)?)?, read(&words.next().ok_or(usage)?)?);
    let mut entries = Vec::new();
    for page in words {
        for pair in list(&read(&page)?)? {
            let entry = &pair[1];
            entries.push(Entry {
                token: bytes(&entry["token"])?,
                key: bytes(&entry["key"])?,
                tickets: small(&entry["tickets"])?,
                losses: small(&entry["losses"])?,
            });
        }
    }
    let about = &about["value"];
    let drawn = about["drawn"].as_u64().and_then(|drawn| u32::try_from(drawn).ok()).ok_or("no count of winners")?;
    let quota = about["rules"]["quota"].as_u64().and_then(|quota| u32::try_from(quota).ok()).ok_or("no quota")?;
    let (frozen, beacon) = (bytes(&about["list"])?, bytes(&about["beacon"])?);
    let published = Published { period, list: frozen, beacon, quota, winners: drawn, entries };
    let winners = redraw(&published).map_err(|problem| format!("{problem:?}"))?;
    let said: Vec<u64> = list(&won)?.iter().filter_map(|pair| pair[1].as_u64()).collect();
    let drawn_here: Vec<u64> = winners.iter().map(|entry| u64::from(*entry)).collect();
    match drawn_here.starts_with(&said) && !said.is_empty() {
        true => {
            Ok(format!("{} entries, {} winners: the draw is what the chain says", published.entries.len(), said.len()))
        }
        false => Err("THE DRAW IS NOT WHAT THE CHAIN SAYS".to_owned()),
    }
}

fn read(path: &str) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}

/// The list that a query returned.
fn list(answer: &Value) -> Result<Vec<Value>, String> {
    answer["value"].as_array().cloned().ok_or_else(|| "an answer is not a list".to_owned())
}

fn small(value: &Value) -> Result<u8, String> {
    value.as_u64().and_then(|number| u8::try_from(number).ok()).ok_or_else(|| "a number is missing".to_owned())
}

fn bytes(value: &Value) -> Result<[u8; 32], String> {
    let text = value.as_str().ok_or("32 bytes are missing")?;
    let text = text.strip_prefix("0x").unwrap_or(text);
    let byte = |place: usize| text.get(2 * place..2 * place + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| format!("`{text}` is not 32 bytes"))
}
