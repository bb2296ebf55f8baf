//! The connectors of `infra/debezium` as resources of Strimzi.

use std::{fmt::Write as _, path::Path};

use serde_json::{Map, Value};

use super::files;
use crate::{FileError, read};

/// Which Kafka Connect runs them.
const CLUSTER: &str = "shop";

const CLASS: &str = "connector.class";
const TASKS_MAX: &str = "tasks.max";

pub(super) fn text(folder: &Path) -> Result<String, FileError> {
    let connectors: Result<Vec<String>, FileError> = files(folder, "-outbox.json")?
        .iter()
        .map(|path| connector(path))
        .collect();
    Ok(connectors?.join("---\n"))
}

fn connector(path: &Path) -> Result<String, FileError> {
    let wrong = FileError::of(path);
    let settings: Map<String, Value> =
        serde_json::from_str(&read(path)?).map_err(|error| wrong(&error))?;
    let setting = |name: &str| {
        let value = settings.get(name).and_then(Value::as_str);
        value.ok_or_else(|| wrong(&format!("names no {name}")))
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut text = format!(
        "\
apiVersion: kafka.strimzi.io/v1
kind: KafkaConnector
metadata:
  name: {name}
  labels: {{ strimzi.io/cluster: {CLUSTER} }}
spec:
  class: {}
  tasksMax: {}
  autoRestart: {{ enabled: true }}
  config:
",
        setting(CLASS)?,
        setting(TASKS_MAX)?,
    );
    for (key, value) in &settings {
        if key != CLASS && key != TASKS_MAX {
            // A JSON text is a YAML text.
            let written = writeln!(text, "    {key}: {value}");
            written.map_err(|error| wrong(&error))?;
        }
    }
    Ok(text)
}
