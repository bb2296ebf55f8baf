use std::{collections::HashSet, time::Duration};

use contracts::EventType;
use rdkafka::{
    error::{KafkaError, RDKafkaErrorCode},
    producer::Producer as _,
};
use tokio_util::sync::CancellationToken;

use super::{TopicError, TopicSettings, create_named, dlq_of};
use crate::{backoff::Backoff, kafka::Kafka};

/// The first and the longest pause between two attempts.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// How long the broker may take to say which topics there are.
const METADATA_TIMEOUT: Duration = Duration::from_secs(5);

/// Creates the topics of these event types, and of their dead letters, where they are missing, however
/// long that takes. Returns when all are there, or at `stop`. Call it before a consumer subscribes to
/// them: one that comes before its topics looks for them again only every ten seconds.
///
/// Where Kafka does not let us create topics, those that somebody else has made will do.
pub async fn create_all(
    kafka: &Kafka,
    types: impl IntoIterator<Item = EventType>,
    settings: TopicSettings,
    stop: &CancellationToken,
) {
    let names: Vec<&str> = types.into_iter().map(EventType::topic).collect();
    let mut backoff = Backoff::new(PAUSE_FIRST, PAUSE_LONGEST);
    let mut said = String::new();
    loop {
        let tried = async {
            let error = create_named(kafka, &names, settings).await.err()?;
            let refused = matches!(error, TopicError::Refused { .. });
            (!refused || !all_there(kafka, &names).await).then_some(error)
        };
        let error = tokio::select! {
            () = stop.cancelled() => return,
            tried = tried => match tried {
                None => return,
                Some(error) => error.to_string(),
            },
        };
        if error != said {
            tracing::warn!(error, "waiting for Kafka to have our topics");
            said = error;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(backoff.pause()) => {}
        }
    }
}

/// Whether somebody made all of them.
async fn all_there(kafka: &Kafka, names: &[&str]) -> bool {
    let producer = match kafka.producer(METADATA_TIMEOUT) {
        Ok(producer) => producer,
        Err(error) => {
            tracing::warn!(%error, "asking for topics");
            return false;
        }
    };
    let mut missing: HashSet<String> = names
        .iter()
        .flat_map(|name| [(*name).to_owned(), dlq_of(name)])
        .collect();
    let asked = tokio::task::spawn_blocking(move || {
        let metadata = producer.client().fetch_metadata(None, METADATA_TIMEOUT)?;
        for topic in metadata.topics() {
            missing.remove(topic.name());
        }
        Ok::<_, KafkaError>(missing.is_empty())
    });
    asked
        .await
        .unwrap_or(Err(KafkaError::MetadataFetch(RDKafkaErrorCode::Fail)))
        .unwrap_or(false)
}
