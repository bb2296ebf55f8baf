//! Spans to a collector, by OTLP over HTTP (protobuf), where the environment names one.
//!
//! The variables are those of every OpenTelemetry SDK: `OTEL_EXPORTER_OTLP_ENDPOINT`
//! (`http://host:4318`; spans go to `/v1/traces` below it), `OTEL_SERVICE_NAME` (else the program's
//! name) and `OTEL_TRACES_SAMPLER`. Only `http://`: what crosses a network goes to a collector beside the
//! process first. Nothing waits for a collector: what it does not take in time is dropped.

use std::{collections::HashMap, env, path::Path, sync::OnceLock, time::Duration};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::http::{Request, Response};
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
use tokio::runtime::Runtime;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer as _, filter::LevelFilter};

use super::Destination;

/// Of the collector; without it nothing is sent.
pub const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// One export, connecting included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long [`flush`] waits at the end of the process.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Of a collector's answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

/// Where spans go, if the environment says so; an error is to be logged once there is a log.
pub(super) fn destination() -> Result<Option<Destination>, String> {
    let Some(endpoint) = variable(ENDPOINT_VARIABLE) else {
        return Ok(None);
    };
    let to = to(&endpoint).map_err(|error| format!("{ENDPOINT_VARIABLE}: {error}"))?;
    Ok(Some(to))
}

/// A destination for [`super::init_with`]: the collector at `endpoint`, whatever the environment says. One
/// in a process.
///
/// # Errors
/// What is wrong with the endpoint, or that there is one already.
pub fn to(endpoint: &str) -> Result<Destination, String> {
    let provider = provider(endpoint)?;
    let tracer = provider.tracer("service-kit");
    PROVIDER
        .set(provider)
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
    let Some(provider) = PROVIDER.get() else {
        return;
    };
    let flushed = tokio::task::spawn_blocking(|| provider.force_flush());
    match tokio::time::timeout(FLUSH_TIMEOUT, flushed).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => tracing::warn!(%error, "the last spans were not sent"),
        Ok(Err(_)) | Err(_) => tracing::warn!("the last spans were not sent in time"),
    }
}

fn provider(endpoint: &str) -> Result<SdkTracerProvider, String> {
    if !endpoint.starts_with("http://") {
        return Err(format!(
            "{endpoint:?} does not begin with http://; for TLS run a collector beside the process"
        ));
    }
    let client = Plain::new().map_err(|error| error.to_string())?;
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
        .with_batch_exporter(exporter)
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

/// HTTP/1 without TLS. Exports run on a thread of the SDK, which has no runtime.
#[derive(Debug)]
struct Plain {
    runtime: Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Plain {
    fn new() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self { runtime, client })
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

impl HttpClient for Plain {
    fn send_bytes<'s, 'f>(
        &'s self,
        request: Request<Bytes>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        's: 'f,
        Self: 'f,
    {
        Box::pin(std::future::ready(
            self.runtime.block_on(self.send(request)),
        ))
    }
}
