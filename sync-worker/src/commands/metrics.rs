//! What the commands measure.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::command::Kind;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    kind: &'static str,
    outcome: &'static str,
    reason: &'static str,
}

/// Commands by what became of them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CommandMetrics {
    commands: Family<Labels, Counter>,
    pruned: Counter,
}

impl CommandMetrics {
    /// Adds them to the process's.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            commands: Family::default(),
            pruned: Counter::default(),
        };
        registry.register(
            "commands",
            "Stock commands: done, refused, repeated (known by their key) or undone, and why",
            metrics.commands.clone(),
        );
        registry.register(
            "commands_pruned",
            "Outcomes of commands that were removed because of their age",
            metrics.pruned.clone(),
        );
        metrics
    }

    pub(super) fn count(&self, kind: Kind, outcome: &'static str, reason: Option<&'static str>) {
        let labels = Labels {
            kind: kind.name(),
            outcome,
            reason: reason.unwrap_or_default(),
        };
        self.commands.get_or_create(&labels).inc();
    }

    pub(super) fn pruned(&self, rows: u64) {
        self.pruned.inc_by(rows);
    }
}
