//! `chancery call --each`: one call for each line of a file, as fast as the chain takes them.
//!
//! Invariants: every line is read and checked before the first call is sent, so a mistyped file sends nothing; calls go
//! out in the file's order with consecutive nonces, a bounded number of them under way; each line ends with a
//! result, and the totals count every line once. A line that a simulation refuses is tried again after everything before
//! it is final, since it may build on that, and is then left out without using a nonce.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, BufRead as _, BufReader, BufWriter, Write as _},
    path::Path,
    time::Instant,
};

use chancery_abi::{
    Payload, Transaction,
    schema::{Schema, TypeRef},
};
use serde_json::{Map, Value, json};

use super::{
    failure::{Failure, Result, at},
    outcome::{self, Schemas},
    output::{Output, Progress, grouped},
    sender::{SendOptions, Sender},
};
use crate::client::{ClientError, ReceiptAnswer};

/// Lines of one file.
const LINES_MAX: usize = 1_000_000;
/// Bytes of one line.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Calls under way at once; below what a node lets one account have waiting.
const UNDER_WAY_MAX: usize = 192;
/// Mistakes that are listed one by one.
const MISTAKES_SHOWN: usize = 20;
/// Seconds that one request may wait for a receipt.
const WAIT_SECONDS: u64 = 30;

/// One line, ready to send.
pub(super) struct Line {
    number: usize,
    payload: Payload,
    /// Its members whose names begin with `_`.
    notes: Map<String, Value>,
}

/// Reads and checks every line of `path`.
///
/// # Errors
/// When the file cannot be read or a line does not fit; the first mistakes are listed.
pub(super) fn read(
    path: &Path,
    shared: &Map<String, Value>,
    encode: &dyn Fn(&Map<String, Value>) -> Result<Payload>,
) -> Result<Vec<Line>> {
    let reader: Box<dyn io::BufRead> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(BufReader::new(File::open(path).map_err(at(path))?)),
    };
    let (mut lines, mut mistakes) = (Vec::new(), Vec::new());
    for (index, text) in reader.lines().enumerate() {
        let (number, text) = (index + 1, text.map_err(at(path))?);
        if number > LINES_MAX || text.len() > LINE_BYTES_MAX {
            let limits = format!("at most {LINES_MAX} lines of {LINE_BYTES_MAX} bytes are possible");
            return Err(Failure::new(format!("{} is too large at line {number}", path.display())).help(limits));
        }
        if text.trim().is_empty() {
            continue;
        }
        match line(number, &text, shared, encode) {
            Ok(line) => lines.push(line),
            Err(mistake) => mistakes.push(format!("line {number}: {}", mistake.summary())),
        }
    }
    if mistakes.is_empty() {
        return Ok(lines);
    }
    let count = mistakes.len();
    let lines = if count == 1 { "one line does".into() } else { format!("{count} lines do") };
    let what = format!("{}: {lines} not fit; nothing was sent", path.display());
    let failure =
        mistakes.iter().take(MISTAKES_SHOWN).fold(Failure::usage(what), |failure, mistake| failure.because(mistake));
    Err(if count > MISTAKES_SHOWN { failure.because(format!("and {} more", count - MISTAKES_SHOWN)) } else { failure })
}

fn line(
    number: usize,
    text: &str,
    shared: &Map<String, Value>,
    encode: &dyn Fn(&Map<String, Value>) -> Result<Payload>,
) -> Result<Line> {
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| Failure::usage(format!("not a JSON object: {error}")))?;
    let (notes, own): (Map<_, _>, Map<_, _>) = object.into_iter().partition(|(name, _)| name.starts_with('_'));
    let mut values = shared.clone();
    values.extend(own);
    Ok(Line { number, payload: encode(&values)?, notes })
}

/// How a line ended.
enum Ended {
    Final(ReceiptAnswer),
    /// Not sent: a simulation says it would not be done.
    Withheld(ReceiptAnswer),
    /// Refused by the node, or lost.
    Failed(Failure),
}

/// What is counted.
#[derive(Default)]
struct Totals {
    done: u64,
    failed: u64,
    gas: u64,
    first_height: Option<u64>,
    last_height: u64,
}

/// Sending many calls of one method.
pub(super) struct Job<'a> {
    /// Who sends.
    pub sender: Sender<'a>,
    /// How.
    pub send: &'a SendOptions,
    /// Schemas for what comes back.
    pub schemas: Schemas<'a>,
    /// The called contract's.
    pub schema: &'a Schema,
    /// What the method returns.
    pub returns: &'a TypeRef,
    /// Where results go.
    pub output: &'a Output,
}

