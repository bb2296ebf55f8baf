//! Requests that wait for a shard at the same time go to Redis in one call.
//!
//! A bounded queue and one dispatcher per shard and kind of request. The dispatcher takes whatever
//! waits as soon as a call may be sent: a lone request does not wait for company, and under load
//! the next batch gathers while the last one is away. A full queue refuses at once. What waited
//! longer than its deadline, or whose caller has gone, is not sent.

mod reserve;
mod stock;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, future::Future, sync::Arc, time::Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub(crate) use self::{
    reserve::{ReserveCall, Room as ReserveRoom},
    stock::{StockAnswer, StockCall},
};

/// What waits is shared out among the calls that may be in flight, so that Redis finds the next
/// one when it has answered the last; but a batch of less than this is not worth a call.
const BATCH_SHARE_MIN: usize = 8;

/// A call that many requests share.
pub(crate) trait Call: Send + Sync + 'static {
    /// What one request asks.
    type Ask: Send + Sync + 'static;
    /// What it is answered.
    type Answer: Send + 'static;
    /// What a batch has taken up so far.
    type Room: Default + Send;

    /// Requests in one batch at most.
    const BATCH_MAX: usize;

    /// Whether the request may join the batch; an empty batch must take any.
    fn admit(&self, room: &mut Self::Room, ask: &Self::Ask) -> bool;

    /// Makes the call: one answer for each request, in order.
    fn call(
        &self,
        asks: &[Self::Ask],
        deadline: Instant,
    ) -> impl Future<Output = Vec<Self::Answer>> + Send;
}

/// Why a request got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shed {
    /// The queue is full. Nothing was sent.
    Full,
    /// The deadline passed in the queue. Nothing was sent.
    Late,
    /// The call was made and its answer got lost in here: a bug.
    Lost,
}

/// What a request gets back: what it asked, and the answer.
type Reply<C> = Result<(<C as Call>::Ask, <C as Call>::Answer), Shed>;

struct Waiting<C: Call> {
    ask: C::Ask,
    deadline: Instant,
    reply: oneshot::Sender<Reply<C>>,
}

/// The queue of one shard.
pub(crate) struct Coalescer<C: Call> {
    queue: mpsc::Sender<Waiting<C>>,
}

impl<C: Call> Coalescer<C> {
    /// Starts the dispatcher; it ends when the coalescer is dropped and its queue is empty.
    pub(crate) fn start(call: C, queue_max: usize, in_flight_max: usize) -> Self {
        let (queue, waiting) = mpsc::channel(queue_max);
        tokio::spawn(dispatch(Arc::new(call), waiting, in_flight_max));
        Self { queue }
    }

    /// Waits for a batch to take the request along and for its answer.
    pub(crate) async fn ask(&self, ask: C::Ask, deadline: Instant) -> Reply<C> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .try_send(Waiting {
                ask,
                deadline,
                reply,
            })
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Shed::Full,
                mpsc::error::TrySendError::Closed(_) => Shed::Lost,
            })?;
        answer.await.unwrap_or(Err(Shed::Lost))
    }

    /// Requests that wait now.
    pub(crate) fn depth(&self) -> usize {
        self.queue
            .max_capacity()
            .saturating_sub(self.queue.capacity())
    }
}

async fn dispatch<C: Call>(
    call: Arc<C>,
    mut queue: mpsc::Receiver<Waiting<C>>,
    in_flight_max: usize,
) {
    let in_flight = Arc::new(Semaphore::new(in_flight_max));
    // Taken from the queue; what did not fit into the last batch stands first.
    let mut waiting: VecDeque<Waiting<C>> = VecDeque::with_capacity(C::BATCH_MAX);
    let mut fresh = Vec::with_capacity(C::BATCH_MAX);
    // The semaphore is never closed.
    while let Ok(permit) = Arc::clone(&in_flight).acquire_owned().await {
        if waiting.is_empty() && queue.recv_many(&mut fresh, C::BATCH_MAX).await == 0 {
            return;
        }
        waiting.extend(fresh.drain(..));
        while waiting.len() < C::BATCH_MAX
            && let Ok(next) = queue.try_recv()
        {
            waiting.push_back(next);
        }
        let share = waiting.len().div_ceil(in_flight_max).max(BATCH_SHARE_MIN);
        let batch = take(&*call, &mut waiting, share);
        if !batch.is_empty() {
            // A task of its own, so that a panic loses this batch and not the queue.
            tokio::spawn(send(Arc::clone(&call), batch, permit));
        }
    }
}

/// Takes the next batch out of `waiting` and answers what is too late for one.
fn take<C: Call>(call: &C, waiting: &mut VecDeque<Waiting<C>>, share: usize) -> Vec<Waiting<C>> {
    let now = Instant::now();
    let mut room = C::Room::default();
    let mut batch = Vec::with_capacity(share);
    let mut stay = VecDeque::new();
    for next in waiting.drain(..) {
        if next.deadline <= now {
            drop(next.reply.send(Err(Shed::Late)));
        } else if next.reply.is_closed() {
            // The caller hung up: nothing was promised, nothing needs to be done.
        } else if batch.len() < share && call.admit(&mut room, &next.ask) {
            batch.push(next);
        } else {
            stay.push_back(next);
        }
    }
    waiting.append(&mut stay);
    batch
}

async fn send<C: Call>(call: Arc<C>, batch: Vec<Waiting<C>>, permit: OwnedSemaphorePermit) {
    // The latest deadline: the youngest request must not be cut short by the oldest, which in
    // turn is answered at most one queue's wait after its own.
    let deadline = batch
        .iter()
        .map(|w| w.deadline)
        .max()
        .unwrap_or_else(Instant::now);
    let (asks, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|w| (w.ask, w.reply)).unzip();
    let answers = call.call(&asks, deadline).await;
    drop(permit);
    // The next batch leaves before the answers of this one are handed out: Redis works on it while
    // they are written. Without this the two take turns, at half the rate.
    tokio::task::yield_now().await;
    for ((ask, answer), reply) in asks.into_iter().zip(answers).zip(replies) {
        // The caller may have gone meanwhile.
        drop(reply.send(Ok((ask, answer))));
    }
}
