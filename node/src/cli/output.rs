//! Where a command's words go: results to standard output, as text or JSON; notes and progress to standard error.
//!
//! Invariant: with `--json`, standard output holds JSON and nothing else. Progress is a bar on a terminal and a plain
//! line now and then elsewhere, so that a log stays readable.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use chancery_abi::schema::Docs;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use super::failure::Result;

/// How often a plain line says how far long work is.
const PLAIN_PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Which of a text's two languages is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// English.
    English,
    /// Chinese.
    Chinese,
}

impl Language {
    /// What the environment asks for.
    pub(super) fn of_environment() -> Self {
        let asked = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
        if asked.is_some_and(|asked| asked.starts_with("zh")) { Self::Chinese } else { Self::English }
    }

    /// The text in this language, or in the other when this one's is empty.
    pub(super) fn of(self, docs: &Docs) -> &str {
        let (first, second) = match self {
            Self::English => (&docs.en, &docs.zh),
            Self::Chinese => (&docs.zh, &docs.en),
        };
        if first.is_empty() { second } else { first }
    }
}

/// A command's way to speak.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// Whether results are JSON.
    pub json: bool,
    /// Which language documentation is shown in.
    pub language: Language,
    notes_on_terminal: bool,
}

impl Output {
    /// As the environment and `--json` ask for.
    pub(super) fn new(json: bool) -> Self {
        Self { json, language: Language::of_environment(), notes_on_terminal: io::stderr().is_terminal() }
    }

    /// Whether errors are in colour.
    pub(super) fn colour(&self) -> bool {
        self.notes_on_terminal && std::env::var_os("NO_COLOR").is_none()
    }

    /// A command's result: `json` for programs, `text` for people.
    ///
    /// # Errors
    /// When standard output is gone.
    pub(super) fn result(&self, json: &Value, text: impl FnOnce() -> String) -> Result {
        if self.json { self.document(json) } else { self.line(text().trim_end()) }
    }

    /// One JSON document a line, for programs.
    ///
    /// # Errors
    /// When standard output is gone.
    pub(super) fn document(&self, json: &Value) -> Result {
        self.line(&json.to_string())
    }

    /// A line of the result.
    ///
    /// # Errors
    /// When standard output is gone.
    pub(super) fn line(&self, text: &str) -> Result {
        let mut out = io::stdout().lock();
        writeln!(out, "{text}")?;
        Ok(out.flush()?)
    }

    /// A remark that is not part of the result. That nobody reads remarks is no failure.
    pub(super) fn note(&self, text: &str) {
        if writeln!(io::stderr().lock(), "{text}").is_err() {
            tracing::debug!("standard error is closed");
        }
    }

    /// Progress of work of `total` steps, or of unknown length.
    pub(super) fn progress(&self, what: &str, total: Option<u64>) -> Progress {
        let bar = match (self.notes_on_terminal, total) {
            (false, _) => ProgressBar::hidden(),
            (true, Some(total)) => {
                let style = ProgressStyle::with_template("{msg} [{bar:32}] {pos}/{len} {eta}");
                ProgressBar::new(total).with_style(style.expect("the template is well formed").progress_chars("=> "))
            }
            (true, None) => {
                let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}");
                ProgressBar::new_spinner().with_style(style.expect("the template is well formed"))
            }
        };
        bar.set_message(what.to_owned());
        let now = Instant::now();
        Progress { output: *self, bar, what: what.to_owned(), total, done: 0, last_line: now }
    }
}

/// How far long work is.
pub(super) struct Progress {
    output: Output,
    bar: ProgressBar,
    what: String,
    total: Option<u64>,
    done: u64,
    last_line: Instant,
}

impl Progress {
    /// `done` steps are done.
    pub(super) fn at(&mut self, done: u64) {
        self.done = done;
        self.bar.set_position(done);
        if !self.output.notes_on_terminal && self.last_line.elapsed() >= PLAIN_PROGRESS_EVERY {
            self.last_line = Instant::now();
            let of = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
            self.output.note(&format!("{}: {done}{of}", self.what));
        }
    }

    /// One more step is done.
    pub(super) fn step(&mut self) {
        self.at(self.done + 1);
    }

    /// A remark beside the bar.
    pub(super) fn note(&self, text: &str) {
        self.bar.suspend(|| self.output.note(text));
    }

    /// The work is over.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// Rows under a heading, each column as wide as its widest cell. The columns in `right` are set to the right.
pub(super) fn table(heading: &[&str], right: &[usize], rows: &[Vec<String>]) -> String {
    let width_of = |text: &str| console::measure_text_width(text);
    let widths: Vec<usize> = (0..heading.len())
        .map(|at| {
            rows.iter()
                .filter_map(|row| row.get(at))
                .map(|cell| width_of(cell))
                .chain([width_of(heading[at])])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.enumerate().map(|(at, cell)| {
            let gap = " ".repeat(widths.get(at).copied().unwrap_or(0).saturating_sub(width_of(cell)));
            if right.contains(&at) { format!("{gap}{cell}") } else { format!("{cell}{gap}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = line(&mut heading.iter().copied());
    for row in rows {
        text.push('\n');
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// A number with commas between its thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let shown: Vec<String> = [0, 999, 1_000, 1_234_567].into_iter().map(grouped).collect();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_also_in_chinese() {
        let rows = [vec!["卷宗".to_owned(), "7".to_owned()], vec!["case".to_owned(), "10".to_owned()]];
        assert_eq!(table(&["NAME", "N"], &[1], &rows), "NAME   N\n卷宗   7\ncase  10");
    }
}
