//! The servers of the process, the service, and short names for what tests do.

mod client;
mod events;
mod neighbours;

use std::{
    sync::{LazyLock, mpsc},
    time::Duration,
};

use access_token::{Role, testing::Issuer};
use devstack::{
    kafka::KafkaServer,
    mariadb::{self, MariaDbServer},
    wait,
};
use order_service::{Config, run};
use serde_json::Value;
use service_kit::{client::ClientSettings, shutdown::Stop};
use sqlx::{AssertSqlSafe, MySqlPool};
pub(crate) use test_support::{Contract, PATIENCE};
use tokio::runtime::Runtime;

pub(crate) use self::{
    client::Client,
    events::{Sent, data, envelope, publish, publish_raw, read_dead_letter},
    neighbours::{NEIGHBOURS, SERVICE_SECRET},
};

/// What every answer is held against.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::new(order_service::http::OPENAPI));

pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
});

pub(crate) static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(|| {
    let builder = MariaDbServer::builder().durability(mariadb::Durability::EverySecond);
    builder.start().unwrap()
});

static KAFKA: LazyLock<KafkaServer> = LazyLock::new(|| KafkaServer::builder().start().unwrap());

/// With the patience of a busy machine: neighbours that are away refuse at once.
const CALLS: ClientSettings = ClientSettings {
    connect_timeout: Duration::from_secs(20),
    attempt_timeout: Duration::from_secs(20),
    timeout: Duration::from_secs(25),
    ..ClientSettings::new("neighbour")
};

static ISSUER: LazyLock<Issuer> = LazyLock::new(Issuer::new);

static JWKS: LazyLock<tempfile::NamedTempFile> = LazyLock::new(|| {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ISSUER.jwks_json()).unwrap();
    file
});

/// The service that most tests share; they have users and orders of their own.
pub(crate) static SERVICE: LazyLock<Service> = LazyLock::new(|| Service::start(&[]));

pub(crate) fn brokers() -> String {
    KAFKA.bootstrap()
}

pub(crate) fn token(subject: &str, roles: &[Role]) -> String {
    ISSUER.token(subject, roles)
}

/// The command line of a service; `flags` win.
pub(crate) fn arguments(database_url: &str, flags: &[&str]) -> Vec<String> {
    let group = unique("order");
    let jwks = JWKS.path().to_str().unwrap();
    let neighbours = NEIGHBOURS.url();
    let mut args = vec!["order-service".to_owned()];
    for (name, value) in [
        ("listen", "127.0.0.1:0"),
        ("database-url", database_url),
        ("kafka-brokers", &brokers()),
        ("consumer-group", &group),
        ("catalog-url", &neighbours),
        ("user-url", &neighbours),
        ("inventory-url", &neighbours),
        ("auth-url", &neighbours),
        ("client-secret", SERVICE_SECRET),
        ("jwks-file", jwks),
    ] {
        if !flags
            .iter()
            .any(|flag| flag.starts_with(&format!("--{name}=")))
        {
            args.push(format!("--{name}={value}"));
        }
    }
    args.extend(flags.iter().map(|flag| (*flag).to_owned()));
    args
}

/// A service in this process.
pub(crate) struct Service {
    pub(crate) address: String,
    pub(crate) database_url: String,
    pub(crate) pool: MySqlPool,
    stop: Stop,
}

impl Service {
    /// With a database of its own; `flags` win.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::on(&MARIADB.create_database().unwrap(), flags)
    }

    /// On a database that others may use too.
    pub(crate) fn on(database_url: &str, flags: &[&str]) -> Self {
        let service = Self::begin(database_url, flags);
        let anybody = service.anybody();
        until("the service is ready", || {
            anybody.get("/readyz").status == 200
        });
        service
    }

    /// Not necessarily ready.
    pub(crate) fn begin(database_url: &str, flags: &[&str]) -> Self {
        let args = arguments(database_url, flags);
        let mut config = Config::from_args(args).unwrap();
        config.calls = CALLS;
        let stop = Stop::default();
        let (ready, address) = mpsc::channel();
        let told = stop.clone();
        RUNTIME.spawn(async move {
            let ran = run(config, &told, move |address| ready.send(address).unwrap()).await;
            ran.unwrap();
        });
        let address = address.recv_timeout(PATIENCE).unwrap().to_string();
        Self {
            pool: RUNTIME.block_on(async { MySqlPool::connect_lazy(database_url).unwrap() }),
            address,
            database_url: database_url.to_owned(),
            stop,
        }
    }

    /// Without a token.
    pub(crate) fn anybody(&self) -> Client {
        Client::new(&self.address, None)
    }

    pub(crate) fn with_roles(&self, subject: &str, roles: &[Role]) -> Client {
        Client::new(&self.address, Some(token(subject, roles)))
    }

    /// A customer that no other test has, who has the address 1.
    pub(crate) fn customer(&self) -> Client {
        self.with_roles(&unique("user"), &[Role::Customer])
    }

    pub(crate) fn admin(&self) -> Client {
        self.with_roles("root", &[Role::Admin])
    }

    /// A number from the database.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        RUNTIME.block_on(query.fetch_one(&self.pool)).unwrap()
    }

    /// The value of a metric's line.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let text = self.anybody().get("/metrics").text;
        text.lines()
            .find_map(|it| it.strip_prefix(line)?.trim().parse().ok())
            .unwrap_or_default()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.drain.cancel();
        self.stop.now.cancel();
    }
}

/// A name that no other test has.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", &service_kit::ids::uuid()[14..])
}

pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    wait::until(PATIENCE, what, condition).unwrap();
}

/// The text at a place in an answer.
#[track_caller]
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no {name} in {value}"))
}
