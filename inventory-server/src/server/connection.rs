use std::{
    collections::HashMap,
    error::Error,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use hyper::Version;

use super::ticks;

/// How long a connection may do what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// Between the first byte of a request's head and its last.
    pub(super) header: Duration,
    /// Without a request.
    pub(super) idle: Duration,
    /// How often that is looked at.
    pub(super) tick: Duration,
}

/// All open connections.
#[derive(Debug)]
pub(super) struct Connections {
    open: Mutex<HashMap<u64, Arc<Connection>>>,
    next_id: AtomicU64,
    now: Arc<AtomicU64>,
    header_ticks: u64,
    idle_ticks: u64,
}

/// What a connection is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Order {
    GoOn,
    /// End after the request that is under way.
    Finish,
    /// End now.
    Cut,
}

/// What is known of one connection. Times are ticks; everything is only roughly in time, and
/// nothing else depends on it, hence the relaxed orderings.
#[derive(Debug)]
pub(crate) struct Connection {
    id: u64,
    now: Arc<AtomicU64>,
    /// Requests that have no complete answer yet.
    in_flight: AtomicU32,
    /// When the last request began or ended.
    touched: AtomicU64,
    /// When the first byte of the head that is arriving came; 0 when none is.
    receiving: AtomicU64,
    h2: AtomicBool,
    order: AtomicU8,
    waker: AtomicWaker,
}

impl Connections {
    pub(super) fn new(timeouts: Timeouts) -> Self {
        Self {
            open: Mutex::default(),
            next_id: AtomicU64::new(0),
            now: Arc::new(AtomicU64::new(1)),
            header_ticks: ticks(timeouts.header, timeouts.tick),
            idle_ticks: ticks(timeouts.idle, timeouts.tick),
        }
    }

    /// Takes in a new connection. Its first head is due from now on.
    pub(super) fn open(&self) -> Arc<Connection> {
        let now = self.now.load(Ordering::Relaxed);
        let connection = Arc::new(Connection {
            id: self.next_id.fetch_add(1, Ordering::Relaxed),
            now: Arc::clone(&self.now),
            in_flight: AtomicU32::new(0),
            touched: AtomicU64::new(now),
            receiving: AtomicU64::new(now),
            h2: AtomicBool::new(false),
            order: AtomicU8::new(Order::GoOn as u8),
            waker: AtomicWaker::new(),
        });
        self.lock().insert(connection.id, Arc::clone(&connection));
        connection
    }

    /// Forgets a connection.
    pub(super) fn closed(&self, connection: &Connection) {
        self.lock().remove(&connection.id);
    }

    /// Ends connections that wait for a head too long or have no request for too long.
    pub(super) fn look_over(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        for connection in self.lock().values() {
            if connection.in_flight.load(Ordering::Relaxed) > 0 {
                continue;
            }
            let receiving = connection.receiving.load(Ordering::Relaxed);
            let idle = now.saturating_sub(connection.touched.load(Ordering::Relaxed));
            if receiving != 0
                && !connection.h2.load(Ordering::Relaxed)
                && now.saturating_sub(receiving) > self.header_ticks
            {
                connection.tell(Order::Cut);
            } else if idle > self.idle_ticks.saturating_add(self.header_ticks) {
                // Told to finish, and still there: it does not read what we write.
                connection.tell(Order::Cut);
            } else if idle > self.idle_ticks {
                connection.tell(Order::Finish);
            }
        }
    }

    /// Lets every connection end after the request it is at.
    pub(super) fn finish_all(&self) {
        self.tell_all(Order::Finish);
    }

    /// Ends every connection.
    pub(super) fn cut_all(&self) {
        self.tell_all(Order::Cut);
    }

