//! The outbox published by Debezium. One MariaDB, one worker and one broker for all of these tests, which
//! kill them: so they run one after the other.

mod both_ways;
mod chaos;
mod janitor;
mod switch;
mod tls;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use devstack::{
    connect::{self, ConnectServer, OutboxConnector, Rest, Stores},
    kafka::KafkaServer,
    mariadb::MariaDbServer,
};
use prometheus_client::registry::Registry;
use rdkafka::{
    Message as _,
    message::{Headers as _, OwnedMessage},
};
use serde_json::{Map, Value};
use service_kit::{
    client::Outbound,
    db::{self, ServiceName},
    janitor::{self as kit, Janitor, JanitorMetrics, JanitorSettings},
    kafka::Kafka,
    metrics, outbox,
    relay::{Relay, RelayMetrics, RelaySettings},
    tls::Trust,
    topics::{self, TopicSettings},
};
use sqlx::{AssertSqlSafe, MySqlPool};
use tempfile::TempDir;
use tokio::{
    sync::{Mutex, MutexGuard},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::support::{self, PATIENCE, log, until};

const PASSWORD: &str = "secret";

/// What Debezium reads and writes.
struct Site {
    mariadb: MariaDbServer,
    kafka: KafkaServer,
    connect: ConnectServer,
    /// Certificates, where there are any.
    _folder: Option<TempDir>,
    one_at_a_time: Mutex<()>,
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let (mariadb, kafka) = thread::scope(|scope| {
        let mariadb = scope.spawn(|| MariaDbServer::builder().row_binlog().start().unwrap());
        // Short sessions: a killed worker is soon forgotten.
        let kafka = KafkaServer::builder().property("group.min.session.timeout.ms", "1000");
        let kafka = kafka.start().unwrap();
        (mariadb.join().unwrap(), kafka)
    });
    mariadb.sql(&connect::account_sql(PASSWORD, &[])).unwrap();
    mariadb.grant("BINLOG MONITOR").unwrap();
    let brokers = kafka.bootstrap();
    let stores = Stores {
        database_host: "127.0.0.1",
        database_port: mariadb.port(),
        user: connect::USER,
        password: PASSWORD,
        kafka: &brokers,
    };
    let connect = ConnectServer::builder(&brokers)
        .property("session.timeout.ms", "6000")
        .property("heartbeat.interval.ms", "1000")
        .stores(&stores);
    Site {
        connect: connect.start().unwrap(),
        mariadb,
        kafka,
        _folder: None,
        one_at_a_time: Mutex::const_new(()),
    }
});

/// A service of a test's own, with its outbox.
struct Shop {
    site: &'static Site,
    service: ServiceName,
    url: String,
    pool: MySqlPool,
    connector: String,
    _alone: MutexGuard<'static, ()>,
}

impl Shop {
    /// Its tables and topics; no connector yet.
    async fn open(service: &str) -> Self {
        Self::open_at(&SITE, service).await
    }

    async fn open_at(site: &'static LazyLock<Site>, service: &str) -> Self {
        let site = tokio::task::spawn_blocking(|| &**site).await.unwrap();
        let alone = site.one_at_a_time.lock().await;
        let url = site.mariadb.create_database().unwrap();
        let pool = support::pool(&url);
        let service: ServiceName = service.parse().unwrap();
        sqlx::raw_sql(AssertSqlSafe(outbox::ddl(&service)))
            .execute(&pool)
            .await
            .unwrap();
        let shop = Self {
            site,
            connector: format!("{service}-outbox"),
            service,
            url,
            pool,
            _alone: alone,
        };
        shop.make_topics(&shop.kafka()).await;
        shop
    }

    async fn make_topics(&self, kafka: &Kafka) {
        let types = [
            contracts::EventType::UserLocked,
            contracts::EventType::UserRegistered,
        ];
        topics::create(kafka, types, TopicSettings::default())
            .await
            .unwrap();
    }

    /// Debezium's.
    fn kafka(&self) -> Kafka {
        support::client(&self.site.kafka)
    }

    fn brokers(&self) -> String {
        self.site.kafka.bootstrap()
    }

