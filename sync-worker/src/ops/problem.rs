//! What went wrong, as RFC 9457 problem details: the codes and pages of the inventory server.

use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};
use inventory_core::Code;
use serde::Serialize;

use crate::database::is_transient;

/// Characters of a caller's own text that a problem repeats.
pub(super) const ECHO_CHARS_MAX: usize = 64;

/// One fault of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FieldError {
    /// Which parameter.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) reason: String,
}

/// A refusal or fault on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    code: Code,
    status: StatusCode,
    title: &'static str,
    detail: String,
    errors: Vec<FieldError>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    retryable: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    fn new(code: Code, status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            status,
            title,
            detail: detail.into(),
            errors: Vec::new(),
        }
    }

    /// 400 with every fault found.
    pub(super) fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{} {}", one.field, one.reason),
            many => format!("{} parameters are not valid", many.len()),
        };
        let (code, status) = (Code::InvalidRequest, StatusCode::BAD_REQUEST);
        Self {
            errors,
            ..Self::new(code, status, "Invalid request", detail)
        }
    }

    pub(super) fn not_found(path: &str) -> Self {
        let shown: String = path.chars().take(ECHO_CHARS_MAX).collect();
        let detail = format!("there is nothing at {shown}");
        Self::new(
            Code::NotFound,
            StatusCode::NOT_FOUND,
            "No such path",
            detail,
        )
    }

    pub(super) fn method_not_allowed() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let detail = "this path knows GET, HEAD";
        Self::new(Code::MethodNotAllowed, status, "Method not allowed", detail)
    }

    pub(super) fn overloaded() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(
            Code::Overloaded,
            status,
            "Overloaded",
            "too many queries at once",
        )
    }

    /// MariaDB did not answer. The error goes to the log, not to the caller.
    pub(super) fn database(error: &sqlx::Error) -> Self {
        if is_transient(error) {
            tracing::warn!(%error, "query failed");
            return Self::new(
                Code::StoreUnavailable,
                StatusCode::SERVICE_UNAVAILABLE,
                "Store unavailable",
                "MariaDB did not answer; ask again, or ask for less",
            );
        }
        tracing::error!(%error, "query failed");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let detail = "the query failed; the log says why";
        Self::new(Code::Internal, status, "Internal error", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title) = (self.status, self.title);
        let slug = self.code.as_str().to_ascii_lowercase().replace('_', "-");
        let busy = status == StatusCode::SERVICE_UNAVAILABLE;
        let body = Body {
            r#type: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            code: self.code.as_str(),
            detail: &self.detail,
            retryable: busy,
            errors: &self.errors,
        };
        let json = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, json).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if busy {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.code == Code::MethodNotAllowed {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}
