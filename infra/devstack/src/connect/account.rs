//! The account of the connector in MariaDB, and how a worker is told of it.

/// What begins the names of the variables that connectors may read from the worker's environment.
pub(super) const ENVIRONMENT_PREFIX: &str = "DEBEZIUM_";

/// The connector's account.
pub const USER: &str = "debezium";

/// Where connectors find MariaDB and Kafka. Goes into the environment of a worker and nowhere else.
#[derive(Debug, Clone)]
pub struct Stores<'a> {
    /// Host of MariaDB.
    pub database_host: &'a str,
    /// Port of MariaDB.
    pub database_port: u16,
    /// Account of MariaDB; [`USER`] where [`account_sql`] made it.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
    /// `host:port[,host:port…]` of Kafka, for the history of the table's columns.
    pub kafka: &'a str,
}

impl Stores<'_> {
    /// The variables that the connector files of `infra/debezium` name; without TLS and logins of Kafka.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("DEBEZIUM_DATABASE_HOST", self.database_host.to_owned()),
            ("DEBEZIUM_DATABASE_PORT", self.database_port.to_string()),
            ("DEBEZIUM_DATABASE_USER", self.user.to_owned()),
            ("DEBEZIUM_DATABASE_PASSWORD", self.password.to_owned()),
            ("DEBEZIUM_KAFKA_BROKERS", self.kafka.to_owned()),
            // All is on one machine.
            ("DEBEZIUM_DATABASE_SSL_MODE", "disable".to_owned()),
            ("DEBEZIUM_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT".to_owned()),
            ("DEBEZIUM_KAFKA_SASL_MECHANISM", "PLAIN".to_owned()),
            ("DEBEZIUM_KAFKA_SASL_JAAS_CONFIG", String::new()),
        ]
    }
}

/// Statements, one a line, that make the account [`USER`] with no more rights than it needs, or bring it up
/// to date. `outboxes` are pairs of database and service, such as `("shop_order", "order")`; their tables need
/// not exist. The password may hold no quote and no backslash.
#[must_use]
pub fn account_sql(password: &str, outboxes: &[(&str, &str)]) -> String {
    let mut sql = format!(
        "\
CREATE USER IF NOT EXISTS '{USER}'@'%';
ALTER USER '{USER}'@'%' IDENTIFIED BY '{password}';
GRANT RELOAD, BINLOG MONITOR, REPLICATION SLAVE ON *.* TO '{USER}'@'%';
"
    );
    for (database, service) in outboxes {
        let table = format!("`{database}`.`{service}_outbox`");
        // A right to a table that does not exist can only be given together with that to create it.
        sql.push_str(&format!(
            "GRANT SELECT, CREATE ON {table} TO '{USER}'@'%';\nREVOKE CREATE ON {table} FROM '{USER}'@'%';\n"
        ));
    }
    sql
}
