//! One trace from the caller through a request to what follows from it.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    http::HeaderMap,
    routing::{get, post},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value, trace::v1::Span,
};
use prost::Message as _;
use service_kit::{
    http::{App, RequestContext, Settings},
    metrics,
    shutdown::Stop,
    telemetry::{self, Cause, LogFormat, otlp},
    tls::Trust,
};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let pair = span.attributes.iter().find(|pair| pair.key == key)?;
    let Some(any_value::Value::StringValue(text)) = pair.value.clone()?.value else {
        return None;
    };
    Some(text)
}

async fn collector() -> (String, mpsc::Receiver<ExportTraceServiceRequest>) {
    let (sender, exported) = mpsc::channel(100);
    let take = move |headers: HeaderMap, body: Bytes| {
        let sender = sender.clone();
        async move {
            assert_eq!(headers["content-type"], "application/x-protobuf");
            let request = ExportTraceServiceRequest::decode(body).unwrap();
            sender.send(request).await.unwrap();
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().route("/v1/traces", post(take));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, exported)
}

fn span<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    spans.iter().find(|span| span.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_joins_the_caller_the_request_and_what_follows() {
    assert!(otlp::to("collector:4318", &Trust::default()).is_err());
    let (url, mut exported) = collector().await;
    let to_collector = otlp::to(&url, &Trust::default()).unwrap();
    telemetry::init_with(
        LogFormat::Json,
        "warn",
        &Trust::default(),
        vec![to_collector],
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Stop::default();
    let server = {
        let (app, stop) = (App::new(metrics::registry("test", "1")), stop.clone());
        let current = get(|context: RequestContext| async move {
            tracing::info!("answering");
            context.traceparent.unwrap()
        });
        let routes = Router::new().route("/current", current);
        tokio::spawn(async move {
            app.serve(listener, routes, Settings::default(), &stop)
                .await;
        })
    };
    let current = tokio::task::spawn_blocking(move || {
        let request = ureq::get(format!("http://{address}/current"));
        let request = request.header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
        request.call().unwrap().body_mut().read_to_string().unwrap()
    });
    let current = current.await.unwrap();
    // An event that the handler made is handled elsewhere; here in the same process.
    let cause = Cause {
        correlation_id: Some("o-1"),
        traceparent: Some(&current),
        ..Cause::default()
    };
    drop(telemetry::event_span(
        "e-1",
        "order.placed",
        "payment",
        cause,
    ));
    stop.drain.cancel();
    // Sends what is left when it ends.
    server.await.unwrap();

    let mut spans = Vec::new();
    while spans.len() < 2 {
        let request = timeout(Duration::from_secs(60), exported.recv()).await;
        for resource in request.unwrap().unwrap().resource_spans {
            let name = &resource.resource.as_ref().unwrap().attributes;
            assert!(name.iter().any(|pair| pair.key == "service.name"));
            spans.extend(
                resource
                    .scope_spans
                    .into_iter()
                    .flat_map(|scope| scope.spans),
            );
        }
    }
    let (request, event) = (span(&spans, "request"), span(&spans, "event"));
    assert_eq!(hex(&request.trace_id), TRACE);
    assert_eq!(hex(&request.parent_span_id), CALLER);
    assert_eq!(attribute(request, "route").as_deref(), Some("GET /current"));
    assert!(request.events.iter().any(|event| event.name == "answering"));
    assert_eq!(current, format!("00-{TRACE}-{}-01", hex(&request.span_id)));
    assert_eq!(event.trace_id, request.trace_id);
    assert_eq!(event.parent_span_id, request.span_id);
    assert_eq!(attribute(event, "correlation_id").as_deref(), Some("o-1"));
}
