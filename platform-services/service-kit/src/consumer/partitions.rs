//! The partitions that are ours, what of them is done, and what of that is committed.
//!
//! Shared between the loop, the tasks that handle events, and the callbacks of librdkafka. What is
//! not in here is not ours, and no offset of it is committed.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rdkafka::{Offset, TopicPartitionList, error::KafkaError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::queue::Queue;

/// Topic and partition.
pub(super) type Place = (String, i32);

/// A partition that is ours, as its task sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Turn {
    pub(super) queue: Arc<Queue>,
    /// Cancelled when the partition is not ours any more.
    pub(super) gone: CancellationToken,
    /// An event of it waits for its next attempt.
    pub(super) retrying: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Partition {
    turn: Turn,
    task: Option<JoinHandle<()>>,
    /// The offset after the last event that is done.
    done: Option<i64>,
    committed: Option<i64>,
    paused: bool,
}

#[derive(Debug, Default)]
pub(super) struct Partitions {
    ours: Mutex<HashMap<Place, Partition>>,
    /// Tasks of partitions that are gone, which may still be at their last event.
    leaving: Mutex<HashMap<Place, JoinHandle<()>>>,
    /// Partitions that the group gave us, also those without an event so far.
    assigned: Mutex<HashMap<Place, Ends>>,
}

/// What Kafka said of a partition when it was asked last; -1 before that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) low: i64,
    pub(super) high: i64,
}

/// What to do with partitions that filled up or have room again.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) pause: Vec<Place>,
    pub(super) resume: Vec<Place>,
    pub(super) paused: usize,
}

impl Partitions {
    /// The partition's turn; at its first event `start` makes the task, which is given the one that
    /// had the partition before.
    pub(super) fn turn(
        &self,
        place: &Place,
        start: impl FnOnce(Turn, Option<JoinHandle<()>>) -> JoinHandle<()>,
    ) -> Turn {
        match self.ours().entry(place.clone()) {
            Entry::Occupied(entry) => entry.get().turn.clone(),
            Entry::Vacant(entry) => {
                let turn = Turn::default();
                let before = locked(&self.leaving).remove(place);
                let task = start(turn.clone(), before);
                entry.insert(Partition {
                    turn: turn.clone(),
                    task: Some(task),
                    done: None,
                    committed: None,
                    paused: false,
                });
                turn
            }
        }
    }

    /// Everything up to and with `offset` is done. Says nothing where the turn is over.
    pub(super) fn done(&self, place: &Place, turn: &Turn, offset: i64) {
        if let Some(partition) = self.ours().get_mut(place)
            && Arc::ptr_eq(&partition.turn.queue, &turn.queue)
        {
            partition.done = Some(offset.saturating_add(1));
        }
    }

    /// What is done and not committed; taken as committed until [`Partitions::not_committed`].
    ///
    /// # Errors
    /// An offset that Kafka does not have.
    pub(super) fn to_commit(&self) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        for (place, partition) in self.ours().iter_mut() {
            add_due(&mut list, place, partition)?;
        }
        Ok(list)
    }

    /// The commit of these failed: they are due again.
    pub(super) fn not_committed(&self, offsets: &TopicPartitionList) {
        let mut ours = self.ours();
        for element in offsets.elements() {
            let place = (element.topic().to_owned(), element.partition());
            if let Some(partition) = ours.get_mut(&place) {
                partition.committed = None;
            }
        }
    }

    /// These are not ours any more; their work is abandoned. What was done and not committed.
    pub(super) fn remove(
        &self,
        revoked: &TopicPartitionList,
    ) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        let mut ours = self.ours();
        for element in revoked.elements() {
            let place = (element.topic().to_owned(), element.partition());
            let Some(mut partition) = ours.remove(&place) else {
                continue;
            };
            partition.turn.gone.cancel();
            let due = add_due(&mut list, &place, &mut partition);
            if let Some(task) = partition.task {
                locked(&self.leaving).insert(place, task);
            }
            due?;
        }
        Ok(list)
    }

    /// Which partitions to pause, because they are full or wait for a retry, and which to resume.
    pub(super) fn flow(&self, records_max: usize, bytes_max: usize) -> Flow {
        let mut flow = Flow::default();
        for (place, partition) in self.ours().iter_mut() {
            let fill = partition.turn.queue.fill();
            let retrying = partition.turn.retrying.load(Ordering::Relaxed);
            let full = fill.records >= records_max || fill.bytes >= bytes_max;
            let room = fill.records <= records_max / 4 && fill.bytes <= bytes_max / 4;
            if !partition.paused && (full || retrying) {
                partition.paused = true;
                flow.pause.push(place.clone());
            } else if partition.paused && room && !retrying {
                partition.paused = false;
                flow.resume.push(place.clone());
            }
            flow.paused += usize::from(partition.paused);
        }
        flow
    }

    /// The offset after the last event that is done, where we have the partition.
    pub(super) fn position(&self, place: &Place) -> Option<i64> {
        self.ours().get(place)?.done
    }

    /// The group gave us these.
    pub(super) fn assigned(&self, list: &TopicPartitionList) {
        let mut assigned = locked(&self.assigned);
        for element in list.elements() {
            let place = (element.topic().to_owned(), element.partition());
            assigned.insert(place, Ends { low: -1, high: -1 });
        }
    }

    /// The group took these.
    pub(super) fn revoked(&self, list: &TopicPartitionList) {
        let mut assigned = locked(&self.assigned);
        for element in list.elements() {
            assigned.remove(&(element.topic().to_owned(), element.partition()));
        }
    }

    /// What is known of the ends of a partition that the group gave us.
    pub(super) fn ends(&self, place: &Place) -> Option<Ends> {
        locked(&self.assigned).get(place).copied()
    }

    /// Kafka was asked for the ends of the partition.
    pub(super) fn set_ends(&self, place: &Place, ends: Ends) {
        if let Some(known) = locked(&self.assigned).get_mut(place) {
            *known = ends;
        }
    }

    /// Partitions whose end librdkafka may not know, as it fetches nothing: paused ones, and those
    /// without an event so far.
    pub(super) fn unheard(&self) -> Vec<Place> {
        let assigned: Vec<Place> = locked(&self.assigned).keys().cloned().collect();
        let ours = self.ours();
        let unheard = |place: &Place| ours.get(place).is_none_or(|partition| partition.paused);
        assigned.into_iter().filter(unheard).collect()
    }

    /// Whether the task of a partition that is ours has ended.
    pub(super) fn is_broken(&self) -> bool {
        self.ours()
            .values()
            .any(|partition| partition.task.as_ref().is_some_and(JoinHandle::is_finished))
    }

    /// All tasks, to wait for.
    pub(super) fn tasks(&self) -> Vec<JoinHandle<()>> {
        let mut tasks: Vec<_> = self
            .ours()
            .values_mut()
            .filter_map(|partition| partition.task.take())
            .collect();
        tasks.extend(locked(&self.leaving).drain().map(|(_, task)| task));
        tasks
    }

    /// Abandons everything.
    pub(super) fn abandon(&self) {
        for partition in self.ours().values() {
            partition.turn.gone.cancel();
        }
    }

    fn ours(&self) -> MutexGuard<'_, HashMap<Place, Partition>> {
        locked(&self.ours)
    }
}

fn add_due(
    list: &mut TopicPartitionList,
    (topic, number): &Place,
    partition: &mut Partition,
) -> Result<(), KafkaError> {
    if let Some(done) = partition.done
        && partition.committed != Some(done)
    {
        list.add_partition_offset(topic, *number, Offset::Offset(done))?;
        partition.committed = Some(done);
    }
    Ok(())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
