//! The outbox as tests read it.

use std::{collections::BTreeMap, sync::LazyLock};

use contracts::{ENVELOPE_SCHEMA, EventType};
use jsonschema::{Draft, Validator};
use serde_json::Value;
use service_kit::relay::Waker;
use sync_worker::project::{Events, events::LINES_STEP};

use crate::support::*;

/// Of the envelope under its name, and of every type's data.
static SCHEMAS: LazyLock<BTreeMap<&str, Validator>> = LazyLock::new(|| {
    let types = EventType::ALL.iter().map(|it| (it.name(), it.schema()));
    types
        .chain([("envelope", ENVELOPE_SCHEMA)])
        .map(|(name, schema)| {
            let options = jsonschema::options()
                .with_draft(Draft::Draft202012)
                .should_validate_formats(true);
            let schema = serde_json::from_str(schema).unwrap();
            (name, options.build(&schema).unwrap())
        })
        .collect()
});

/// An outlet without a relay behind it.
pub(crate) fn events_of() -> Events {
    Events::new(Waker::default())
}

/// The same Redis with a database of its own, to which nothing is applied yet.
pub(crate) async fn another(world: &World) -> World {
    let url = database_url();
    let another = World {
        redis: world.redis.clone(),
        engine: world.engine.clone(),
        clock: world.clock.clone(),
        pool: migrated(&url).await,
        url,
    };
    another.attach().await;
    another
}

/// Id, key, type and payload.
pub(crate) type Row = (String, String, String, String);

/// What the outbox has, in the order of its ids.
pub(crate) async fn rows(world: &World) -> Vec<Row> {
    sqlx::query_as("SELECT event_id, aggregate_id, type, payload FROM inventory_outbox ORDER BY id")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

/// An event that was found to be as it should.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// `(epoch, n, change, stock)` of its id.
    pub(crate) place: (u64, u64, u64, u64),
    pub(crate) id: String,
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) envelope: Value,
}

impl Event {
    pub(crate) fn data(&self) -> &Value {
        &self.envelope["data"]
    }

    /// A text of the data.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> &str {
        self.data()[name].as_str().unwrap()
    }

    /// A number of the data.
    #[track_caller]
    pub(crate) fn number(&self, name: &str) -> i64 {
        self.data()[name].as_i64().unwrap()
    }

    /// Stock and units of each line.
    pub(crate) fn items(&self) -> Vec<((String, String), i64)> {
        let items = self.data()["items"].as_array().unwrap().iter();
        items
            .map(|item| (stock(item), item["quantity"].as_i64().unwrap()))
            .collect()
    }
}

/// SKU and location.
pub(crate) fn stock(named: &Value) -> (String, String) {
    let text = |name: &str| named[name].as_str().unwrap().to_owned();
    (text("skuId"), text("locationId"))
}

/// What the outbox has, each event held against its schema and its row.
pub(crate) async fn written(world: &World) -> Vec<Event> {
    let rows: Vec<(String, String, String, String, String, String)> = sqlx::query_as(
        "SELECT event_id, aggregate_id, type, payload, topic, aggregate_type
         FROM inventory_outbox ORDER BY id",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let lineage = world.cursor().await.lineage;
    let mut events = Vec::with_capacity(rows.len());
    for (id, key, kind, payload, topic, about) in rows {
        let envelope: Value = serde_json::from_str(&payload).unwrap();
        for (schema, value) in [("envelope", &envelope), (kind.as_str(), &envelope["data"])] {
            let errors: Vec<_> = SCHEMAS[schema].iter_errors(value).collect();
            assert!(errors.is_empty(), "{schema}: {errors:?}: {payload}");
        }
        assert_eq!(envelope["id"], id.as_str());
        assert_eq!(envelope["type"], kind.as_str());
        assert_eq!(envelope["source"], "/services/inventory");
        let data = &envelope["data"];
        let (subject, keyed) = match about.as_str() {
            "reservation" => {
                let own = &data["reservationId"];
                (own, data.get("orderId").unwrap_or(own))
            }
            _ => (&data["skuId"], &data["skuId"]),
        };
        assert_eq!(
            (&envelope["subject"], keyed),
            (subject, &key.clone().into())
        );
        assert_eq!(topic, kind);
        events.push(Event {
            place: place(&id, &lineage, &kind),
            id,
            key,
            kind,
            envelope,
        });
    }
    events
}

/// Where in the journal the event of this id is from.
fn place(id: &str, lineage: &str, kind: &str) -> (u64, u64, u64, u64) {
    let rest = id.strip_prefix(&format!("{}-0-", &lineage[..8])).unwrap();
    let parts: Vec<u64> = rest.split('-').map(|part| part.parse().unwrap()).collect();
    let [epoch, n, place] = parts.as_slice() else {
        panic!("{id}");
    };
    let number = EventType::parse(kind).unwrap().unwrap().inventory_number();
    assert_eq!(place % 16, u64::from(number.unwrap().get()), "{id}: {kind}");
    let step = u64::from(LINES_STEP);
    (*epoch, *n, place / 16 / step, place / 16 % step)
}
