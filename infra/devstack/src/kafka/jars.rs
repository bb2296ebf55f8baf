//! Kafka's jars.

use std::path::{Path, PathBuf};

pub use crate::maven::FETCH_TIMEOUT;
use crate::{Result, maven::JarSet};

/// The Apache Kafka that is started.
pub const KAFKA_VERSION: &str = "4.1.0";

/// The folder with the jars. `fallback` takes them where there is no target folder.
pub(super) fn folder(fallback: &Path) -> Result<PathBuf> {
    JarSet {
        folder: format!("kafka-{KAFKA_VERSION}"),
        artifacts: vec![["org.apache.kafka", "kafka_2.13", KAFKA_VERSION]],
    }
    .folder(fallback)
}
