//! Logs: one line an event on standard error, as text or JSON, with the ids of the request or the
//! event that caused it. With the feature `otlp`, spans to a collector as well.

#[cfg(feature = "otlp")]
pub mod otlp;

use std::io::{self, IsTerminal};

use tls::Trust;
use tracing::{Span, field::Empty};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::LevelFilter, fmt, fmt::MakeWriter,
    layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::trace_context;

/// Of the spans of requests, events and tasks. They are errors to a filter, so that none turns them off.
const SPAN_TARGET: &str = "handling";

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    #[default]
    Text,
}

/// Of the lines that [`crate::audit`] writes: there whatever the filter says.
pub const AUDIT_TARGET: &str = "audit";

/// A further destination of spans and events, such as an exporter of traces.
pub type Destination = Box<dyn Layer<Registry> + Send + Sync>;

/// Installs the process's subscriber. A second call changes nothing.
///
/// `filter` is a level or a list of `target=level`; what is none logs at `info`.
/// [`check_filter`] tells beforehand. A collector of spans is trusted as `trust` says, unless the environment
/// names its authority.
pub fn init(format: LogFormat, filter: &str, trust: &Trust) {
    init_with(format, filter, trust, Vec::new());
}

/// As [`init`], and everything goes to `destinations` too, whatever the filter says.
pub fn init_with(format: LogFormat, filter: &str, trust: &Trust, destinations: Vec<Destination>) {
    let mut layers = vec![lines(format, filter, io::stderr)];
    layers.extend(destinations);
    #[cfg(feature = "otlp")]
    let problem = match otlp::destination(trust) {
        Ok(destination) => {
            layers.extend(destination);
            None
        }
        Err(problem) => Some(problem),
    };
    #[cfg(not(feature = "otlp"))]
    let _ = trust;
    if let Err(error) = tracing_subscriber::registry().with(layers).try_init() {
        tracing::debug!(%error, "a subscriber is installed already");
    }
    #[cfg(feature = "otlp")]
    if let Some(problem) = problem {
        tracing::error!(problem, "no spans are sent");
    }
}

/// What calls and events that come from this span carry, where spans are collected; else they carry what
/// came.
#[must_use]
pub fn traceparent(span: &Span) -> Option<String> {
    #[cfg(feature = "otlp")]
    return otlp::traceparent(span);
    #[cfg(not(feature = "otlp"))]
    {
        let _ = span;
        None
    }
}

/// Sends the spans that are still here, at the end of a process; waits a little for it.
pub async fn flush() {
    #[cfg(feature = "otlp")]
    otlp::flush().await;
}

/// Whether spans go to a collector.
#[must_use]
pub fn is_collecting() -> bool {
    #[cfg(feature = "otlp")]
    return otlp::is_collecting();
    #[cfg(not(feature = "otlp"))]
    false
}

/// What became of spans, among the process's metrics; nothing where there is no collector.
pub fn register_metrics(registry: &mut prometheus_client::registry::Registry) {
    #[cfg(feature = "otlp")]
    otlp::register_metrics(registry);
    let _ = registry;
}

/// Joins the span to the trace of its cause, or begins one where spans are collected.
fn joined(span: Span, cause: Cause<'_>) -> Span {
    #[cfg(feature = "otlp")]
    otlp::set_parent(&span, cause.traceparent);
    let own = traceparent(&span);
    let current = own.as_deref().or(cause.traceparent);
    if let Some(trace_id) = current.and_then(trace_context::trace_id) {
        span.record("trace_id", trace_id);
    }
    span
}

/// Says which order the request under way is about, once that is known: every line after it has it.
pub fn correlate(correlation_id: &str) {
    Span::current().record("correlation_id", correlation_id);
}

/// Events as lines, each with the fields of the span it happened in.
fn lines<W>(format: LogFormat, filter: &str, writer: W) -> Destination
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = always_on(filter);
    let lines = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_filter(filter)
            .boxed(),
        LogFormat::Text => lines
            .with_ansi(io::stderr().is_terminal())
            .with_filter(filter)
            .boxed(),
    }
}

/// The filter, and what is there whatever it says: the audit, and the spans whose ids belong to every line.
fn always_on(filter: &str) -> EnvFilter {
    let filter = EnvFilter::try_new(filter).map_or_else(|_| "info".to_owned(), |it| it.to_string());
    EnvFilter::new(format!("{filter},{AUDIT_TARGET}=info,{SPAN_TARGET}=error"))
}

/// Stricter than [`EnvFilter`], to which a misspelled level is a target with all its events.
///
/// # Errors
/// What is wrong with it.
pub fn check_filter(text: &str) -> Result<(), String> {
    for part in text.split(',') {
        let is_level = !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        if !is_level && !part.contains('=') {
            return Err(format!("{part:?} is neither a level nor TARGET=LEVEL"));
        }
    }
    EnvFilter::try_new(text)
        .map(drop)
        .map_err(|error| error.to_string())
}

