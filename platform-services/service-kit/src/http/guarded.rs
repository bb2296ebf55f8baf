//! A connection whose client must go on: it begins a request in time, finishes the head that it began, and
//! takes what is written. HTTP/2 connections between requests are hyper's to end, by pings.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use hyper::Version;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// What is known of the requests of a connection. All of it only roughly in time, hence the orderings.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    under_way: AtomicU32,
    begun: AtomicU64,
    h2: AtomicBool,
}

impl Pulse {
    /// A request's head is complete; it is under way until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>, version: Version) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        if version == Version::HTTP_2 {
            self.h2.store(true, Ordering::Relaxed);
        }
        UnderWay(Arc::clone(self))
    }

    /// What comes in now belongs to the head of a request.
    fn is_between(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0 && !self.h2.load(Ordering::Relaxed)
    }
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Pulse>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

type Timer = Option<Pin<Box<Sleep>>>;

/// How long a connection may do what: see [`super::Settings`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) idle: Duration,
    pub(super) header: Duration,
    pub(super) write: Duration,
}

#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    pulse: Arc<Pulse>,
    times: Times,
    /// Runs while there is no request.
    idle: Timer,
    /// Runs from the first byte of a head; its requests so far.
    head: Timer,
    begun: u64,
    /// Runs while the client takes nothing.
    stalled: Timer,
}

impl<S> Guarded<S> {
    pub(super) const fn new(stream: S, pulse: Arc<Pulse>, times: Times) -> Self {
        Self {
            stream,
            pulse,
            times,
            idle: None,
            head: None,
            begun: 0,
            stalled: None,
        }
    }

    /// What a write came to, unless nothing was taken for too long.
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(sleep(self.times.write)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(late("the client takes nothing")))
    }
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let begun = this.pulse.begun.load(Ordering::Relaxed);
        if begun != this.begun || !this.pulse.is_between() {
            this.begun = begun;
            (this.idle, this.head) = (None, None);
        }
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                if buffer.filled().len() > before && this.pulse.is_between() {
                    this.head
                        .get_or_insert_with(|| Box::pin(sleep(this.times.header)));
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match &mut this.head {
                None if this.pulse.is_between() => {
                    let timer = this
                        .idle
                        .get_or_insert_with(|| Box::pin(sleep(this.times.idle)));
                    ready!(timer.as_mut().poll(context));
                    // As if the client had closed it.
                    Poll::Ready(Ok(()))
                }
                None => Poll::Pending,
                Some(timer) => {
                    ready!(timer.as_mut().poll(context));
                    Poll::Ready(Err(late("the head of a request did not arrive")))
                }
            },
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(context, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_flush(context);
        this.written(context, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_shutdown(context);
        this.written(context, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.written(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
