//! Messages that no attempt can handle: none stops its partition, each is found with a reason.

use contracts::Envelope;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    message::{Header, OwnedHeaders},
};
use service_kit::{
    dlq::{self, Letter, Pick, Resolution},
    kafka::Kafka,
    topics::{self, TopicSettings},
};

use crate::{
    consumer::{Running, Writer, until_handled},
    support::{
        self,
        events::{locked, producer, send, send_raw, topic},
        log, unique, until,
    },
};

/// The letters of a topic, once there are so many.
pub(crate) async fn letters(kafka: &Kafka, topic: &str, wanted: usize) -> Vec<Letter> {
    until("the letters are there", || async {
        dlq::read(kafka, topic).await.unwrap().letters.len() >= wanted
    })
    .await;
    dlq::read(kafka, topic).await.unwrap().letters
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_of_every_sort_is_set_aside_with_its_reason() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 1).await, producer(&kafka));
    let with = |name: &str, value: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"x","source":"/x","type":"user.locked","data":{{"userId":"u"}},"{name}":{value}}}"#
        )
    };
    let huge = format!("{{\"x\":\"{}\"", "y".repeat(1_000_000));
    let poison: Vec<(Option<Vec<u8>>, &str)> = vec![
        (None, "NOT_JSON"),
        (Some(Vec::new()), "NOT_JSON"),
        (Some(b"not json".to_vec()), "NOT_JSON"),
        (Some(vec![0xff, 0, 0xfe]), "NOT_JSON"),
        (Some(b"[1]".to_vec()), "NOT_JSON"),
        (Some(huge.into_bytes()), "NOT_JSON"),
        (Some(vec![b'['; 100_000]), "NOT_JSON"),
        (Some(b"{}".to_vec()), "NO_EVENT"),
        (
            Some(with("id", "null").replace("\"id\":\"x\",", "").into_bytes()),
            "NO_EVENT",
        ),
        (Some(with("time", "\"yesterday\"").into_bytes()), "NO_EVENT"),
        (
            Some(with("y", "1").replace("1.0", "0.3").into_bytes()),
            "UNKNOWN_VERSION",
        ),
        (
            Some(
                with("y", "1")
                    .replace("user.locked", "user.locked.v2")
                    .into_bytes(),
            ),
            "UNKNOWN_VERSION",
        ),
        (
            Some(with("y", "1").replace("\"u\"", "7").into_bytes()),
            "INVALID_DATA",
        ),
        (Some(locked("permanent").encode().unwrap()), "NO_SUCH_THING"),
        (Some(locked("panic").encode().unwrap()), "PANIC"),
        (Some(locked(&"x".repeat(300)).encode().unwrap()), "DATABASE"),
    ];
    let mut expected = Vec::new();
    for (n, (value, reason)) in poison.iter().enumerate() {
        let key = format!("k-{n}");
        let headers = OwnedHeaders::new().insert(Header {
            key: "mine",
            value: Some("kept"),
        });
        send_raw(
            &producer,
            &topic,
            0,
            Some(key.as_bytes()),
            value.as_deref(),
            headers,
        )
        .await;
        send(&producer, &topic, &[locked("fine")]).await;
        expected.push((key, *reason));
    }
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    until_handled(&pool, i64::try_from(poison.len()).unwrap()).await;
    let found = letters(&kafka, &topic, poison.len()).await;
    let reasons: Vec<(String, &str)> = found
        .iter()
        .map(|letter| (letter.key.clone().unwrap(), letter.reason.as_str()))
        .collect();
    assert_eq!(reasons, expected);
    for (n, (letter, (value, _))) in found.iter().zip(&poison).enumerate() {
        let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
        assert_eq!(letter.value, value.as_ref().map(text), "{n}");
        assert_eq!(letter.consumer, "writer");
        assert_eq!(letter.source_partition, Some(0));
        assert_eq!(letter.source_offset, i64::try_from(2 * n).ok());
        assert_eq!(letter.attempts, Some(1));
        assert!(!letter.error.is_empty() || letter.reason == "PANIC");
        contracts::Timestamp::parse(&letter.at).unwrap();
    }
    // Kafka's own copy: the headers it came with, and ours.
    let raw = log::read_until(&support::brokers(), &format!("{topic}.dlq"), |_| true);
    let header = |name| log::header(&raw[0], name);
    assert_eq!(header("mine").as_deref(), Some("kept"));
    for (name, value) in [
        ("dlq_reason", "NOT_JSON"),
        ("dlq_consumer", "writer"),
        ("dlq_partition", "0"),
        ("dlq_offset", "0"),
        ("dlq_attempts", "1"),
    ] {
        assert_eq!(header(name).as_deref(), Some(value), "{name}");
    }
    let metrics = consumer.stop().await;
    let line = format!("consumer_dead_letters_total{{topic=\"{topic}\",reason=\"NO_EVENT\"}} 3");
    assert!(metrics.contains(&line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_on_another_types_topic_is_set_aside() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    // A topic that no other test writes to.
    let topic = "product.changed";
    let types = [contracts::EventType::ProductChanged];
    topics::create(&kafka, types, TopicSettings::default())
        .await
        .unwrap();
    // Again changes nothing.
    topics::create(&kafka, types, TopicSettings::default())
        .await
        .unwrap();
    send(&producer(&kafka), topic, &[locked("u")]).await;
    let consumer = Running::start(kafka.clone(), &pool, topic, Writer::default());
    let found = letters(&kafka, topic, 1).await;
    assert_eq!(found[0].reason, "WRONG_TYPE");
    consumer.stop().await;
}

/// Small on the topic because it is compressed, large once it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_compressed_well_can_be_set_aside() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let topic = topic(&kafka, 1).await;
    let large = kafka.clone().set("compression.type", "gzip");
    let value = vec![b'x'; 12_000_000];
    let headers = OwnedHeaders::new();
    send_raw(&producer(&large), &topic, 0, None, Some(&value), headers).await;
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    let found = letters(&kafka, &topic, 1).await;
    assert_eq!(found[0].value.as_ref().unwrap().len(), value.len());
    assert!(Envelope::decode_any(&value).is_err());
    consumer.stop().await;
}

