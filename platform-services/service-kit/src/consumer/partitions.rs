//! The partitions that are ours, what of them is done, and what of that is committed.
//!
//! Shared between the loop, the tasks that handle events, and the callbacks of librdkafka. What is
//! not in here is not ours, and no offset of it is committed.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
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
    assigned: Mutex<HashMap<Place, Assigned>>,
    /// How many the group gave us so far.
    given: AtomicU64,
}

/// A partition that the group gave us.
#[derive(Debug, Clone, Copy)]
struct Assigned {
    /// The how manieth it is that the group gave us: another one each time it comes back.
    number: u64,
    ends: Ends,
    /// Everything before it has come from librdkafka, or was set aside; `None`: nothing yet.
    received: Option<i64>,
    /// What librdkafka fetches next, and where that ends, as it last said.
    fetching: Option<(i64, i64)>,
}

/// A partition of which more is there than librdkafka has fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) place: Place,
    /// Which assignment of it.
    pub(super) number: u64,
    pub(super) received: Option<i64>,
    /// What librdkafka fetches next.
    pub(super) fetching: i64,
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
            let fresh = Assigned {
                number: self.given.fetch_add(1, Ordering::Relaxed),
                ends: Ends { low: -1, high: -1 },
                received: None,
                fetching: None,
            };
            assigned.insert(place, fresh);
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
        Some(locked(&self.assigned).get(place)?.ends)
    }

    /// Kafka was asked for the ends of the partition.
    pub(super) fn set_ends(&self, place: &Place, ends: Ends) {
        if let Some(known) = locked(&self.assigned).get_mut(place) {
            known.ends = ends;
        }
    }

    /// Everything before `next` has come, or was set aside.
    pub(super) fn received(&self, place: &Place, next: i64) {
        if let Some(known) = locked(&self.assigned).get_mut(place) {
            known.received = Some(next);
        }
    }

    /// librdkafka fetches from `next` on, and knows of messages up to `end`.
    pub(super) fn fetching(&self, place: &Place, next: i64, end: i64) {
        if let Some(known) = locked(&self.assigned).get_mut(place) {
            known.fetching = Some((next, end));
        }
    }

    /// Partitions that are fetched and of which more is there.
    pub(super) fn behind(&self) -> Vec<Behind> {
        let assigned = locked(&self.assigned);
        let ours = self.ours();
        let behind = assigned.iter().filter_map(|(place, known)| {
            let (fetching, end) = known.fetching?;
            let paused = ours.get(place).is_some_and(|partition| partition.paused);
            (!paused && (0..end).contains(&fetching)).then(|| Behind {
                place: place.clone(),
                number: known.number,
                received: known.received,
                fetching,
            })
        });
        behind.collect()
    }

    /// Whether nothing has come of it since, it is the same assignment, and it is not paused.
    pub(super) fn is_still(&self, behind: &Behind) -> bool {
        let assigned = locked(&self.assigned);
        let known = assigned.get(&behind.place);
        let same =
            |known: &Assigned| known.number == behind.number && known.received == behind.received;
        let partition_is_paused = |partition: &Partition| partition.paused;
        known.is_some_and(same)
            && !self
                .ours()
                .get(&behind.place)
                .is_some_and(partition_is_paused)
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
