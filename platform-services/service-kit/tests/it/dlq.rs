use std::{process::Output, sync::atomic::Ordering};

use prometheus_client::registry::Registry;
use serde_json::Value;
use service_kit::{
    dlq::{self, DlqError, DlqMetrics, Pick, Resolution},
    metrics,
};
use tokio_util::sync::CancellationToken;

use crate::{
    consumer::{HANDLED, Running, Writer, until_handled},
    poison::letters,
    support::{
        self, count,
        events::{numbered, producer, send, topic},
        until,
    },
};

async fn cli(args: &[&str]) -> Output {
    let brokers = support::brokers();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dlq"));
    command.args(args).args(["--kafka-brokers", &brokers]);
    command.args(["--user", "tester"]);
    command.output().await.unwrap()
}

/// The audit has one line: who ran this command, and what came of it.
#[track_caller]
fn audited(output: &Output, command: &str, on: &str, outcome: &str) {
    let log = str::from_utf8(&output.stderr).unwrap();
    let lines = log.lines().filter(|line| line.contains("INFO audit:"));
    let [line] = lines.collect::<Vec<_>>()[..] else {
        panic!("not one line of the audit: {output:?}");
    };
    for part in [
        format!(r#" who="dlq:tester" action="{command}" on="{on}"#),
        format!(r#" outcome="{outcome}""#),
    ] {
        assert!(line.contains(&part), "{part} is not in {line}");
    }
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_are_listed_replayed_and_discarded() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 2).await, producer(&kafka));
    let all: Vec<_> = (0..4)
        .map(|n| numbered(format!("bad-{n}"), "permanent"))
        .collect();
    send(&producer, &topic, &all).await;
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    letters(&kafka, &topic, 4).await;
    consumer.stop().await;

    let mut registry = Registry::default();
    let stop = CancellationToken::new();
    let watching = dlq::watch(
        kafka.clone(),
        vec![topic.clone()],
        DlqMetrics::register(&mut registry),
        stop.clone(),
    );
    let watching = tokio::spawn(watching);
    until("the letters are counted", || async {
        metrics::text(&registry).contains(&format!("dlq_letters{{topic=\"{topic}\"}} 4"))
    })
    .await;
    stop.cancel();
    watching.await.unwrap();

    let listed = cli(&["list", &topic, "--json"]).await;
    assert_eq!(listed.stderr, b"", "it changes nothing: no audit");
    let listed = json(&listed);
    assert_eq!(listed.as_array().unwrap().len(), 4);
    assert_eq!(listed[1]["eventId"], "bad-1");
    assert_eq!(listed[1]["reason"], "NO_SUCH_THING");
    let offset = listed[1]["offset"].to_string();

    // In the middle: it is marked, and the rest stays.
    let letters = format!("{topic}.dlq");
    let discarded = cli(&["discard", &letters, "--offset", &offset, "--json"]).await;
    let on = format!("{topic} [{offset}]");
    audited(&discarded, "dlq discard", &on, "done");
    let discarded = json(&discarded);
    assert_eq!(
        (
            discarded["open"].as_u64(),
            discarded["offsets"][0].to_string()
        ),
        (Some(3), offset)
    );
    let replayed = cli(&["replay", &topic, "--id", "bad-2", "--json"]).await;
    let on = format!("{topic} [{}]", listed[2]["offset"]);
    audited(&replayed, "dlq replay", &on, "done");
    let replayed = json(&replayed);
    assert_eq!(replayed["open"], 2);
    let text = cli(&["list", &topic, "--resolved"]).await;
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("(discarded)") && text.contains("(replayed)"),
        "{text}"
    );
    assert!(text.ends_with(": 2 open\n"), "{text}");
    let again = cli(&["replay", &topic, "--id", "bad-2"]).await;
    assert_eq!(again.status.code(), Some(1));
    audited(&again, "dlq replay", &format!("{topic} []"), "refused");
    assert_eq!(cli(&["replay", &topic]).await.status.code(), Some(64));
    let nowhere = cli(&["discard", "no.such.topic", "--all"]).await;
    assert_eq!(nowhere.status.code(), Some(1));
    audited(&nowhere, "dlq discard", "no.such.topic ", "failed");

    // All: nothing is left, and Kafka keeps nothing of it.
    dlq::resolve(&kafka, &topic, &Pick::default(), Resolution::Discarded)
        .await
        .unwrap();
    assert!(dlq::read(&kafka, &topic).await.unwrap().letters.len() <= 1);
    assert_eq!(dlq::read(&kafka, &topic).await.unwrap().open(), 0);
    let unknown = dlq::read(&kafka, "no.such.topic").await;
    assert!(matches!(unknown, Err(DlqError::NoTopic(_))), "{unknown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_letter_is_handled_once() {
    let kafka = support::kafka();
    let (_, pool) = support::database().await;
    let (topic, producer) = (topic(&kafka, 2).await, producer(&kafka));
    send(
        &producer,
        &topic,
        &[numbered("bad", "permanent"), numbered("good", "u")],
    )
    .await;
    let consumer = Running::start(kafka.clone(), &pool, &topic, Writer::default());
    until_handled(&pool, 1).await;
    let found = letters(&kafka, &topic, 1).await;
    assert_eq!(found[0].event_id.as_deref(), Some("bad"));
    consumer.stop().await;

    // What was wrong is put right, and both letters of a double replay come in.
    let fixed = Fixed::start(&kafka, &pool, &topic);
    let pick = Pick {
        ids: vec!["bad".to_owned()],
        ..Pick::default()
    };
    let resolved = dlq::resolve(&kafka, &topic, &pick, Resolution::Replayed)
        .await
        .unwrap();
    assert_eq!((resolved.offsets.len(), resolved.open), (1, 0));
    send(&producer, &topic, &[numbered("bad", "permanent")]).await;
    until_handled(&pool, 2).await;
    until("the repeat is seen", || async {
        fixed.writer.attempts.load(Ordering::Relaxed) == 1
            && fixed.metrics().contains("consumer_repeated_total{")
    })
    .await;
    fixed.stop().await;
    assert_eq!(count(&pool, HANDLED).await, 2);
}

/// The same handler by name, that handles everything.
struct Fixed {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    registry: Registry,
    writer: Writer,
}

struct Lenient(Writer);

impl service_kit::consumer::Handler for Lenient {
    fn name(&self) -> &str {
        "writer"
    }

    async fn handle(
        &self,
        transaction: &mut sqlx::Transaction<'_, sqlx::MySql>,
        event: &service_kit::consumer::Event<'_>,
    ) -> Result<service_kit::consumer::Outcome, service_kit::consumer::HandlerError> {
        self.0.attempts.fetch_add(1, Ordering::Relaxed);
        crate::consumer::write(transaction, event).await?;
        Ok(service_kit::consumer::Outcome::Done)
    }
}

impl Fixed {
    fn start(kafka: &service_kit::kafka::Kafka, pool: &sqlx::MySqlPool, topic: &str) -> Self {
        let mut registry = Registry::default();
        let writer = Writer::default();
        let consumer = service_kit::consumer::Consumer::new(
            kafka.clone(),
            &support::service(),
            pool.clone(),
            crate::consumer::settings(topic),
            service_kit::consumer::ConsumerMetrics::register(&mut registry),
            Lenient(writer.clone()),
        );
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move { consumer.run(stopped).await.unwrap() });
        Self {
            stop,
            task,
            registry,
            writer,
        }
    }

    fn metrics(&self) -> String {
        metrics::text(&self.registry)
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}
