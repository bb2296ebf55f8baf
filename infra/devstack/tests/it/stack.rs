//! The commands on a workspace of their own, whose servers are stand-ins: what is tested is the life of the
//! processes, not what they answer.

use std::{
    collections::BTreeSet,
    fs,
    hash::{BuildHasher as _, RandomState},
    net::{Ipv4Addr, TcpListener},
    ops::Range,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
    sync::Mutex,
    time::Duration,
};

use devstack::{procfs, wait};
use serde_json::Value;
use tempfile::TempDir;

/// The services of the shop.
const SHOP: [&str; 5] = [
    "auth-service",
    "user-service",
    "catalog-service",
    "order-service",
    "payment-service",
];

/// Far longer than anything here takes, for a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// A checkout in a temporary folder; nothing of it is left on drop.
struct Checkout {
    folder: TempDir,
    /// Of inventory-server.
    port: u16,
}

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: &str, text: &str| {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let members = [&["inventory-server", "sync-worker"][..], &SHOP].concat();
        file(
            "Cargo.toml",
            &format!(
                "[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\
                 [profile.release]\nopt-level = 0\n[profile.hot]\ninherits = \"release\"\n"
            ),
        );
        file("infra/devstack/Cargo.toml", "");
        for name in members {
            let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2021\"\n");
            file(&format!("{name}/Cargo.toml"), &manifest);
            let text = match name {
                "inventory-server" => include_str!("../fixtures/fake_server.rs"),
                "sync-worker" => include_str!("../fixtures/fake_worker.rs"),
                _ => include_str!("../fixtures/fake_shop.rs"),
            };
            file(&format!("{name}/src/main.rs"), text);
            for (module, text) in [
                ("http", include_str!("../fixtures/fake_http.rs")),
                ("database", include_str!("../fixtures/fake_database.rs")),
            ] {
                file(&format!("{name}/src/{module}.rs"), text);
            }
        }
        file(
            "sync-worker/src/bin/reconcile.rs",
            include_str!("../fixtures/fake_reconcile.rs"),
        );
        // A second program of its package.
        let sandbox = "#[path = \"../main.rs\"]\nmod shop;\nfn main() {\n    shop::main();\n}\n";
        file("payment-service/src/bin/toss-sandbox.rs", sandbox);
        Self {
            folder,
            port: free_port(),
        }
    }

    fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Through a shell that lends it one more descriptor of the caller's pipe.
    fn dev(&self, args: &[&str]) -> Output {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "exec 7>&1 && exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_devstack"),
        ]);
        command.args(args).current_dir(self.root());
        // The build of the stand-in belongs into its own folder.
        for name in [
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_BUILD_BUILD_DIR",
        ] {
            command.env_remove(name);
        }
        command.output().unwrap()
    }

    /// The engine alone.
    fn up(&self) -> Output {
        let offset = self.offset().to_string();
        self.dev(&["up", "--only", "inventory", "--port-offset", &offset])
    }

    /// The full stack, without the demo on Kafka, which takes some seconds.
    fn up_all(&self) -> Output {
        self.dev(&[
            "up",
            "--no-demo",
            "--port-offset",
            &self.offset().to_string(),
        ])
    }

    /// Lets the stand-ins play their part in the demo on Kafka.
    fn prepare_demo(&self) {
        let tools = devstack::kafka::Tools::find(self.root()).unwrap();
        let class_path = tools.class_path().to_str().unwrap().to_owned();
        fs::write(self.root().join("class-path"), class_path).unwrap();
    }

    fn offset(&self) -> u16 {
        self.port - 8083
    }

    fn process(&self, name: &str) -> Value {
        let state = fs::read(self.root().join(".devstack/state.json")).unwrap();
        let state: Value = serde_json::from_slice(&state).unwrap();
        state["processes"][name].clone()
    }

    fn pid(&self, name: &str) -> u32 {
        let pid = self.process(name)["pid"].as_u64().unwrap();
        pid.try_into().unwrap()
    }

    fn server_pid(&self) -> u32 {
        self.pid("inventory-server")
    }

    fn pids(&self) -> [u32; 5] {
        [
            "redis",
            "mariadb",
            "inventory-server",
            "sync-worker",
            "kafka",
        ]
        .map(|name| self.pid(name))
    }

    fn cluster(&self) -> String {
        fs::read_to_string(self.root().join(".devstack/kafka/data/meta.properties")).unwrap()
    }

    /// So many servers run and do their work, though on a busy machine not each at the first look.
    fn are_ready(&self, servers: usize) {
        let mut said = String::new();
        let ready = || {
            let status = self.dev(&["status"]);
            said = stdout(&status) + &stderr(&status);
            status.status.success() && stdout(&status).matches(" ready ").count() == servers
        };
        let waited = wait::until(SOON, "all are ready", ready);
        waited.unwrap_or_else(|error| panic!("{error}:\n{said}"));
    }

    fn redis_pids(&self) -> Vec<u32> {
        let folder = fs::canonicalize(self.root().join(".devstack/redis")).unwrap();
        let is_ours = |pid: &u32| {
            procfs::cwd(*pid).as_ref() == Some(&folder)
                && procfs::name(*pid).as_deref() == Some("redis-server")
        };
        procfs::pids().filter(is_ours).collect()
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        self.dev(&["reset"]);
    }
}

