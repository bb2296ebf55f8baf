//! What keeps and carries data.

use super::{Kind, Service};

pub(crate) static REDIS: Service = Service {
    name: "redis",
    base_port: 6379,
    kind: Kind::Redis,
    needs: &[],
};

pub(crate) static MARIADB: Service = Service {
    name: "mariadb",
    base_port: 3306,
    kind: Kind::MariaDb,
    needs: &[],
};

pub(crate) static KAFKA: Service = Service {
    name: "kafka",
    base_port: 9092,
    kind: Kind::Kafka,
    needs: &[],
};

pub(crate) static CONNECT: Service = Service {
    name: "connect",
    base_port: 8093,
    kind: Kind::Connect,
    needs: &[&MARIADB, &KAFKA],
};
