//! What Kafka Connect says of the connector that publishes the outbox.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::position::{NoPosition, Position};
use crate::client::{Client, ClientError};

/// Why nobody knows how far the connector is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unknown {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("there is no connector {0}; register it")]
    Missing(String),
    #[error(
        "the connector {connector} does not publish {table}: its table.include.list is {included:?}"
    )]
    OtherTable {
        connector: String,
        table: String,
        included: String,
    },
    #[error("the connector has published nothing yet")]
    NoOffset,
    #[error("the connector has {0} offsets, where one is expected; stop it and delete its offsets")]
    ManyOffsets(usize),
    #[error("the connector still copies the rows that were there before")]
    Snapshot,
    #[error("the connector's offset names no place in a binary log")]
    OtherOffset,
    #[error(transparent)]
    Position(#[from] NoPosition),
}

#[derive(Debug)]
pub(super) struct Connector {
    client: Client,
    name: String,
}

#[derive(Deserialize)]
struct Registered {
    config: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Offsets {
    offsets: Vec<OffsetOf>,
}

#[derive(Deserialize)]
struct OffsetOf {
    offset: Option<Offset>,
}

#[derive(Deserialize)]
struct Offset {
    file: Option<String>,
    pos: Option<u64>,
    gtids: Option<String>,
    /// Anything: there while it copies.
    snapshot: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Status {
    connector: State,
    tasks: Vec<State>,
}

#[derive(Deserialize)]
struct State {
    state: String,
    #[serde(default)]
    trace: String,
}

impl Connector {
    pub(super) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Up to where it has published all of `table` (`database.table`).
    pub(super) async fn reached(&self, table: &str) -> Result<Position, Unknown> {
        let registered: Registered = self.get("").await?;
        let included = registered.config.get("table.include.list");
        let included = included.map_or("", String::as_str);
        if !names(included, table) {
            return Err(Unknown::OtherTable {
                connector: self.name.clone(),
                table: table.to_owned(),
                included: included.to_owned(),
            });
        }
        let Offsets { mut offsets } = self.get("/offsets").await?;
        if offsets.len() > 1 {
            return Err(Unknown::ManyOffsets(offsets.len()));
        }
        let offset = offsets.pop().and_then(|entry| entry.offset);
        place(offset.ok_or(Unknown::NoOffset)?)
    }

    /// Why it or its task has failed, if so: then it does nothing until it is restarted.
    pub(super) async fn failure(&self) -> Result<Option<String>, Unknown> {
        let Status { connector, tasks } = self.get("/status").await?;
        let mut states = tasks.into_iter().chain([connector]);
        let failed = states.find(|state| state.state == "FAILED");
        Ok(failed.map(|state| reason(&state.trace)))
    }

    pub(super) async fn restart_what_failed(&self) -> Result<(), Unknown> {
        self.client
            .post(&format!("/connectors/{}/restart", self.name))
            .query("includeTasks", "true")
            .query("onlyFailed", "true")
            .send()
            .await?;
        Ok(())
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, path: &str) -> Result<T, Unknown> {
        let path = format!("/connectors/{}{path}", self.name);
        self.client.get(&path).fetch().await.map_err(|error| {
            if error.status() == Some(404) {
                Unknown::Missing(self.name.clone())
            } else {
                Unknown::Client(error)
            }
        })
    }
}

fn place(offset: Offset) -> Result<Position, Unknown> {
    if offset.snapshot.is_some() {
        return Err(Unknown::Snapshot);
    }
    match offset {
        Offset {
            file: Some(file),
            pos: Some(pos),
            gtids,
            ..
        } => Ok(Position::new(&file, pos, &gtids.unwrap_or_default())?),
        _ => Err(Unknown::OtherOffset),
    }
}

/// What Java says first and what it says last, without where in Java.
fn reason(trace: &str) -> String {
    let first = trace.lines().next().unwrap_or_default();
    let cause = trace.lines().rfind(|line| line.starts_with("Caused by: "));
    cause.map_or_else(
        || first.to_owned(),
        |cause| format!("{first}; {}", cause.replacen("Caused by: ", "", 1)),
    )
}

/// Whether a list of patterns has this very name, its dot escaped or not.
fn names(included: &str, table: &str) -> bool {
    let mut patterns = included.split(',').map(str::trim);
    patterns.any(|pattern| pattern.replace('\\', "") == table)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(json: &str) -> Result<Position, Unknown> {
        place(serde_json::from_str(json).expect("JSON"))
    }

    #[test]
    fn an_offset_counts_only_behind_the_snapshot() {
        let whole = r#"{"ts_sec":1,"file":"binlog.000001","pos":3761,"gtids":"0-1-9","event":2}"#;
        assert!(offset(whole).is_ok());
        let copying = r#"{"file":"binlog.000001","pos":3761,"gtids":"0-1-9","snapshot":"INITIAL"}"#;
        assert!(matches!(offset(copying), Err(Unknown::Snapshot)));
        assert!(matches!(offset(r#"{"lsn":1}"#), Err(Unknown::OtherOffset)));
    }

    #[test]
    fn the_cause_of_a_failure_is_told() {
        let trace =
            "A: stopped\n\tat x\nCaused by: B: b\n\tat y\nCaused by: C: log purged\n\t... 5 more";
        assert_eq!(reason(trace), "A: stopped; C: log purged");
        assert_eq!(reason("A: stopped"), "A: stopped");
    }

    #[test]
    fn the_connector_must_name_the_table() {
        assert!(names("shop_order.order_outbox", "shop_order.order_outbox"));
        assert!(names(
            "a.b, shop_order\\.order_outbox",
            "shop_order.order_outbox"
        ));
        assert!(!names("shop_user.user_outbox", "shop_order.order_outbox"));
        assert!(!names("", "shop_order.order_outbox"));
    }
}
