//! The task of a partition: one event after the other.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
};

use contracts::{EnvelopeError, EventType, RawEnvelope};
use futures_util::FutureExt as _;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span};

use super::{
    ConsumerMetrics, ConsumerSettings, Event, HandlerError,
    error::{UNKNOWN_VERSION, UNREADABLE},
    metrics::{ReasonLabels, TopicLabel},
    partitions::{Partitions, Place, Turn},
    record::Record,
};
use crate::{
    backoff::Backoff,
    dlq::{Cause, DeadLetters},
    telemetry,
};

/// What became of an event that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    Handled,
    Repeated,
    Skipped(&'static str),
}

/// A way to handle events.
pub(super) trait Process: Send + Sync + 'static {
    /// Whether an attempt may be dropped at any `await` without a trace, as its transaction is rolled
    /// back. If not, it is finished also when the partition is gone.
    const LEAVES_NO_TRACE: bool;

    fn name(&self) -> &str;

    fn process(&self, event: &Event<'_>)
    -> impl Future<Output = Result<Done, HandlerError>> + Send;
}

/// What the tasks of all partitions have in common.
#[derive(Debug)]
pub(super) struct Shop<P> {
    pub(super) process: Arc<P>,
    pub(super) settings: ConsumerSettings,
    pub(super) metrics: ConsumerMetrics,
    pub(super) partitions: Arc<Partitions>,
    pub(super) dead_letters: DeadLetters,
    /// Finish the event under way and begin no other.
    pub(super) stop: CancellationToken,
    /// Drop the event under way: the drain's time is over.
    pub(super) abandon: CancellationToken,
    /// Tells the loop that a partition has room or waits.
    pub(super) changed: Arc<Notify>,
}

/// Why an event goes to the dead letters.
struct Dead {
    reason: String,
    error: String,
}

impl<P: Process> Shop<P> {
    /// Handles events until the partition is gone or the consumer stops.
    pub(super) async fn work(self: Arc<Self>, place: Place, turn: Turn) {
        // What cannot be dropped looks between attempts whether the partition is still ours. That the
        // group waits for nobody makes this sound: its heartbeats do not come from here, the next turn of
        // this process waits for the end of this one, and a call of another process may overlap.
        let dropped = async {
            if P::LEAVES_NO_TRACE {
                turn.gone.cancelled().await;
            } else {
                self.abandon.cancelled().await;
            }
        };
        tokio::select! {
            biased;
            () = dropped => {}
            () = self.serve(&place, &turn) => {}
        }
    }

