//! A shop's payments: servers, the service, the sandbox, an order, and short names.

pub(crate) mod heard;
pub(crate) mod order;

use std::{
    net::SocketAddr,
    sync::{LazyLock, mpsc},
};

use access_token::{Role, testing::Issuer};
use devstack::{
    kafka::KafkaServer,
    mariadb::{self, MariaDbServer},
    process::ServerProcess,
    redis::RedisServer,
    wait,
};
use serde_json::Value;
use tempfile::TempDir;
pub(crate) use test_support::{Answer, Contract, Http, PATIENCE, free_address};

use self::heard::Heard;

/// What every answer of the service is held against.
pub(crate) static CONTRACT: LazyLock<Contract> =
    LazyLock::new(|| Contract::new(include_str!("../../../openapi.json")));

/// How long the sandbox keeps an answer back that is not to arrive.
const HOLD_MS: &str = "4000";

/// How long the service waits for the gateway: longer than a busy machine keeps one of the two waiting
/// for the other.
const GATEWAY_TIMEOUT_MS: &str = "3000";

static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(|| {
    let builder = MariaDbServer::builder().durability(mariadb::Durability::EverySecond);
    builder.start().unwrap()
});

/// What the tests share.
pub(crate) static WORLD: LazyLock<World> = LazyLock::new(World::start);

/// Everything around the service.
pub(crate) struct Around {
    pub(crate) kafka: KafkaServer,
    pub(crate) database: String,
    pub(crate) issuer: Issuer,
    jwks: TempDir,
    _sandbox: ServerProcess,
    sandbox: Http,
    _redis: RedisServer,
    pub(crate) inventory: Http,
}

/// The service on a database and a Kafka that nobody else uses.
pub(crate) struct World {
    pub(crate) around: Around,
    pub(crate) sandbox: Http,
    _service: ServerProcess,
    pub(crate) http: Http,
    pub(crate) heard: Heard,
}

impl World {
    fn start() -> Self {
        let kafka = KafkaServer::builder().start().unwrap();
        let issuer = Issuer::new();
        let jwks = tempfile::tempdir().unwrap();
        std::fs::write(jwks.path().join("jwks.json"), issuer.jwks_json()).unwrap();
        // Each of the two must know the other before it starts.
        let listen = free_address();
        let webhook = format!("--webhook-url=http://{listen}/api/payments/webhook");
        let (process, sandbox) = sandbox(&[&webhook]);
        let redis = RedisServer::builder().start().unwrap();
        let around = Around {
            kafka,
            database: MARIADB.create_database().unwrap(),
            issuer,
            jwks,
            _sandbox: process,
            sandbox,
            inventory: inventory(&redis),
            _redis: redis,
        };
        let (service, http) = around.replica(&[&format!("--listen={listen}")]);
        Self {
            heard: Heard::start(&around.kafka.bootstrap()),
            sandbox: around.sandbox.clone(),
            around,
            _service: service,
            http,
        }
    }
}

impl Around {
    /// A replica of the service.
    pub(crate) fn replica(&self, more: &[&str]) -> (ServerProcess, Http) {
        let jwks = self.jwks.path().join("jwks.json");
        let mut args = vec![
            "--listen=127.0.0.1:0".to_owned(),
            format!("--inventory-url={}", self.inventory.base),
            format!("--database-url={}", self.database),
            format!("--kafka-brokers={}", self.kafka.bootstrap()),
            format!("--toss-url={}", self.sandbox.base),
            format!("--jwks-file={}", jwks.display()),
            format!("--gateway-timeout-ms={GATEWAY_TIMEOUT_MS}"),
            // Tests that make it fail must not close it to the others.
            "--gateway-failures=100000".to_owned(),
            "--look-first-ms=200".to_owned(),
            "--unfound-after-seconds=9".to_owned(),
            "--last-look-seconds=12".to_owned(),
            "--refund-retry-ms=200".to_owned(),
            "--extend-every-seconds=1".to_owned(),
        ];
        args.retain(|arg| {
            let flag = arg.split('=').next().unwrap();
            !more.iter().any(|other| other.starts_with(flag))
        });
        args.extend(more.iter().map(ToString::to_string));
        let process = ServerProcess::builder(env!("CARGO_BIN_EXE_payment-service"))
            .args(args)
            .without_env("PAYMENT_")
            .env("PAYMENT_TOSS_SECRET_KEY", "test_sk")
            .start()
            .unwrap();
        let http = listening(&process);
        wait::until(PATIENCE, "the service is ready", || {
            http.get("/readyz", "").status == 200
        })
        .unwrap();
        (process, http)
    }
}

