//! Who asks in which request: `X-Request-Id` and `traceparent`.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use inventory_core::{Context, Text};
use service_kit::trace_context;

use crate::{ids, limits::REQUEST_ID_LEN_MAX};

/// The header that names a request.
pub(crate) static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The caller's id where it is visible ASCII, with blanks only inside, and not too long; else one
/// of ours.
pub(crate) fn of(headers: &HeaderMap) -> HeaderValue {
    let sent = headers
        .get(&X_REQUEST_ID)
        .filter(|value| is_sound(value.as_bytes()));
    sent.map_or_else(
        || {
            HeaderValue::from_bytes(&ids::request())
                .unwrap_or(const { HeaderValue::from_static("-") })
        },
        HeaderValue::clone,
    )
}

fn is_sound(id: &[u8]) -> bool {
    id.len() <= REQUEST_ID_LEN_MAX
        && id.iter().all(|b| b.is_ascii_graphic() || *b == b' ')
        && [id.first(), id.last()]
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_graphic))
}

/// What goes to the journal with a change.
pub(crate) fn context(request_id: &HeaderValue, traceparent: Option<&str>) -> Context {
    let text = |text: &str| Text::parse(text).ok();
    Context {
        actor: None,
        request_id: request_id.to_str().ok().and_then(text),
        traceparent: traceparent.and_then(text),
    }
}

/// The caller's `traceparent`, where it is one.
pub(crate) fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(&TRACEPARENT)?.to_str().ok()?;
    trace_context::traceparent(value)
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
        assert_eq!(of(b"a b"), "a b");
        assert_eq!(of(&[b'x'; 256]).len(), 256);
        for other in [
            &b""[..],
            b" a",
            b"a ",
            b"a\tb",
            "ä".as_bytes(),
            &[b'x'; 257],
        ] {
            assert_eq!(of(other).len(), 16, "{other:?}");
        }
    }

    #[test]
    fn a_traceparent_is_taken_only_where_it_looks_like_one() {
        let sound = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context_of = |value: &str| {
            let headers = headers(&TRACEPARENT, value.as_bytes());
            context(&of(&headers), traceparent(&headers))
                .traceparent
                .map(|t| t.as_str().to_owned())
        };
        assert_eq!(context_of(sound).as_deref(), Some(sound));
        let later = sound.replacen("00", "cc", 1);
        for more in ["", "-what-comes-then"] {
            let value = format!("{later}{more}");
            assert_eq!(context_of(&value).as_deref(), Some(later.as_str()));
        }
        for other in [
            "",
            "00",
            "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert_eq!(context_of(other), None, "{other}");
        }
    }
}
