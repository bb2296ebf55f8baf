//! The accept loop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use hyper::{body::Incoming, service::Service as _};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use prometheus_client::metrics::gauge::Gauge;
use tls::ServerTls;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Settings,
    app::{H2_STREAMS_MAX, HEAD_BYTES_MAX, HEADERS_MAX},
    guarded::{Guarded, Pulse, Times},
};
use crate::shutdown::Stop;

/// After a refused accept (no descriptors left), so that the loop does not spin.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// Header list of one HTTP/2 request, in bytes.
const H2_HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;

/// Who is at the other end of the connection, among a request's extensions. Behind an ingress that is
/// the ingress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// Serves routes as [`super::App::serve`] does, without what an [`super::App`] puts around them. `connections`
/// counts those that are open.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Settings,
    tls: Option<ServerTls>,
    stop: &Stop,
    connections: Gauge,
) {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, tls = tls.is_some(), "listening");
    }
    let _fresh = tls
        .clone()
        .map(|tls| AbortOnDropHandle::new(tokio::spawn(tls.keep_fresh())));
    let places = Arc::new(Semaphore::new(settings.connections_max));
    let graceful = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        // Heads are timed by `guarded`; this one would also run while there is none.
        .header_read_timeout(None);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(H2_HEADER_LIST_BYTES_MAX)
        // A client that answers no ping is gone; one that only pings is ended by none of these.
        .keep_alive_interval(settings.idle_timeout)
        .keep_alive_timeout(settings.write_timeout);
    let mut tasks = JoinSet::new();
    loop {
        let (stream, peer, place) = tokio::select! {
            biased;
            () = stop.drain.cancelled() => break,
            Some(_) = tasks.join_next() => continue,
            accepted = accept(&listener, &places) => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
        };
        let connection = Connection {
            builder: builder.clone(),
            router: router.clone(),
            peer,
            watcher: graceful.watcher(),
            settings,
        };
        let (tls, drain) = (tls.clone(), stop.drain.clone());
        let connections = connections.clone();
        connections.inc();
        tasks.spawn(async move {
            match tls {
                None => connection.serve(stream).await,
                // Who has not said hello when the drain begins has asked for nothing.
                Some(tls) => tokio::select! {
                    biased;
                    () = drain.cancelled() => {}
                    shaken = tls.handshake(stream) => match shaken {
                        Ok(stream) => connection.serve(stream).await,
                        Err(error) => tracing::debug!(%error, %peer, "no TLS with a client"),
                    },
                },
            }
            connections.dec();
            drop(place);
        });
    }
    drop(listener);
    tracing::info!(connections = tasks.len(), "draining");
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(settings.drain_timeout) => {
            tracing::warn!(connections = tasks.len(), "the drain took too long, cutting what is left");
        }
        () = stop.now.cancelled() => tracing::warn!("told to stop at once"),
    }
    tasks.shutdown().await;
}

/// What a connection needs to be served.
struct Connection {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    peer: SocketAddr,
    watcher: Watcher,
    settings: Settings,
}

impl Connection {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let routes = TowerToHyperService::new(self.router);
        let peer = self.peer;
        let pulse = Arc::new(Pulse::default());
        let requests = Arc::clone(&pulse);
        let times = Times {
            idle: self.settings.idle_timeout,
            header: self.settings.header_timeout,
            write: self.settings.write_timeout,
        };
        let stream = Guarded::new(stream, pulse, times);
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request.extensions_mut().insert(PeerAddress(peer));
            let under_way = requests.begin(request.version());
            let answering = routes.call(request);
            async move {
                let answered = answering.await;
                drop(under_way);
                answered
            }
        });
        let connection = self
            .builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned();
        if let Err(error) = self.watcher.watch(connection).await {
            tracing::debug!(error, "a connection ended early");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small; waiting to fill a packet only delays them.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "TCP_NODELAY");
            }
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "accept failed");
            tokio::time::sleep(ACCEPT_BACKOFF).await;
            None
        }
    }
}
