use std::borrow::Cow;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use hyper::{
    StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use serde::Serialize;
use serde_json::{Map, Value};

/// The content type of a problem.
pub(super) const CONTENT_TYPE_PROBLEM: &str = "application/problem+json";

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Where, like `items[0].quantity`.
    pub field: String,
    /// What is wrong there.
    pub reason: String,
}

/// What went wrong, as RFC 9457 problem details: `type`, `title`, `status`, `code`, `detail`,
/// `retryable`, and the fields of the code.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    status: StatusCode,
    code: Cow<'static, str>,
    title: Cow<'static, str>,
    detail: Cow<'static, str>,
    retryable: bool,
    retry_after_seconds: Option<u32>,
    allow: Option<HeaderValue>,
    fields: Map<String, Value>,
}

impl Problem {
    /// A problem with a code in `UPPER_CASE`; its page is `/problems/upper-case`.
    #[must_use]
    pub fn new(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Inner {
            status,
            code: code.into(),
            title: title.into(),
            detail: detail.into(),
            retryable: false,
            retry_after_seconds: None,
            allow: None,
            fields: Map::new(),
        }))
    }

    /// With a field of this code. One that cannot be written as JSON is left out, and logged.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => {
                self.0.fields.insert(name.to_owned(), value);
            }
            Err(error) => tracing::error!(%error, name, "a problem's field cannot be written"),
        }
        self
    }

    /// The same request may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Retryable, and how long to wait: `Retry-After`.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self.retryable()
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// 400 `INVALID_REQUEST` with every fault found.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}", one.field, one.reason),
            many => format!("{} fields are not valid", many.len()),
        };
        Self::bad_request(detail).with("errors", errors)
    }

    /// 400 `INVALID_REQUEST` with one fault.
    #[must_use]
    pub fn invalid_field(field: impl Into<String>, reason: impl ToString) -> Self {
        Self::invalid(vec![FieldError {
            field: field.into(),
            reason: reason.to_string(),
        }])
    }

    /// 400 `INVALID_REQUEST` as a whole.
    #[must_use]
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "INVALID_REQUEST",
            "Invalid request",
            detail,
        )
    }

    /// 401 `UNAUTHENTICATED`: there is no token, or none that counts.
    #[must_use]
    pub fn unauthenticated(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "UNAUTHENTICATED",
            "Not authenticated",
            detail,
        )
    }

    /// 403 `FORBIDDEN`.
    #[must_use]
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", "Forbidden", detail)
    }

    /// 404 `NOT_FOUND`: no such path.
    #[must_use]
    pub fn no_such_path() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
            "No such path",
            "there is nothing here",
        )
    }

    /// 405 `METHOD_NOT_ALLOWED`; `allow` as in the header.
    #[must_use]
    pub fn method_not_allowed(allow: Option<HeaderValue>) -> Self {
        let known = allow
            .as_ref()
            .and_then(|allow| allow.to_str().ok())
            .unwrap_or("other methods")
            .to_owned();
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "Method not allowed",
            format!("this path knows {known}"),
        );
        problem.0.allow = allow;
        problem
    }

    /// 413 `BODY_TOO_LARGE`.
    #[must_use]
    pub fn body_too_large(limit_bytes: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "BODY_TOO_LARGE",
            "Body too large",
            format!("the body may have {limit_bytes} bytes"),
        )
    }

    /// 415 `UNSUPPORTED_MEDIA_TYPE`.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            "Unsupported media type",
            "the body must be application/json",
        )
    }

    /// 500 `INTERNAL`. The cause goes to the log, not to the caller.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "Internal error",
            "something failed here; the log has it under the request's id",
        )
    }

    /// 503 `STORE_UNAVAILABLE`: a dependency does not answer.
    #[must_use]
    pub fn store_unavailable(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "STORE_UNAVAILABLE",
            "Store unavailable",
            detail,
        )
        .retry_after(1)
    }

    /// 503 `OVERLOADED`.
    #[must_use]
    pub fn overloaded(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "OVERLOADED",
            "Overloaded",
            detail,
        )
        .retry_after(1)
    }

    /// 504 `OUTCOME_UNKNOWN`: it took too long, and may or may not have taken effect.
    #[must_use]
    pub fn outcome_unknown() -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "OUTCOME_UNKNOWN",
            "Outcome unknown",
            "no answer in time; the request may have taken effect. Repeating it with the same id is safe",
        )
        .retryable()
    }

    /// For a status that some layer answered without a problem.
    pub(super) fn of_status(status: StatusCode, detail: String) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        let code = reason.to_ascii_uppercase().replace([' ', '-'], "_");
        Self::new(status, code, reason, detail)
    }
}

#[cfg(feature = "db")]
impl From<sqlx::Error> for Problem {
    /// 503 where the database is away or busy, else 500; logged here.
    fn from(error: sqlx::Error) -> Self {
        if crate::db::is_transient(&error) {
            tracing::warn!(%error, "the database does not answer");
            Self::store_unavailable("the database does not answer")
        } else {
            tracing::error!(%error, "the database refused a statement");
            Self::internal()
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let inner = *self.0;
        let slug = inner.code.to_ascii_lowercase().replace('_', "-");
        let mut object = Map::new();
        let mut put = |name: &str, value: Value| object.insert(name.to_owned(), value);
        put("type", format!("/problems/{slug}").into());
        put("title", inner.title.into());
        put("status", inner.status.as_u16().into());
        put("code", inner.code.into());
        put("detail", inner.detail.into());
        put("retryable", inner.retryable.into());
        object.extend(inner.fields);
        let mut response = Response::new(Body::from(Value::Object(object).to_string()));
        *response.status_mut() = inner.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_PROBLEM));
        if let Some(seconds) = inner.retry_after_seconds {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = inner.allow {
            headers.insert(ALLOW, allow);
        }
        if inner.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
