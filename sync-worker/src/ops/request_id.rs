//! `X-Request-Id`: echoed where it is sound, else ours.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use inventory_core::limits::TEXT_LEN_MAX;

static X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts the request's id on the answer.
pub(super) async fn echo(request: Request, next: Next) -> Response {
    let sent = request.headers().get(&X_REQUEST_ID);
    let id = sent
        .filter(|value| is_sound(value.as_bytes()))
        .map_or_else(generated, HeaderValue::clone);
    let mut response = next.run(request).await;
    response.headers_mut().insert(X_REQUEST_ID.clone(), id);
    response
}

/// Visible ASCII with blanks only inside, as long as a text in the journal may be.
fn is_sound(id: &[u8]) -> bool {
    id.len() <= TEXT_LEN_MAX
        && id.iter().all(|b| b.is_ascii_graphic() || *b == b' ')
        && [id.first(), id.last()]
            .iter()
            .all(|end| end.is_some_and(u8::is_ascii_graphic))
}

/// 16 hexadecimal digits: 8 of this process, 8 counted up.
fn generated() -> HeaderValue {
    static PROCESS: LazyLock<u64> =
        LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let count = NEXT.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff;
    let id = format!("{:016x}", (*PROCESS << 32) | count);
    HeaderValue::from_str(&id).unwrap_or(const { HeaderValue::from_static("-") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_id_has_blanks_only_inside() {
        for sound in [&b"req/1?"[..], b"a b", &[b'x'; TEXT_LEN_MAX]] {
            assert!(is_sound(sound));
        }
        for other in [&b""[..], b" a", b"a ", b"a\tb", &[b'x'; TEXT_LEN_MAX + 1]] {
            assert!(!is_sound(other), "{other:?}");
        }
        assert_eq!(generated().len(), 16);
        assert_ne!(generated(), generated());
    }
}
