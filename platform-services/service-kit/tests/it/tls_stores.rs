//! MariaDB and Kafka behind TLS, and logins of Kafka.

use std::{path::PathBuf, process::Output, time::Duration};

use devstack::{kafka::KafkaServer, mariadb::MariaDbServer};
use service_kit::{
    config::Secret,
    db::{self, DatabaseError, PoolSettings},
    kafka::{Kafka, Mechanism, Security},
    tls::Trust,
};
use sqlx::MySqlPool;
use tempfile::TempDir;
use test_support::tls::{Authority, Issued};

use crate::{
    consumer::{Running, Writer, until_handled},
    support::{
        self,
        events::{locked, producer, send, topic},
    },
};

/// How long a broker may take to answer; one that refuses is waited for as long.
const ANSWER: Duration = Duration::from_secs(20);
const REFUSAL: Duration = Duration::from_secs(3);

/// A certificate for this machine.
struct Site {
    issued: Issued,
    ca: PathBuf,
    trust: Trust,
    _folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        Self {
            issued: authority.issue("server", 2999),
            ca: authority.file().to_owned(),
            trust: Trust::open(authority.file()).unwrap(),
            _folder: folder,
        }
    }
}

async fn cipher(pool: &MySqlPool) -> String {
    let (_, cipher): (String, String) = sqlx::query_as("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        .fetch_one(pool)
        .await
        .unwrap();
    cipher
}

async fn why_not(url: &str) -> String {
    let error = db::create(url, "test").await.unwrap_err();
    assert!(matches!(error, DatabaseError::Unreachable(_)), "{error}");
    error.to_string()
}

#[tokio::test]
async fn mariadb_is_talked_to_as_the_url_says() {
    let site = Site::new();
    let mariadb = MariaDbServer::builder()
        .tls(&site.issued.certificate, &site.issued.key)
        // The certificate is for the first of them only.
        .arg("bind-address", "127.0.0.1,127.0.0.2")
        .start()
        .unwrap();
    let url = mariadb.create_database().unwrap();
    let open = |url: &str| db::pool(url, "test", PoolSettings::default()).unwrap();
    let verified = format!("{url}?ssl-mode=VERIFY_IDENTITY");
    let trusting = db::trusting(&verified, &site.trust);
    assert!(cipher(&open(&trusting)).await.starts_with("TLS_"));
    db::create(&trusting, "test").await.unwrap();
    // An authority that the URL names is not replaced.
    let named = format!("{verified}&ssl-ca={}", site.ca.display());
    assert_eq!(db::trusting(&named, &site.trust), named);
    assert!(!cipher(&open(&named)).await.is_empty());
    // Without a word TLS is taken where it is offered, with whoever it is.
    assert!(!cipher(&open(&url)).await.is_empty());
    let plain = format!("{url}?ssl-mode=DISABLED");
    assert_eq!(cipher(&open(&plain)).await, "");

    let stranger = why_not(&verified).await;
    assert!(stranger.contains("UnknownIssuer"), "{stranger}");
    assert!(stranger.contains("--tls-ca"), "{stranger}");
    let other = why_not(&trusting.replace("127.0.0.1", "127.0.0.2")).await;
    assert!(other.contains("for another host"), "{other}");
    let required = format!("{}?ssl-mode=REQUIRED", support::database_url());
    let without = why_not(&required).await;
    assert!(without.contains("give MariaDB a certificate"), "{without}");
    let misspelt = db::create(&format!("{url}?ssl_mode=REQUIRED"), "test").await;
    let misspelt = misspelt.unwrap_err().to_string();
    assert!(misspelt.contains("there is no ssl_mode"), "{misspelt}");
}

/// Why Kafka does not answer; said as soon as it is known.
async fn refusal(kafka: &Kafka, sign: &str) -> String {
    let client = producer(kafka);
    let mut said = String::new();
    support::until(sign, || {
        said = kafka.ask(&client, REFUSAL).unwrap_err();
        std::future::ready(said.contains(sign))
    })
    .await;
    said
}

async fn dlq(brokers: String, ca: PathBuf, password: &str) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_dlq"));
    let brokers = brokers.as_str();
    command.args(["--kafka-tls", "--tls-ca"]).arg(ca);
    command.args(["--kafka-brokers", brokers, "list", "user.locked"]);
    command.env("DLQ_KAFKA_SASL_MECHANISM", "plain");
    command.env("DLQ_KAFKA_SASL_USERNAME", "shop");
    command.env("DLQ_KAFKA_SASL_PASSWORD", password);
    command.output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_go_over_tls_with_a_login() {
    let site = Site::new();
    let (certificate, key) = (&site.issued.certificate, &site.issued.key);
    let broker = KafkaServer::builder().tls(certificate, key);
    let broker = broker.sasl("shop", "geheim").start().unwrap();
    let brokers = broker.secure_bootstrap().unwrap();
    let kafka = |trust: &Trust, (mechanism, password): (Mechanism, &str)| {
        let password = Secret::from(password.to_owned());
        let security = Security::default().tls(trust.clone());
        let security = security.login(mechanism, "shop".to_owned(), password);
        Kafka::new(brokers.clone(), "test").secured(security)
    };
    for (_, mechanism) in Mechanism::WORDS {
        let kafka = kafka(&site.trust, (mechanism, "geheim"));
        kafka.ask(&producer(&kafka), ANSWER).unwrap();
    }
    // It waits for its ten seconds.
    let refused = tokio::spawn(dlq(brokers.clone(), site.ca.clone(), "falsch"));

    // Everybody who talks to Kafka: administrator, producer, consumer, and the command for dead letters.
    let good = kafka(&site.trust, (Mechanism::ScramSha512, "geheim"));
    let (_, pool) = support::database().await;
    let topic = topic(&good, 2).await;
    send(&producer(&good), &topic, &[locked("1"), locked("2")]).await;
    let consumer = Running::start(good.clone(), &pool, &topic, Writer::default());
    until_handled(&pool, 2).await;
    consumer.stop().await;
    crate::relay::make_topic(&good).await;
    let listed = dlq(brokers.clone(), site.ca.clone(), "geheim").await;
    assert!(listed.status.success(), "{listed:?}");

    let wrong = kafka(&site.trust, (Mechanism::ScramSha256, "falsch"));
    let wrong = refusal(&wrong, "Authentication failed").await;
    assert!(wrong.contains("--kafka-sasl-username"), "{wrong}");
    assert!(!wrong.contains("falsch"), "{wrong}");
    let stranger = kafka(&Trust::default(), (Mechanism::Plain, "geheim"));
    let stranger = refusal(&stranger, "certificate verify failed").await;
    assert!(stranger.contains("--tls-ca"), "{stranger}");
    let refused = refused.await.unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(!refused.status.success());
    assert!(said.contains("Authentication failed"), "{said}");
    assert!(said.contains("dlq: user.locked.dlq: "), "{said}");
    assert!(said.contains("see --kafka-sasl-mechanism"), "{said}");
    assert!(!said.contains("falsch"), "{said}");
}
