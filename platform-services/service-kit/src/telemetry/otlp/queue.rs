//! The queue in front of the collector, and what became of spans.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::QUEUE_SPANS_MAX;

/// Spans by what became of them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Spans {
    waiting: Arc<AtomicUsize>,
    outcomes: Family<Outcome, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

const SENT: Outcome = Outcome { outcome: "sent" };
/// The collector did not take it.
const FAILED: Outcome = Outcome { outcome: "failed" };
/// The queue was full.
const DROPPED: Outcome = Outcome { outcome: "dropped" };

impl Spans {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "otlp_spans",
            "Spans by what became of them: the collector has them, did not take them, or the queue was full",
            self.outcomes.clone(),
        );
    }

    fn count(&self, outcome: &Outcome, spans: usize) {
        let spans = u64::try_from(spans).unwrap_or(u64::MAX);
        self.outcomes.get_or_create(outcome).inc_by(spans);
    }

    /// Takes a place in the queue, if there is one.
    fn enter(&self) -> bool {
        let one_more = |waiting| (waiting < QUEUE_SPANS_MAX).then_some(waiting + 1);
        self.waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .is_ok()
    }

    fn leave(&self, spans: usize) {
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Spans {
    pub(super) fn sent(&self) -> u64 {
        self.outcomes.get_or_create(&SENT).get()
    }

    pub(super) fn failed(&self) -> u64 {
        self.outcomes.get_or_create(&FAILED).get()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.outcomes.get_or_create(&DROPPED).get()
    }
}

/// Never waits: a span that finds no place is dropped. The SDK's own queue is as long, so that it drops
/// none that is not counted here.
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    spans: Spans,
}

impl Queue {
    pub(super) fn new(exporter: impl SpanExporter + 'static, spans: Spans) -> Self {
        let exporter = Counted {
            exporter,
            spans: spans.clone(),
        };
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE_SPANS_MAX)
            .build();
        Self {
            batches: BatchSpanProcessor::new(exporter, config),
            spans,
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.batches.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.spans.enter() {
            self.batches.on_end(span);
        } else {
            self.spans.count(&DROPPED, 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

/// Counts what leaves the queue.
#[derive(Debug)]
struct Counted<E> {
    exporter: E,
    spans: Spans,
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.spans.leave(spans);
        let exported = self.exporter.export(batch).await;
        let outcome = if exported.is_ok() { SENT } else { FAILED };
        self.spans.count(&outcome, spans);
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
