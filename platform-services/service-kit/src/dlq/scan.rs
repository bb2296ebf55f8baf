//! Messages of a dead letter topic one after the other, none of them kept.

use std::{
    collections::{BTreeSet, HashMap},
    ops::{ControlFlow, Range},
    time::{Duration, Instant},
};

use rdkafka::{
    Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{BorrowedMessage, Headers as _},
};

use super::{DlqError, NOTE_OFFSET, NOTE_RESOLUTION, Resolution};
use crate::{
    kafka::{self, Context, FETCHED_BYTES_MAX, Kafka},
    topics,
};

/// How long Kafka may take to answer, and to say nothing while a topic is read.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes asked for at once, as they are on the broker: one batch more than that, each as large as it
/// becomes when it is unpacked. Poison is often large and packs well.
const FETCH_BYTES: &str = "65536";

/// Kilobytes that librdkafka fetches ahead.
const AHEAD_KBYTES: &str = "1024";

/// Events of a client that are heard before its error is told.
const TOLD_MAX: usize = 100;

/// How long the next of them may take.
const TOLD_TIMEOUT: Duration = Duration::from_millis(100);

/// A consumer of a dead letter topic that belongs to no group: it only looks.
pub(super) struct Scan {
    kafka: Kafka,
    consumer: BaseConsumer<Context>,
    dlq: String,
}

impl Scan {
    /// Of the dead letters of `topic`.
    pub(super) fn new(kafka: &Kafka, topic: &str) -> Result<Self, DlqError> {
        let dlq = topics::dlq_of(topic);
        let created = kafka
            .config(&[
                // Asked for by librdkafka, never joined: there is no subscription.
                ("group.id", "dlq"),
                ("enable.auto.commit", "false"),
                ("isolation.level", "read_uncommitted"),
                ("enable.partition.eof", "true"),
                ("fetch.message.max.bytes", FETCH_BYTES),
                ("receive.message.max.bytes", FETCHED_BYTES_MAX),
                ("queued.min.messages", "100"),
                ("queued.max.messages.kbytes", AHEAD_KBYTES),
                ("fetch.queue.backoff.ms", "10"),
            ])
            .create_with_context(kafka.context());
        match created {
            Ok(consumer) => Ok(Self {
                kafka: kafka.clone(),
                consumer,
                dlq,
            }),
            Err(error) => Err(DlqError::Kafka { topic: dlq, error }),
        }
    }

    /// The first offset, and the one after the last.
    pub(super) fn ends(&self) -> Result<Range<i64>, DlqError> {
        let ends = self.consumer.fetch_watermarks(&self.dlq, 0, ANSWER_TIMEOUT);
        let error = match ends {
            Ok((low, high)) => {
                self.kafka.trusted();
                return Ok(low..high);
            }
            Err(error) => error,
        };
        match error.rdkafka_error_code() {
            Some(code) if kafka::is_unknown_topic(code) => Err(DlqError::NoTopic(self.dlq.clone())),
            Some(_) | None => Err(self.refused(error)),
        }
    }

    /// That nobody answers is all that is known of a refused login here; why is among what the client
    /// was told before, and is heard when it is polled.
    fn refused(&self, error: KafkaError) -> DlqError {
        for _ in 0..TOLD_MAX {
            let told = self.consumer.poll(TOLD_TIMEOUT);
            if told.is_none() || self.kafka.distrust().is_some() {
                break;
            }
        }
        match self.kafka.distrust() {
            Some(why) => DlqError::Refused {
                topic: self.dlq.clone(),
                why,
            },
            None => self.failed(error),
        }
    }

    /// Shows the messages at these offsets, in their order, until `each` has enough. The offset up to
    /// which everything was shown.
    pub(super) fn read(
        &self,
        range: Range<i64>,
        mut each: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> Result<i64, DlqError> {
        let mut next = range.start;
        if range.is_empty() {
            return Ok(next);
        }
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.dlq, 0, Offset::Offset(next))
            .map_err(|error| self.failed(error))?;
        self.consumer
            .assign(&list)
            .map_err(|error| self.failed(error))?;
        let mut heard = Instant::now();
        while next < range.end {
            match self.consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    if !(next..range.end).contains(&message.offset()) {
                        // Behind the end, or from before we began here.
                        if message.offset() >= range.end {
                            next = range.end;
                        }
                        continue;
                    }
                    next = message.offset().saturating_add(1);
                    if each(&message).is_break() {
                        break;
                    }
                }
                Some(Err(KafkaError::PartitionEOF(_))) => next = range.end,
                Some(Err(error)) => tracing::debug!(%error, "reading dead letters"),
                None if heard.elapsed() > ANSWER_TIMEOUT => {
                    return Err(DlqError::Silent(self.dlq.clone()));
                }
                None => {}
            }
        }
        // Nothing is fetched ahead for nobody.
        self.consumer
            .unassign()
            .map_err(|error| self.failed(error))?;
        Ok(next)
    }

    fn failed(&self, error: KafkaError) -> DlqError {
        DlqError::Kafka {
            topic: self.dlq.clone(),
            error,
        }
    }
}

/// Which letters are open, and what became of the others: some ten bytes for each letter.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Everything before it is looked at.
    pub(super) next: i64,
    /// Offsets of letters.
    pub(super) open: BTreeSet<i64>,
    /// Offsets of letters.
    pub(super) resolved: HashMap<i64, Resolution>,
}

impl Tally {
    /// Of everything in these offsets.
    pub(super) fn of(scan: &Scan, ends: &Range<i64>) -> Result<Self, DlqError> {
        let mut tally = Self::default();
        tally.go_on(scan, ends, |_, _| ControlFlow::Continue(()))?;
        Ok(tally)
    }

    /// Looks at what came since, until `enough` says so; it is told how many letters are open, and the
    /// bytes of each value.
    pub(super) fn go_on(
        &mut self,
        scan: &Scan,
        ends: &Range<i64>,
        mut enough: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<(), DlqError> {
        if self.next > ends.end {
            // Another topic of the same name.
            *self = Self::default();
        }
        self.next = self.next.max(ends.start);
        self.open = self.open.split_off(&ends.start);
        self.resolved.retain(|offset, _| *offset >= ends.start);
        let (open, resolved) = (&mut self.open, &mut self.resolved);
        self.next = scan.read(self.next..ends.end, |message| {
            match note(message) {
                Some((offset, resolution)) => {
                    open.remove(&offset);
                    if offset >= ends.start {
                        resolved.insert(offset, resolution);
                    }
                }
                None => {
                    open.insert(message.offset());
                }
            }
            enough(open.len(), message.payload().map_or(0, <[u8]>::len))
        })?;
        Ok(())
    }
}

/// The letter that a note is about, and what became of it.
pub(super) fn note(message: &BorrowedMessage<'_>) -> Option<(i64, Resolution)> {
    let offset = header(message, NOTE_OFFSET)?.parse().ok()?;
    let resolution = Resolution::parse(header(message, NOTE_RESOLUTION)?)?;
    Some((offset, resolution))
}

fn header<'a>(message: &'a BorrowedMessage<'_>, name: &str) -> Option<&'a str> {
    let headers = message.headers()?;
    let mut last_first = (0..headers.count()).rev();
    let found = last_first.find_map(|index| {
        let header = headers.try_get(index)?;
        (header.key == name).then_some(header.value)
    });
    std::str::from_utf8(found??).ok()
}