/// A port for inventory-server with which those of the whole stack are free, and nobody else's in this
/// process. They are below those that private servers take, who could come between the look and the start.
fn free_port() -> u16 {
    const BASES: [u16; 13] = [
        8081, 8083, 8084, 8085, 8087, 8089, 8090, 8091, 8093, 6379, 3306, 9092, 9093,
    ];
    const OFFSETS: Range<u64> = 2_000..5_900;
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().unwrap();
    let is_free = |port: u16| {
        !given.contains(&port) && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
    };
    let numbers = std::iter::repeat_with(|| RandomState::new().hash_one(0));
    let mut offsets = numbers.map(|number| {
        let offset = OFFSETS.start + number % (OFFSETS.end - OFFSETS.start);
        u16::try_from(offset).unwrap()
    });
    let offset = offsets.find(|offset| BASES.iter().all(|base| is_free(base + offset)));
    let offset = offset.unwrap();
    given.extend(BASES.map(|base| base + offset));
    8083 + offset
}

fn kill9(pid: u32) {
    let mut kill = Command::new("kill");
    assert!(
        kill.args(["-9", &pid.to_string()])
            .status()
            .unwrap()
            .success()
    );
    wait::until(SOON, "it is dead", || is_gone(pid)).unwrap();
}

fn is_gone(pid: u32) -> bool {
    procfs::stat(pid).is_none_or(|stat| stat.is_zombie())
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Of a process, from `/proc/PID/stat`.
fn session(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .nth(3)
        .unwrap()
        .parse()
        .unwrap()
}

#[test]
fn a_stack_starts_stays_restarts_and_goes() {
    let checkout = Checkout::new();
    // `output` returns at the end of both pipes: nobody may hold them.
    let first = checkout.up();
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stdout(&first).contains(&format!("http://127.0.0.1:{}", checkout.port)));
    let pid = checkout.server_pid();
    assert_eq!(session(pid), pid);
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten();
    let mut inherited = descriptors.filter(|file| file.file_name() == "7");
    assert!(inherited.all(|file| !fs::read_link(file.path()).unwrap().starts_with("pipe:")));

    let second = checkout.dev(&["up", "--only", "inventory"]);
    assert_eq!(stdout(&second), stdout(&first), "{}", stderr(&second));
    assert_eq!(checkout.server_pid(), pid);
    checkout.are_ready(1);
    let logs = checkout.dev(&["logs", "inventory-server", "-n", "1"]);
    assert_eq!(stdout(&logs), "listening\n");

    let restart = checkout.dev(&["restart", "inventory-server"]);
    assert!(restart.status.success(), "{}", stderr(&restart));
    assert!(is_gone(pid));
    assert_ne!(checkout.server_pid(), pid);
    assert_eq!(
        checkout.redis_pids().len(),
        1,
        "that of the server before is stopped"
    );

    let (pid, redis) = (checkout.server_pid(), checkout.redis_pids());
    let down = checkout.dev(&["down"]);
    assert!(down.status.success(), "{}", stderr(&down));
    assert!(is_gone(pid) && redis.into_iter().all(is_gone));
    assert!(
        checkout.dev(&["status"]).status.success(),
        "nothing should run, and nothing does"
    );

    let reset = checkout.dev(&["reset"]);
    assert!(
        stdout(&reset).contains(".devstack/redis"),
        "{}",
        stdout(&reset)
    );
    assert!(!checkout.root().join(".devstack").exists());
}