    fn database(&self) -> &str {
        self.url.rsplit('/').next().unwrap()
    }

    /// Calls that block, off the threads of the test.
    async fn rest<T: Send + 'static>(
        &self,
        call: impl FnOnce(Rest, &str) -> devstack::Result<T> + Send + 'static,
    ) -> T {
        let (rest, name) = (self.site.connect.rest(), self.connector.clone());
        tokio::task::spawn_blocking(move || call(rest, &name))
            .await
            .unwrap()
            .unwrap()
    }

    /// What the connector is registered with; its account may read the outbox.
    fn config(&self) -> Map<String, Value> {
        static SERVER_ID: AtomicU32 = AtomicU32::new(54_100);
        let account = connect::account_sql(PASSWORD, &[(self.database(), self.service.as_str())]);
        self.site.mariadb.sql(&account).unwrap();
        let id = SERVER_ID.fetch_add(1, Ordering::Relaxed);
        OutboxConnector::new(self.service.as_str(), self.database(), id).config()
    }

    /// Registers the connector and waits for its task.
    async fn register(&self) {
        let config = self.config();
        self.rest(move |rest, name| {
            rest.register(name, &config)?;
            rest.wait_until_running(name, PATIENCE)
        })
        .await;
    }

    /// No test leaves its connector to the next.
    async fn close(self) {
        self.rest(|rest, name| rest.delete(name)).await;
    }

    fn relay(&self, kafka: Kafka) -> Running {
        let metrics = RelayMetrics::register(&mut Registry::default());
        let settings = RelaySettings {
            lease: Duration::from_secs(6),
            ..RelaySettings::default()
        };
        let relay = Relay::new(&self.service, self.pool.clone(), kafka, settings, metrics);
        Running::start(Registry::default(), |stop| async move {
            relay.run(stop).await.unwrap();
        })
    }

    fn janitor(&self) -> Running {
        self.janitor_of(&self.connector)
    }

    fn janitor_of(&self, connector: &str) -> Running {
        let mut registry = Registry::default();
        let calls = Outbound::register(&mut registry, Trust::default());
        let client = kit::client(&self.site.connect.url(), &calls).unwrap();
        let settings = JanitorSettings {
            connector: connector.to_owned(),
            period: Duration::from_millis(100),
            restart_pause: Duration::from_secs(1),
            ..JanitorSettings::new(&self.service)
        };
        let janitor = Janitor::new(
            &self.service,
            self.pool.clone(),
            client,
            settings,
            JanitorMetrics::register(&mut registry),
        );
        Running::start(registry, |stop| janitor.run(stop))
    }

    /// Writes rows in one transaction.
    async fn write(&self, rows: &[Row]) -> Result<(), sqlx::Error> {
        let mut transaction = db::begin(&self.pool).await?;
        let sql = format!(
            "INSERT INTO {}_outbox \
             (event_id, aggregate_type, aggregate_id, type, topic, payload, traceparent) \
             VALUES (?, 'user', ?, ?, ?, ?, ?)",
            self.service
        );
        for row in rows {
            sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(&row.id)
                .bind(&row.key)
                .bind(row.topic)
                .bind(row.topic)
                .bind(&row.payload)
                .bind(&row.traceparent)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }

    /// Writes, whatever dies meanwhile. Rows that are there already were committed before.
    async fn write_surely(&self, rows: &[Row]) {
        until("the rows are written", || async {
            match self.write(rows).await {
                Ok(()) => true,
                Err(error) => db::is_duplicate_key(&error),
            }
        })
        .await;
    }

    async fn rows(&self) -> i64 {
        let sql = format!("SELECT COUNT(*) FROM {}_outbox", self.service);
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    async fn until_empty(&self) {
        until("the outbox is empty", || async { self.rows().await == 0 }).await;
    }
}

/// A task with a registry.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    registry: Registry,
}

