//! What a command says: JSON for programs, tables for people, plain columns for pipes.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// Where and how to say it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    pub(super) json: bool,
    terminal: bool,
}

/// Rows under names.
#[derive(Debug)]
pub(super) struct Table {
    names: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(names: &[&'static str]) -> Self {
        Self {
            names: names.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Columns one under the other for people; a tab between them for a pipe.
    fn text(&self, aligned: bool) -> String {
        let names: Vec<String> = self.names.iter().map(|name| (*name).to_owned()).collect();
        let lines = std::iter::once(&names).chain(&self.rows);
        if !aligned {
            return lines.map(|cells| cells.join("\t") + "\n").collect();
        }
        let mut widths = vec![0; names.len()];
        for cells in lines.clone() {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = cell.chars().count().max(*width);
            }
        }
        let line = |cells: &Vec<String>| {
            let padded = cells
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:width$}"));
            padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
        };
        lines.map(line).collect()
    }
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            terminal: io::stdout().is_terminal(),
        }
    }

    /// One JSON value on a line of its own.
    pub(super) fn json<T: Serialize>(self, value: &T) -> io::Result<()> {
        let text = serde_json::to_string(value)?;
        self.line(&text)
    }

    /// One JSON value, laid out for reading.
    pub(super) fn report<T: Serialize>(self, value: &T) -> io::Result<()> {
        let text = if self.terminal {
            serde_json::to_string_pretty(value)?
        } else {
            serde_json::to_string(value)?
        };
        self.line(&text)
    }

    pub(super) fn line(self, text: &str) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{text}")
    }

    pub(super) fn table(self, table: &Table) -> io::Result<()> {
        io::stdout()
            .lock()
            .write_all(table.text(self.terminal).as_bytes())
    }

    /// A bar on standard error, if a person looks.
    pub(super) fn progress(self, len: u64, what: &'static str) -> ProgressBar {
        if !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(len).with_message(what);
        let style = "{msg} {bar:40} {pos}/{len} {per_sec} {eta}";
        match ProgressStyle::with_template(style) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

/// For the person at the terminal; a closed standard error is no reason to fail.
pub(super) fn say(text: &str) {
    drop(writeln!(io::stderr(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_for_people_and_plain_for_pipes() {
        let mut table = Table::new(&["id", "what"]);
        table.row(vec!["a-long-id".to_owned(), "x".to_owned()]);
        assert_eq!(table.text(true), "id         what\na-long-id  x\n");
        assert_eq!(table.text(false), "id\twhat\na-long-id\tx\n");
    }
}
