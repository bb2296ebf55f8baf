//! A bare event on Kafka is held; what is none stops nobody, and is found with its reason.

use contracts::EventType;
use serde_json::{Value, json};
use service_kit::{
    dlq::{self, Pick, Resolution},
    kafka::Kafka,
};

use super::{process::*, shop::*};

const PLACED: EventType = EventType::OrderPlaced;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bare_orders_are_held_and_poison_stops_nobody() {
    let plant = Plant::start(10).await;
    // With nothing but what a hold needs.
    let bare = json!({"orderId": "o-1", "items": [{"skuId": "a", "quantity": 2}]});
    plant.send(PLACED, "o-1", "e-1", &bare).await;
    plant
        .send(PLACED, "o-2", "e-2", &placed("o-2", &[("a", 99)]))
        .await;
    plant.decided("reserve:o-1").await;
    plant.decided("reserve:o-2").await;
    assert_eq!(plant.stock(), [8, 2, 0]);
    plant.told().await;
    let held = plant.events(EventType::InventoryReserved).into_values();
    let held: Vec<_> = held.collect();
    assert_eq!(held.len(), 1, "{held:?}");
    assert_eq!(held[0]["data"]["reservationId"], "order-o-1");
    assert_eq!(held[0]["causationid"], "e-1");
    let failed = plant.events(EventType::InventoryReservationFailed);
    let failed: Vec<_> = failed.into_values().collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!(failed[0]["data"]["shortages"][0]["available"], 8);
    patiently("ready, with Kafka", async || {
        let (status, body) = ask(&plant.worker, "/readyz");
        let body: Value = serde_json::from_str(&body).unwrap();
        (status, &body["dependencies"]["kafka"]["status"]) == (200, &json!("up"))
    })
    .await;

    poison(&plant).await;
    redelivered(&plant).await;
    plant.is_clean().await;
    let (_, metrics) = ask(&plant.worker, "/metrics");
    for line in [
        r#"sync_worker_commands_total{kind="reserve",outcome="done",reason=""}"#,
        r#"sync_worker_consumer_dead_letters_total{topic="order.placed",reason="NOT_JSON"}"#,
        r#"sync_worker_outbox_published_total{topic="inventory.reserved"}"#,
        "sync_worker_projection_lag_seconds",
    ] {
        assert!(metrics.contains(line), "{line}:\n{metrics}");
    }
    assert!(plant.worker.terminate().unwrap().success());
}

/// Each with an order behind it, by the same key, hence on the same partition.
async fn poison(plant: &Plant) {
    let huge = format!("{{\"x\":\"{}\"", "y".repeat(900_000));
    let typed = |name: &str, version: &str, data: Value| {
        json!({"specversion": version, "id": name, "source": "/x", "type": name, "data": data})
            .to_string()
    };
    let whole = placed("poison", &[("a", 1)]);
    let sorts = [
        ("not json".to_owned(), "NOT_JSON"),
        ("[1]".to_owned(), "NOT_JSON"),
        (huge, "NOT_JSON"),
        ("{}".to_owned(), "NO_EVENT"),
        (
            typed("order.placed", "0.3", whole.clone()),
            "UNKNOWN_VERSION",
        ),
        (
            typed("order.placed.v9", "1.0", whole.clone()),
            "UNKNOWN_VERSION",
        ),
        (typed("order.cancelled", "1.0", whole), "WRONG_TYPE"),
        (
            typed("order.placed", "1.0", json!({"items": []})),
            "INVALID_DATA",
        ),
        (
            typed("order.placed", "1.0", json!({"orderId": " "})),
            "INVALID_DATA",
        ),
        (typed("order.placed", "1.0", json!(7)), "INVALID_DATA"),
    ];
    for (value, _) in &sorts {
        plant.put(PLACED.topic(), "k", value.as_bytes()).await;
    }
    plant
        .send(PLACED, "k", "behind", &placed("behind", &[("a", 1)]))
        .await;
    plant.decided("reserve:behind").await;
    let kafka = Kafka::new(plant.kafka.bootstrap(), "test");
    let letters = dlq::read(&kafka, PLACED.topic()).await.unwrap().letters;
    let reasons: Vec<_> = letters
        .iter()
        .map(|letter| letter.reason.as_str())
        .collect();
    assert_eq!(reasons, sorts.map(|(_, reason)| reason));
    assert!(
        letters
            .iter()
            .all(|letter| letter.consumer == "sync-worker")
    );
}

/// Everything once more: from the dead letters, and as Kafka does.
async fn redelivered(plant: &Plant) {
    let kafka = Kafka::new(plant.kafka.bootstrap(), "test");
    let before = (plant.stock(), plant.outcomes());
    let all = Pick::default();
    let replayed = dlq::resolve(&kafka, PLACED.topic(), &all, Resolution::Replayed).await;
    assert_eq!(replayed.unwrap().offsets.len(), 10);
    let bare = json!({"orderId": "o-1", "items": [{"skuId": "a", "quantity": 2}]});
    plant.send(PLACED, "o-1", "e-1", &bare).await;
    plant
        .send(PLACED, "o-2", "e-2", &placed("o-2", &[("a", 99)]))
        .await;
    plant
        .send(PLACED, "k", "behind", &placed("behind", &[("a", 1)]))
        .await;
    plant
        .send(PLACED, "k", "last", &placed("last", &[("a", 99)]))
        .await;
    plant.decided("reserve:last").await;
    plant.consumed(PLACED.topic()).await;
    plant.told().await;
    let mut after = plant.outcomes();
    assert_eq!(after.remove("last"), Some(1));
    assert_eq!((plant.stock(), after), before);
    // What could not be read cannot be read now.
    let letters = dlq::read(&kafka, PLACED.topic()).await.unwrap().letters;
    let open = letters.iter().filter(|letter| letter.resolution.is_none());
    assert_eq!(open.count(), 10);
}