    async fn serve(&self, place: &Place, turn: &Turn) {
        loop {
            let record = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                () = turn.gone.cancelled() => return,
                record = turn.queue.pop() => record,
            };
            if !self.finish(&record, turn).await {
                return;
            }
            self.partitions.done(place, turn, record.offset);
            if turn.queue.fill().records == self.settings.queue_max / 4 {
                self.changed.notify_one();
            }
        }
    }

    /// Handles an event, skips it or puts it on the dead letters; `false` when told to stop first.
    async fn finish(&self, record: &Record, turn: &Turn) -> bool {
        let topic = || TopicLabel {
            topic: record.topic.clone(),
        };
        let reason = |reason: &str| ReasonLabels {
            topic: record.topic.clone(),
            reason: reason.to_owned(),
        };
        let mut backoff = Backoff::new(self.settings.retry_first, self.settings.retry_longest);
        let mut attempt: u32 = 0;
        // Of the last attempt; that of a message which is no event has no ids.
        let mut span = Span::none();
        loop {
            attempt = attempt.saturating_add(1);
            let tried = self.attempt(record, attempt, &mut span).await;
            span.in_scope(|| tracing::debug!(attempt, outcome = ?tried, "tried"));
            let dead = match tried {
                Ok(Done::Handled) => {
                    self.metrics.handled.get_or_create(&topic()).inc();
                    break;
                }
                Ok(Done::Repeated) => {
                    self.metrics.repeated.get_or_create(&topic()).inc();
                    break;
                }
                Ok(Done::Skipped(why)) => {
                    self.metrics.skipped.get_or_create(&reason(why)).inc();
                    break;
                }
                Err(HandlerError::Permanent { reason, error }) => Dead {
                    reason: reason.into_owned(),
                    error,
                },
                Err(HandlerError::Transient(error)) => {
                    self.metrics.retries.get_or_create(&topic()).inc();
                    let pause = backoff.pause();
                    span.in_scope(|| {
                        tracing::warn!(
                            topic = record.topic,
                            partition = record.partition,
                            offset = record.offset,
                            attempt,
                            error,
                            ?pause,
                            "an event is tried again"
                        );
                    });
                    if !self.wait(turn, pause).await {
                        return false;
                    }
                    continue;
                }
            };
            let buried = self.bury(record, turn, attempt, &dead);
            if !buried.instrument(span.clone()).await {
                return false;
            }
            self.metrics.dead.get_or_create(&reason(&dead.reason)).inc();
            break;
        }
        turn.retrying.store(false, Ordering::Relaxed);
        true
    }

    /// Waits with the partition paused; `false` when told to stop, or the partition is gone.
    async fn wait(&self, turn: &Turn, pause: std::time::Duration) -> bool {
        if !turn.retrying.swap(true, Ordering::Relaxed) {
            self.changed.notify_one();
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.stop.cancelled() => false,
            () = turn.gone.cancelled() => false,
        }
    }

    /// One attempt, in a span of its own.
    async fn attempt(
        &self,
        record: &Record,
        attempt: u32,
        within: &mut Span,
    ) -> Result<Done, HandlerError> {
        if let Some(why) = &record.unreadable {
            return Err(HandlerError::permanent(UNREADABLE, why));
        }
        let value = record.value.as_deref().unwrap_or_default();
        let raw = RawEnvelope::decode(value).map_err(|error| {
            let reason = match &error {
                EnvelopeError::NotAnObject(_) => "NOT_JSON",
                EnvelopeError::SpecVersion(_) => UNKNOWN_VERSION,
                EnvelopeError::Missing(_)
                | EnvelopeError::NotAString { .. }
                | EnvelopeError::Empty(_)
                | EnvelopeError::IdTooLong(_)
                | EnvelopeError::Time(_)
                | EnvelopeError::DataContentType(_) => "NO_EVENT",
            };
            HandlerError::permanent(reason, error)
        })?;
        let event_type = match EventType::parse(&raw.event_type) {
            Ok(Some(event_type)) => event_type,
            Ok(None) => return Ok(Done::Skipped("unknown type")),
            Err(error) => return Err(HandlerError::permanent(UNKNOWN_VERSION, error)),
        };
        // A topic has one type. One that is no type's may have any.
        if let Ok(Some(expected)) = EventType::parse(&record.topic)
            && expected != event_type
        {
            let error = format!("an event of the type {event_type} on the topic {expected}");
            return Err(HandlerError::permanent("WRONG_TYPE", error));
        }
        let mut event = Event {
            raw,
            event_type,
            topic: &record.topic,
            partition: record.partition,
            offset: record.offset,
            attempt,
        };
        let span = self.span(&event);
        if let Some(current) = telemetry::traceparent(&span) {
            // What follows from the event follows from its handling.
            event.raw.envelope.traceparent = Some(current);
        }
        within.clone_from(&span);
        self.call(&event, span).await
    }

    fn span(&self, event: &Event<'_>) -> Span {
        let envelope = event.envelope();
        telemetry::event_span(
            &envelope.id,
            event.event_type().name(),
            self.process.name(),
            telemetry::Cause {
                correlation_id: envelope.correlation_id.as_deref(),
                causation_id: envelope.causation_id.as_deref(),
                traceparent: envelope.traceparent.as_deref(),
            },
        )
    }

    async fn call(&self, event: &Event<'_>, span: Span) -> Result<Done, HandlerError> {
        let begun = Instant::now();
        let process = AssertUnwindSafe(self.process.process(event).instrument(span)).catch_unwind();
        let answer = match timeout(self.settings.attempt_timeout, process).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => {
                let text = panic
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned())
                    .unwrap_or_default();
                Err(HandlerError::permanent("PANIC", text))
            }
            Err(_) => Err(HandlerError::transient("no answer in time")),
        };
        let topic = TopicLabel {
            topic: event.topic().to_owned(),
        };
        self.metrics
            .durations
            .get_or_create(&topic)
            .observe(begun.elapsed().as_secs_f64());
        answer
    }

    /// Puts it on the dead letters, however long that takes; `false` when told to stop first.
    async fn bury(&self, record: &Record, turn: &Turn, attempts: u32, dead: &Dead) -> bool {
        tracing::error!(
            topic = record.topic,
            partition = record.partition,
            offset = record.offset,
            attempts,
            reason = dead.reason,
            error = dead.error,
            "an event goes to the dead letters"
        );
        let cause = Cause {
            reason: &dead.reason,
            error: &dead.error,
            consumer: self.process.name(),
            attempts,
        };
        let mut backoff = Backoff::new(self.settings.retry_first, self.settings.retry_longest);
        loop {
            match self.dead_letters.write(record, &cause).await {
                Ok(()) => return true,
                Err(error) => {
                    tracing::warn!(topic = record.topic, %error, "the dead letter was not written");
                    if !self.wait(turn, backoff.pause()).await {
                        return false;
                    }
                }
            }
        }
    }
}
