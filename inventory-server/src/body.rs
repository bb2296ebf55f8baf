//! Bodies: of responses, and reading those of requests within their limits.

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use hyper::{
    body::{Body as _, Frame, Incoming, SizeHint},
    header::{CONTENT_TYPE, EXPECT, HeaderMap},
};
use inventory_core::Code;

use crate::{limits::DISCARD_BYTES_MAX, problem::Problem, server::InFlight, wire::json::BODY};

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Body {
    /// All there is; `None` when it was taken or is empty.
    Full(Option<Bytes>),
    /// Pieces that come over time; meanwhile the connection does not count as idle.
    Stream {
        /// The pieces.
        pieces: tokio::sync::mpsc::Receiver<Bytes>,
        /// Dropped with the body.
        _in_flight: InFlight,
    },
}

impl Body {
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self::Full((!bytes.is_empty()).then_some(bytes))
    }

    pub(crate) const fn empty() -> Self {
        Self::Full(None)
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Stream { pieces, .. } => pieces
                .poll_recv(cx)
                .map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64)),
            Self::Stream { .. } => SizeHint::default(),
        }
    }
}

/// Reads a JSON body of at most `max` bytes. An empty one is no body, whatever its type.
///
/// # Errors
/// 413 over the limit, 415 for another type, 400 when it ends early or takes longer than `timeout`.
pub(crate) async fn read_json(
    headers: &HeaderMap,
    mut body: Incoming,
    max: usize,
    timeout: Duration,
) -> Result<Bytes, Problem> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > max as u64 && headers.contains_key(EXPECT) {
        // The client asks before it sends.
        return Err(over(max).closing());
    }
    let read = tokio::time::timeout(timeout, collect(&mut body, max)).await;
    let bytes = read.unwrap_or_else(|_| {
        let reason = format!("did not arrive within {} ms", timeout.as_millis());
        Err(Problem::invalid_field(BODY, reason).closing())
    })?;
    if !bytes.is_empty() && !is_json(headers) {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "the body must be application/json",
        ));
    }
    Ok(bytes)
}

/// Whether the type is JSON; without one it is.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    if value == "application/json" {
        return true;
    }
    let Ok(text) = value.to_str() else {
        return false;
    };
    let essence = text
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    essence == "application/json"
        || essence
            .strip_prefix("application/")
            .is_some_and(|sub| sub.len() > 5 && sub.ends_with("+json"))
}

/// The next piece of data; `None` at the end.
async fn data(body: &mut Incoming) -> Result<Option<Bytes>, Problem> {
    loop {
        match poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Some(Err(_)) => return Err(Problem::invalid_field(BODY, "ended early").closing()),
        }
    }
}

async fn collect(body: &mut Incoming, max: usize) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > max as u64 {
        return Err(too_large(body, 0, max).await);
    }
    let Some(first) = data(body).await? else {
        return Ok(Bytes::new());
    };
    if first.len() <= max && body.is_end_stream() {
        return Ok(first);
    }
    let mut all = BytesMut::from(first);
    while all.len() <= max {
        match data(body).await? {
            Some(more) => all.extend_from_slice(&more),
            None => return Ok(all.freeze()),
        }
    }
    Err(too_large(body, all.len(), max).await)
}

/// Reads on for a while, so that a client that writes before it reads gets the answer.
async fn too_large(body: &mut Incoming, read: usize, max: usize) -> Problem {
    let allowed = max.saturating_add(DISCARD_BYTES_MAX);
    let ended = discard(body, allowed.saturating_sub(read)).await;
    if ended {
        over(max)
    } else {
        over(max).closing()
    }
}

fn over(max: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body may have at most {max} bytes"),
    )
}

/// Reads up to `max` bytes and says whether that was all.
async fn discard(body: &mut Incoming, max: usize) -> bool {
    let mut left = max;
    loop {
        match data(body).await {
            Ok(None) => return true,
            Ok(Some(bytes)) if bytes.len() <= left => left = left.saturating_sub(bytes.len()),
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

/// Reads away the body of a request that is refused without looking at it, as [`read_json`] does
/// with one that is too large.
pub(crate) async fn refuse(mut body: Incoming, problem: Problem, timeout: Duration) -> Problem {
    if body.is_end_stream() {
        return problem;
    }
    match tokio::time::timeout(timeout, discard(&mut body, DISCARD_BYTES_MAX)).await {
        Ok(true) => problem,
        Ok(false) | Err(_) => problem.closing(),
    }
}