impl Running {
    fn start<F: Future<Output = ()> + Send + 'static>(
        registry: Registry,
        run: impl FnOnce(CancellationToken) -> F,
    ) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone()));
        Self {
            stop,
            task,
            registry,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    fn metric(&self, name: &str) -> u64 {
        let text = metrics::text(&self.registry);
        let mut lines = text.lines();
        let line = lines.find(|line| line.split(' ').next() == Some(name));
        let value = line.and_then(|line| line.rsplit(' ').next());
        value
            .unwrap_or_else(|| panic!("{name} in {text}"))
            .parse()
            .unwrap()
    }

    /// Waits until the janitor has looked so often in vain.
    async fn fails(&self, times: u64) {
        let name = "outbox_janitor_connect_failures_total";
        let enough = self.metric(name) + times;
        until("the janitor looks in vain", || async {
            self.metric(name) >= enough
        })
        .await;
    }
}

const LOCKED: &str = "user.locked";
const REGISTERED: &str = "user.registered";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[derive(Debug, Clone)]
struct Row {
    id: String,
    key: String,
    topic: &'static str,
    payload: String,
    traceparent: Option<String>,
}

impl Row {
    /// The `n`th of its test: ids of one test are in order as texts.
    fn new(test: &str, n: usize, key: usize) -> Self {
        let topic = if n.is_multiple_of(3) {
            REGISTERED
        } else {
            LOCKED
        };
        Self {
            id: format!("{test}-{n:08}"),
            key: format!("{test}-u{key}"),
            topic,
            payload: format!(r#"{{"n": {n}}}"#),
            traceparent: n.is_multiple_of(2).then(|| TRACEPARENT.to_owned()),
        }
    }
}

/// A message as somebody sees it who does not know who sent it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    topic: String,
    partition: i32,
    key: Vec<u8>,
    payload: Vec<u8>,
    headers: BTreeSet<(String, Option<Vec<u8>>)>,
    header_count: usize,
}

/// The messages of these rows on a broker, by topic, once all are there.
async fn published(brokers: &str, rows: &[Row]) -> BTreeMap<&'static str, Vec<OwnedMessage>> {
    let mut wanted: BTreeMap<&'static str, HashSet<String>> = BTreeMap::new();
    for row in rows {
        wanted.entry(row.topic).or_default().insert(row.id.clone());
    }
    let mut found = BTreeMap::new();
    for (topic, ids) in wanted {
        let brokers = brokers.to_owned();
        let messages = tokio::task::spawn_blocking(move || {
            let mut missing = ids.clone();
            let mut messages = log::read_until(&brokers, topic, |message| {
                missing.remove(&id(message));
                missing.is_empty()
            });
            messages.retain(|message| ids.contains(&id(message)));
            messages
        });
        found.insert(topic, messages.await.unwrap());
    }
    found
}

fn id(message: &OwnedMessage) -> String {
    log::header(message, "id").unwrap()
}

fn seen(message: &OwnedMessage) -> Seen {
    let headers = message.headers().unwrap();
    Seen {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        key: message.key().unwrap().to_vec(),
        payload: message.payload().unwrap().to_vec(),
        header_count: headers.count(),
        headers: headers
            .iter()
            .map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec)))
            .collect(),
    }
}

/// Ids of the first occurrences, by key, in the order of the log.
fn order(messages: &[OwnedMessage]) -> HashMap<String, Vec<String>> {
    let mut order: HashMap<String, Vec<String>> = HashMap::new();
    let mut known = HashSet::new();
    for message in messages {
        if known.insert(id(message)) {
            order
                .entry(log::key(message))
                .or_default()
                .push(id(message));
        }
    }
    order
}

/// All rows are there, and the first occurrences of each key are in the order of the rows. How many were
/// repeats.
async fn assert_nothing_lost(brokers: &str, rows: &[Row]) -> usize {
    let mut repeats = 0;
    for (topic, messages) in published(brokers, rows).await {
        let order = order(&messages);
        let first: usize = order.values().map(Vec::len).sum();
        assert_eq!(first, rows.iter().filter(|row| row.topic == topic).count());
        for (key, ids) in order {
            assert!(ids.is_sorted(), "{key} on {topic}: {ids:?}");
        }
        repeats += messages.len() - first;
    }
    repeats
}
