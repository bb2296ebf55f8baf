//! Where a request has its token.

use hyper::header::{AUTHORIZATION, HeaderMap};

/// There is an `Authorization`, and it is not one bearer token. The text is for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the Authorization header must be one, and like: Bearer eyJ0eXAi…")]
pub struct NotBearer;

/// The token of the one `Authorization: Bearer` header; `None` where there is no such header.
///
/// # Errors
/// [`NotBearer`]: what stands there is something else, which is not the same as nothing.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, NotBearer> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .filter(|_| all.next().is_none())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .map(Some)
        .ok_or(NotBearer)
}
