//! Worker and `reconcile` where every store is behind TLS and a login.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use devstack::{
    kafka::KafkaServer,
    mariadb::MariaDbServer,
    process::ServerProcess,
    redis::{Appendonly, RedisServer},
};
use serde_json::Value;
use tempfile::TempDir;
use test_support::{redis_login, tls::Authority};

use crate::support::eventually;

struct Site {
    redis: RedisServer,
    mariadb: MariaDbServer,
    kafka: KafkaServer,
    database_url: String,
    ca: PathBuf,
    _folder: TempDir,
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path());
        let issued = authority.issue("server", 2999);
        let (certificate, key) = (issued.certificate.clone(), issued.key.clone());
        let kafka = std::thread::spawn(move || {
            let builder = KafkaServer::builder().tls(certificate, key);
            builder.sasl("shop", "geheim").start().unwrap()
        });
        let redis = RedisServer::builder().appendonly(Appendonly::Everysec);
        let redis = redis.tls(&issued.certificate, &issued.key).start().unwrap();
        redis.command(&redis_login("shop", "geheim")).unwrap();
        let mariadb = MariaDbServer::builder().tls(&issued.certificate, &issued.key);
        let mariadb = mariadb.start().unwrap();
        Self {
            redis,
            database_url: mariadb.create_database().unwrap() + "?ssl-mode=VERIFY_IDENTITY",
            mariadb,
            kafka: kafka.join().unwrap(),
            ca: authority.file().to_owned(),
            _folder: folder,
        }
    }

    fn redis_url(&self) -> String {
        let url = self.redis.tls_url().unwrap();
        url.replace("rediss://", "rediss://shop:geheim@")
    }

    fn worker(&self, password: &str, args: &[&str]) -> ServerProcess {
        let brokers = self.kafka.secure_bootstrap().unwrap();
        ServerProcess::builder(Path::new(env!("CARGO_BIN_EXE_sync-worker")))
            .without_env("SYNC_")
            .args(["run", "--ops-listen=127.0.0.1:0"])
            .args(["--redis-url", &self.redis_url()])
            .args(["--database-url", &self.database_url])
            .args(["--kafka-brokers", &brokers, "--kafka-tls"])
            .args([
                "--kafka-sasl-mechanism=scram-sha-512",
                "--kafka-sasl-username=shop",
            ])
            .env("SYNC_KAFKA_SASL_PASSWORD", password)
            .env("SYNC_TLS_CA", self.ca.to_str().unwrap())
            .args(args)
            .start()
            .unwrap()
    }

    fn reconcile(&self, ca: Option<&Path>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconcile"));
        command.env_remove("SYNC_TLS_CA");
        command.env("SYNC_REDIS_URL", self.redis_url());
        command.env("SYNC_DATABASE_URL", &self.database_url);
        command.args(["check", "--json"]);
        if let Some(ca) = ca {
            command.arg("--tls-ca").arg(ca);
        }
        command.output().unwrap()
    }
}

/// Status and body of `/readyz`, once the worker listens.
fn ready(worker: &ServerProcess) -> Option<(u16, Value)> {
    let log = worker.log();
    let line = log.lines().find(|line| line.contains("listening"))?;
    let address = line.split("address=").nth(1)?.split(' ').next()?;
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let mut answer = agent.get(format!("http://{address}/readyz")).call().ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.body_mut().read_json().ok()?))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_store_is_talked_to_over_tls_with_a_login() {
    let site = Arc::new(Site::start());
    let worker = site.worker("geheim", &[]);
    eventually("all are up", async || {
        ready(&worker).is_some_and(|(status, body)| {
            status == 200 && body["dependencies"]["kafka"]["status"] == "up"
        })
    })
    .await;
    let clients = site
        .redis
        .command(&["CLIENT", "LIST"])
        .unwrap()
        .text()
        .unwrap();
    assert!(clients.contains("user=shop"), "{clients}");
    let sessions = site
        .mariadb
        .sql("SHOW STATUS LIKE 'Ssl_finished_accepts'")
        .unwrap();
    assert_ne!(sessions, "Ssl_finished_accepts\t0");

    eventually("both sides agree", async || {
        site.reconcile(Some(&site.ca)).status.code() == Some(0)
    })
    .await;
    let denied = site.redis.command(&["ACL", "LOG"]).unwrap();
    assert_eq!(denied.items().map(<[_]>::len), Some(0), "{denied:?}");
    let stranger = site.reconcile(None);
    let said = String::from_utf8(stranger.stderr).unwrap();
    assert_eq!(stranger.status.code(), Some(2), "{said}");
    assert!(said.contains("--tls-ca"), "{said}");

    let refused = site.worker("falsch", &["--only=events,commands"]);
    eventually("it says what is wrong", async || {
        ready(&refused).is_some_and(|(_, body)| {
            let detail = body["dependencies"]["kafka"]["detail"].as_str();
            detail.is_some_and(|detail| detail.contains("Authentication failed"))
        })
    })
    .await;
    let (status, body) = ready(&refused).unwrap();
    assert_eq!(status, 503, "{body}");
    assert!(body.to_string().contains("--kafka-sasl-username"), "{body}");
    for (log, secrets) in [(worker.log(), "geheim"), (refused.log(), "falsch")] {
        assert!(!log.contains(secrets), "{log}");
    }
    assert!(
        refused.log().contains("Authentication failed"),
        "{}",
        refused.log()
    );
    assert!(worker.terminate().unwrap().success());
}