    fn tell_all(&self, order: Order) {
        for connection in self.lock().values() {
            connection.tell(order);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    fn tell(&self, order: Order) {
        // Orders only get stricter.
        if self.order.fetch_max(order as u8, Ordering::AcqRel) < order as u8 {
            self.waker.wake();
        }
    }

    /// Bytes came in. Between requests they begin a head.
    pub(super) fn bytes_came(&self) {
        if self.in_flight.load(Ordering::Relaxed) == 0
            && self.receiving.load(Ordering::Relaxed) == 0
        {
            self.receiving
                .store(self.now.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }

    /// A request's head is complete. It is under way until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>, version: Version) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.receiving.store(0, Ordering::Relaxed);
        if version == Version::HTTP_2 {
            self.h2.store(true, Ordering::Relaxed);
        }
        InFlight(Arc::clone(self))
    }

    /// Drives the connection as it is told to.
    pub(super) async fn run<C>(&self, served: C) -> Result<(), Box<dyn Error + Send + Sync>>
    where
        C: Served,
    {
        let mut served = pin!(served);
        let mut obeyed = Order::GoOn as u8;
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            let order = self.order.load(Ordering::Acquire);
            if order == Order::Cut as u8 {
                return Poll::Ready(Ok(()));
            }
            if order != obeyed {
                obeyed = order;
                served.as_mut().finish();
            }
            served.as_mut().poll(cx)
        })
        .await
    }
}

/// A connection of hyper's.
pub(super) trait Served: Future<Output = Result<(), Box<dyn Error + Send + Sync>>> {
    /// Ends after the request that is under way.
    fn finish(self: std::pin::Pin<&mut Self>);
}

impl<I, S, E, B> Served for hyper_util::server::conn::auto::Connection<'_, I, S, E>
where
    S: hyper::service::Service<
            hyper::Request<hyper::body::Incoming>,
            Response = hyper::Response<B>,
        >,
    S::Future: 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    E: hyper_util::server::conn::auto::HttpServerConnExec<S::Future, B>,
{
    fn finish(self: std::pin::Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0
            .touched
            .store(self.0.now.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 ticks for a head (rounded up), 5 without a request.
    fn connections() -> Connections {
        let tick = Duration::from_millis(100);
        Connections::new(Timeouts {
            header: 2 * tick,
            idle: 4 * tick,
            tick,
        })
    }

    fn order_after(connections: &Connections, connection: &Connection, ticks: u32) -> u8 {
        for _ in 0..ticks {
            connections.look_over();
        }
        connection.order.load(Ordering::Relaxed)
    }

    #[test]
    fn a_connection_that_sends_no_head_is_cut() {
        let all = connections();
        let connection = all.open();
        assert_eq!(order_after(&all, &connection, 3), Order::GoOn as u8);
        assert_eq!(order_after(&all, &connection, 1), Order::Cut as u8);
    }

    #[test]
    fn a_connection_without_a_request_is_finished_and_then_cut() {
        let all = connections();
        let connection = all.open();
        drop(connection.begin(Version::HTTP_11));
        assert_eq!(order_after(&all, &connection, 5), Order::GoOn as u8);
        assert_eq!(order_after(&all, &connection, 1), Order::Finish as u8);
        assert_eq!(order_after(&all, &connection, 3), Order::Cut as u8);
    }

    #[test]
    fn a_request_under_way_keeps_its_connection() {
        let all = connections();
        let connection = all.open();
        let request = connection.begin(Version::HTTP_11);
        connection.bytes_came();
        assert_eq!(order_after(&all, &connection, 50), Order::GoOn as u8);
        drop(request);
        connection.bytes_came();
        assert_eq!(order_after(&all, &connection, 3), Order::GoOn as u8);
        assert_eq!(order_after(&all, &connection, 1), Order::Cut as u8);
    }

    #[test]
    fn frames_of_http2_are_no_head() {
        let all = connections();
        let connection = all.open();
        drop(connection.begin(Version::HTTP_2));
        connection.bytes_came();
        assert_eq!(order_after(&all, &connection, 5), Order::GoOn as u8);
        assert_eq!(order_after(&all, &connection, 1), Order::Finish as u8);
    }

    #[test]
    fn orders_only_get_stricter() {
        let all = connections();
        let connection = all.open();
        all.cut_all();
        all.finish_all();
        assert_eq!(order_after(&all, &connection, 0), Order::Cut as u8);
        all.closed(&connection);
        assert!(all.lock().is_empty());
    }
}
