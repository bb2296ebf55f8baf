//! What went wrong, as RFC 9457 problem details: the one table from refusals and faults to HTTP.

mod decided;
mod extra;
mod table;

use std::borrow::Cow;

use bytes::Bytes;
use hyper::{
    Response,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use inventory_core::{Code, Refusal, ReservationId, StockKey};

use self::extra::Extra;
pub(crate) use self::table::slug;
use self::table::spec;
use crate::{body::Body, wire::write::Writer};

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// Where, like `items[0].quantity`.
    pub(crate) field: String,
    /// What is wrong there.
    pub(crate) reason: String,
}

/// A refusal or fault on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    detail: Cow<'static, str>,
    extra: Extra,
    retry_now: bool,
    /// The connection cannot be used any more: part of a body is still to come.
    pub(crate) close: bool,
}

/// What a request was about: which field a refusal of a figure blames, and which id a caller
/// repeats an unsettled request with.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    /// The field that a figure over [`STOCK_MAX`] is blamed on.
    pub(crate) figure: &'static str,
    /// The name and value of the id to repeat with.
    pub(crate) id: Option<(&'static str, &'a str)>,
}

impl<'a> Subject<'a> {
    /// A command on a reservation.
    pub(crate) fn reservation(id: &'a ReservationId) -> Self {
        Self {
            figure: "items",
            id: Some(("reservationId", id.as_str())),
        }
    }

    /// A read: nothing to repeat, no figure to blame.
    pub(crate) const READ: Subject<'static> = Subject {
        figure: "items",
        id: None,
    };
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            extra: Extra::None,
            retry_now: false,
            close: false,
        }
    }

    fn with(code: Code, detail: impl Into<Cow<'static, str>>, extra: Extra) -> Self {
        Self {
            extra,
            ..Self::new(code, detail)
        }
    }

    /// 400 with every fault found.
    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}", one.field, one.reason),
            many => format!("{} fields are not valid", many.len()),
        };
        Self::with(Code::InvalidRequest, detail, Extra::Errors(errors))
    }

    /// 400 with one fault.
    pub(crate) fn invalid_field(field: impl Into<String>, reason: impl ToString) -> Self {
        Self::invalid(vec![FieldError {
            field: field.into(),
            reason: reason.to_string(),
        }])
    }

    /// 405; `allow` as in the header.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self::with(
            Code::MethodNotAllowed,
            format!("this path knows {allow}"),
            Extra::Allow(allow),
        )
    }

    /// 404 for one stock.
    pub(crate) fn unknown_sku(key: StockKey) -> Self {
        Self::from_refusal(Refusal::UnknownSku(vec![key]), &Subject::READ)
    }

    /// 504 that names the id to repeat with.
    pub(crate) fn outcome_unknown(subject: &Subject<'_>) -> Self {
        let detail = "the answer of Redis was lost; the request may have taken effect. Repeating it with the same id is safe";
        let extra = subject
            .id
            .map_or(Extra::None, |(name, id)| Extra::Id(name, id.to_owned()));
        Self::with(Code::OutcomeUnknown, detail, extra)
    }

    /// Closes the connection after the answer.
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    fn retry_after(&self) -> Option<u16> {
        let seconds = spec(self.code).retry_after_seconds;
        if self.retry_now {
            seconds.map(|_| 0)
        } else {
            seconds
        }
    }

    /// The members of the problem object.
    pub(crate) fn write(&self, json: &mut Writer) {
        let spec = spec(self.code);
        json.id("type", &format!("/problems/{}", slug(self.code)));
        json.id("title", spec.title);
        json.number("status", u64::from(spec.status.as_u16()));
        json.id("code", self.code.as_str());
        json.text("detail", &self.detail);
        json.boolean("retryable", spec.retryable);
        self.extra.write(json);
    }

    /// The answer.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut json = Writer::object(512);
        self.write(&mut json);
        let body: Bytes = json.finish();
        let mut response = Response::new(Body::full(body));
        *response.status_mut() = spec(self.code).status;
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == Code::Unauthenticated {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Extra::Allow(allow) = self.extra {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

#[cfg(test)]
mod tests;
