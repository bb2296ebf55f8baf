//! Events of a partition that wait for their turn. Not bounded by itself: whoever fills it pauses
//! the partition when it is full, and librdkafka then hands out few more.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::record::Record;

#[derive(Debug, Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    records: VecDeque<Record>,
    bytes: usize,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fill {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

impl Queue {
    pub(super) fn push(&self, record: Record) -> Fill {
        let mut inner = self.inner();
        inner.bytes += record.len();
        inner.records.push_back(record);
        let fill = inner.fill();
        drop(inner);
        self.filled.notify_one();
        fill
    }

    /// The next one; there is one taker.
    pub(super) async fn pop(&self) -> Record {
        loop {
            if let Some(record) = self.take() {
                return record;
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Option<Record> {
        let mut inner = self.inner();
        let record = inner.records.pop_front()?;
        inner.bytes = inner.bytes.saturating_sub(record.len());
        Some(record)
    }

    pub(super) fn fill(&self) -> Fill {
        self.inner().fill()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn fill(&self) -> Fill {
        Fill {
            records: self.records.len(),
            bytes: self.bytes,
        }
    }
}
