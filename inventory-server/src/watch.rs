//! Event streams of stocks.
//!
//! One poller for the whole server reads every watched stock in one call, at most ten times a
//! second and only while somebody watches. Each stock has a channel that holds its latest state,
//! so a slow client skips states instead of piling them up.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use inventory_core::{Stock, StockKey, limits::STOCK_PAGE_MAX};
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, watch},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    limits::{BACKGROUND_CALL_TIMEOUT, WATCH_HEARTBEAT, WATCH_INTERVAL},
    wire,
};

/// The latest that is known of a watched stock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Not read yet.
    #[default]
    Unknown,
    /// As it is.
    Stock {
        /// Raised when the version went back: the stock was retired and created again.
        generation: u64,
        /// Its version.
        version: u64,
        /// The event that says so.
        event: Bytes,
    },
    /// It was retired.
    Gone,
}

/// Who watches what.
#[derive(Debug)]
pub(crate) struct Watch {
    watched: Mutex<HashMap<StockKey, watch::Sender<State>>>,
    places: Arc<Semaphore>,
    somebody_came: Notify,
    end: CancellationToken,
}

impl Watch {
    pub(crate) fn new(streams_max: usize) -> Self {
        Self {
            watched: Mutex::default(),
            places: Arc::new(Semaphore::new(streams_max)),
            somebody_came: Notify::new(),
            end: CancellationToken::new(),
        }
    }

    /// A place for one more stream, if there is one.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Begins to watch a stock. Read it after this, so that no change falls in between.
    pub(crate) fn subscribe(&self, key: StockKey) -> watch::Receiver<State> {
        let mut watched = self.lock();
        let state = watched.entry(key).or_default();
        // Of an earlier stock: that this one goes, too, must be news.
        state.send_if_modified(|state| {
            if *state == State::Gone {
                *state = State::Unknown;
            }
            false
        });
        let changes = state.subscribe();
        self.somebody_came.notify_one();
        changes
    }

    /// Ends every stream, now and later.
    pub(crate) fn end_streams(&self) {
        self.end.cancel();
    }

    /// The stocks that somebody watches; forgets the others.
    fn keys(&self) -> Vec<StockKey> {
        let mut watched = self.lock();
        watched.retain(|_, state| state.receiver_count() > 0);
        watched.keys().cloned().collect()
    }

