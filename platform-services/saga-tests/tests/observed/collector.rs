//! A collector in this process: takes spans by OTLP over HTTP and keeps them.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value},
    trace::v1::Span,
};
use prost::Message as _;

/// A span, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) service: String,
    /// `request`, `event`, `task` or `step`.
    pub(crate) name: String,
    /// The route, the type of the event, the task or the step.
    pub(crate) what: String,
    pub(crate) request_id: String,
    pub(crate) correlation_id: String,
    pub(crate) trace_id: String,
    pub(crate) id: String,
    /// Empty where it has none.
    pub(crate) parent: String,
}

#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) url: String,
    spans: Arc<Mutex<Vec<Seen>>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let spans = Arc::default();
        let taken = Arc::clone(&spans);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = Arc::clone(&taken);
                thread::spawn(move || serve(stream, &taken));
            }
        });
        Self { url, spans }
    }

    /// All spans for which this holds.
    pub(crate) fn spans(&self, wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        spans.iter().filter(|span| wanted(span)).cloned().collect()
    }
}

fn serve(stream: TcpStream, spans: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream);
    while let Some(body) = request(&mut reader) {
        let export = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let mut spans = spans.lock().unwrap_or_else(PoisonError::into_inner);
        for resource in export.resource_spans {
            let about = resource.resource.unwrap_or_default();
            let service = text(&about.attributes, &["service.name"]);
            let all = resource.scope_spans.into_iter().flat_map(|it| it.spans);
            spans.extend(all.map(|span| seen(&service, &span)));
        }
        drop(spans);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        if reader.get_mut().write_all(answer).is_err() {
            return;
        }
    }
}

/// The body of the next request; `None` at the end of the connection.
fn request(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn seen(service: &str, span: &Span) -> Seen {
    let text = |keys: &[&str]| text(&span.attributes, keys);
    Seen {
        service: service.to_owned(),
        name: span.name.clone(),
        what: text(&["route", "event_type", "task", "step"]),
        request_id: text(&["request_id"]),
        correlation_id: text(&["correlation_id"]),
        trace_id: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
    }
}

/// The first of these attributes that is a text.
fn text(attributes: &[KeyValue], keys: &[&str]) -> String {
    let value = keys.iter().find_map(|key| {
        let pair = attributes.iter().find(|pair| pair.key == *key)?;
        let any_value::Value::StringValue(text) = pair.value.clone()?.value? else {
            return None;
        };
        Some(text)
    });
    value.unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
