use std::time::Duration;

use inventory_core::Code;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::{LATENCY_BUCKETS, SIZE_BUCKETS, cells::Cells};

/// What the engine is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Reserve,
    Confirm,
    Release,
    Extend,
    Return,
    Adjust,
    Count,
    Retire,
    Reservation,
    Stock,
    StockList,
    Expire,
    Purge,
    Status,
}

impl Operation {
    const ALL: [Self; 14] = [
        Self::Reserve,
        Self::Confirm,
        Self::Release,
        Self::Extend,
        Self::Return,
        Self::Adjust,
        Self::Count,
        Self::Retire,
        Self::Reservation,
        Self::Stock,
        Self::StockList,
        Self::Expire,
        Self::Purge,
        Self::Status,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Confirm => "confirm",
            Self::Release => "release",
            Self::Extend => "extend",
            Self::Return => "return",
            Self::Adjust => "adjust",
            Self::Count => "count",
            Self::Retire => "retire",
            Self::Reservation => "reservation",
            Self::Stock => "stock",
            Self::StockList => "list_stock",
            Self::Expire => "expire",
            Self::Purge => "purge",
            Self::Status => "status",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabel {
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabel {
    queue: &'static str,
}

/// What became of commands, and how long the engine took.
#[derive(Debug)]
pub(crate) struct Operations {
    outcomes: Cells<OutcomeLabels>,
    /// By [`Operation`].
    calls: Vec<Histogram>,
    batches: Histogram,
    pub(crate) reserve_queue: Gauge,
    pub(crate) stock_queue: Gauge,
}

impl Operations {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let outcomes = Family::default();
        let help = "Commands by operation and outcome: OK, REPLAYED or the code of the problem";
        registry.register("operations", help, outcomes.clone());
        let calls: Family<OperationLabel, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS));
        registry.register_with_unit(
            "engine_call_duration",
            "Calls of the engine, waiting for Redis included; a batch is one call",
            Unit::Seconds,
            calls.clone(),
        );
        let batches = Histogram::new(SIZE_BUCKETS);
        registry.register(
            "batch_reservations",
            "Reservations in one coalesced call",
            batches.clone(),
        );
        let queues: Family<QueueLabel, Gauge> = Family::default();
        registry.register(
            "queue_depth",
            "Requests that wait for a shard, when last looked",
            queues.clone(),
        );
        Self {
            outcomes: Cells::new(outcomes, Operation::ALL.len(), Code::ALL.len() + 2),
            calls: Operation::ALL
                .iter()
                .map(|operation| {
                    calls.get_or_create_owned(&OperationLabel {
                        operation: operation.name(),
                    })
                })
                .collect(),
            batches,
            reserve_queue: queues.get_or_create_owned(&QueueLabel { queue: "reserve" }),
            stock_queue: queues.get_or_create_owned(&QueueLabel { queue: "stock" }),
        }
    }

    /// Counts a "yes".
    pub(crate) fn succeeded(&self, operation: Operation, replayed: bool) {
        self.outcome(
            operation,
            usize::from(replayed),
            if replayed { "REPLAYED" } else { "OK" },
        );
    }

    /// Counts a refusal or a fault.
    pub(crate) fn refused(&self, operation: Operation, code: Code) {
        self.outcome(operation, code as usize + 2, code.as_str());
    }

    fn outcome(&self, operation: Operation, column: usize, outcome: &'static str) {
        let labels = || OutcomeLabels {
            operation: operation.name(),
            outcome,
        };
        self.outcomes.increment(operation as usize, column, labels);
    }

    /// Notes how long a call took.
    pub(crate) fn called(&self, operation: Operation, took: Duration) {
        if let Some(histogram) = self.calls.get(operation as usize) {
            histogram.observe(took.as_secs_f64());
        }
    }

    /// Notes how many reservations went together.
    pub(crate) fn batch(&self, reservations: u32) {
        self.batches.observe(f64::from(reservations));
    }
}