impl Around {
    /// A replica that neither hears nor says anything, so that nobody waits for it when it is gone.
    pub(crate) fn deaf(&self, more: &[&str]) -> (ServerProcess, Http) {
        let deaf = [
            "--kafka-brokers=127.0.0.1:1",
            "--publish=debezium",
            "--connect-url=http://127.0.0.1:1",
        ];
        self.replica(&[&deaf, more].concat())
    }
}

impl World {
    pub(crate) fn token(&self, sub: &str, role: Role) -> String {
        self.around.issuer.token(sub, &[role])
    }

    pub(crate) fn admin(&self) -> String {
        self.token("boss", Role::Admin)
    }

    /// A number or a text from the database.
    pub(crate) fn sql(&self, statement: &str) -> String {
        sql(&self.around.database, statement)
    }

    /// The books of the sandbox about an order: what was taken, and what of it was paid back.
    pub(crate) fn books(&self, order_id: &str) -> (i64, i64) {
        let all = self.ledger(order_id);
        (
            all["approved"].as_i64().unwrap(),
            all["cancelled"].as_i64().unwrap(),
        )
    }

    pub(crate) fn ledger(&self, order_id: &str) -> Value {
        let path = format!("/sandbox/ledger?orderId={order_id}");
        self.sandbox.get(&path, "").body
    }

    /// How often the gateway was asked for money, and to give it back.
    pub(crate) fn calls(&self, order_id: &str) -> (i64, i64) {
        let payment = &self.ledger(order_id)["orders"][0]["payments"][0];
        (
            payment["confirmCalls"].as_i64().unwrap_or_default(),
            payment["cancelCalls"].as_i64().unwrap_or_default(),
        )
    }

    /// Sends the service a request and holds the answer against the document.
    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        let answer = self.http.get(path, token);
        CONTRACT.check("get", path, &answer);
        answer
    }

    pub(crate) fn post(&self, path: &str, token: &str, body: &Value) -> Answer {
        self.post_with(path, token, body, None)
    }

    pub(crate) fn post_with(
        &self,
        path: &str,
        token: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Answer {
        let answer = self.http.post_with_key(path, token, body, key);
        CONTRACT.check("post", path, &answer);
        answer
    }
}

/// A database of one's own.
pub(crate) fn database() -> String {
    MARIADB.create_database().unwrap()
}

/// A number or a text from the database with this URL.
pub(crate) fn sql(database: &str, statement: &str) -> String {
    let name = database.rsplit('/').next().unwrap();
    let name = name.split('?').next().unwrap();
    let text = MARIADB.sql(&format!("USE `{name}`; {statement}")).unwrap();
    text.trim().to_owned()
}

/// A sandbox.
pub(crate) fn sandbox(more: &[&str]) -> (ServerProcess, Http) {
    sandbox_at("127.0.0.1:0", more)
}

/// A sandbox at this address.
pub(crate) fn sandbox_at(address: &str, more: &[&str]) -> (ServerProcess, Http) {
    let process = ServerProcess::builder(env!("CARGO_BIN_EXE_toss-sandbox"))
        .args([&format!("--listen={address}"), "--hold-ms", HOLD_MS])
        .args(["--slow-ms=300", "--webhook-delay-ms=20"])
        .args(more)
        .without_env("SANDBOX_")
        .start()
        .unwrap();
    let http = listening(&process);
    (process, http)
}

/// An inventory-server in this process, until the test process ends.
fn inventory(redis: &RedisServer) -> Http {
    let config = inventory_server::Config::from_args([
        "inventory-server",
        "--listen=127.0.0.1:0",
        "--durability=none",
        &format!("--redis-url={}", redis.url()),
    ])
    .unwrap();
    let (tell, told) = mpsc::channel::<SocketAddr>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let ready = |address| tell.send(address).unwrap();
            inventory_server::run(config, inventory_server::Stop::default(), ready)
                .await
                .unwrap();
        });
    });
    let address = told.recv_timeout(PATIENCE).unwrap();
    let http = Http::new(&format!("http://{address}"));
    wait::until(PATIENCE, "inventory is ready", || {
        http.get("/readyz", "").status == 200
    })
    .unwrap();
    http
}

/// Where a process says that it listens.
pub(crate) fn listening(process: &ServerProcess) -> Http {
    let line = process
        .wait_for_line(|line| line.contains("listening"), PATIENCE)
        .unwrap();
    let (_, rest) = line.split_once("address=").unwrap();
    let address = rest.split_whitespace().next().unwrap();
    Http::new(&format!("http://{address}"))
}

/// A name that nothing else has.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", service_kit::ids::uuid())
}

/// Waits until the condition holds.
#[track_caller]
pub(crate) fn until(what: &str, condition: impl FnMut() -> bool) {
    wait::until(PATIENCE, what, condition).unwrap();
}
