//! Who asks in which request: `X-Request-Id` and `traceparent`.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use inventory_core::{Context, Text};

use crate::{ids, limits::REQUEST_ID_LEN_MAX};

/// The header that names a request.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The caller's id where it is 1 to 128 visible ASCII characters, else one of ours.
pub(crate) fn of(headers: &HeaderMap) -> HeaderValue {
    let sent = headers.get(&X_REQUEST_ID).filter(|value| {
        (1..=REQUEST_ID_LEN_MAX).contains(&value.len())
            && value.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    sent.map_or_else(
        || {
            HeaderValue::from_bytes(&ids::request())
                .unwrap_or(const { HeaderValue::from_static("-") })
        },
        HeaderValue::clone,
    )
}

/// What goes to the journal with a change.
pub(crate) fn context(request_id: &HeaderValue, headers: &HeaderMap) -> Context {
    let text = |value: &HeaderValue| value.to_str().ok().and_then(|text| Text::parse(text).ok());
    Context {
        actor: None,
        request_id: text(request_id),
        traceparent: headers
            .get(&TRACEPARENT)
            .filter(|value| is_traceparent(value.as_bytes()))
            .and_then(text),
    }
}

/// Whether it looks like `00-<32 hex>-<16 hex>-<2 hex>` (W3C Trace Context, version 00).
fn is_traceparent(value: &[u8]) -> bool {
    let hex = |part: &[u8]| {
        part.iter()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
    };
    let zero = |part: &[u8]| part.iter().all(|&b| b == b'0');
    let mut parts = value.split(|&b| b == b'-');
    let lengths = [2, 32, 16, 2];
    let [Some(version), Some(trace), Some(span), Some(flags)] =
        lengths.map(|len| parts.next().filter(|p| p.len() == len))
    else {
        return false;
    };
    parts.next().is_none()
        && version == b"00"
        && hex(trace)
        && hex(span)
        && hex(flags)
        && !zero(trace)
        && !zero(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &HeaderName, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(
            name.clone(),
            HeaderValue::from_bytes(value).expect("a header value"),
        )])
    }

    #[test]
    fn a_sound_id_is_echoed_and_another_replaced() {
        let of = |value: &[u8]| of(&headers(&X_REQUEST_ID, value));
        assert_eq!(of(b"req/1?"), "req/1?");
        assert_eq!(of(&[b'x'; 128]).len(), 128);
        for other in [&b""[..], b"a b", "ä".as_bytes(), &[b'x'; 129]] {
            assert_eq!(of(other).len(), 16, "{other:?}");
        }
    }

    #[test]
    fn a_traceparent_is_taken_only_where_it_looks_like_one() {
        let sound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context_of = |value: &str| {
            let headers = headers(&TRACEPARENT, value.as_bytes());
            context(&of(&headers), &headers)
                .traceparent
                .map(|t| t.as_str().to_owned())
        };
        assert_eq!(context_of(sound).as_deref(), Some(sound));
        for other in [
            "",
            "00",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            assert_eq!(context_of(other), None, "{other}");
        }
    }
}
