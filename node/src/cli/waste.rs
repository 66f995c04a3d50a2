//! `chancery waste`: from an office's register and a scale house's CSV to calls of the contract `waste-sorting`.
//!
//! Tens of thousands of rows become a few lines of JSON for `chancery call ... weigh --each`, each of them one
//! transaction. A row that cannot be read is named by its line and left out, and the rest go on; every row carries its
//! line with it, so that what the contract leaves out is named by the line as well. With the period's key, the file has
//! the office's household numbers, and they are turned into the period's codes here: no number leaves this machine.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use chancery_abi::types::from_hex;
use chancery_verify::Utc;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    failure::{Failure, Result, at},
    options::Format,
    output::Output,
};
use crate::schema_json::to_hex;

/// The columns, which the first line names.
const HEADING: &str = "slip,household,day,category,grade,grams";
/// What stands in front of a code's preimage.
const CODE_DOMAIN: &[u8] = b"chancery/waste-sorting/code/v1";
/// Rows of one call at most; the contract's own limit is above it.
const ROWS_MAX: usize = 3_000;
/// Rows of one file.
const LINES_MAX: usize = 1_000_000;

/// Prepare calls of the contract `waste-sorting`.
#[derive(Subcommand)]
pub(super) enum Waste {
    /// Turn a CSV of weigh-ins into calls: slip,household,day,category,grade,grams.
    Batches(Batches),
    /// Turn the office's register of households into calls that enrol their codes for a period.
    Codes(Codes),
}

/// A register of households.
#[derive(Args)]
pub(super) struct Codes {
    /// The households' numbers, one a line.
    file: PathBuf,
    /// The district's number.
    #[arg(long)]
    district: u16,
    /// The period's number.
    #[arg(long)]
    period: u32,
    /// A file with the period's key, 64 hexadecimal digits.
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    #[command(flatten)]
    format: Format,
}

/// A CSV of weigh-ins.
#[derive(Args)]
pub(super) struct Batches {
    /// The CSV. Days are YYYY-MM-DD, categories Kitchen, Recyclable, Hazardous and Residual, grades A to D.
    file: PathBuf,
    /// The collection point's number.
    #[arg(long)]
    point: u32,
    /// A file with the period's key, 64 hexadecimal digits: the households are then the office's own numbers.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Rows of one call.
    #[arg(long, default_value_t = ROWS_MAX)]
    rows: usize,
    #[command(flatten)]
    format: Format,
}

impl Waste {
    /// Runs the command.
    ///
    /// # Errors
    /// When the file cannot be read, or a row was left out.
    pub(super) fn run(self, output: &Output) -> Result {
        match self {
            Self::Batches(batches) => batches.run(output),
            Self::Codes(codes) => codes.run(output),
        }
    }
}

/// The key of a period.
fn period_key(path: &Path) -> Result<[u8; 32]> {
    let text = std::fs::read_to_string(path).map_err(at(path))?;
    let key = from_hex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.ok_or_else(|| Failure::new(format!("{} is not a key of 64 hexadecimal digits", path.display())))
}

impl Codes {
    fn run(self, output: &Output) -> Result {
        let key = period_key(&self.key_file)?;
        let (mut codes, mut lines) = (Vec::new(), BTreeMap::new());
        for (index, text) in BufReader::new(File::open(&self.file).map_err(at(&self.file))?).lines().enumerate() {
            let (line, text) = (index + 1, text.map_err(at(&self.file))?);
            let household = text.trim();
            if line > LINES_MAX {
                return Err(Failure::new(format!("{} has more than {LINES_MAX} lines", self.file.display())));
            }
            if household.is_empty() {
                continue;
            }
            let code = to_hex(&code(&key, household));
            // A call with a code that is known is refused whole, so this is found here.
            if let Some(first) = lines.insert(code.clone(), line) {
                return Err(Failure::new(format!("line {line} is the household of line {first}; nothing was made")));
            }
            codes.push(code);
        }
        // In the order of the codes, which says nothing of that of the register.
        codes.sort_unstable();
        let (district, period) = (self.district, self.period);
        let call = |codes: &[String]| json!({ "district": district, "number": period, "codes": codes });
        codes.chunks(ROWS_MAX).try_for_each(|codes| output.document(&call(codes)))
    }
}