    fn publish(&self, key: &StockKey, stock: Option<&Stock>) {
        if let Some(sender) = self.lock().get(key) {
            sender.send_if_modified(|state| state.advance(stock));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<StockKey, watch::Sender<State>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes over what was read; says whether that is news.
    fn advance(&mut self, read: Option<&Stock>) -> bool {
        let Some(stock) = read else {
            return !matches!(std::mem::replace(self, Self::Gone), Self::Gone);
        };
        let generation = match self {
            Self::Stock { version, .. } if *version == stock.version => return false,
            Self::Stock {
                generation,
                version,
                ..
            } if *version < stock.version => *generation,
            Self::Stock { generation, .. } => generation.saturating_add(1),
            Self::Unknown | Self::Gone => 0,
        };
        *self = Self::Stock {
            generation,
            version: stock.version,
            event: event(stock),
        };
        true
    }
}

/// The event that shows a stock.
pub(crate) fn event(stock: &Stock) -> Bytes {
    let json = wire::stock::body(stock);
    let mut event = Vec::with_capacity(json.len() + 48);
    event.extend_from_slice(b"event: stock\nid: ");
    event.extend_from_slice(itoa::Buffer::new().format(stock.version).as_bytes());
    event.extend_from_slice(b"\ndata: ");
    event.extend_from_slice(&json);
    event.extend_from_slice(b"\n\n");
    event.into()
}

/// Reads what is watched, as long as it lasts. Runs until it is dropped.
pub(crate) async fn poll(app: Arc<App>) {
    let mut ticks = tokio::time::interval(WATCH_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let keys = app.watch.keys();
        if keys.is_empty() {
            app.watch.somebody_came.notified().await;
            continue;
        }
        ticks.tick().await;
        for keys in keys.chunks(STOCK_PAGE_MAX) {
            let read = app
                .engine
                .stock(app.shard, keys, Instant::now() + BACKGROUND_CALL_TIMEOUT)
                .await;
            match read {
                Ok(read) if !read.stale => {
                    for (key, stock) in keys.iter().zip(&read.stocks) {
                        // One that cannot be read is not gone: its streams stay silent, too.
                        if !read.corrupt.contains(key) {
                            app.watch.publish(key, stock.as_ref());
                        }
                    }
                }
                // Streams stay silent until the figures can be trusted again.
                Ok(_) => {}
                Err(fault) => tracing::debug!(%fault, "watched stocks cannot be read"),
            }
        }
    }
}

/// One client's stream: what it was told, and the way to it.
pub(crate) struct Feed {
    /// The state of the stock from now on.
    pub(crate) changes: watch::Receiver<State>,
    /// The way to the client.
    pub(crate) client: mpsc::Sender<Bytes>,
    /// Its place among the streams.
    pub(crate) place: OwnedSemaphorePermit,
}

/// Feeds a client, beginning with `first`, until it leaves, the stock is retired or the server
/// stops.
pub(crate) async fn feed(app: Arc<App>, mut feed: Feed, first: Stock) {
    app.metrics.http.streams.inc();
    let end = app.watch.end.clone();
    tokio::select! {
        () = end.cancelled() => {}
        () = feed.run(&first) => {}
    }
    app.metrics.http.streams.dec();
    drop(feed.place);
}

impl Feed {
    async fn run(&mut self, first: &Stock) {
        let mut told = (self.generation(), first.version);
        let mut next = event(first);
        while self.client.send(next).await.is_ok() {
            next = loop {
                tokio::select! {
                    changed = self.changes.changed() => match (changed, &*self.changes.borrow_and_update()) {
                        (Err(_), _) | (_, State::Gone) => return,
                        (Ok(()), State::Stock { generation, version, event }) if (*generation, *version) > told => {
                            told = (*generation, *version);
                            break event.clone();
                        }
                        (Ok(()), State::Unknown | State::Stock { .. }) => {}
                    },
                    () = tokio::time::sleep(WATCH_HEARTBEAT) => break Bytes::from_static(b":\n\n"),
                    () = self.client.closed() => return,
                }
            };
        }
    }

    fn generation(&self) -> u64 {
        match &*self.changes.borrow() {
            State::Stock { generation, .. } => *generation,
            State::Unknown | State::Gone => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use inventory_core::{Location, Sku};

    use super::*;

    fn stock(version: u64) -> Stock {
        let key = StockKey {
            location: Location::default(),
            sku: Sku::parse("s").expect("a SKU"),
        };
        Stock {
            key,
            available: 3,
            reserved: 2,
            sold: 1,
            version,
            purchase_limit: None,
        }
    }

    #[test]
    fn an_event_names_the_version_and_shows_the_stock() {
        assert_eq!(
            event(&stock(7)),
            "event: stock\nid: 7\ndata: {\"skuId\":\"s\",\"locationId\":\"default\",\"availableQuantity\":3,\
             \"reservedQuantity\":2,\"onHandQuantity\":5,\"soldQuantity\":1,\"version\":7}\n\n"
        );
    }

    #[test]
    fn only_another_version_is_news() {
        let mut state = State::default();
        assert!(state.advance(Some(&stock(1))));
        assert!(!state.advance(Some(&stock(1))));
        assert!(state.advance(Some(&stock(3))));
        assert!(matches!(
            state,
            State::Stock {
                generation: 0,
                version: 3,
                ..
            }
        ));
        assert!(state.advance(Some(&stock(1))), "retired and created again");
        assert!(matches!(
            state,
            State::Stock {
                generation: 1,
                version: 1,
                ..
            }
        ));
        assert!(state.advance(None));
        assert!(!state.advance(None));
    }

    #[test]
    fn a_stock_that_was_gone_before_can_go_again() {
        let watch = Watch::new(2);
        let key = stock(1).key;
        let early = watch.subscribe(key.clone());
        watch.publish(&key, None);
        assert!(early.has_changed().expect("watched"));
        let late = watch.subscribe(key.clone());
        assert!(!late.has_changed().expect("watched"));
        watch.publish(&key, None);
        assert!(late.has_changed().expect("watched"));
    }

    #[test]
    fn a_stock_that_nobody_watches_is_forgotten() {
        let watch = Watch::new(1);
        let changes = watch.subscribe(stock(1).key);
        assert_eq!(watch.keys(), [stock(1).key]);
        drop(changes);
        assert!(watch.keys().is_empty());
        let place = watch.place();
        assert!(place.is_some() && watch.place().is_none());
    }
}