/// Somebody made the topic of the dead letters, with a broker's limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_for_the_dead_letters_is_cut_and_holds_up_nothing() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let topic = unique("topic");
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", support::brokers())
        .create()
        .unwrap();
    let dlq_name = topics::dlq_of(&topic);
    let small = NewTopic::new(&dlq_name, 1, TopicReplication::Fixed(1));
    let small = small.set("max.message.bytes", "50000");
    admin
        .create_topics(&[small], &AdminOptions::new())
        .await
        .unwrap();
    let settings = TopicSettings {
        partitions: 1,
        ..TopicSettings::default()
    };
    topics::create_named(&kafka, &[&topic], settings)
        .await
        .unwrap();
    let producer = producer(&kafka);
    let large: String = (0..8000).map(|_| service_kit::ids::uuid()).collect();
    let large = large.as_bytes();
    let header = || {
        OwnedHeaders::new().insert(Header {
            key: "mine",
            value: Some("kept"),
        })
    };
    let rows = [(Some(&b"k"[..]), Some(large)), (Some(large), Some(b"x"))];
    for (key, value) in rows {
        send_raw(&producer, &topic, 0, key, value, header()).await;
    }
    send(&producer, &topic, &[locked("fine")]).await;
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    until_handled(&pool, 1).await;
    consumer.stop().await;
    let found = letters(&kafka, &topic, 2).await;
    let bytes = u64::try_from(large.len()).ok();
    assert_eq!(found[0].key.as_deref(), Some("k"));
    assert_eq!((&found[0].value, found[0].value_bytes), (&None, bytes));
    assert_eq!((&found[1].key, found[1].key_bytes), (&None, bytes));
    assert_eq!(found[1].value_bytes, Some(1));
    assert_eq!(found[1].source_offset, Some(1));
    // There is nothing to replay; discarded it can be.
    let pick = Pick {
        offsets: Some(0..=0),
        ..Pick::default()
    };
    let replayed = dlq::resolve(&kafka, &topic, &pick, Resolution::Replayed);
    let replayed = replayed.await.unwrap();
    assert_eq!(
        (replayed.offsets, replayed.without_value),
        (vec![], vec![0])
    );
    assert_eq!(replayed.open, 2);
    let one = dlq::find(&kafka, &topic, &pick, false).await.unwrap();
    assert_eq!((one.letters.len(), one.open()), (1, 2));
    let discarded = dlq::resolve(&kafka, &topic, &pick, Resolution::Discarded);
    assert_eq!(discarded.await.unwrap().open, 1);
}