impl Batches {
    fn run(self, output: &Output) -> Result {
        if !(1..=ROWS_MAX).contains(&self.rows) {
            return Err(Failure::usage(format!("a call has 1 to {ROWS_MAX} rows")));
        }
        let key = self.key_file.as_deref().map(period_key).transpose()?;
        let mut lines = BufReader::new(File::open(&self.file).map_err(at(&self.file))?).lines();
        let heading = lines.next().transpose().map_err(at(&self.file))?.unwrap_or_default();
        if heading.trim().trim_start_matches('\u{feff}') != HEADING {
            return Err(Failure::new(format!("{} does not begin with `{HEADING}`", self.file.display())));
        }
        let (mut rows, mut left_out) = (Vec::with_capacity(self.rows), 0u64);
        for (index, text) in lines.enumerate() {
            let (line, text) = (index + 2, text.map_err(at(&self.file))?);
            if line > LINES_MAX {
                return Err(Failure::new(format!("{} has more than {LINES_MAX} lines", self.file.display())));
            }
            if text.trim().is_empty() {
                continue;
            }
            match row(line, &text, key.as_ref()) {
                Ok(row) => rows.push(row),
                Err(problem) => {
                    left_out += 1;
                    output.note(&format!("line {line}: {problem}; left out"));
                }
            }
            if rows.len() == self.rows {
                output.document(&json!({ "point": self.point, "rows": std::mem::take(&mut rows) }))?;
            }
        }
        if !rows.is_empty() {
            output.document(&json!({ "point": self.point, "rows": rows }))?;
        }
        match left_out {
            0 => Ok(()),
            count => {
                Err(Failure::new(format!("{count} rows were left out, the others are ready")).code("rows_left_out"))
            }
        }
    }
}

/// A row as the contract takes it, or what is wrong with it.
fn row(line: usize, text: &str, key: Option<&[u8; 32]>) -> std::result::Result<Value, String> {
    let cells: Vec<&str> = text.split(',').map(str::trim).collect();
    let [slip, household, day, category, grade, grams] = cells[..] else {
        return Err(format!("{} columns, of which a row has 6", cells.len()));
    };
    let slip: u64 = slip.parse().map_err(|_| "the slip is not a number".to_owned())?;
    let grams: u32 = grams.parse().map_err(|_| "the weight is not a number of grams".to_owned())?;
    let day = day_of(day).ok_or("the day is not YYYY-MM-DD, or not of 1970 to 2148")?;
    if !["Kitchen", "Recyclable", "Hazardous", "Residual"].contains(&category) {
        return Err("the category is not Kitchen, Recyclable, Hazardous or Residual".into());
    }
    if !["A", "B", "C", "D"].contains(&grade) {
        return Err("the grade is not A, B, C or D".into());
    }
    let household = match key {
        Some(_) if household.is_empty() => return Err("there is no household".into()),
        Some(key) => to_hex(&code(key, household)),
        None if from_hex(household).is_some_and(|bytes| bytes.len() == 16) => household.to_owned(),
        None => return Err("the household is not a code of 32 hexadecimal digits".into()),
    };
    Ok(json!({
        "line": line, "slip": slip, "household": household, "day": day,
        "category": category, "grade": grade, "grams": grams,
    }))
}

/// A household's code under a period's key.
fn code(key: &[u8; 32], household: &str) -> [u8; 16] {
    let digest: [u8; 32] =
        Sha256::new_with_prefix(CODE_DOMAIN).chain_update(key).chain_update(household).finalize().into();
    let mut code = [0; 16];
    code.copy_from_slice(&digest[..16]);
    code
}

/// The days from 1970-01-01 to a date that exists, written as YYYY-MM-DD.
fn day_of(text: &str) -> Option<u16> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts[..] else { return None };
    if (year.len(), month.len(), day.len()) != (4, 2, 2) {
        return None;
    }
    let days = Utc::days_to(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)?;
    u16::try_from(days).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day_of("1970-01-01"), Some(0));
        assert_eq!(day_of("2000-02-29"), Some(11_016));
        assert_eq!(day_of("2026-11-25"), Some(20_782));
        for bad in ["1969-12-31", "2100-02-29", "2026-13-01", "2026-04-31", "26-04-30", "2026/04/30", ""] {
            assert_eq!(day_of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_row_says_what_is_wrong_with_it() {
        let code = "00112233445566778899aabbccddeeff";
        let good = row(2, &format!("7,{code},2026-11-25,Kitchen,A,1500"), None).expect("the row fits");
        let expected = json!({
            "line": 2, "slip": 7, "household": code, "day": 20_782, "category": "Kitchen", "grade": "A", "grams": 1_500,
        });
        assert_eq!(good, expected);
        for (bad, says) in [
            (format!("x,{code},2026-11-25,Kitchen,A,1500"), "slip"),
            (format!("7,{code},2026-11-25,Kitchen,A,-1"), "grams"),
            (format!("7,{code},2026-11-31,Kitchen,A,1"), "day"),
            (format!("7,{code},2026-11-25,Paper,A,1"), "category"),
            (format!("7,{code},2026-11-25,Kitchen,E,1"), "grade"),
            ("7,12-3,2026-11-25,Kitchen,A,1".into(), "household"),
            ("7,8".into(), "2 columns"),
        ] {
            let problem = row(3, &bad, None).expect_err("the row does not fit");
            assert!(problem.contains(says), "{bad}: {problem}");
        }
    }

    #[test]
    fn a_number_becomes_a_code_that_changes_with_the_period() {
        let text = "7,12-3-401,2026-11-25,Residual,D,9";
        let codes = [[1; 32], [2; 32]].map(|key| row(2, text, Some(&key)).expect("the row fits")["household"].clone());
        assert_ne!(codes[0], codes[1]);
        assert!(codes.iter().all(|code| code.as_str().is_some_and(|code| code.len() == 32)));
    }
}
