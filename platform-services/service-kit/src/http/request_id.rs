//! Who asks in which request: `X-Request-Id` and `traceparent`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use hyper::{
    header::{HeaderMap, HeaderName, HeaderValue},
    http::request::Parts,
};

use crate::{audit::Asked, ids, trace_context};

/// The header that names a request.
pub static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Longest request id that is taken from a caller, in bytes.
const REQUEST_ID_LEN_MAX: usize = 256;

/// The ids of a request, as an extractor: what an event names as its cause.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestContext {
    /// The caller's id where it is visible ASCII, with blanks only inside, and not too long; else
    /// one of ours.
    pub request_id: String,
    /// That of answering this request, where spans are collected; else the caller's, or one of ours.
    pub traceparent: Option<String>,
    /// What is asked, and by whom, for the audit.
    pub asked: Asked,
}

impl RequestContext {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let request_id = headers
            .get(&X_REQUEST_ID)
            .filter(|value| is_sound(value.as_bytes()))
            .and_then(|value| value.to_str().ok())
            .map_or_else(|| format!("{:016x}", ids::random()), ToOwned::to_owned);
        let traceparent = headers
            .get(&TRACEPARENT)
            .and_then(|value| value.to_str().ok())
            .and_then(trace_context::traceparent)
            .map(ToOwned::to_owned);
        Self {
            request_id,
            traceparent,
            asked: Asked::default(),
        }
    }

    /// The request's id, to be put on the answer.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.request_id).unwrap_or(const { HeaderValue::from_static("-") })
    }
}

fn is_sound(id: &[u8]) -> bool {
    id.len() <= REQUEST_ID_LEN_MAX
        && id.iter().all(|b| b.is_ascii_graphic() || *b == b' ')
        && [id.first(), id.last()]
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_graphic))
}

impl<S: Sync> FromRequestParts<S> for RequestContext {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Self>()
            .cloned()
            .unwrap_or_else(|| Self::of(&parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_id_is_kept_and_another_replaced() {
        let of = |value: &[u8]| {
            let value = HeaderValue::from_bytes(value).expect("a header value");
            RequestContext::of(&HeaderMap::from_iter([(X_REQUEST_ID.clone(), value)])).request_id
        };
        assert_eq!(of(b"req/1?"), "req/1?");
        assert_eq!(of(b"a b"), "a b");
        for other in [&b""[..], b" a", b"a\tb", "ä".as_bytes(), &[b'x'; 257]] {
            assert_eq!(of(other).len(), 16, "{other:?}");
        }
    }
}
