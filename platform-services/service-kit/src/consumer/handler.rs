use sqlx::{MySql, MySqlPool, Transaction};

use super::{
    Event, HandlerError,
    work::{Done, Process},
};
use crate::{
    db,
    inbox::{Inbox, Seen},
};

/// What became of an event that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Handled: commit.
    Done,
    /// Not for us, for a reason in few words that becomes a label of a metric: nothing is written,
    /// not even the inbox row, so that it can be delivered again some day.
    Skipped(&'static str),
}

/// Handles events in the consumer's transaction.
pub trait Handler: Send + Sync + 'static {
    /// Its name in the inbox and in dead letters; at most 64 of ASCII. Another name is another
    /// handler: it has handled nothing yet.
    fn name(&self) -> &str;

    /// Handles an event. Everything it writes to `transaction` stays if it answers
    /// [`Outcome::Done`] and the commit succeeds, once for every event id. It may be called again
    /// for the same event, when the earlier call left nothing behind.
    ///
    /// # Errors
    /// [`HandlerError`]; everything written is rolled back.
    fn handle(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        event: &Event<'_>,
    ) -> impl Future<Output = Result<Outcome, HandlerError>> + Send;

    /// Called after a commit: the place to wake a relay.
    fn committed(&self) {}
}

/// Handles events in transactions of its own. It must know a repeat by itself: it is called again
/// when the process dies before the offset is committed, and two calls for one event may overlap
/// when a partition changes hands.
pub trait FreeHandler: Send + Sync + 'static {
    /// Its name in dead letters; at most 64 of ASCII.
    fn name(&self) -> &str;

    /// Handles an event. The offset is committed after it. The call is finished also when the
    /// partition goes to another consumer in the meantime, so that what belongs together is done
    /// together; it is abandoned at an `await` only after the attempt's time, after the drain's time,
    /// and when the process dies.
    ///
    /// # Errors
    /// [`HandlerError`].
    fn handle(
        &self,
        event: &Event<'_>,
    ) -> impl Future<Output = Result<Outcome, HandlerError>> + Send;
}

/// A [`Handler`] with the inbox in front of it.
#[derive(Debug)]
pub struct InTransaction<H> {
    pool: MySqlPool,
    inbox: Inbox,
    handler: H,
}

impl<H> InTransaction<H> {
    pub(super) fn new(pool: MySqlPool, inbox: Inbox, handler: H) -> Self {
        Self {
            pool,
            inbox,
            handler,
        }
    }
}

impl<H: Handler> Process for InTransaction<H> {
    const LEAVES_NO_TRACE: bool = true;

    fn name(&self) -> &str {
        self.handler.name()
    }

    async fn process(&self, event: &Event<'_>) -> Result<Done, HandlerError> {
        let begun = db::begin(&self.pool).await;
        let mut transaction = begun.map_err(HandlerError::transient)?;
        let name = self.handler.name();
        if self.inbox.note(&mut transaction, event.id(), name).await? == Seen::Before {
            // Nothing to keep, and the connection is whole again.
            transaction
                .rollback()
                .await
                .map_err(HandlerError::transient)?;
            return Ok(Done::Repeated);
        }
        match self.handler.handle(&mut transaction, event).await? {
            Outcome::Done => {
                // Whatever is wrong with a commit, the inbox tells next time whether it took place.
                transaction
                    .commit()
                    .await
                    .map_err(HandlerError::transient)?;
                self.handler.committed();
                Ok(Done::Handled)
            }
            Outcome::Skipped(reason) => {
                transaction
                    .rollback()
                    .await
                    .map_err(HandlerError::transient)?;
                Ok(Done::Skipped(reason))
            }
        }
    }
}

/// A [`FreeHandler`].
#[derive(Debug)]
pub struct Free<H>(pub(super) H);

impl<H: FreeHandler> Process for Free<H> {
    const LEAVES_NO_TRACE: bool = false;

    fn name(&self) -> &str {
        self.0.name()
    }

    async fn process(&self, event: &Event<'_>) -> Result<Done, HandlerError> {
        Ok(match self.0.handle(event).await? {
            Outcome::Done => Done::Handled,
            Outcome::Skipped(reason) => Done::Skipped(reason),
        })
    }
}