#[test]
fn a_killed_server_is_reported_and_started_again() {
    let checkout = Checkout::new();
    let up = checkout.up();
    assert!(up.status.success(), "{}", stderr(&up));
    let (pid, redis) = (checkout.server_pid(), checkout.redis_pids());
    kill9(pid);

    let status = checkout.dev(&["status"]);
    assert_eq!(status.status.code(), Some(1));
    assert!(
        stderr(&status).contains("inventory-server is dead"),
        "{}",
        stderr(&status)
    );
    let up = checkout.dev(&["up", "--only", "inventory"]);
    assert!(up.status.success(), "{}", stderr(&up));
    assert_ne!(checkout.server_pid(), pid);
    assert!(
        redis.into_iter().all(is_gone),
        "the Redis left behind is stopped first"
    );
}

#[test]
fn a_taken_port_and_a_server_that_cannot_start_are_explained() {
    let checkout = Checkout::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, checkout.port)).unwrap();
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1));
    let taken = format!("port {} (for inventory-server) is taken by", checkout.port);
    let pid = format!("(pid {})", std::process::id());
    assert!(
        stderr(&up).contains(&taken) && stderr(&up).contains(&pid),
        "{}",
        stderr(&up)
    );
    let broker = 9092 + checkout.offset();
    let kafka = TcpListener::bind((Ipv4Addr::LOCALHOST, broker)).unwrap();
    let up = checkout.up_all();
    assert_eq!(up.status.code(), Some(1));
    let taken = format!("port {broker} (for kafka) is taken by");
    assert!(stderr(&up).contains(&taken), "{}", stderr(&up));
    assert!(!stderr(&up).contains("starting "), "{}", stderr(&up));
    drop((listener, kafka));
    // A process that another test is starting may hold a copy until it has become itself.
    let is_free = || TcpListener::bind((Ipv4Addr::LOCALHOST, checkout.port)).is_ok();
    wait::until(SOON, "the port is free", is_free).unwrap();

    let broken = checkout.root().join("broken");
    fs::write(&broken, "").unwrap();
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1));
    assert!(stderr(&up).contains("this is why"), "{}", stderr(&up));
    assert!(
        checkout.dev(&["status"]).status.success(),
        "nothing is left of it"
    );

    fs::remove_file(broken).unwrap();
    // Two at once: one starts it, the other finds it running.
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| checkout.up());
        let two = scope.spawn(|| checkout.up());
        (one.join().unwrap(), two.join().unwrap())
    });
    assert!(one.status.success(), "{}", stderr(&one));
    assert!(two.status.success(), "{}", stderr(&two));
    assert_eq!(checkout.redis_pids().len(), 1);
}

