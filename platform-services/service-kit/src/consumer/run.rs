//! The loop of a consumer: it takes messages from librdkafka, hands them to the partitions' tasks,
//! and never waits for one of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer as _, StreamConsumer},
    error::{KafkaError, RDKafkaErrorCode},
    producer::Producer as _,
};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    ConsumerError, ConsumerMetrics, ConsumerSettings,
    context::Context,
    partitions::{Ends, Partitions, Place},
    record::Record,
    unreadable::{self, Unreadable},
    work::{Process, Shop},
};
use crate::{
    dlq::DeadLetters,
    kafka::{FETCHED_BYTES_MAX, Kafka, Producer},
};

/// When a dead letter is given up, to be tried again.
const DEAD_LETTER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long leaving the group may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How often Kafka is asked for the ends of partitions from which nothing is fetched. As often, the lag
/// is told anew.
const ENDS_PERIOD: Duration = Duration::from_secs(5);

/// How long it may take to answer for one of them.
const ENDS_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the loop may be gone until librdkafka leaves the group.
const POLL_LONGEST: Duration = Duration::from_secs(300);

/// Finds of unreadable messages that wait for the loop.
const UNREADABLE_WAITING_MAX: usize = 1;

/// How long librdkafka may take to begin elsewhere: it asks nobody.
const SEEK_TIMEOUT: Duration = Duration::from_secs(1);

type Client = StreamConsumer<Context>;

pub(super) async fn run<P: Process>(
    kafka: &Kafka,
    settings: ConsumerSettings,
    metrics: ConsumerMetrics,
    process: Arc<P>,
    stop: &CancellationToken,
) -> Result<(), ConsumerError> {
    let partitions = Arc::<Partitions>::default();
    let client = client(kafka, &settings, &metrics, &partitions).map_err(ConsumerError::Start)?;
    let producer = kafka
        .producer(DEAD_LETTER_TIMEOUT)
        .map_err(ConsumerError::Start)?;
    let asking = producer.clone();
    let shop = Arc::new(Shop {
        process,
        settings,
        metrics,
        partitions: Arc::clone(&partitions),
        dead_letters: DeadLetters::new(producer),
        stop: CancellationToken::new(),
        abandon: CancellationToken::new(),
        changed: Arc::new(Notify::new()),
    });
    let (finds, mut found) = mpsc::channel(UNREADABLE_WAITING_MAX);
    let suspicion = AtomicBool::new(false);
    let ended = tokio::select! {
        ended = consume(&client, &shop, &suspicion, &mut found, stop) => ended,
        () = ask_ends(&asking, &partitions) => Ok(()),
        () = unreadable::watch(kafka, &shop.settings.group, &partitions, &suspicion, &finds) => Ok(()),
    };
    if ended.is_ok() {
        drain(&client, &shop).await;
    }
    partitions.abandon();
    shop.abandon.cancel();
    close(client, &partitions).await;
    ended
}

