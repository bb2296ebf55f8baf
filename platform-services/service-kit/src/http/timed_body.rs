//! A request's body that must have arrived in time.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Fails when the rest does not come in time.
#[derive(Debug)]
pub(super) struct TimedBody {
    body: Body,
    limit: Duration,
    end: Pin<Box<Sleep>>,
}

impl TimedBody {
    /// From now on.
    pub(super) fn within(limit: Duration, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        let end = Box::pin(sleep(limit));
        Body::new(Self { body, limit, end })
    }
}

impl hyper::body::Body for TimedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(context);
        if polled.is_ready() {
            return polled.map(|frame| frame.map(|frame| frame.map_err(Into::into)));
        }
        if this.end.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let limit_ms = this.limit.as_millis();
        let late = format!("the body did not arrive within {limit_ms} ms");
        Poll::Ready(Some(Err(late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