#[test]
fn the_full_stack_starts_stays_and_goes() {
    let checkout = Checkout::new();
    // Where servers of the user's run, the stores move.
    let own = 3306 + checkout.offset();
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, own)).unwrap();
    checkout.prepare_demo();
    let first = checkout.dev(&["up", "--port-offset", &checkout.offset().to_string()]);
    assert!(first.status.success(), "{}", stderr(&first));
    assert!(stderr(&first).contains(&format!("{own} is taken")));
    let mariadb = checkout.process("mariadb")["url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(!mariadb.ends_with(&format!(":{own}")), "{mariadb}");
    let shown = stdout(&first);
    for expected in [
        "browse  GET http://127.0.0.1:",
        "/api/products?keyword=shoes  Shoes",
        "  CONFIRMED         2026-01-01T00:00:01.500Z  +1.500 s",
        "| o-demo   | ORD-demo | CONFIRMED |        38000 |",
        "| p-demo     | APPROVED |  38000 | key         |",
        "| order-o-demo   | CONFIRMED | 1      |        2 |",
        "  order.placed         o-demo  id-of-order.placed",
        "  inventory.confirmed  o-demo  id-of-inventory.confirmed",
        "check: fine",
        &mariadb,
        "mariadb --defaults-file=.devstack/mariadb/client.cnf inventory",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    let folder = checkout.root().join(".devstack");
    let password = fs::read_to_string(folder.join("mariadb/password")).unwrap();
    let mut secrets = vec![password.clone()];
    let files = fs::read_dir(folder.join("secrets")).unwrap().flatten();
    let mut files: Vec<_> = files.map(|file| file.path()).collect();
    secrets.extend(files.iter().map(|file| {
        let text = fs::read_to_string(file).unwrap();
        let login = serde_json::from_str::<Value>(&text).ok();
        let password = login.and_then(|login| Some(login.get("password")?.as_str()?.to_owned()));
        password.unwrap_or(text)
    }));
    assert_eq!(secrets.len(), 11, "{files:?}");
    files.extend(["mariadb/password", "mariadb/client.cnf", "sync.env"].map(|f| folder.join(f)));
    for file in files {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let logs = fs::read_dir(folder.join("logs")).unwrap().flatten();
    let logs = logs.map(|log| fs::read_to_string(log.path()).unwrap());
    for text in logs.chain([shown.clone(), stderr(&first)]) {
        assert!(secrets.iter().all(|secret| !text.contains(secret)));
    }

    let pids = checkout.pids();
    drop(taken);
    let second = checkout.dev(&["up"]);
    assert_eq!(stdout(&second), shown, "{}", stderr(&second));
    assert_eq!(checkout.pids(), pids);
    for other in [
        &["up", "--only", "inventory"][..],
        &["up", "--cdc", "debezium"],
    ] {
        let other = checkout.dev(other);
        assert_eq!(other.status.code(), Some(1));
        assert!(
            stderr(&other).contains("cargo dev down"),
            "{}",
            stderr(&other)
        );
    }
    checkout.are_ready(11);
    let logs = checkout.dev(&["logs", "mariadb"]);
    assert!(stdout(&logs).contains("ready for connections"));
    let logs = checkout.dev(&["logs", "kafka", "-n", "5000"]);
    let version = devstack::kafka::KAFKA_VERSION;
    assert!(stdout(&logs).contains(version), "{}", stdout(&logs));

    let cluster = checkout.cluster();
    let down = checkout.dev(&["down"]);
    assert!(down.status.success(), "{}", stderr(&down));
    assert!(pids.into_iter().all(is_gone));
    let stopped = stdout(&down);
    let place = |name: &str| stopped.find(&format!("{name} stopped")).unwrap();
    assert!(place("sync-worker") < place("mariadb") && place("inventory-server") < place("redis"));
    assert!(place("sync-worker") < place("kafka") && place("order-service") < place("mariadb"));

    // On the same data, and on the port that is free again.
    let again = checkout.dev(&["up", "--no-demo"]);
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(checkout.cluster(), cluster);
    assert!(stdout(&again).contains(&format!("mysql://127.0.0.1:{own}")));
    let same = fs::read_to_string(folder.join("mariadb/password")).unwrap();
    assert_eq!(same, password);
}

#[test]
fn a_killed_store_comes_back_where_it_was_and_drift_is_reported() {
    let checkout = Checkout::new();
    let up = checkout.up_all();
    assert!(up.status.success(), "{}", stderr(&up));
    let (before, address) = (checkout.pids(), checkout.process("redis")["url"].clone());
    kill9(before[0]);
    kill9(before[4]);
    let status = checkout.dev(&["status"]);
    assert!(
        stderr(&status).contains("redis is dead"),
        "{}",
        stderr(&status)
    );
    let up = checkout.dev(&["up", "--no-demo"]);
    assert!(up.status.success(), "{}", stderr(&up));
    assert_eq!(
        checkout.pids()[1..4],
        before[1..4],
        "only Redis and Kafka are other ones"
    );
    assert_eq!(checkout.process("redis")["url"], address);

    let before = checkout.pids();
    for name in ["mariadb", "sync-worker", "toss-sandbox"] {
        let restart = checkout.dev(&["restart", name]);
        assert!(restart.status.success(), "{}", stderr(&restart));
    }
    let after = checkout.pids();
    assert_eq!((after[0], after[2]), (before[0], before[2]));
    assert!(is_gone(before[1]) && is_gone(before[3]));

    fs::write(checkout.root().join("drift"), "").unwrap();
    let up = checkout.dev(&["up", "--no-demo"]);
    assert_eq!(up.status.code(), Some(1));
    assert!(stdout(&up).contains("check: 1 difference"));
    assert_eq!(checkout.pids(), after, "it goes on running");

    // Nobody knows of them any more; they are in our folders.
    fs::remove_file(checkout.root().join(".devstack/state.json")).unwrap();
    for pid in [after[2], after[3]] {
        kill9(pid);
    }
    let down = checkout.dev(&["down"]);
    assert!(down.status.success(), "{}", stderr(&down));
    assert!([0, 1, 4].into_iter().all(|place| is_gone(after[place])));
}

#[test]
fn when_a_server_of_the_full_stack_cannot_start_nothing_of_it_is_left() {
    let checkout = Checkout::new();
    let broken = checkout.root().join("broken-worker");
    fs::write(&broken, "").unwrap();
    let up = checkout.up_all();
    assert_eq!(up.status.code(), Some(1));
    // Not of inventory-server, which waits for it.
    let why = "sync-worker ended before all was ready; its last lines:\nthis is why";
    assert!(stderr(&up).contains(why), "{}", stderr(&up));
    let status = checkout.dev(&["status"]);
    assert!(
        stdout(&status).contains("nothing runs"),
        "{}",
        stdout(&status)
    );

    // The engine alone has nothing to do with it.
    fs::remove_file(broken).unwrap();
    let up = checkout.up();
    assert!(up.status.success(), "{}", stderr(&up));
}

#[test]
fn with_debezium_a_row_of_an_outbox_gets_to_kafka() {
    let checkout = Checkout::new();
    let offset = checkout.offset().to_string();
    let up = ["up", "--cdc", "debezium", "--no-demo"];
    let first = checkout.dev(&[&up[..], &["--port-offset", &offset]].concat());
    assert!(first.status.success(), "{}", stderr(&first));
    let connect = 8093 + checkout.offset();
    let url = format!("http://127.0.0.1:{connect}");
    assert!(stdout(&first).contains(&url), "{}", stdout(&first));
    let pids = (checkout.pids(), checkout.pid("connect"));
    let second = checkout.dev(&up);
    assert_eq!(stdout(&second), stdout(&first), "{}", stderr(&second));
    assert_eq!((checkout.pids(), checkout.pid("connect")), pids);
    let other = checkout.dev(&["up"]);
    assert_eq!(other.status.code(), Some(1));
    let next = "cargo dev up --cdc debezium";
    assert!(stderr(&other).contains(next), "{}", stderr(&other));

    let restart = checkout.dev(&["restart", "connect"]);
    assert!(restart.status.success(), "{}", stderr(&restart));
    let mut client = Command::new("mariadb");
    let settings = checkout.root().join(".devstack/mariadb/client.cnf");
    let row = "INSERT INTO inventory_outbox (event_id, aggregate_type, aggregate_id, type, topic, payload) \
               VALUES ('e-1', 'order', 'o-1', 'inventory.reserved', 'inventory.reserved', '{\"id\":\"e-1\"}')";
    client.arg(format!("--defaults-file={}", settings.display()));
    let inserted = client
        .args(["inventory", "--execute", row])
        .output()
        .unwrap();
    assert!(inserted.status.success(), "{}", stderr(&inserted));
    let tools = devstack::kafka::Tools::find(checkout.root()).unwrap();
    let brokers = format!("127.0.0.1:{}", 9092 + checkout.offset());
    let mut consumer = tools.command("org.apache.kafka.tools.consumer.ConsoleConsumer");
    consumer.args([
        "--bootstrap-server",
        &brokers,
        "--include",
        "inventory[.]reserved",
    ]);
    consumer.args([
        "--from-beginning",
        "--max-messages",
        "1",
        "--timeout-ms",
        "60000",
    ]);
    consumer.args(["--consumer-property", "metadata.max.age.ms=500"]);
    let read = consumer
        .args(["--property", "print.key=true"])
        .output()
        .unwrap();
    assert_eq!(
        stdout(&read),
        "o-1\t{\"id\":\"e-1\"}\n",
        "{}",
        stderr(&read)
    );

    checkout.are_ready(12);
    let logs = checkout.dev(&["logs", "connect", "-n", "5000"]);
    assert!(stdout(&logs).contains("inventory-outbox"));
    let seen = fs::read_to_string(checkout.root().join(".devstack/secrets/mariadb-debezium"));
    let password = seen.unwrap();
    let logs = fs::read_to_string(checkout.root().join(".devstack/logs/connect.log")).unwrap();
    assert!(!logs.contains(&password));
    let pid = checkout.pid("connect");
    let down = checkout.dev(&["down"]);
    assert!(down.status.success() && is_gone(pid), "{}", stderr(&down));
}

#[test]
fn prometheus_comes_when_asked_for_and_goes_with_the_others() {
    let checkout = Checkout::new();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../prometheus");
    let link = checkout.root().join("infra/prometheus");
    std::os::unix::fs::symlink(fs::canonicalize(rules).unwrap(), link).unwrap();
    let own = 9090 + checkout.offset();
    // Ours, or somebody else's already.
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, own));
    let offset = checkout.offset().to_string();
    let up = checkout.dev(&[
        "up",
        "--only",
        "inventory",
        "--monitoring",
        "--port-offset",
        &offset,
    ]);
    assert!(up.status.success(), "{}", stderr(&up));
    let url = checkout.process("prometheus")["url"].clone();
    let url = url.as_str().unwrap();
    assert!(!url.ends_with(&own.to_string()), "{url}");
    let said = format!("prometheus is at {url}");
    assert!(stdout(&up).contains(&said), "{}", stdout(&up));
    let server = format!("http://127.0.0.1:{}/metrics", checkout.port);
    wait::until(SOON, "it knows the server", || {
        let targets = ureq::get(format!("{url}/api/v1/targets")).call();
        let text = targets.unwrap().body_mut().read_to_string().unwrap();
        text.contains(&server) && text.contains(r#""job":"inventory-server""#)
    })
    .unwrap();

    let pid = checkout.pid("prometheus");
    let again = checkout.dev(&["up", "--only", "inventory"]);
    assert!(stdout(&again).contains(&said), "{}", stderr(&again));
    assert_eq!(checkout.pid("prometheus"), pid);
    checkout.are_ready(2);
    let restart = checkout.dev(&["restart", "prometheus"]);
    assert!(restart.status.success(), "{}", stderr(&restart));
    let pid = checkout.pid("prometheus");
    let down = checkout.dev(&["down"]);
    assert!(down.status.success() && is_gone(pid), "{}", stderr(&down));
}
