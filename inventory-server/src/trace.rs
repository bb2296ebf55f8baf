//! The span of a request, and the ids that every line about it has.
//!
//! A span costs about a tenth of what a reserve does. So the two hot requests, reserve and the reading of
//! one stock, have one only where spans are collected; their lines get the ids from here.

use hyper::header::{HeaderMap, HeaderValue};
use service_kit::{
    audit,
    telemetry::{self, Cause},
    trace_context,
};
use tracing::Span;

use crate::{auth::Caller, request_id, route::RouteName};

tokio::task_local! {
    static CURRENT: Ids;
}

/// What a request is called.
#[derive(Debug, Clone)]
struct Ids {
    request_id: HeaderValue,
    traceparent: Option<String>,
}

/// A request, as logs and collectors know it.
#[derive(Debug)]
pub(crate) struct Traced {
    pub(crate) span: Span,
    ids: Ids,
}

impl Traced {
    /// Of a request to this route.
    pub(crate) fn new(route: RouteName, request_id: &HeaderValue, headers: &HeaderMap) -> Self {
        let came = request_id::traceparent(headers);
        let is_hot = matches!(route, RouteName::Reserve | RouteName::Stock);
        let span = if is_hot && !telemetry::is_collecting() {
            Span::none()
        } else {
            let template = route.template();
            let method = template.split(' ').next().unwrap_or_default();
            let cause = Cause {
                traceparent: came,
                ..Cause::default()
            };
            let request_id = request_id.to_str().unwrap_or_default();
            telemetry::request_span(method, template, request_id, cause)
        };
        let own = telemetry::traceparent(&span);
        let ids = Ids {
            request_id: request_id.clone(),
            traceparent: own.or_else(|| came.map(ToOwned::to_owned)),
        };
        Self { span, ids }
    }

    /// What comes from the request carries it.
    pub(crate) fn traceparent(&self) -> Option<&str> {
        self.ids.traceparent.as_deref()
    }

    /// Handles the request in its span.
    pub(crate) fn scope<F: Future>(&self, handling: F) -> impl Future<Output = F::Output> {
        use tracing::Instrument as _;
        CURRENT
            .scope(self.ids.clone(), handling)
            .instrument(self.span.clone())
    }

    /// The audit's line, where there is to be one: of what an administrator asked, and of what was
    /// refused to somebody who is known. The journal has all changes, with who made them.
    pub(crate) fn audit(&self, route: RouteName, path: &str, caller: &Caller, status: u16) {
        let Some(who) = caller.actor() else {
            return;
        };
        if !caller.is_admin() && status != 403 {
            return;
        }
        self.span.in_scope(|| {
            audit::Line {
                who: who.as_str(),
                action: route.template(),
                on: path,
                outcome: audit::outcome(status),
                status: Some(status),
                request_id: self.ids.request_id.to_str().ok(),
            }
            .write();
        });
    }
}

/// Calls with the id of the request that is handled, and that of its trace.
pub(crate) fn of_request(line: impl FnOnce(Option<&str>, Option<&str>)) {
    let ids = CURRENT.try_with(Clone::clone).ok();
    let request_id = ids.as_ref().and_then(|ids| ids.request_id.to_str().ok());
    let traceparent = ids.as_ref().and_then(|ids| ids.traceparent.as_deref());
    line(request_id, traceparent.and_then(trace_context::trace_id));
}