/// What everything logged while handling a message is marked with.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cause<'a> {
    /// Of the whole saga: the order id.
    pub correlation_id: Option<&'a str>,
    /// The event or request that caused this one.
    pub causation_id: Option<&'a str>,
    /// As it came.
    pub traceparent: Option<&'a str>,
}

/// The span of handling the event `event_id`.
#[must_use]
pub fn event_span(event_id: &str, event_type: &str, handler: &str, cause: Cause<'_>) -> Span {
    let span = tracing::error_span!(
        target: "handling",
        "event",
        event_id,
        event_type,
        handler,
        correlation_id = cause.correlation_id,
        causation_id = cause.causation_id,
        trace_id = Empty,
    );
    joined(span, cause)
}

/// The span of answering a request.
#[must_use]
pub fn request_span(method: &str, route: &str, request_id: &str, cause: Cause<'_>) -> Span {
    let span = tracing::error_span!(
        target: "handling",
        "request",
        method,
        route,
        request_id,
        correlation_id = cause.correlation_id,
        causation_id = cause.causation_id,
        trace_id = Empty,
    );
    joined(span, cause)
}

/// The span of what is done beside requests and events, such as a repeated try, for one cause; and what
/// calls and events that come from it carry.
#[must_use]
pub fn task_span(task: &'static str, cause: Cause<'_>) -> (Span, String) {
    let ours = || trace_context::unrecorded();
    let came = match cause.traceparent {
        Some(came) => Some(came.to_owned()),
        None if is_collecting() => None,
        None => Some(ours()),
    };
    let cause = Cause {
        traceparent: came.as_deref(),
        ..cause
    };
    let span = tracing::error_span!(
        target: "handling",
        "task",
        task,
        correlation_id = cause.correlation_id,
        causation_id = cause.causation_id,
        trace_id = Empty,
    );
    let span = joined(span, cause);
    let current = traceparent(&span).or(came).unwrap_or_else(ours);
    (span, current)
}

/// A span for the collector alone, about something that `traceparent` asked for and that many are
/// worked off with at once; none where nobody collects.
#[must_use]
pub fn step_span(step: &'static str, subject: &str, traceparent: Option<&str>) -> Span {
    if traceparent.is_none() || !is_collecting() {
        return Span::none();
    }
    let span = tracing::error_span!(
        target: "handling",
        parent: None,
        "step",
        step,
        subject,
        trace_id = Empty,
    );
    let cause = Cause {
        traceparent,
        ..Cause::default()
    };
    joined(span, cause)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no panic").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_of_json_has_the_ids_of_its_cause() {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = lines(LogFormat::Json, "info", move || writer.clone());
        let subscriber = tracing_subscriber::registry().with(vec![layer]);
        tracing::subscriber::with_default(subscriber, || {
            let cause = Cause {
                correlation_id: Some("o-1"),
                causation_id: None,
                traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            };
            let span = event_span("e-1", "order.placed", "payment", cause);
            span.in_scope(|| tracing::info!(amount = 7, "taken"));
            tracing::debug!("not at this level");
        });
        let bytes = buffer.0.lock().expect("no panic").clone();
        let line: serde_json::Value = serde_json::from_slice(&bytes).expect("one line of JSON");
        assert_eq!(line["message"], "taken");
        assert_eq!(line["amount"], 7);
        let span = &line["span"];
        assert_eq!(span["event_id"], "e-1");
        assert_eq!(span["correlation_id"], "o-1");
        assert_eq!(span["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(span.get("causation_id").is_none());
    }

    #[test]
    fn no_filter_takes_the_ids_from_lines_or_turns_the_audit_off() {
        for filter in [
            "warn",
            "off",
            "other=debug",
            "audit=off,handling=off",
            "loud",
        ] {
            let buffer = Buffer::default();
            let writer = buffer.clone();
            let layer = lines(LogFormat::Json, filter, move || writer.clone());
            let subscriber = tracing_subscriber::registry().with(vec![layer]);
            tracing::subscriber::with_default(subscriber, || {
                let span = request_span("GET", "/", "r-1", Cause::default());
                span.in_scope(|| {
                    correlate("o-1");
                    tracing::info!(target: AUDIT_TARGET, "somebody did something");
                });
            });
            let bytes = buffer.0.lock().expect("no panic").clone();
            let line: serde_json::Value = serde_json::from_slice(&bytes).expect(filter);
            assert_eq!(line["target"], AUDIT_TARGET);
            assert_eq!(line["span"]["request_id"], "r-1", "{filter}");
            assert_eq!(line["span"]["correlation_id"], "o-1", "{filter}");
        }
    }

    #[test]
    fn a_filter_is_a_level_or_a_list_of_targets() {
        for fine in ["info", "OFF", "warn,inventory_core=debug"] {
            check_filter(fine).expect(fine);
        }
        for broken in ["", "inof", "warn,,", "warn,inof", "a=loud", "warn, info"] {
            check_filter(broken).expect_err(broken);
        }
    }
}
