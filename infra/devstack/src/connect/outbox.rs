//! What the connector of an outbox is registered with.

use serde_json::{Map, Value};

/// The one text of all of them, with `{service}`, `{database}` and `{server_id}`.
const TEMPLATE: &str = include_str!("../../../debezium/outbox.template.json");

/// The services with an outbox: the service's name, its database and the id that its connector has to
/// MariaDB, which no server and no other connector may have.
pub const OUTBOXES: [OutboxConnector<'static>; 5] = [
    OutboxConnector::new("inventory", "inventory", 54_001),
    OutboxConnector::new("order", "shop_order", 54_002),
    OutboxConnector::new("payment", "shop_payment", 54_003),
    OutboxConnector::new("catalog", "shop_catalog", 54_004),
    OutboxConnector::new("user", "shop_user", 54_005),
];

/// The connector that publishes the table `<service>_outbox`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxConnector<'a> {
    /// As in the table's name.
    pub service: &'a str,
    /// With the table.
    pub database: &'a str,
    /// As which it reads the binary log.
    pub server_id: u32,
}

impl<'a> OutboxConnector<'a> {
    /// Of this service.
    #[must_use]
    pub const fn new(service: &'a str, database: &'a str, server_id: u32) -> Self {
        Self {
            service,
            database,
            server_id,
        }
    }

    /// `<service>-outbox`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-outbox", self.service)
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> String {
        TEMPLATE
            .replace("{service}", self.service)
            .replace("{database}", self.database)
            .replace("{server_id}", &self.server_id.to_string())
    }

    /// The settings it is registered with; change them before where a test wants others.
    #[must_use]
    pub fn config(&self) -> Map<String, Value> {
        serde_json::from_str(&self.text()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, fs, path::Path};

    use super::*;

    #[test]
    fn the_files_are_what_the_template_says() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../debezium");
        for outbox in OUTBOXES {
            let file = folder.join(format!("{}.json", outbox.name()));
            let text = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(
                text,
                outbox.text(),
                "{}: write it anew, README.md says how",
                file.display()
            );
            let config = outbox.config();
            assert_eq!(config["topic.prefix"], outbox.name());
            assert!(config.values().all(Value::is_string));
            assert!(!text.contains("{service}") && !text.contains("{database}"));
        }
    }

    #[test]
    fn each_reads_the_binary_log_under_an_id_of_its_own() {
        let ids: HashSet<_> = OUTBOXES.iter().map(|outbox| outbox.server_id).collect();
        assert_eq!(ids.len(), OUTBOXES.len());
    }
}
