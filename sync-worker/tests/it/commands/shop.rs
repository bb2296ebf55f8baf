//! A shop with a worker that writes events, and commands that are handed over without Kafka.

use std::time::Duration;

use contracts::{EventType, RawEnvelope};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use service_kit::{
    consumer::{HandlerError, Outcome},
    relay::Waker,
};
use sqlx::{Connection as _, MySqlConnection};
use sync_worker::{
    commands::{CommandMetrics, Commands},
    project::Events,
};

use crate::{
    bench::Bench,
    site::{shop, work_with},
    support::*,
};
use inventory_core::engine::{ProjectionMode, ShardClock};

pub(crate) const HOLD: Duration = Duration::from_secs(900);

pub(crate) struct Shop {
    pub(crate) bench: Bench,
    pub(crate) commands: Commands,
    registry: Registry,
}

/// A row of `inventory_command`.
pub(crate) type Row = (String, Option<String>);

/// An event as it stands on Kafka.
pub(crate) fn event(event_type: EventType, id: &str, data: &Value) -> String {
    json!({"specversion": "1.0", "id": id, "source": "/test", "type": event_type.name(), "data": data,
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
    .to_string()
}

pub(crate) fn items(items: &[(&str, i64)]) -> Value {
    let item = |(sku, quantity): &(&str, i64)| json!({"skuId": sku, "quantity": quantity});
    items.iter().map(item).collect()
}

pub(crate) fn placed(order: &str, of: &[(&str, i64)]) -> Value {
    json!({"orderId": order, "userId": "u-1", "items": items(of)})
}

pub(crate) fn about(order: &str, reservation: &str, of: &[(&str, i64)]) -> Value {
    json!({"orderId": order, "reservationId": reservation, "items": items(of)})
}

pub(crate) fn refund(order: &str, reservation: &str, refund: &str, of: &[(&str, i64)]) -> Value {
    json!({"paymentId": "p", "orderId": order, "amount": 1, "currency": "KRW", "refundId": refund,
        "reservationId": reservation, "items": items(of)})
}

impl Shop {
    /// With ten units of `a` and of `b`.
    pub(crate) async fn open() -> Self {
        let mut world = shop().await;
        world.clock = ShardClock::Redis;
        world.engine = engine_on(&world.redis, ProjectionMode::Required, ShardClock::Redis).await;
        let events = Some(Events::new(Waker::default()));
        let working = work_with(&world, events).await;
        world.opened().await;
        working.follows().await;
        world.put("op-a", "a", 10).await;
        world.put("op-b", "b", 10).await;
        let (commands, registry) = commands(&world, HOLD);
        Self {
            bench: Bench { world, working },
            commands,
            registry,
        }
    }

    pub(crate) async fn try_do(
        &self,
        event_type: EventType,
        id: &str,
        data: &Value,
    ) -> Result<Outcome, HandlerError> {
        attempt(&self.commands, event_type, id, data).await
    }

    /// Hands an event over, three times; and again, as a consumer does, while only the projection is
    /// waited for.
    pub(crate) async fn does(&self, event_type: EventType, id: &str, data: Value) {
        for _ in 0..3 {
            let mut done = self.try_do(event_type, id, &data).await;
            while waits_for_the_projection(&done) {
                self.bench.world.at_rest().await;
                done = self.try_do(event_type, id, &data).await;
            }
            assert_eq!(done.unwrap(), Outcome::Done);
        }
    }

    pub(crate) async fn place(&self, order: &str, of: &[(&str, i64)]) {
        let id = format!("place-{order}");
        self.does(EventType::OrderPlaced, &id, placed(order, of))
            .await;
    }

    /// available, reserved and sold in Redis.
    pub(crate) fn stock(&self, sku: &str) -> [i64; 3] {
        let figure = |name| self.bench.figure(&format!("default:{sku}"), name);
        [
            figure("availableQuantity"),
            figure("reservedQuantity"),
            figure("soldQuantity"),
        ]
    }

    /// Outcome and reason of a command.
    pub(crate) async fn row(&self, key: &str) -> Option<Row> {
        sqlx::query_as("SELECT outcome, reason FROM inventory_command WHERE command_key = ?")
            .bind(key)
            .fetch_optional(&self.bench.world.pool)
            .await
            .unwrap()
    }

    pub(crate) async fn is_done(&self, key: &str) {
        assert_eq!(
            self.row(key).await,
            Some(("DONE".to_owned(), None)),
            "{key}"
        );
    }

    pub(crate) async fn is_refused(&self, key: &str, reason: &str) {
        let row = Some(("REFUSED".to_owned(), Some(reason.to_owned())));
        assert_eq!(self.row(key).await, row, "{key}");
    }

    /// The events of a type in the outbox, once all is projected.
    pub(crate) async fn events(&self, event_type: EventType) -> Vec<Value> {
        self.bench.world.at_rest().await;
        let rows: Vec<String> =
            sqlx::query_scalar("SELECT payload FROM inventory_outbox WHERE type = ? ORDER BY id")
                .bind(event_type.name())
                .fetch_all(&self.bench.world.pool)
                .await
                .unwrap();
        rows.iter()
            .map(|row| {
                let event: Value = serde_json::from_str(row).unwrap();
                is_valid(event_type, &event);
                event
            })
            .collect()
    }

    pub(crate) async fn status(&self, reservation: &str) -> Option<String> {
        let engine = &self.bench.world.engine;
        let read = engine.reservation(S, &rid(reservation), soon()).await;
        read.unwrap()
            .map(|read| read.reservation.status_at(read.now).to_string())
    }

    /// Whether the text of the metrics has this line.
    pub(crate) fn counted(&self, line: &str) {
        let text = service_kit::metrics::text(&self.registry);
        assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
    }

    /// Both sides agree, and the shard with its history.
    pub(crate) async fn is_clean(&self) {
        self.bench.world.at_rest().await;
        self.bench.is_clean().await;
    }
}

/// It cannot be told yet who changed a reservation.
pub(crate) fn waits_for_the_projection(done: &Result<Outcome, HandlerError>) -> bool {
    matches!(done, Err(HandlerError::Transient(why)) if why.contains("the projection is at"))
}

/// Another worker's connection, in a transaction.
pub(crate) async fn other_worker(url: &str) -> MySqlConnection {
    let mut other = MySqlConnection::connect(url).await.unwrap();
    sqlx::query("START TRANSACTION")
        .execute(&mut other)
        .await
        .unwrap();
    other
}

/// Writes the outcome of a command, and does not commit.
pub(crate) async fn decides(other: &mut MySqlConnection, key: &str, outcome: &str) {
    let kind = key.split(':').next().unwrap().to_uppercase();
    sqlx::query(
        "INSERT INTO inventory_command (command_key, kind, event_id, outcome) VALUES (?, ?, 'x', ?)",
    )
    .bind(key)
    .bind(kind)
    .bind(outcome)
    .execute(other)
    .await
    .unwrap();
}

/// Waits until somebody waits for a row of this database.
pub(crate) async fn waits_for_a_row(world: &World) {
    let database: String = sqlx::query_scalar("SELECT DATABASE()")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    // Only the server's own user may look. (`innodb_trx` would say it better, but shows what it
    // showed before to whoever looks more often than ten times a second.)
    let sql = format!(
        "SELECT COUNT(*) FROM information_schema.processlist
         WHERE db = '{database}' AND command = 'Execute' AND time_ms > 100
           AND info LIKE '%inventory_command%'"
    );
    eventually("it waits for the other", async || {
        MARIADB.sql(&sql).unwrap() != "0"
    })
    .await;
}

/// As its JSON Schema has it.
pub(crate) fn is_valid(event_type: EventType, event: &Value) {
    let schema: Value = serde_json::from_str(event_type.schema()).unwrap();
    let valid = jsonschema::validate(&schema, &event["data"]);
    assert!(valid.is_ok(), "{valid:?}: {event}");
}

/// Commands on a world, and what they measure.
pub(crate) fn commands(world: &World, hold: Duration) -> (Commands, Registry) {
    let mut registry = Registry::default();
    let metrics = CommandMetrics::register(&mut registry);
    let (engine, pool) = (world.engine.clone(), world.pool.clone());
    let commands = Commands::new(engine, S, pool, hold, Waker::default(), metrics);
    (commands, registry)
}

pub(crate) async fn attempt(
    commands: &Commands,
    event_type: EventType,
    id: &str,
    data: &Value,
) -> Result<Outcome, HandlerError> {
    let text = event(event_type, id, data);
    let raw = RawEnvelope::decode(text.as_bytes()).unwrap();
    commands.execute(event_type, &raw.envelope).await
}