impl Job<'_> {
    /// Sends `lines` and reports.
    ///
    /// # Errors
    /// When any of them is not done.
    pub(super) fn run(mut self, lines: Vec<Line>, results: Option<&Path>) -> Result {
        let mut results = match results {
            Some(path) => {
                Some(BufWriter::new(fs::OpenOptions::new().create_new(true).write(true).open(path).map_err(at(path))?))
            }
            None => None,
        };
        let (started, total) = (Instant::now(), lines.len() as u64);
        let mut progress = self.output.progress("calls", Some(total));
        let mut totals = Totals::default();
        let ended = self.send_all(lines, &mut |job: &mut Self, line: &Line, ended: Ended| {
            progress.step();
            let record = job.record(line, ended, &mut totals, &progress);
            if let Some(results) = &mut results {
                writeln!(results, "{record}")?;
            }
            if job.output.json { job.output.document(&record) } else { Ok(()) }
        });
        progress.finish();
        if let Some(results) = &mut results {
            results.flush()?;
        }
        let summary = self.summarise(&totals, total, started);
        match (ended, summary) {
            (Err(failure), _) | (Ok(()), Err(failure)) => Err(failure),
            (Ok(()), Ok(())) if totals.done == total => Ok(()),
            (Ok(()), Ok(())) => {
                Err(Failure::new(format!("{} of {total} calls were not done", total - totals.done))
                    .code("calls_failed"))
            }
        }
    }

    fn send_all(&mut self, lines: Vec<Line>, ended: &mut dyn FnMut(&mut Self, &Line, Ended) -> Result) -> Result {
        let mut nonce = self.sender.next_nonce()?;
        let mut under_way: VecDeque<(Line, Transaction)> = VecDeque::new();
        for line in lines {
            let gas_limit = match self.gas_for(&line, nonce)? {
                Ok(gas_limit) => gas_limit,
                // It may build on calls that are under way.
                Err(_) => {
                    self.drain(&mut under_way, 0, ended)?;
                    match self.gas_for(&line, nonce)? {
                        Ok(gas_limit) => gas_limit,
                        Err(receipt) => {
                            ended(self, &line, Ended::Withheld(receipt))?;
                            continue;
                        }
                    }
                }
            };
            let transaction = self.sender.sign(nonce, gas_limit, line.payload.clone());
            while let Err(error) = self.sender.chain.submit(&transaction, 0) {
                let crowded = matches!(error.code(), Some("account_pool_full" | "pool_full" | "busy" | "nonce_gap"));
                if !crowded || under_way.is_empty() {
                    let number = line.number;
                    ended(self, &line, Ended::Failed(error.into()))?;
                    self.drain(&mut under_way, 0, ended)?;
                    let what =
                        format!("line {number} was refused by the node; it and the lines after it were not sent");
                    return Err(Failure::new(what).code("stopped"));
                }
                self.collect_one(&mut under_way, ended)?;
            }
            nonce += 1;
            under_way.push_back((line, transaction));
            self.drain(&mut under_way, UNDER_WAY_MAX, ended)?;
            if nonce.is_multiple_of(UNDER_WAY_MAX as u64) {
                self.sender.renew_validity(self.send.valid_for)?;
            }
        }
        self.drain(&mut under_way, 0, ended)
    }

    /// The gas to allow, or how a simulation ended that was not done.
    fn gas_for(&self, line: &Line, nonce: u64) -> Result<std::result::Result<u64, ReceiptAnswer>> {
        if let Some(gas) = self.send.gas {
            return Ok(Ok(gas));
        }
        self.sender.gas_for(nonce, &line.payload)
    }

    /// Waits until at most `left` calls are under way.
    fn drain(
        &mut self,
        under_way: &mut VecDeque<(Line, Transaction)>,
        left: usize,
        ended: &mut dyn FnMut(&mut Self, &Line, Ended) -> Result,
    ) -> Result {
        while under_way.len() > left {
            self.collect_one(under_way, ended)?;
        }
        Ok(())
    }

    fn collect_one(
        &mut self,
        under_way: &mut VecDeque<(Line, Transaction)>,
        ended: &mut dyn FnMut(&mut Self, &Line, Ended) -> Result,
    ) -> Result {
        let Some((line, transaction)) = under_way.pop_front() else { return Ok(()) };
        let deadline = Instant::now() + std::time::Duration::from_secs(self.send.timeout);
        // Handing the same transaction in again waits for it, and executes nothing twice.
        let receipt = match self.sender.chain.submit(&transaction, self.send.timeout.min(WAIT_SECONDS)) {
            Ok(Some(receipt)) => Ok(receipt),
            Ok(None) => self.sender.await_receipt(&self.sender.digest(&transaction), deadline),
            Err(error @ ClientError::Unreachable { .. }) => return Err(error.into()),
            Err(error) => Err(error.into()),
        };
        ended(self, &line, receipt.map_or_else(Ended::Failed, Ended::Final))
    }

    /// The line's record, counted; failures are noted for people as they come.
    fn record(&mut self, line: &Line, ended: Ended, totals: &mut Totals, progress: &Progress) -> Value {
        let mut record = json!({ "line": line.number });
        for (name, value) in &line.notes {
            record[name] = value.clone();
        }
        let problem = match ended {
            Ended::Final(receipt) => {
                let called = Some((self.schema, self.returns));
                let explained = outcome::explain(&receipt, called, &mut self.schemas, self.output.language);
                totals.gas += receipt.gas_used;
                totals.first_height.get_or_insert(receipt.height);
                totals.last_height = receipt.height;
                record["receipt"] = explained.json;
                (receipt.outcome.kind != "done").then_some(explained.sentence)
            }
            Ended::Withheld(receipt) => {
                let explained = outcome::explain(&receipt, None, &mut self.schemas, self.output.language);
                record["withheld"] = explained.json["outcome"].clone();
                Some(format!("{} (not sent)", explained.sentence))
            }
            Ended::Failed(failure) => {
                record["error"] = failure.to_json()["error"].clone();
                Some(failure.summary())
            }
        };
        match problem {
            None => totals.done += 1,
            Some(problem) => {
                totals.failed += 1;
                if !self.output.json {
                    let notes = line.notes.values().map(outcome::plain).collect::<Vec<_>>().join(" ");
                    progress.note(format!("line {} {notes}: {problem}", line.number).replace(" :", ":").as_str());
                }
            }
        }
        record
    }

    fn summarise(&self, totals: &Totals, total: u64, started: Instant) -> Result {
        let elapsed = started.elapsed();
        let counted = totals.done + totals.failed;
        let mean = totals.gas.checked_div(totals.done.max(1)).unwrap_or_default();
        let rate = counted as f64 / elapsed.as_secs_f64().max(f64::EPSILON);
        let blocks = totals.first_height.map(|first| (first, totals.last_height));
        let summary = json!({ "summary": {
            "calls": total,
            "done": totals.done,
            "failed": totals.failed,
            "not_sent": total - counted,
            "gas_used": totals.gas,
            "gas_per_call": mean,
            "elapsed_ms": elapsed.as_millis() as u64,
            "calls_per_second": (rate * 10.0).round() / 10.0,
            "first_height": blocks.map(|(first, _)| first),
            "last_height": blocks.map(|(_, last)| last),
        }});
        self.output.result(&summary, || {
            let blocks = blocks.map(|(first, last)| format!("\n  blocks   {first} to {last}")).unwrap_or_default();
            format!(
                "{} of {total} calls done, {} failed\n  gas      {} ({} a call)\n  time     {:.1} s ({rate:.0} calls/s){blocks}",
                totals.done,
                totals.failed,
                grouped(totals.gas),
                grouped(mean),
                elapsed.as_secs_f64(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use chancery_abi::{Address, Call, Ident};

    use super::*;

    fn payload(values: &Map<String, Value>) -> Result<Payload> {
        let digest = values.get("digest").and_then(Value::as_str).ok_or_else(|| Failure::usage("digest: missing"))?;
        let case = values.get("case").and_then(Value::as_str).unwrap_or("none");
        let method = Ident::new("file").expect("an identifier");
        Ok(Payload::Call(Call { contract: Address::default(), method, input: format!("{case}/{digest}").into_bytes() }))
    }

    fn read_text(text: &str, shared: &Map<String, Value>) -> Result<Vec<Line>> {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        fs::write(file.path(), text).expect("it can be written");
        read(file.path(), shared, &payload)
    }

    #[test]
    fn a_line_s_own_arguments_come_before_the_shared_ones_and_notes_are_kept_apart() {
        let shared = Map::from_iter([("case".to_owned(), "7".into())]);
        let text = "{\"digest\":\"a\",\"_document\":\"x.txt\"}\n\n{\"digest\":\"b\",\"case\":\"8\"}\n";
        let lines = read_text(text, &shared).expect("every line fits");
        let inputs: Vec<_> = lines
            .iter()
            .map(|line| match &line.payload {
                Payload::Call(call) => (line.number, String::from_utf8_lossy(&call.input).into_owned()),
                other => panic!("{other:?} is no call"),
            })
            .collect();
        assert_eq!(inputs, [(1, "7/a".to_owned()), (3, "8/b".to_owned())]);
        assert_eq!(lines[0].notes.get("_document"), Some(&Value::from("x.txt")));
    }

    #[test]
    fn one_mistake_anywhere_and_nothing_is_sent() {
        let mistake = read_text("{\"digest\":\"a\"}\n{\"case\":\"8\"}\nnonsense\n", &Map::new());
        let text = mistake.map(|_| ()).expect_err("two lines do not fit").to_text(false);
        assert!(text.contains("2 lines do not fit") && text.contains("line 2: digest: missing"), "{text}");
        assert!(text.contains("line 3: not a JSON object"), "{text}");
    }
}
