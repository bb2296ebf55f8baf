//! A run for people: the page with charts, and the comparison of two runs.
//!
//! Pages are single files that ask for nothing else: style and charts stand in them, there is no script.

mod buckets;
mod chart;
mod compare;
mod compare_page;
mod html;
mod number;
mod page;
#[cfg(test)]
mod sample;
mod scale;
mod sections;

use crate::result::RunResult;

/// The page of one run.
#[must_use]
pub fn run_page(result: &RunResult) -> String {
    page::page(result)
}

/// Two runs side by side, for a terminal.
#[must_use]
pub fn comparison_table(before: &RunResult, after: &RunResult) -> String {
    compare::table(before, after)
}

/// Two runs side by side, as a page.
#[must_use]
pub fn comparison_page(before: &RunResult, after: &RunResult) -> String {
    compare_page::page(before, after)
}
