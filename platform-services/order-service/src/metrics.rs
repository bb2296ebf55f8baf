//! What is measured of orders.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{
    domain::{Event, Ignored, Status},
    tables::orders::Order,
};

/// Seconds from placing to the end of the saga.
const SAGA_BUCKETS: [f64; 12] = [
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct IgnoredLabels {
    event: &'static str,
    why: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StepLabel {
    step: &'static str,
}

/// The service's own metrics. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct OrderMetrics {
    moved: Family<StatusLabels, Counter>,
    ignored: Family<IgnoredLabels, Counter>,
    stuck: Family<StepLabel, Gauge>,
    redriven: Family<StepLabel, Counter>,
    asked: Family<StepLabel, Counter>,
    confirmed_after: Histogram,
}

impl OrderMetrics {
    /// Adds them to the registry.
    #[must_use]
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            moved: Family::default(),
            ignored: Family::default(),
            stuck: Family::default(),
            redriven: Family::default(),
            asked: Family::default(),
            confirmed_after: Histogram::new(SAGA_BUCKETS),
        };
        registry.register(
            "moved",
            "Orders that came into a status, with the reason of a cancellation",
            metrics.moved.clone(),
        );
        registry.register(
            "events_ignored",
            "Events that changed no status, and why",
            metrics.ignored.clone(),
        );
        registry.register(
            "stuck_orders",
            "Orders past the deadline of the step they are in",
            metrics.stuck.clone(),
        );
        registry.register(
            "redriven",
            "Commands that the watchdog said again",
            metrics.redriven.clone(),
        );
        registry.register(
            "answers_fetched",
            "Orders that went on because the watchdog asked what became of their hold",
            metrics.asked.clone(),
        );
        registry.register_with_unit(
            "confirmed_after",
            "Time from placing an order to CONFIRMED",
            Unit::Seconds,
            metrics.confirmed_after.clone(),
        );
        for status in Status::ALL {
            metrics.stuck(*status, 0);
        }
        metrics
    }

    pub(crate) fn moved(&self, order: &Order, now_ms: i64) {
        let labels = StatusLabels {
            status: order.status.word(),
            reason: order.cancel_reason.map_or("", |reason| reason.word()),
        };
        self.moved.get_or_create(&labels).inc();
        if order.status == Status::Confirmed {
            let ms = now_ms.saturating_sub(order.created_at_ms).max(0);
            let seconds =
                u32::try_from(ms).map_or_else(|_| f64::from(u32::MAX), f64::from) / 1000.0;
            self.confirmed_after.observe(seconds);
        }
    }

    pub(crate) fn ignored(&self, event: Event, why: Ignored) {
        let labels = IgnoredLabels {
            event: event_word(event),
            why: why.word(),
        };
        self.ignored.get_or_create(&labels).inc();
    }

    pub(crate) fn stuck(&self, status: Status, orders: i64) {
        let step = status.word();
        self.stuck.get_or_create(&StepLabel { step }).set(orders);
    }

    pub(crate) fn redriven(&self, status: Status) {
        let step = status.word();
        self.redriven.get_or_create(&StepLabel { step }).inc();
    }

    pub(crate) fn asked(&self, status: Status) {
        let step = status.word();
        self.asked.get_or_create(&StepLabel { step }).inc();
    }
}

const fn event_word(event: Event) -> &'static str {
    match event {
        Event::HoldReserved => "inventory.reserved",
        Event::HoldRefused => "inventory.reservation.failed",
        Event::HoldConfirmed => "inventory.confirmed",
        Event::HoldConfirmFailed => "inventory.confirm.failed",
        Event::HoldReleased => "inventory.released",
        Event::HoldExpired => "inventory.expired",
        Event::HoldReturned => "inventory.returned",
        Event::PaymentCreated => "payment.created",
        Event::PaymentCompleted { .. } => "payment.completed",
        Event::PaymentFailed => "payment.failed",
        Event::PaymentCancelled { .. } | Event::RefundPaid { .. } => "payment.cancelled",
        Event::CancelRequested => "cancel",
        Event::TimedOut => "timeout",
        Event::RefundRequested => "refund",
    }
}
