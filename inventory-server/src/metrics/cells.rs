use std::{fmt::Debug, hash::Hash, sync::OnceLock};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};

/// Counters of a family by two numbers, each created when it is first needed: most combinations
/// never occur, and those that do are found without looking into the family.
#[derive(Debug)]
pub(super) struct Cells<L: Clone + Hash + Eq> {
    family: Family<L, Counter>,
    columns: usize,
    cells: Box<[OnceLock<Counter>]>,
}

impl<L: Clone + Hash + Eq + EncodeLabelSet + Debug> Cells<L> {
    pub(super) fn new(family: Family<L, Counter>, rows: usize, columns: usize) -> Self {
        let cells = (0..rows * columns).map(|_| OnceLock::new()).collect();
        Self {
            family,
            columns,
            cells,
        }
    }

    /// Counts one; `labels` is asked at the first time only.
    pub(super) fn increment(&self, row: usize, column: usize, labels: impl FnOnce() -> L) {
        if let Some(cell) = self.cells.get(row * self.columns + column) {
            cell.get_or_init(|| self.family.get_or_create_owned(&labels()))
                .inc();
        }
    }
}
