//! The jars of Kafka Connect with Debezium's connector.

use std::path::{Path, PathBuf};

use crate::{Result, kafka::KAFKA_VERSION, maven::JarSet};

/// The Debezium that is started.
pub const DEBEZIUM_VERSION: &str = "3.3.0.Final";

/// The folder with the jars. `fallback` takes them where there is no target folder.
pub(super) fn folder(fallback: &Path) -> Result<PathBuf> {
    let kafka = |artifact| ["org.apache.kafka", artifact, KAFKA_VERSION];
    JarSet {
        folder: format!("connect-{KAFKA_VERSION}-debezium-{DEBEZIUM_VERSION}"),
        artifacts: vec![
            kafka("connect-runtime"),
            kafka("connect-transforms"),
            [
                "io.debezium",
                "debezium-connector-mariadb",
                DEBEZIUM_VERSION,
            ],
        ],
    }
    .folder(fallback)
}