fn client(
    kafka: &Kafka,
    settings: &ConsumerSettings,
    metrics: &ConsumerMetrics,
    partitions: &Arc<Partitions>,
) -> Result<Client, KafkaError> {
    let session = settings.session_timeout.as_millis().to_string();
    // librdkafka takes no session that is longer than this, which is not ours: nothing here waits so long.
    let poll = settings.session_timeout.max(POLL_LONGEST);
    let poll = poll.as_millis().to_string();
    let heartbeat = (settings.session_timeout / 3).as_millis().to_string();
    let statistics = ENDS_PERIOD.as_millis().to_string();
    let context = Context {
        partitions: Arc::clone(partitions),
        metrics: metrics.clone(),
    };
    let client: Client = kafka
        .config(&[
            ("group.id", settings.group.as_str()),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("auto.offset.reset", "earliest"),
            ("isolation.level", "read_committed"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("session.timeout.ms", &session),
            ("heartbeat.interval.ms", &heartbeat),
            ("max.poll.interval.ms", &poll),
            // A pause throws away what was fetched: fetch little ahead.
            ("queued.min.messages", "1000"),
            ("queued.max.messages.kbytes", "8192"),
            // How long a partition waits that had enough, or that was resumed while the broker holds
            // a request for the others.
            ("fetch.queue.backoff.ms", "10"),
            ("fetch.wait.max.ms", "100"),
            // A topic that is made after the start is found within this.
            ("topic.metadata.refresh.interval.ms", "10000"),
            ("receive.message.max.bytes", FETCHED_BYTES_MAX),
            ("statistics.interval.ms", &statistics),
        ])
        .create_with_context(context)?;
    let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
    client.subscribe(&topics)?;
    Ok(client)
}

async fn consume<P: Process>(
    client: &Client,
    shop: &Arc<Shop<P>>,
    suspicion: &AtomicBool,
    found: &mut mpsc::Receiver<Unreadable>,
    stop: &CancellationToken,
) -> Result<(), ConsumerError> {
    let mut commits = interval(shop.settings.commit_period);
    commits.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = commits.tick() => {
                commit(client, &shop.partitions);
                flow(client, shop);
                if shop.partitions.is_broken() {
                    return Err(ConsumerError::Broken);
                }
            }
            () = shop.changed.notified() => flow(client, shop),
            Some(found) = found.recv() => pass(client, shop, found),
            received = client.recv() => match received {
                Ok(message) => {
                    let full = enqueue(shop, Record::of(&message));
                    drop(message);
                    if full {
                        flow(client, shop);
                    }
                }
                Err(KafkaError::MessageConsumptionFatal(code)) => {
                    return Err(ConsumerError::Fatal(KafkaError::MessageConsumptionFatal(code)));
                }
                Err(error) => {
                    shop.metrics.errors.inc();
                    if unreadable::is_said_by(&error) {
                        suspicion.store(true, Ordering::Relaxed);
                    }
                    if error.rdkafka_error_code() == Some(RDKafkaErrorCode::InvalidSessionTimeout) {
                        tracing::error!(
                            session = ?shop.settings.session_timeout,
                            "Kafka does not let us into the group: the session must be from its \
                             group.min.session.timeout.ms to its group.max.session.timeout.ms"
                        );
                    }
                    tracing::warn!(%error, "consuming");
                }
            },
        }
    }
}

/// Goes on behind messages that cannot be read; each takes its turn as a dead letter.
fn pass<P: Process>(client: &Client, shop: &Arc<Shop<P>>, found: Unreadable) {
    let Unreadable {
        behind,
        offsets,
        why,
    } = found;
    if !shop.partitions.is_still(&behind) {
        return;
    }
    let (topic, partition) = (behind.place.0.as_str(), behind.place.1);
    let end = offsets.end;
    // Nothing of it waits for us: what librdkafka has fetched of it has come.
    if let Err(error) = client.seek(topic, partition, Offset::Offset(end), SEEK_TIMEOUT) {
        // It is found again.
        tracing::warn!(%error, topic, partition, "passing what cannot be read");
        return;
    }
    tracing::error!(
        topic,
        partition,
        ?offsets,
        why,
        "messages that cannot be read are passed"
    );
    for offset in offsets {
        enqueue(shop, Record::unreadable(&behind.place, offset, why.clone()));
    }
    shop.partitions.received(&behind.place, end);
    flow(client, shop);
}

/// Asks Kafka for the ends of partitions that librdkafka hears nothing of. By another client than the
/// consumer's, which is not to be kept alive by this. Never ends.
async fn ask_ends(asking: &Producer, partitions: &Arc<Partitions>) {
    let mut asks = interval(ENDS_PERIOD);
    asks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        asks.tick().await;
        let (asking, partitions) = (asking.clone(), Arc::clone(partitions));
        let asked = tokio::task::spawn_blocking(move || {
            for place in partitions.unheard() {
                let (topic, partition) = (place.0.as_str(), place.1);
                match asking
                    .client()
                    .fetch_watermarks(topic, partition, ENDS_TIMEOUT)
                {
                    Ok((low, high)) => partitions.set_ends(&place, Ends { low, high }),
                    Err(error) => {
                        // The others would fare no better.
                        tracing::debug!(%error, topic, partition, "asking for the end");
                        break;
                    }
                }
            }
        });
        if let Err(error) = asked.await {
            tracing::warn!(%error, "asking for the ends of partitions");
        }
    }
}

