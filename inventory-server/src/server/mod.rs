//! The accept loop and what belongs to a connection.
//!
//! Shutdown has two phases: first no new connections, and open ones end after the request they
//! are at; then, when the drain's time is over, whatever is left is cut.

mod connection;
mod tracked_io;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Semaphore,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::connection::{Connection, InFlight};
use self::{
    connection::{Connections, Timeouts},
    tracked_io::TrackedIo,
};
use crate::{
    app::App,
    config::Config,
    handler,
    limits::{
        ACCEPT_BACKOFF, CONNECTION_TICK, H2_CONNECTION_WINDOW_BYTES, H2_HEADER_LIST_BYTES_MAX,
        H2_STREAM_WINDOW_BYTES, H2_STREAMS_MAX, HEADERS_MAX, LISTEN_BACKLOG, READ_BUFFER_BYTES_MAX,
    },
};

/// When to stop.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// Finish what is under way and stop.
    pub drain: CancellationToken,
    /// Do not wait for it any longer.
    pub now: CancellationToken,
}

/// Opens the listening socket.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    raise_descriptor_limit();
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

/// Serves until told to stop, then drains.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>, config: &Config, stop: &Stop) {
    let connections = Arc::new(Connections::new(Timeouts {
        header: config.header_timeout,
        idle: config.idle_timeout,
        tick: CONNECTION_TICK,
    }));
    let tasks = TaskTracker::new();
    let places = Arc::new(Semaphore::new(config.connections_max));
    let builder = builder();
    let watchdog = tokio::spawn(look_over(Arc::clone(&connections)));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.drain.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else {
            continue;
        };
        let connection = connections.open();
        let (app, connections) = (Arc::clone(&app), Arc::clone(&connections));
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let builder = builder.clone();
        let Some(tls) = config.tls.server.clone() else {
            let served = serve_connection(builder, stream, app, Arc::clone(&connection));
            tasks.spawn(async move {
                served.await;
                connections.closed(&connection);
                drop(place);
            });
            continue;
        };
        let drain = stop.drain.clone();
        tasks.spawn(async move {
            // Who has not said hello when the drain begins has asked for nothing.
            tokio::select! {
                biased;
                () = drain.cancelled() => {}
                shaken = tls.handshake(stream) => match shaken {
                    Ok(stream) => {
                        serve_connection(builder, stream, app, Arc::clone(&connection)).await;
                    }
                    Err(error) => tracing::debug!(%error, "no TLS with a client"),
                },
            }
            connections.closed(&connection);
            drop(place);
        });
    }
    drop(listener);
    app.begin_drain();
    app.watch.end_streams();
    connections.finish_all();
    tasks.close();
    tracing::info!(connections = tasks.len(), "draining");
    tokio::select! {
        () = tasks.wait() => {}
        () = tokio::time::sleep(config.drain_timeout) => {
            tracing::warn!(connections = tasks.len(), "the drain took too long, cutting what is left");
        }
        () = stop.now.cancelled() => tracing::warn!(connections = tasks.len(), "told to stop at once"),
    }
    connections.cut_all();
    tasks.wait().await;
    watchdog.abort();
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// The next connection, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, Place)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "accept failed");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_headers(HEADERS_MAX)
        .max_buf_size(READ_BUFFER_BYTES_MAX)
        .half_close(false);
    builder
        .http2()
        .max_concurrent_streams(H2_STREAMS_MAX)
        .initial_stream_window_size(H2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(H2_CONNECTION_WINDOW_BYTES)
        .max_header_list_size(H2_HEADER_LIST_BYTES_MAX)
        .adaptive_window(false);
    builder
}

/// One for each kind of stream, so that a plain one costs nothing for the other.
async fn serve_connection<S>(
    builder: auto::Builder<TokioExecutor>,
    stream: S,
    app: Arc<App>,
    connection: Arc<Connection>,
) where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    app.metrics.http.connections.inc();
    let io = TrackedIo::new(TokioIo::new(stream), Arc::clone(&connection));
    let service = {
        let (app, connection) = (Arc::clone(&app), Arc::clone(&connection));
        hyper::service::service_fn(move |request| {
            let (app, connection) = (Arc::clone(&app), Arc::clone(&connection));
            async move {
                Ok::<_, std::convert::Infallible>(
                    handler::respond(&app, &connection, request).await,
                )
            }
        })
    };
    let served = builder.serve_connection(io, service);
    if let Err(error) = connection.run(served).await {
        // A client that went away or broke the protocol: its own affair.
        tracing::debug!(%error, "connection ended");
    }
    app.metrics.http.connections.dec();
}

/// Looks over the open connections from time to time, so that none of them needs a timer.
async fn look_over(connections: Arc<Connections>) {
    let mut ticks = tokio::time::interval(CONNECTION_TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        connections.look_over();
    }
}

/// Lets the process have as many descriptors as it may: the soft limit is often 1,024.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "the descriptor limit stays");
        }
    }
}

/// How long a whole number of ticks is at least `time`.
const fn ticks(time: Duration, tick: Duration) -> u64 {
    let (time, tick) = (time.as_millis(), tick.as_millis());
    let ticks = time.div_ceil(if tick == 0 { 1 } else { tick });
    #[expect(
        clippy::cast_possible_truncation,
        reason = "timeouts are at most an hour"
    )]
    let ticks = ticks as u64;
    ticks + 1
}
