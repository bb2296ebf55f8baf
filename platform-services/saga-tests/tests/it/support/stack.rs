//! Every process of the shop, on servers that nobody else uses.

use std::{net::SocketAddr, sync::OnceLock, thread};

use contracts::EventType;
use devstack::{
    kafka::KafkaServer,
    mariadb::{self, MariaDbServer},
    process::{Builder, ServerProcess},
    redis::{Appendonly, RedisServer},
    wait,
};
use serde_json::json;
use service_kit::{
    ids,
    kafka::Kafka,
    topics::{self, TopicSettings},
};
use tempfile::TempDir;
use test_support::free_address;

use super::{Http, PATIENCE};

pub(crate) const SHOP: &str = env!("CARGO_BIN_EXE_shop");

pub(crate) const ADMIN: (&str, &str) = ("boss@shop.example", "the password of the boss");

/// How long the payment service waits for the gateway: longer than a busy machine keeps one of the
/// two waiting for the other.
const GATEWAY_TIMEOUT_MS: &str = "4000";
/// How long the sandbox keeps an answer that is not to arrive.
const HOLD_MS: &str = "5000";
/// How long a `slow-` payment takes: long enough for others to come in between, and shorter than
/// the payment service waits.
const SLOW_MS: &str = "2000";

/// A program of the shop that runs.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) process: ServerProcess,
    pub(crate) http: Http,
}

impl Service {
    fn start(name: &'static str, address: SocketAddr, settings: Builder) -> Self {
        Self {
            name,
            process: settings.start().unwrap(),
            http: Http::new(&format!("http://{address}")),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.http
            .send("GET", "/readyz", "", None, &[])
            .is_ok_and(|answer| answer.status == 200)
    }

    #[track_caller]
    pub(crate) fn until_ready(&self) {
        wait::until(PATIENCE, format!("{} is ready", self.name), || {
            assert!(
                self.process.is_running(),
                "{}: {}",
                self.name,
                self.process.log()
            );
            self.is_ready()
        })
        .unwrap();
    }

    /// Lets it go on, or starts it, where a test has left it paused or dead.
    pub(crate) fn revive(&self) {
        // It may well be at work.
        drop(self.process.resume());
        drop(self.process.start_again());
    }

    /// As a crash, and a start by whoever watches over it; returns when it answers again.
    pub(crate) fn crash(&self) {
        self.process.kill9().unwrap();
        self.process.start_again().unwrap();
        self.until_ready();
    }
}

/// The whole shop.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) auth: Service,
    pub(crate) user: Service,
    pub(crate) catalog: Service,
    pub(crate) inventory: Service,
    pub(crate) sync: Service,
    pub(crate) order: Service,
    pub(crate) payment: Service,
    pub(crate) sandbox: Service,
    /// For order-service, as which tests call internal interfaces.
    pub(crate) secret: String,
    pub(crate) redis: RedisServer,
    pub(crate) mariadb: MariaDbServer,
    pub(crate) kafka: KafkaServer,
    _files: TempDir,
}

/// Variables that a suite gives to every process, set before the shop starts; `SERVICE` in a value
/// becomes the service's name.
pub(crate) static VARIABLES: OnceLock<Vec<(String, String)>> = OnceLock::new();

fn settings(service: &str) -> Builder {
    let ours = VARIABLES.get().into_iter().flatten();
    let builder = clean(service);
    ours.fold(builder, |it, (name, value)| {
        it.env(name, value.replace("SERVICE", service))
    })
}

fn clean(service: &str) -> Builder {
    [
        "AUTH_",
        "CATALOG_",
        "INVENTORY_",
        "ORDER_",
        "PAYMENT_",
        "SANDBOX_",
        "SYNC_",
        "USER_",
    ]
    .iter()
    .fold(ServerProcess::builder(SHOP).arg(service), |it, prefix| {
        it.without_env(prefix)
    })
}

fn create_admin(database_url: &str) {
    let process = settings("user-service")
        .args(["create-admin", "--email", ADMIN.0])
        .args([format!("--database-url={database_url}")])
        .args(["--hash-memory-kib=8", "--hash-passes=1"])
        .env("USER_ADMIN_PASSWORD", ADMIN.1)
        .start()
        .unwrap();
    let ended = process.wait_for_exit(PATIENCE).unwrap();
    assert!(ended.success(), "{}", process.log());
}

/// The services make their topics themselves; but who looks for a topic before another has made it
/// looks again ten seconds later.
fn create_topics(kafka: &KafkaServer) {
    let kafka = Kafka::new(kafka.bootstrap(), "saga-tests");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let every = EventType::ALL.iter().copied();
    let created = topics::create(&kafka, every, TopicSettings::default());
    runtime.block_on(created).unwrap();
}

