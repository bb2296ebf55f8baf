//! Processes of a test's own, to be killed and stopped: this very binary, asked for one of the
//! `roles` below, which are tests that do nothing when nobody asks.

use std::time::Duration;

use devstack::process::ServerProcess;
use prometheus_client::registry::Registry;
use service_kit::{
    consumer::{
        Consumer, ConsumerMetrics, ConsumerSettings, Event, Handler, HandlerError, Outcome,
    },
    kafka::Kafka,
    relay::{Relay, RelayMetrics, RelaySettings},
};
use sqlx::{MySql, Transaction};
use tokio_util::sync::CancellationToken;

use crate::support::{self, service};

const ROLE: &str = "SERVICE_KIT_TEST_ROLE";
const BROKERS: &str = "SERVICE_KIT_TEST_BROKERS";
const DATABASE: &str = "SERVICE_KIT_TEST_DATABASE";
const TOPIC: &str = "SERVICE_KIT_TEST_TOPIC";

/// The lease of relays in child processes: short, so that tests see it end.
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// A relay of the outbox in this database.
pub(crate) fn relay(brokers: &str, database: &str) -> ServerProcess {
    start("relay", brokers, database, "")
}

/// A consumer that dies between the commit of its third event and that of its offset.
pub(crate) fn dying_consumer(brokers: &str, database: &str, topic: &str) -> ServerProcess {
    start("dying_consumer", brokers, database, topic)
}

fn start(role: &str, brokers: &str, database: &str, topic: &str) -> ServerProcess {
    ServerProcess::builder(std::env::current_exe().unwrap())
        .args(["--exact", &format!("child::role_{role}"), "--nocapture"])
        .env(ROLE, role)
        .env(BROKERS, brokers)
        .env(DATABASE, database)
        .env(TOPIC, topic)
        .start()
        .unwrap()
}

#[expect(clippy::disallowed_methods, reason = "how a test speaks to its child")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn asked_for(role: &str) -> bool {
    let asked = told(ROLE).as_deref() == Some(role);
    if asked {
        let trust = tls::Trust::default();
        service_kit::telemetry::init(service_kit::telemetry::LogFormat::Text, "info", &trust);
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_relay() {
    if !asked_for("relay") {
        return;
    }
    let settings = RelaySettings {
        lease: LEASE,
        ..RelaySettings::default()
    };
    let relay = Relay::new(
        &service(),
        support::pool(&told(DATABASE).unwrap()),
        Kafka::new(told(BROKERS).unwrap(), "relay"),
        settings,
        RelayMetrics::register(&mut Registry::default()),
    );
    relay.run(CancellationToken::new()).await.unwrap();
}

struct Dying;

impl Handler for Dying {
    /// The same as that of the handler that lives on, whose inbox it has.
    fn name(&self) -> &str {
        "writer"
    }

    async fn handle(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        event: &Event<'_>,
    ) -> Result<Outcome, HandlerError> {
        crate::consumer::write(transaction, event).await?;
        Ok(Outcome::Done)
    }

    fn committed(&self) {
        tracing::info!("committed");
        // The parent kills us here, before the offset can be committed.
        loop {
            std::thread::park();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn role_dying_consumer() {
    if !asked_for("dying_consumer") {
        return;
    }
    let topic = told(TOPIC).unwrap();
    let consumer = Consumer::new(
        Kafka::new(told(BROKERS).unwrap(), "consumer"),
        &service(),
        support::pool(&told(DATABASE).unwrap()),
        ConsumerSettings {
            session_timeout: Duration::from_secs(3),
            ..ConsumerSettings::new(format!("{topic}-group"), [topic.as_str()])
        },
        ConsumerMetrics::register(&mut Registry::default()),
        Dying,
    );
    consumer.run(CancellationToken::new()).await.unwrap();
}
