//! Spans to a collector, by OTLP over HTTP (protobuf), where the environment names one.
//!
//! The variables are those of every OpenTelemetry SDK: `OTEL_EXPORTER_OTLP_ENDPOINT`
//! (`http://host:4318` or `https://…`; spans go to `/v1/traces` below it), `OTEL_EXPORTER_OTLP_CERTIFICATE`
//! (authorities in PEM that are trusted beside the system's, instead of those of `--tls-ca`), `OTEL_SERVICE_NAME` (else the program's
//! name) and `OTEL_TRACES_SAMPLER`. Nothing waits for a collector: spans wait in a queue of
//! [`QUEUE_SPANS_MAX`], what finds no place there or is not taken in time is dropped, and all of it is
//! counted (`otlp_spans`).

mod queue;
mod trouble;

use std::{
    collections::HashMap,
    env,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::http::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry::{
    propagation::TextMapPropagator as _,
    trace::{TraceContextExt as _, TracerProvider as _},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use prometheus_client::registry::Registry;
use tls::Trust;
use tokio::runtime::Runtime;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer as _, filter::LevelFilter};

use self::queue::{Queue, Spans};
use super::Destination;

/// Of the collector; without it nothing is sent.
pub const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// A file with the authorities that the collector's certificate may be of, beside the system's.
pub const CERTIFICATE_VARIABLE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";

/// Spans that wait for the collector, a batch under way not counted; one takes about a kilobyte.
pub const QUEUE_SPANS_MAX: usize = 4_096;

/// One export, connecting included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long [`flush`] waits at the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Of a collector's answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

static PROVIDER: OnceLock<(SdkTracerProvider, Spans)> = OnceLock::new();

/// Whether spans are sent somewhere.
pub(super) fn is_collecting() -> bool {
    PROVIDER.get().is_some()
}

/// What became of spans.
pub(super) fn register_metrics(registry: &mut Registry) {
    if let Some((_, spans)) = PROVIDER.get() {
        spans.register(registry);
    }
}

/// Where spans go, if the environment says so; an error is to be logged once there is a log.
pub(super) fn destination(trust: &Trust) -> Result<Option<Destination>, String> {
    let Some(endpoint) = variable(ENDPOINT_VARIABLE) else {
        return Ok(None);
    };
    let to = to(&endpoint, trust).map_err(|error| format!("{ENDPOINT_VARIABLE}: {error}"))?;
    Ok(Some(to))
}

/// A destination for [`super::init_with`]: the collector at `endpoint`, whatever the environment says. Its
/// certificate is of an authority that `trust` knows, or that [`CERTIFICATE_VARIABLE`] names. One in a process.
///
/// # Errors
/// What is wrong with the endpoint, or that there is one already.
pub fn to(endpoint: &str, trust: &Trust) -> Result<Destination, String> {
    let spans = Spans::default();
    let provider = provider(endpoint, trust, spans.clone())?;
    let tracer = provider.tracer("service-kit");
    PROVIDER
        .set((provider, spans))
        .map_err(|_| "spans are sent somewhere already".to_owned())?;
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    Ok(layer.with_filter(LevelFilter::INFO).boxed())
}

/// Its parent is the caller's span.
pub(super) fn set_parent(span: &Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent else {
        return;
    };
    let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
    let parent = TraceContextPropagator::new().extract(&carrier);
    // Refused where nobody collects spans.
    let _ = span.set_parent(parent);
}

/// What calls and events that come from this span carry.
pub(super) fn traceparent(span: &Span) -> Option<String> {
    let context = span.context();
    let span = context.span();
    let span = span.span_context();
    span.is_valid().then(|| {
        format!(
            "00-{}-{}-{:02x}",
            span.trace_id(),
            span.span_id(),
            span.trace_flags().to_u8()
        )
    })
}

/// Sends what is still here; waits a little for it.
pub(super) async fn flush() {
    let Some((provider, _)) = PROVIDER.get() else {
        return;
    };
    let flushed = tokio::task::spawn_blocking(|| provider.force_flush());
    match tokio::time::timeout(FLUSH_TIMEOUT, flushed).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the last spans were not sent"),
        Ok(Err(_)) | Err(_) => tracing::warn!("the last spans were not sent in time"),
    }
}

fn provider(endpoint: &str, trust: &Trust, spans: Spans) -> Result<SdkTracerProvider, String> {
    if !["http://", "https://"]
        .iter()
        .any(|it| endpoint.starts_with(it))
    {
        return Err(format!(
            "{endpoint:?} does not begin with http:// or https://"
        ));
    }
    let named = variable(CERTIFICATE_VARIABLE).map(|file| Trust::open(Path::new(&file)));
    let trust = named.unwrap_or_else(|| Ok(trust.clone()));
    let trust = trust.map_err(|error| format!("{CERTIFICATE_VARIABLE}: {error}"))?;
    let client = Http::new(&trust)?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|error| error.to_string())?;
    let name = variable("OTEL_SERVICE_NAME").unwrap_or_else(program_name);
    let resource = Resource::builder().with_service_name(name).build();
    Ok(SdkTracerProvider::builder()
        .with_span_processor(Queue::new(exporter, spans))
        .with_resource(resource)
        .build())
}

