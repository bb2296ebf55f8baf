//! What leaves through the outbox, and what comes in from the inventory.

use std::{collections::BTreeMap, time::Duration};

use contracts::{
    Envelope, EventType, Timestamp,
    inventory::{Depleted, Restored},
};
use devstack::kafka::KafkaServer;
use rdkafka::{
    ClientConfig, Message as _,
    consumer::{Consumer as _, StreamConsumer},
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Catalog, NOBODY, PATIENCE, text, until};

const CREATED: &str = include_str!("../../../contracts/schemas/product.sku.created.json");
const CHANGED: &str = include_str!("../../../contracts/schemas/product.changed.json");

/// As many messages as wanted, `(topic, key, event)`, each held against its schema.
async fn messages(broker: &KafkaServer, wanted: usize) -> Vec<(String, String, Value)> {
    let consumer: StreamConsumer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .set("group.id", "test")
        .set("auto.offset.reset", "earliest")
        .create()
        .unwrap();
    let topics = [EventType::ProductSkuCreated, EventType::ProductChanged].map(EventType::topic);
    consumer.subscribe(&topics).unwrap();
    let mut all = Vec::new();
    while all.len() < wanted {
        let message = tokio::time::timeout(PATIENCE, consumer.recv())
            .await
            .unwrap()
            .unwrap();
        let event: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        let schema = if message.topic() == EventType::ProductChanged.topic() {
            CHANGED
        } else {
            CREATED
        };
        let schema: Value = serde_json::from_str(schema).unwrap();
        let data = &event["data"];
        assert!(
            jsonschema::draft202012::is_valid(&schema, &event)
                || jsonschema::draft202012::is_valid(&schema, data),
            "{event}"
        );
        let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
        all.push((message.topic().to_owned(), key, event));
    }
    all
}

struct Told {
    producer: FutureProducer,
    sent: u32,
}

impl Told {
    async fn tell<T: contracts::EventData>(&mut self, data: T) {
        self.sent += 1;
        let id = format!("inventory-event-{}", self.sent);
        let event = Envelope::new(id, Timestamp::from_unix_ms(0).unwrap(), data);
        let key = event.data.key();
        let payload = event.encode().unwrap();
        let header = Header {
            key: "ce_type",
            value: Some(T::TYPE),
        };
        let record = FutureRecord::to(T::EVENT_TYPE.topic())
            .key(&key)
            .payload(&payload)
            .headers(OwnedHeaders::new().insert(header));
        self.producer
            .send(record, Duration::from_secs(30))
            .await
            .unwrap();
    }

    async fn depleted(&mut self, sku: &str, version: u64) {
        let (sku_id, location_id) = (sku.to_owned(), "default".to_owned());
        self.tell(Depleted {
            sku_id,
            location_id,
            available_quantity: 0,
            version,
        })
        .await;
    }

    async fn restored(&mut self, sku: &str, version: u64) {
        let (sku_id, location_id) = (sku.to_owned(), "default".to_owned());
        self.tell(Restored {
            sku_id,
            location_id,
            available_quantity: 5,
            version,
        })
        .await;
    }
}

#[tokio::test]
async fn products_are_told_and_the_newest_word_about_stock_counts() {
    let broker = KafkaServer::builder().start().unwrap();
    let nobody = format!("http://{NOBODY}");
    let catalog = Catalog::start_with(&nobody, &broker.bootstrap()).await;
    let id = catalog
        .product(
            "Tee",
            json!({"optionGroups": [{"name": "g", "values": [{"value": "x"},
                {"value": "y", "additionalPrice": 500}]}],
                "skus": [{"options": {"g": "x"}, "skuId": "1", "initialQuantity": 100}]}),
        )
        .await;
    let path = format!("/api/products/{id}/status");
    catalog
        .admin(Method::PATCH, &path, json!({"status": "STOPPED"}))
        .await
        .expect(200);
    catalog
        .admin(Method::PATCH, &path, json!({"status": "ON_SALE"}))
        .await
        .expect(200);

    let told = messages(&broker, 5).await;
    let created: BTreeMap<&str, &Value> = told
        .iter()
        .filter(|(topic, ..)| topic == "product.sku.created")
        .map(|(_, key, event)| (key.as_str(), &event["data"]))
        .collect();
    assert_eq!(created.len(), 2);
    assert_eq!(
        created["1"],
        &json!({"skuId": "1", "productId": id, "price": 10_000, "initialQuantity": 100})
    );
    let other = created.values().find(|sku| sku["skuId"] != "1").unwrap();
    assert_eq!(
        (&other["price"], &other["initialQuantity"]),
        (&json!(10_500), &json!(0))
    );
    let statuses: Vec<String> = told
        .iter()
        .filter(|(topic, key, _)| topic == "product.changed" && *key == id)
        .map(|(_, _, event)| text(&event["data"]["status"]))
        .collect();
    assert_eq!(statuses, ["ON_SALE", "STOPPED", "ON_SALE"]);
    assert!(
        told.iter()
            .all(|(_, _, event)| event["source"] == "/services/catalog")
    );

    let producer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .create()
        .unwrap();
    let mut told = Told { producer, sent: 0 };
    let sold_out = || async {
        let detail = catalog
            .get(&format!("/api/products/{id}"))
            .await
            .expect(200);
        detail["soldOut"].as_bool().unwrap()
    };
    assert!(!sold_out().await);
    told.depleted("1", 5).await;
    until("sold out", sold_out).await;
    assert_eq!(catalog.found("inStock=true").await, [""; 0]);
    assert_eq!(catalog.found("").await, ["Tee"]);
    // The later one first; the earlier changes nothing when it comes.
    told.restored("1", 9).await;
    until("there again", || async { !sold_out().await }).await;
    told.depleted("1", 8).await;
    told.depleted("nobody-knows", 1).await;
    let skipped = |reason: &str| {
        let reason = format!("reason=\"{reason}\"");
        let catalog = &catalog;
        async move {
            let metrics = catalog.get("/metrics").await.text;
            metrics
                .lines()
                .any(|line| line.contains("skipped") && line.contains(&reason))
        }
    };
    until("the old one is passed over", || {
        skipped("older than what is known")
    })
    .await;
    until("the unknown one too", || skipped("unknown sku")).await;
    assert!(!sold_out().await);
    assert_eq!(catalog.found("inStock=true").await, ["Tee"]);
}
