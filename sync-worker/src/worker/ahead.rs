//! Reads the journal ahead of the transaction under way, so that reading and decoding a backlog takes
//! no time of its own.
//!
//! Without a backlog nothing is read ahead: the next read begins when the last entries are applied,
//! and finds all that has come meanwhile. Reading each as it comes would keep Redis busy with calls
//! for one entry.

use std::sync::Arc;

use inventory_core::{
    Fault, JournalId, ShardId,
    engine::{Engine, RawEntry},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use crate::{
    limits::{READ_BYTES, READ_ENTRIES_MAX, READ_WAIT, READS_AHEAD_MAX},
    project::Gathered,
};

/// Entries of one read, decoded; none when nothing came in [`READ_WAIT`].
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) entries: Vec<Gathered>,
    /// Whether there may be more already.
    pub(super) is_full: bool,
}

/// A reader that is ahead; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Ahead {
    slices: mpsc::Receiver<Result<Slice, Fault>>,
    /// Whether somebody waits for a slice.
    asked: Arc<watch::Sender<bool>>,
    reading: JoinHandle<()>,
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Ahead {
    /// Reads on from `after` (`None`: from the oldest entry kept).
    pub(super) fn start(engine: Engine, shard: ShardId, after: Option<JournalId>) -> Self {
        let (sender, slices) = mpsc::channel(READS_AHEAD_MAX);
        let asked = Arc::new(watch::Sender::new(false));
        let reading = tokio::spawn(read(engine, shard, after, sender, Arc::clone(&asked)));
        Self {
            slices,
            asked,
            reading,
        }
    }

    /// The next slice, when there is one. Nothing is lost if this is dropped half way.
    ///
    /// # Errors
    /// Those of the read; the reader has ended with it.
    pub(super) async fn next(&mut self) -> Result<Slice, Fault> {
        if let Some(slice) = self.ready()? {
            return Ok(slice);
        }
        self.asked.send_replace(true);
        self.slices.recv().await.unwrap_or_else(ended)
    }

    /// A slice that is there already.
    ///
    /// # Errors
    /// As [`Ahead::next`].
    pub(super) fn ready(&mut self) -> Result<Option<Slice>, Fault> {
        match self.slices.try_recv() {
            Ok(slice) => slice.map(Some),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => ended().map(Some),
        }
    }
}

fn ended() -> Result<Slice, Fault> {
    Err(Fault::Unavailable("reading the journal ended".to_owned()))
}

async fn read(
    engine: Engine,
    shard: ShardId,
    mut after: Option<JournalId>,
    slices: mpsc::Sender<Result<Slice, Fault>>,
    asked: Arc<watch::Sender<bool>>,
) {
    let mut asking = asked.subscribe();
    let mut max = READ_ENTRIES_MAX;
    let mut is_full = false;
    loop {
        if !is_full && asking.wait_for(|asked| *asked).await.is_err() {
            return;
        }
        let entries = match engine.entries(shard, after, max, READ_WAIT).await {
            Ok(entries) => entries,
            Err(fault) => {
                // Whoever waits is told; nobody may.
                drop(slices.send(Err(fault)).await);
                return;
            }
        };
        after = entries.last().map(|last| last.id).or(after);
        is_full = entries.len() >= max;
        max = next_max(&entries, max);
        let entries = entries.into_iter().map(Gathered::read).collect();
        // This slice is the answer to all who have asked so far.
        asked.send_replace(false);
        if slices.send(Ok(Slice { entries, is_full })).await.is_err() {
            return;
        }
    }
}

/// Entries to ask for after these.
fn next_max(entries: &[RawEntry], max: usize) -> usize {
    let bytes = entries.iter().map(RawEntry::len).sum::<usize>();
    match bytes.checked_div(entries.len()) {
        Some(each) => (READ_BYTES / each.max(1)).clamp(1, READ_ENTRIES_MAX),
        None => max,
    }
}
