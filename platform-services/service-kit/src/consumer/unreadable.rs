//! Batches that librdkafka cannot read, and how a partition gets past them.
//!
//! Producers pack messages in batches, which the broker keeps as they came. One that librdkafka cannot
//! unpack, as it becomes larger than [`FETCHED_BYTES_MAX`] or is damaged, is an error without a partition
//! and an offset here, and librdkafka fetches it again for ever. So, once there was such an error:
//!
//! 1. Suspected is a partition that is fetched, of which more is there, and of which nothing came from one
//!    look to the next.
//! 2. A consumer of its own reads that partition alone, from the first message that did not come. The
//!    partition is stuck if, twice, the first that it hears is that error, before any message.
//! 3. It is passed one offset at a time, each tried alone in the same way, up to the first one from which
//!    something can be read, or the end.
//!
//! So no message is passed that could be read: a try hears whatever comes first from its offset on. What
//! cannot be told, as Kafka is slow or away, is not passed. Each offset becomes a dead letter in its turn,
//! and is committed after it: a consumer that dies before finds it again.

use std::{
    collections::HashMap,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
};
use tokio::{
    sync::mpsc::Sender,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::partitions::{Behind, Partitions};
use crate::kafka::{Context, FETCHED_BYTES_MAX, Kafka};

/// How often it is looked whether a partition is stuck. What is fetched of it is told every 5 s.
const LOOKS_PERIOD: Duration = Duration::from_secs(2);

/// How often a batch must turn out to be unreadable before it is.
const TRIES: usize = 2;

/// How long one try may take.
const TRY_TIMEOUT: Duration = Duration::from_secs(10);

/// After how long what was found is passed, though there may be more; the next look goes on.
const LOOK_LONGEST: Duration = Duration::from_secs(20);

/// Offsets that are passed at once.
const OFFSETS_MAX: i64 = 1000;

/// Bytes asked for at once, as they are on the broker: one batch more than that.
const FETCH_BYTES: &str = "65536";

/// Messages of a partition that cannot be read, and why.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) behind: Behind,
    /// Empty where only librdkafka is not where it should be.
    pub(super) offsets: Range<i64>,
    pub(super) why: String,
}

/// Whether the error says that some batch cannot be read. A codec or a format that is not known here is
/// another error: a newer version may read it.
pub(super) fn is_said_by(error: &KafkaError) -> bool {
    matches!(
        error,
        KafkaError::MessageConsumption(
            RDKafkaErrorCode::BadCompression | RDKafkaErrorCode::BadMessage
        )
    )
}

/// Looks, when there is a suspicion, which partition is stuck, and sends what it finds. Never ends.
pub(super) async fn watch(
    kafka: &Kafka,
    group: &str,
    partitions: &Partitions,
    suspicion: &AtomicBool,
    finds: &Sender<Unreadable>,
) {
    let gone = CancellationToken::new();
    let _guard = gone.clone().drop_guard();
    let mut looks = interval(LOOKS_PERIOD);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = HashMap::new();
    loop {
        looks.tick().await;
        let behind = partitions.behind();
        if suspicion.swap(false, Ordering::Relaxed) {
            for stuck in behind
                .iter()
                .filter(|now| before.get(&now.place) == Some(*now))
            {
                let probe = Probe {
                    kafka: kafka.clone(),
                    group: group.to_owned(),
                    gone: gone.clone(),
                };
                let stuck = stuck.clone();
                match tokio::task::spawn_blocking(move || probe.look(stuck)).await {
                    // Nobody listens at the end.
                    Ok(Ok(Some(found))) => drop(finds.send(found).await),
                    Ok(Ok(None)) => {}
                    Ok(Err(error)) => tracing::warn!(%error, "looking for what cannot be read"),
                    Err(error) => tracing::warn!(%error, "looking for what cannot be read"),
                }
            }
        }
        before = behind
            .into_iter()
            .map(|behind| (behind.place.clone(), behind))
            .collect();
    }
}

/// What is heard first from an offset on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    /// A message, or that there is none.
    Something,
    /// That a batch cannot be read.
    Unreadable(String),
    /// Nothing in time.
    Nothing,
}

struct Probe {
    kafka: Kafka,
    group: String,
    gone: CancellationToken,
}

impl Probe {
    fn look(&self, behind: Behind) -> Result<Option<Unreadable>, KafkaError> {
        let (topic, partition) = &behind.place;
        let from = match behind.received {
            Some(next) => next,
            None => self.start(topic, *partition)?,
        };
        if behind.fetching < from {
            let (offsets, why) = (from..from, "fetched again".to_owned());
            return Ok(Some(Unreadable {
                behind,
                offsets,
                why,
            }));
        }
        let begun = Instant::now();
        let (mut end, mut why) = (from, None);
        while end - from < OFFSETS_MAX && begun.elapsed() < LOOK_LONGEST {
            match self.unreadable(topic, *partition, end)? {
                Some(said) => why = Some(said),
                None => break,
            }
            end += 1;
        }
        // No message stands before the one that is fetched: transactions take offsets, too.
        let offsets = if end > behind.fetching {
            behind.fetching..end
        } else {
            from..end
        };
        Ok(why.map(|why| Unreadable {
            behind,
            offsets,
            why: format!("its batch is damaged, or too large once it is unpacked: {why}"),
        }))
    }

    /// Why nothing can be read from this offset on; `None` where something can, or it cannot be told.
    fn unreadable(
        &self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> Result<Option<String>, KafkaError> {
        let mut why = None;
        for _ in 0..TRIES {
            match self.first_heard(topic, partition, offset)? {
                Heard::Unreadable(said) => why = Some(said),
                Heard::Something | Heard::Nothing => return Ok(None),
            }
        }
        Ok(why)
    }

    /// With a client of its own, so that nothing of an earlier try is heard.
    fn first_heard(&self, topic: &str, partition: i32, offset: i64) -> Result<Heard, KafkaError> {
        let client = self.client()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset))?;
        client.assign(&list)?;
        let begun = Instant::now();
        while begun.elapsed() < TRY_TIMEOUT && !self.gone.is_cancelled() {
            match client.poll(Duration::from_millis(100)) {
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok(Heard::Something),
                Some(Err(error)) if is_said_by(&error) => {
                    return Ok(Heard::Unreadable(error.to_string()));
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, topic, partition, offset, "trying to read");
                }
                None => {}
            }
        }
        Ok(Heard::Nothing)
    }

    /// Where the group begins.
    fn start(&self, topic: &str, partition: i32) -> Result<i64, KafkaError> {
        let client = self.client()?;
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let committed = client.committed_offsets(list, TRY_TIMEOUT)?;
        let (low, _) = client.fetch_watermarks(topic, partition, TRY_TIMEOUT)?;
        let committed = committed.elements().first().map(|element| element.offset());
        Ok(match committed {
            Some(Offset::Offset(committed)) => committed.max(low),
            Some(_) | None => low,
        })
    }

    /// Reads as the consumer does; of the group it only knows the offsets.
    fn client(&self) -> Result<BaseConsumer<Context>, KafkaError> {
        self.kafka
            .config(&[
                ("group.id", self.group.as_str()),
                ("enable.auto.commit", "false"),
                ("auto.offset.reset", "earliest"),
                ("isolation.level", "read_committed"),
                ("enable.partition.eof", "true"),
                ("fetch.message.max.bytes", FETCH_BYTES),
                ("receive.message.max.bytes", FETCHED_BYTES_MAX),
                ("queued.min.messages", "1"),
                ("queued.max.messages.kbytes", "1024"),
            ])
            .create_with_context(self.kafka.context())
    }
}
