use std::time::Duration;

use devstack::{
    Error,
    connect::{self, ConnectServer, DEBEZIUM_VERSION, OutboxConnector, Stores},
    kafka::KafkaServer,
    mariadb::MariaDbServer,
    wait,
};

const PATIENCE: Duration = Duration::from_secs(120);

const TABLE: &str = "CREATE DATABASE shop; CREATE TABLE shop.order_outbox (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    event_id VARCHAR(255) CHARACTER SET ascii NOT NULL,
    aggregate_id VARCHAR(128) CHARACTER SET ascii NOT NULL,
    type VARCHAR(64) CHARACTER SET ascii NOT NULL,
    topic VARCHAR(64) CHARACTER SET ascii NOT NULL,
    payload MEDIUMTEXT NOT NULL,
    traceparent VARCHAR(55) CHARACTER SET ascii NULL
)";

const ROW: &str = "INSERT INTO shop.order_outbox (event_id, aggregate_id, type, topic, payload)
    VALUES (UUID(), 'k', 't', 't', '{}')";

#[test]
fn a_worker_goes_and_comes_back_and_its_connector_goes_on() {
    // Short sessions: a killed worker is soon forgotten.
    let kafka = KafkaServer::builder().property("group.min.session.timeout.ms", "1000");
    let kafka = kafka.start().unwrap();
    let mariadb = MariaDbServer::builder().row_binlog().start().unwrap();
    // Rights to the table can be given before there is one.
    let account = connect::account_sql("secret", &[("shop", "order")]);
    mariadb.sql(&account).unwrap();
    mariadb.sql(TABLE).unwrap();
    let stores = Stores {
        database_host: "127.0.0.1",
        database_port: mariadb.port(),
        user: connect::USER,
        password: "secret",
        kafka: &kafka.bootstrap(),
    };
    let worker = ConnectServer::builder(&kafka.bootstrap())
        .property("session.timeout.ms", "2000")
        .property("heartbeat.interval.ms", "500")
        .stores(&stores)
        .start()
        .unwrap();
    assert!(worker.pid().is_some());
    assert!(matches!(worker.start_again(), Err(Error::Running { .. })));

    let rest = worker.rest();
    let outbox = OutboxConnector::new("order", "shop", 5_400);
    let name = outbox.name();
    assert_eq!(rest.state(&name).unwrap(), None);
    assert_eq!(rest.offset(&name).unwrap(), None);
    let mut wrong = outbox.config();
    wrong.remove("database.hostname");
    let error = rest.register(&name, &wrong).unwrap_err();
    assert!(error.to_string().contains("database.hostname"), "{error}");

    rest.register(&name, &outbox.config()).unwrap();
    rest.wait_until_running(&name, PATIENCE).unwrap();
    let is_past = |gtid: &str| {
        wait::until(PATIENCE, format!("{gtid} is published"), || {
            let offset = rest.offset(&name).ok().flatten();
            offset
                .is_some_and(|offset| !offset.in_snapshot && offset.gtids.as_deref() == Some(gtid))
        })
        .unwrap();
    };
    let write = || {
        mariadb.sql(ROW).unwrap();
        mariadb.sql("SELECT @@gtid_binlog_pos").unwrap()
    };
    is_past(&write());

    worker.stop().unwrap();
    assert_eq!(worker.pid(), None);
    assert!(!rest.is_ready());
    let written = write();
    worker.start_again().unwrap();
    is_past(&written);

    worker.kill9().unwrap();
    let written = write();
    worker.start_again().unwrap();
    is_past(&written);

    rest.stop(&name).unwrap();
    rest.forget_offset(&name).unwrap();
    assert_eq!(rest.offset(&name).unwrap(), None);
    rest.resume(&name).unwrap();
    is_past(&written);
    rest.pause(&name).unwrap();
    rest.resume(&name).unwrap();
    rest.restart(&name).unwrap();
    rest.wait_until_running(&name, PATIENCE).unwrap();

    // A task that cannot start is restarted once, and then says why.
    mariadb.kill9().unwrap();
    rest.restart(&name).unwrap();
    wait::until(PATIENCE, "it has failed", || {
        let state = rest.state(&name).ok().flatten();
        state.is_some_and(|state| state.has_failed())
    })
    .unwrap();
    let error = rest.wait_until_running(&name, PATIENCE).unwrap_err();
    assert!(matches!(error, Error::Connect(_)), "{error}");
    mariadb.start_again().unwrap();
    rest.wait_until_running(&name, PATIENCE).unwrap();
    rest.delete(&name).unwrap();
    wait::until(PATIENCE, "it is gone", || {
        rest.state(&name).is_ok_and(|state| state.is_none())
    })
    .unwrap();
    let log = worker.log();
    assert!(log.contains(DEBEZIUM_VERSION), "{log}");
    assert!(!log.contains("secret"), "a password is in the log");
}

#[test]
fn a_property_that_connect_does_not_like_is_explained() {
    let error = ConnectServer::builder("127.0.0.1:1")
        .property("offset.flush.interval.ms", "soon")
        .start()
        .unwrap_err();
    assert!(
        matches!(&error, Error::Ended { log, .. } if log.contains("offset.flush.interval.ms")),
        "{error}"
    );
}
