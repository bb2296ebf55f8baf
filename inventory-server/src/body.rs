//! Bodies: of responses, and reading those of requests within their limits.

mod budget;

use std::{
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use hyper::{
    Version,
    body::{Body as _, Frame, Incoming, SizeHint},
    header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderMap},
};
use inventory_core::Code;
use tokio::time::timeout;

pub(crate) use self::budget::{Budget, Held};
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

/// How the body of one request is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    /// The request's headers.
    pub(crate) headers: &'a HeaderMap,
    /// Of HTTP.
    pub(crate) version: Version,
    /// What all bodies together may take.
    pub(crate) budget: &'a Budget,
    /// In which it must arrive.
    pub(crate) timeout: Duration,
}

impl<'a> Reader<'a> {
    /// Reads a JSON body of at most `max` bytes. An empty one is no body, whatever its type.
    ///
    /// # Errors
    /// 413 over the limit, 503 over the budget, 415 for another type, 400 when it ends early or
    /// takes longer than the timeout.
    pub(crate) async fn json(self, mut body: Incoming, max: usize) -> Result<Held<'a>, Problem> {
        if body.is_end_stream() {
            return Ok(self.budget.hold());
        }
        if body.size_hint().lower() > max as u64 && self.headers.contains_key(EXPECT) {
            // The client asks before it sends.
            return Err(over(max).closing());
        }
        let held = match timeout(self.timeout, self.collect(&mut body, max)).await {
            Ok(Ok(held)) => held,
            Ok(Err(problem)) if problem.close => return Err(problem),
            Ok(Err(problem)) => return Err(self.read_away(body, problem, max).await),
            Err(_) => {
                let reason = format!("did not arrive within {} ms", self.timeout.as_millis());
                return Err(Problem::invalid_field(BODY, reason).closing());
            }
        };
        if held.is_empty() {
            return Ok(held);
        }
        let unsupported = |detail| Err(Problem::new(Code::UnsupportedMediaType, detail));
        if !is_json(self.headers) {
            return unsupported("the body must be application/json");
        }
        if !is_plain(self.headers) {
            return unsupported("the body must not be compressed or encoded");
        }
        Ok(held)
    }

    async fn collect(self, body: &mut Incoming, max: usize) -> Result<Held<'a>, Problem> {
        if body.size_hint().lower() > max as u64 {
            return Err(over(max));
        }
        let mut held = self.budget.hold();
        let Some(first) = data(body).await? else {
            return Ok(held);
        };
        held.count(first.len())?;
        if first.len() <= max && body.is_end_stream() {
            held.bytes = first;
            return Ok(held);
        }
        let mut all = BytesMut::from(first);
        while all.len() <= max {
            let Some(more) = data(body).await? else {
                held.bytes = all.freeze();
                return Ok(held);
            };
            held.count(more.len())?;
            all.extend_from_slice(&more);
        }
        Err(over(max))
    }

    /// Refuses a request without looking at its body.
    pub(crate) async fn refuse(self, body: Incoming, problem: Problem) -> Problem {
        if body.is_end_stream() {
            return problem;
        }
        self.read_away(body, problem, 0).await
    }

    /// Reads on for a while, so that a client that writes before it reads gets the answer. Over
    /// HTTP/2 it reads meanwhile, but drops an answer whose stream is reset before it has written
    /// all: there the answer goes first.
    async fn read_away(self, body: Incoming, problem: Problem, max: usize) -> Problem {
        let allowed = max.saturating_add(DISCARD_BYTES_MAX);
        let rest = timeout(self.timeout, discard(body, allowed));
        if self.version == Version::HTTP_2 {
            tokio::spawn(rest);
            return problem;
        }
        match rest.await {
            Ok(true) => problem,
            Ok(false) | Err(_) => problem.closing(),
        }
    }
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

/// Whether the body is as it was written: no `gzip` and the like.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"identity"))
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

fn over(max: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("the body may have at most {max} bytes"),
    )
}

/// Reads up to `max` bytes and says whether that was all.
async fn discard(mut body: Incoming, max: usize) -> bool {
    let mut left = max;
    loop {
        match data(&mut body).await {
            Ok(None) => return true,
            Ok(Some(bytes)) if bytes.len() <= left => left = left.saturating_sub(bytes.len()),
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}
