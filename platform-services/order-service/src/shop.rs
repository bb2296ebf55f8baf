//! What every use case needs.

use contracts::Timestamp;
use service_kit::{db, relay::Waker};
use sqlx::{MySqlConnection, MySqlPool};

use crate::{
    error::Error,
    neighbours::Neighbours,
    refusal::Refusal,
    saga::Saga,
    tables::{
        idempotency::{self, Key},
        orders::{self, Order},
    },
    view::OrderView,
};

/// The use cases of orders and carts. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    pub(crate) pool: MySqlPool,
    pub(crate) saga: Saga,
    pub(crate) neighbours: Neighbours,
    pub(crate) relay: Waker,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) user_id: String,
    /// Orders of others too.
    pub(crate) sees_all: bool,
}

impl Asker {
    /// The order, if they may see it; one of others is none.
    pub(crate) fn may_see(&self, order: Option<Order>) -> Result<Order, Error> {
        order
            .filter(|order| self.sees_all || order.user_id == self.user_id)
            .ok_or_else(|| Refusal::OrderNotFound.into())
    }
}

/// An order, and whether it came of an earlier request with the same key.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) order: OrderView,
    pub(crate) replayed: bool,
}

/// What a transaction that takes a key came to.
pub(crate) enum Written<T> {
    Done(T),
    /// Somebody else took the key.
    KeyTaken,
}

impl Shop {
    /// An order with everything, as it was at one moment.
    pub(crate) async fn order(&self, asker: &Asker, order_id: &str) -> Result<OrderView, Error> {
        // A transaction reads one snapshot: the status and the timeline agree.
        let mut transaction = db::begin(&self.pool).await?;
        let order = asker.may_see(orders::read(&mut transaction, order_id).await?)?;
        let view = OrderView::read(&mut transaction, &order).await?;
        transaction.commit().await?;
        Ok(view)
    }

    /// The order that came of a key before.
    pub(crate) async fn replay(
        &self,
        asker: &Asker,
        key: Option<&Key>,
    ) -> Result<Option<Outcome>, Error> {
        let Some(key) = key else { return Ok(None) };
        let found = idempotency::find(&mut *self.pool.acquire().await?, key).await?;
        let Some(order_id) = found else {
            return Ok(None);
        };
        let order = self.order(asker, &order_id).await?;
        Ok(Some(Outcome {
            order,
            replayed: true,
        }))
    }
}

/// Takes the key, if there is one. Whether it was free.
pub(crate) async fn take_key(
    connection: &mut MySqlConnection,
    key: Option<&Key>,
    order_id: &str,
    now_ms: i64,
) -> Result<bool, Error> {
    match key {
        None => Ok(true),
        Some(key) => Ok(idempotency::take(connection, key, order_id, now_ms).await?),
    }
}

/// A moment of a row.
pub(crate) fn moment(ms: i64) -> Result<Timestamp, Error> {
    Timestamp::from_unix_ms(ms).map_err(|error| Error::Corrupt(error.to_string()))
}
