//! The engine: stock, and what becomes of it in MariaDB and on Kafka.

use super::{
    AUTH_SERVICE, KAFKA, Kind, MARIADB, Program, READY_PATH, REDIS, Service, Value, shop::JWKS_PATH,
};

pub(crate) static INVENTORY_SERVER: Service = Service {
    name: "inventory-server",
    base_port: 8083,
    // As part of the full stack; alone it has a Redis of its own.
    kind: Kind::Built(Program {
        package: "inventory-server",
        words: &[],
        flags: &[
            ("--listen", Value::Listen),
            ("--redis-url", Value::Url(&REDIS)),
            ("--projection", Value::Text("required")),
            ("--auth", Value::Text("jwt")),
            ("--jwks-url", Value::Neighbour(&AUTH_SERVICE, JWKS_PATH)),
            ("--log", Value::Text("text")),
        ],
        env: &[],
        ready_path: READY_PATH,
    }),
    needs: &[&REDIS],
};

pub(crate) static SYNC_WORKER: Service = Service {
    name: "sync-worker",
    base_port: 8090,
    kind: Kind::Built(Program {
        package: "sync-worker",
        words: &["run"],
        flags: &[
            ("--ops-listen", Value::Listen),
            ("--kafka-brokers", Value::Address(&KAFKA)),
            ("--publish", Value::Publish),
            ("--connect-url", Value::Connect),
            ("--auth", Value::Text("jwt")),
            ("--jwks-url", Value::Neighbour(&AUTH_SERVICE, JWKS_PATH)),
        ],
        env: &[
            ("SYNC_REDIS_URL", Value::Url(&REDIS)),
            ("SYNC_DATABASE_URL", Value::Database("inventory")),
        ],
        ready_path: READY_PATH,
    }),
    needs: &[&REDIS, &MARIADB, &KAFKA],
};