/// Hands a message to the task of its partition; whether its queue is full now.
fn enqueue<P: Process>(shop: &Arc<Shop<P>>, record: Record) -> bool {
    let place = (record.topic.clone(), record.partition);
    let next = record.offset.saturating_add(1);
    shop.partitions.received(&place, next);
    let turn = shop.partitions.turn(&place, |turn, before| {
        let (shop, place) = (Arc::clone(shop), place.clone());
        tokio::spawn(async move {
            wait_for(before).await;
            shop.work(place, turn).await;
        })
    });
    let fill = turn.queue.push(record);
    fill.records >= shop.settings.queue_max || fill.bytes >= shop.settings.queue_bytes_max
}

/// The partition was ours before: that task ends first.
async fn wait_for(before: Option<JoinHandle<()>>) {
    if let Some(before) = before
        && let Err(error) = before.await
    {
        tracing::error!(%error, "the task of a partition failed");
    }
}

fn commit(client: &Client, partitions: &Partitions) {
    match partitions.to_commit() {
        Ok(due) if due.count() == 0 => {}
        Ok(due) => {
            if let Err(error) = client.commit(&due, CommitMode::Async) {
                tracing::warn!(%error, "offsets were not committed");
                partitions.not_committed(&due);
            }
        }
        Err(error) => tracing::error!(%error, "offsets to commit"),
    }
}

fn flow<P: Process>(client: &Client, shop: &Shop<P>) {
    let settings = &shop.settings;
    let flow = shop
        .partitions
        .flow(settings.queue_max, settings.queue_bytes_max);
    let paused = i64::try_from(flow.paused).unwrap_or(i64::MAX);
    shop.metrics.paused.set(paused);
    for (places, pause) in [(flow.pause, true), (flow.resume, false)] {
        if places.is_empty() {
            continue;
        }
        let list = list(&places);
        let done = if pause {
            client.pause(&list)
        } else {
            client.resume(&list)
        };
        if let Err(error) = done {
            tracing::warn!(%error, pause, "pausing or resuming partitions");
        }
    }
}

fn list(places: &[Place]) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in places {
        list.add_partition(topic, *partition);
    }
    list
}

/// Lets events under way end. The group is still served, so that it does not take us for dead.
async fn drain<P: Process>(client: &Client, shop: &Arc<Shop<P>>) {
    shop.stop.cancel();
    if let Ok(ours) = client.assignment()
        && let Err(error) = client.pause(&ours)
    {
        tracing::warn!(%error, "pausing before the end");
    }
    let tasks = shop.partitions.tasks();
    tracing::info!(partitions = tasks.len(), "finishing events under way");
    let finished = async {
        for task in tasks {
            wait_for(Some(task)).await;
        }
    };
    tokio::select! {
        done = timeout(shop.settings.drain_timeout, finished) => {
            if done.is_err() {
                tracing::warn!("events under way took too long and are abandoned");
            }
        }
        () = serve_only(client) => {}
    }
}

/// Serves the group; whatever comes is for whoever has the partition next.
async fn serve_only(client: &Client) {
    loop {
        if let Err(error) = client.recv().await {
            tracing::debug!(%error, "consuming at the end");
        }
    }
}

/// Commits what is done and leaves the group. librdkafka blocks in both, for good while Kafka is away:
/// so it does on a thread that nobody waits for at the end of the process.
async fn close(client: Client, partitions: &Arc<Partitions>) {
    let partitions = Arc::clone(partitions);
    let (left, leaving) = oneshot::channel();
    let closing = move || {
        match partitions.to_commit() {
            Ok(due) if due.count() == 0 => {}
            Ok(due) => {
                if let Err(error) = client.commit(&due, CommitMode::Sync) {
                    tracing::warn!(%error, "the last offsets were not committed");
                }
            }
            Err(error) => tracing::error!(%error, "offsets to commit"),
        }
        drop(client);
        // Whoever waited may have given up.
        let _ = left.send(());
    };
    let named = std::thread::Builder::new().name("kafka-close".to_owned());
    if let Err(error) = named.spawn(closing) {
        tracing::warn!(%error, "no thread to leave the group with");
        return;
    }
    if timeout(CLOSE_TIMEOUT, leaving).await.is_err() {
        tracing::warn!("Kafka did not let us leave the group in time");
    }
}
