//! Servers of our own, on sockets and ports that nobody else uses.

use std::{collections::BTreeMap, thread, time::Duration};

use devstack::{
    kafka::{KAFKA_VERSION, KafkaServer},
    mariadb::MariaDbServer,
    process::ServerProcess,
    redis::{Appendonly, RedisServer},
    wait,
};

use super::{INVENTORY_URL, Place};
use crate::{cli::Durability, http::Api, programs};

/// MiB; what the defaults of a production server would have, as far as this machine goes.
const BUFFER_POOL_MIB: u32 = 512;

const START_PATIENCE: Duration = Duration::from_secs(60);

/// Ended, and their data deleted, when it is dropped.
#[derive(Debug)]
pub(crate) struct Private {
    server: ServerProcess,
    worker: ServerProcess,
    _redis: RedisServer,
    _mariadb: MariaDbServer,
    _kafka: KafkaServer,
}

pub(super) fn place(durability: Durability) -> Result<Place, String> {
    let text = |error: devstack::Error| error.to_string();
    let kafka = thread::spawn(|| KafkaServer::builder().start());
    let appendonly = match durability {
        Durability::None => Appendonly::No,
        Durability::Everysec => Appendonly::Everysec,
        Durability::Always => Appendonly::Always,
    };
    let redis = RedisServer::builder()
        .appendonly(appendonly)
        .start()
        .map_err(text)?;
    let mariadb = MariaDbServer::builder()
        .buffer_pool_mib(BUFFER_POOL_MIB)
        .start()
        .map_err(text)?;
    let database_url = mariadb.create_database().map_err(text)?;
    let kafka = kafka
        .join()
        .map_err(|_| "starting Kafka panicked".to_owned())?
        .map_err(text)?;
    let brokers = kafka.bootstrap();
    let redis_url = redis.url();

    let worker = programs::named(programs::SYNC_WORKER)?;
    let worker = ServerProcess::builder(worker.program)
        .without_env("SYNC_")
        .args(worker.words)
        .args([
            "run",
            "--ops-listen",
            "127.0.0.1:0",
            "--kafka-brokers",
            &brokers,
        ])
        .env("SYNC_REDIS_URL", &redis_url)
        .env("SYNC_DATABASE_URL", &database_url)
        .start()
        .map_err(text)?;
    let server = programs::named(programs::INVENTORY_SERVER)?;
    let server = ServerProcess::builder(server.program)
        .without_env("INVENTORY_")
        .args(server.words)
        .args(["--listen", "127.0.0.1:0", "--redis-url", &redis_url])
        .args(["--projection", "required", "--log", "text"])
        .args(["--durability", durability.name()])
        .start()
        .map_err(text)?;
    let [server_url, worker_url] = [&server, &worker].map(url);
    let (server_url, worker_url) = (server_url?, worker_url?);
    for (url, process) in [(&worker_url, &worker), (&server_url, &server)] {
        let api = Api::new(url, "");
        let ready = || api.get("/readyz").is_ok_and(|answer| answer.status == 200);
        wait::until(START_PATIENCE, format!("{url} is ready"), ready)
            .map_err(|error| format!("{error}\n{}", process.log()))?;
    }
    Ok(Place {
        about: format!("a private stack, durability {}", durability.name()),
        urls: BTreeMap::from([(INVENTORY_URL, server_url)]),
        token: String::new(),
        redis_url: Some(redis_url),
        database_url: Some(database_url),
        kafka_brokers: Some(brokers),
        worker_url: Some(worker_url),
        server_pid: server.pid(),
        worker_pid: worker.pid(),
        kafka_version: Some(KAFKA_VERSION),
        _private: Some(Private {
            server,
            worker,
            _redis: redis,
            _mariadb: mariadb,
            _kafka: kafka,
        }),
    })
}

/// Where it says that it listens.
fn url(process: &ServerProcess) -> Result<String, String> {
    let line = process
        .wait_for_line(|line| line.contains("listening"), START_PATIENCE)
        .map_err(|error| error.to_string())?;
    let port = line.split_once("127.0.0.1:").map(|(_, rest)| {
        let digits = rest.chars().take_while(char::is_ascii_digit);
        digits.collect::<String>()
    });
    let port = port.ok_or_else(|| format!("no address in {line:?}"))?;
    Ok(format!("http://127.0.0.1:{port}"))
}

impl Drop for Private {
    fn drop(&mut self) {
        // Those that write first; they have nothing to lose, so an error is none.
        drop(self.server.terminate());
        drop(self.worker.terminate());
    }
}