#[expect(
    clippy::disallowed_methods,
    reason = "these variables are OpenTelemetry's, the same in every program, and not a service's"
)]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn program_name() -> String {
    let name = env::args_os().next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// HTTP/1. Exports run on a thread of the SDK, which has no runtime.
#[derive(Debug)]
struct Http {
    runtime: Runtime,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// What was the matter with the last export.
    trouble: Mutex<Option<String>>,
}

impl Http {
    fn new(trust: &Trust) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let tls = trust.client_config().map_err(|error| error.to_string())?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls.as_ref().clone())
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self {
            runtime,
            client,
            trouble: Mutex::default(),
        })
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let exchange = async {
            let answer = self.client.request(request.map(Full::new)).await?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        tokio::time::timeout(EXPORT_TIMEOUT, exchange).await?
    }
}

impl Http {
    /// Says once that the collector does not take spans, and why; and that it takes them again.
    fn note(&self, sent: &Result<Response<Bytes>, HttpError>) {
        let now = match sent {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(format!("it answers {}", answer.status())),
            Err(error) => Some(trouble::of(error.as_ref())),
        };
        let mut before = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *before == now {
            return;
        }
        match &now {
            Some(why) => tracing::warn!(why, "the collector does not take spans"),
            None => tracing::info!("the collector takes spans again"),
        }
        *before = now;
    }
}

impl HttpClient for Http {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        let sent = self.runtime.block_on(self.send(request));
        self.note(&sent);
        Box::pin(std::future::ready(sent))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use opentelemetry::trace::Tracer as _;

    use super::*;

    /// Takes connections and never answers.
    fn silent_collector() -> (std::net::TcpListener, String) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        (listener, url)
    }

    #[test]
    fn a_collector_behind_tls_is_sent_to_if_it_is_trusted() {
        let folder = tempfile::tempdir().expect("a folder");
        let authority = test_support::tls::Authority::new(folder.path());
        let issued = authority.issue("collector", 2050);
        let tls = tls::ServerTls::open(&issued.certificate, &issued.key).expect("a pair");
        let server = Runtime::new().expect("a runtime");
        let listener = server.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let routes = axum::Router::new().fallback(|| async { "taken" });
        server.spawn(async move {
            let (settings, stop) = (crate::http::Settings::default(), Default::default());
            let connections = prometheus_client::metrics::gauge::Gauge::default();
            crate::http::serve(listener, routes, settings, Some(tls), &stop, connections).await;
        });
        let send = |trust: &Trust| {
            let http = Http::new(trust).expect("a client");
            let request = Request::post(format!("https://localhost:{port}/v1/traces"));
            let request = request.body(Bytes::new()).expect("a request");
            http.runtime.block_on(http.send(request))
        };
        let trust = Trust::open(authority.file()).expect("an authority");
        assert_eq!(send(&trust).expect("an answer").body().as_ref(), b"taken");
        send(&Trust::default()).expect_err("not trusted");
    }

    #[test]
    fn a_collector_that_does_not_answer_costs_spans_and_no_time() {
        let (_listener, url) = silent_collector();
        let spans = Spans::default();
        let provider = provider(&url, &Trust::default(), spans.clone()).expect("a provider");
        let tracer = provider.tracer("test");
        let begun = Instant::now();
        let all = 4 * QUEUE_SPANS_MAX;
        for _ in 0..all {
            drop(tracer.start("span"));
        }
        // Far less than one export may take.
        assert!(
            begun.elapsed() < EXPORT_TIMEOUT / 2,
            "{:?}",
            begun.elapsed()
        );
        let dropped = spans.dropped();
        // The queue, and the batch that is under way.
        assert!(
            dropped > 0 && dropped >= (all - 2 * QUEUE_SPANS_MAX) as u64,
            "{dropped}"
        );
        assert_eq!(spans.sent(), 0);
    }

    #[test]
    fn what_nobody_takes_is_counted_as_failed() {
        let (listener, url) = silent_collector();
        // Nobody listens any more.
        drop(listener);
        let spans = Spans::default();
        let provider = provider(&url, &Trust::default(), spans.clone()).expect("a provider");
        for _ in 0..10 {
            drop(provider.tracer("test").start("span"));
        }
        provider.force_flush().expect_err("nobody is there");
        assert_eq!((spans.failed(), spans.dropped(), spans.sent()), (10, 0, 0));
        let mut registry = Registry::default();
        spans.register(&mut registry);
        let text = crate::metrics::text(&registry);
        assert!(
            text.contains("otlp_spans_total{outcome=\"failed\"} 10"),
            "{text}"
        );
    }
}
