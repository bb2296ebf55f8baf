//! What all operations have in common.

use std::sync::Arc;

use service_kit::{client::Client, outbox::Outbox, relay::Waker};
use sqlx::MySqlPool;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::{limits::Limits, metrics::Metrics, toss::Toss};

/// The payments of the shop. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Payments(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) pool: MySqlPool,
    pub(crate) outbox: Outbox,
    pub(crate) toss: Toss,
    pub(crate) inventory: Client,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    /// Tells the relay of this process that there are events.
    pub(crate) relay: Waker,
    /// Tell this process's background work that something is due.
    pub(crate) look: Notify,
    pub(crate) extend: Notify,
    pub(crate) refund: Notify,
    /// Calls under way that go on when who asked has gone away.
    pub(crate) calls: TaskTracker,
}

impl Payments {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// After a commit: there may be events to publish, and money to give back.
    pub(crate) fn committed(&self) {
        self.relay.wake();
        self.refund.notify_one();
    }
}

impl std::ops::Deref for Payments {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