impl Stack {
    pub(crate) fn start() -> Self {
        let kafka = thread::spawn(|| KafkaServer::builder().start().unwrap());
        let redis = RedisServer::builder()
            .appendonly(Appendonly::Always)
            .start()
            .unwrap();
        let mariadb = MariaDbServer::builder()
            .durability(mariadb::Durability::EverySecond)
            .buffer_pool_mib(128)
            .start()
            .unwrap();
        let user_database = mariadb.url("shop_user");
        create_admin(&user_database);
        let kafka = kafka.join().unwrap();
        create_topics(&kafka);

        let files = tempfile::tempdir().unwrap();
        let file = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
        let [
            auth,
            user,
            catalog,
            inventory,
            sync,
            order,
            payment,
            sandbox,
        ] = std::array::from_fn(|_| free_address());
        let names = ["order-service", "payment-service"];
        let [order_secret, payment_secret] = names.map(|_| ids::uuid() + &ids::uuid());
        let clients = json!({names[0]: order_secret, names[1]: payment_secret});
        let jwks = format!("--jwks-url=http://{auth}/.well-known/jwks.json");
        let brokers = format!("--kafka-brokers={}", kafka.bootstrap());
        let redis_url = format!("--redis-url={}", redis.url());
        let database = |name: &str| format!("--database-url={}", mariadb.url(name));
        let listen = |address: SocketAddr| format!("--listen={address}");
        let at = |flag: &str, address: SocketAddr| format!("--{flag}=http://{address}");

        let stack = Self {
            auth: Service::start(
                "auth-service",
                auth,
                settings("auth-service")
                    .args([listen(auth), database("shop_auth"), brokers.clone()])
                    .args([redis_url.clone(), at("user-url", user)])
                    .args([format!("--keys-dir={}", file("keys"))])
                    .env("AUTH_CLIENTS", clients.to_string()),
            ),
            user: Service::start(
                "user-service",
                user,
                settings("user-service")
                    .args([listen(user), format!("--database-url={user_database}")])
                    .args([brokers.clone(), jwks.clone()])
                    // What a hash costs is not what is tested here.
                    .args(["--hash-memory-kib=8", "--hash-passes=1"]),
            ),
            catalog: Service::start(
                "catalog-service",
                catalog,
                settings("catalog-service")
                    .args([listen(catalog), database("shop_catalog"), brokers.clone()])
                    .args([jwks.clone(), at("inventory-url", inventory)]),
            ),
            inventory: Service::start(
                "inventory-server",
                inventory,
                settings("inventory-server")
                    .args([listen(inventory), redis_url.clone(), jwks.clone()])
                    .args(["--auth=jwt", "--durability=none"]),
            ),
            sync: Service::start(
                "sync-worker",
                sync,
                settings("sync-worker")
                    .args(["run".to_owned(), format!("--ops-listen={sync}")])
                    .args([redis_url, database("inventory"), brokers.clone()]),
            ),
            order: Service::start(
                "order-service",
                order,
                settings("order-service")
                    .args([listen(order), database("shop_order"), brokers.clone()])
                    .args([jwks.clone(), at("catalog-url", catalog)])
                    .args([at("user-url", user), at("auth-url", auth)])
                    .args([at("inventory-url", inventory)])
                    .args(["--watchdog-period-ms=500"])
                    .env("ORDER_CLIENT_SECRET", &order_secret),
            ),
            payment: Service::start(
                "payment-service",
                payment,
                settings("payment-service")
                    .args([listen(payment), database("shop_payment"), brokers, jwks])
                    .args([at("toss-url", sandbox), at("auth-url", auth)])
                    .args([at("inventory-url", inventory)])
                    .args(["--gateway-timeout-ms", GATEWAY_TIMEOUT_MS])
                    .args(["--look-first-ms=200", "--refund-retry-ms=200"])
                    .args(["--unfound-after-seconds=10", "--last-look-seconds=13"])
                    // Tests that make it fail must not close it to the others.
                    .args(["--extend-every-seconds=1", "--gateway-failures=1000"])
                    .env("PAYMENT_TOSS_SECRET_KEY", "test_sk")
                    .env("PAYMENT_CLIENT_SECRET", payment_secret),
            ),
            sandbox: Service::start(
                "toss-sandbox",
                sandbox,
                settings("toss-sandbox")
                    .args([listen(sandbox), format!("--state={}", file("books"))])
                    .args([at("webhook-url", payment) + "/api/payments/webhook"])
                    .args(["--hold-ms", HOLD_MS, "--slow-ms", SLOW_MS])
                    .args(["--webhook-delay-ms=50"]),
            ),
            secret: order_secret,
            redis,
            mariadb,
            kafka,
            _files: files,
        };
        for service in stack.services() {
            service.until_ready();
        }
        stack
    }

    pub(crate) fn services(&self) -> [&Service; 8] {
        [
            &self.auth,
            &self.user,
            &self.catalog,
            &self.inventory,
            &self.sync,
            &self.order,
            &self.payment,
            &self.sandbox,
        ]
    }
}
