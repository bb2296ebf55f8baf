//! A private broker: Apache Kafka, its jars from Maven, one process that is broker and controller.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
    time::{Duration, Instant},
};

use devstack::process::ServerProcess;
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use service_kit::kafka::Kafka;
use tempfile::TempDir;

const VERSION: &str = "4.1.0";
const START_TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct KafkaServer {
    process: ServerProcess,
    port: u16,
    // Last, so that the process is dead when it goes.
    _dir: TempDir,
}

impl KafkaServer {
    pub(crate) fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("kafka-").tempdir().unwrap();
        let (port, controller) = (free_port(), free_port());
        let properties = dir.path().join("server.properties");
        fs::write(&properties, settings(dir.path(), port, controller)).unwrap();
        format(&properties);
        let process = ServerProcess::builder("java")
            .args(java_args())
            .arg("kafka.Kafka")
            .arg(&properties)
            .dir(dir.path())
            .start()
            .unwrap();
        let server = Self {
            process,
            port,
            _dir: dir,
        };
        server.wait_until_ready();
        server
    }

    pub(crate) fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn client(&self) -> Kafka {
        Kafka::new(self.brokers(), "test")
    }

    pub(crate) fn kill9(&self) {
        self.process.kill9().unwrap();
    }

    pub(crate) fn start_again(&self) {
        self.process.start_again().unwrap();
        self.wait_until_ready();
    }

    fn wait_until_ready(&self) {
        let client: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.brokers())
            .set("reconnect.backoff.max.ms", "100")
            .create()
            .unwrap();
        let begun = Instant::now();
        loop {
            let metadata = client.fetch_metadata(None, Duration::from_secs(1));
            if metadata.is_ok_and(|metadata| !metadata.brokers().is_empty()) {
                return;
            }
            assert!(
                self.process.is_running(),
                "Kafka ended: {}",
                self.process.log()
            );
            assert!(begun.elapsed() < START_TIMEOUT, "{}", self.process.log());
        }
    }
}

fn java_args() -> Vec<String> {
    let classes = JARS.join("*");
    let fixed = [
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xmx512m",
        "-cp",
    ];
    let mut args: Vec<String> = fixed.map(ToOwned::to_owned).to_vec();
    args.push(classes.to_str().unwrap().to_owned());
    args
}

fn settings(dir: &Path, port: u16, controller: u16) -> String {
    let data = dir.join("data");
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
",
        data.display()
    )
}

fn format(properties: &Path) {
    let done = Command::new("java")
        .args(java_args())
        .args(["kafka.tools.StorageTool", "format", "--cluster-id"])
        .args(["service-kit-tests-0001", "--config"])
        .arg(properties)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The folder with the jars, fetched once for a target folder.
static JARS: LazyLock<PathBuf> = LazyLock::new(|| {
    let tmp = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let jars = tmp.join(format!("kafka-{VERSION}"));
    if jars.is_dir() {
        return jars;
    }
    let work = tempfile::tempdir_in(&tmp).unwrap();
    let pom = format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>
<groupId>test</groupId><artifactId>kafka</artifactId><version>1</version><dependencies><dependency>
<groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
</dependency></dependencies></project>"
    );
    fs::write(work.path().join("pom.xml"), pom).unwrap();
    let done = Command::new("mvn")
        .args([
            "-q",
            "-B",
            "dependency:copy-dependencies",
            "-DoutputDirectory=jars",
        ])
        .current_dir(work.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    // Whoever is first wins.
    if fs::rename(work.path().join("jars"), &jars).is_err() {
        assert!(jars.is_dir());
    }
    jars
});
