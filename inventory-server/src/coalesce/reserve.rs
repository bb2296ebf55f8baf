use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Instant,
};

use inventory_core::{
    Fault, Outcome, Reserve, ShardId,
    engine::{Engine, Held},
    limits::{BATCH_LINES_MAX, BATCH_RESERVATIONS_MAX},
};

use super::Call;
use crate::metrics::{Metrics, Operation};

/// Many reserves in one script call.
pub(crate) struct ReserveCall {
    engine: Engine,
    shard: ShardId,
    metrics: Arc<Metrics>,
    hasher: RandomState,
}

/// The ids (as hashes, sorted) and lines of a batch.
#[derive(Default)]
pub(crate) struct Room {
    ids: Vec<u64>,
    lines: usize,
}

impl ReserveCall {
    pub(crate) fn new(engine: Engine, shard: ShardId, metrics: Arc<Metrics>) -> Self {
        Self {
            engine,
            shard,
            metrics,
            hasher: RandomState::new(),
        }
    }
}

impl Room {
    /// Takes the reservation in, unless it has too many lines or its id is in the batch: the
    /// second of two equal ids must see what the first did. (Two ids with the same hash only cost
    /// one of them a batch.)
    pub(crate) fn admit(&mut self, hasher: &RandomState, ask: &Reserve) -> bool {
        let lines = self.lines.saturating_add(ask.lines.as_slice().len());
        if lines > BATCH_LINES_MAX || self.ids.len() >= BATCH_RESERVATIONS_MAX {
            return false;
        }
        let id = hasher.hash_one(&ask.id);
        match self.ids.binary_search(&id) {
            Ok(_) => false,
            Err(at) => {
                self.ids.insert(at, id);
                self.lines = lines;
                true
            }
        }
    }
}

impl Call for ReserveCall {
    type Ask = Reserve;
    type Answer = Result<Outcome<Held>, Fault>;
    type Room = Room;

    const BATCH_MAX: usize = BATCH_RESERVATIONS_MAX;

    fn admit(&self, room: &mut Room, ask: &Reserve) -> bool {
        room.admit(&self.hasher, ask)
    }

    async fn call(&self, asks: &[Reserve], deadline: Instant) -> Vec<Self::Answer> {
        self.metrics
            .operations
            .batch(u32::try_from(asks.len()).unwrap_or(u32::MAX));
        let started = Instant::now();
        let answers = self.engine.reserve_batch(self.shard, asks, deadline).await;
        self.metrics
            .operations
            .called(Operation::Reserve, started.elapsed());
        answers
    }
}
