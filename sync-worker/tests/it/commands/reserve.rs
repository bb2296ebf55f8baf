//! `order.placed`

use std::time::Duration;

use contracts::{EventType, failed_event_id};
use inventory_core::{Count, CustomerId, LimitChange, OrderId, PurchaseLimit, Reserve};
use serde_json::{Value, json};
use service_kit::consumer::{HandlerError, Outcome};

use super::shop::*;
use crate::{bench::Bench, site::work, support::*};

fn failed(events: &[Value]) -> Vec<(&str, &str)> {
    let text = |event: &Value, name: &str| event["data"][name].as_str().map(str::len);
    assert!(events.iter().all(|event| text(event, "orderId").is_some()));
    let of = events.iter().map(|event| {
        let data = &event["data"];
        (
            data["orderId"].as_str().unwrap(),
            data["reason"].as_str().unwrap(),
        )
    });
    of.collect()
}

#[tokio::test]
async fn an_order_is_held_once_however_often_it_is_told() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2), ("b", 1), ("a", 1)]).await;
    assert_eq!(shop.stock("a"), [7, 3, 0]);
    assert_eq!(shop.stock("b"), [9, 1, 0]);
    shop.is_done("reserve:o-1").await;
    // Another event about the same order, and the first one a day later.
    shop.does(EventType::OrderPlaced, "again", placed("o-1", &[("a", 9)]))
        .await;
    shop.place("o-1", &[("a", 2), ("b", 1), ("a", 1)]).await;
    assert_eq!(shop.stock("a"), [7, 3, 0]);
    let told = shop.events(EventType::InventoryReserved).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["data"]["orderId"], "o-1");
    assert_eq!(told[0]["data"]["reservationId"], "order-o-1");
    assert_eq!(told[0]["data"]["customerId"], "u-1");
    assert_eq!(told[0]["causationid"], "place-o-1");
    assert_eq!(told[0]["correlationid"], "o-1");
    assert!(
        told[0]["traceparent"]
            .as_str()
            .unwrap()
            .starts_with("00-4bf9")
    );
    assert_eq!(
        shop.events(EventType::InventoryReservationFailed).await,
        [Value::Null; 0]
    );
    shop.counted(r#"commands_total{kind="reserve",outcome="done",reason=""} 1"#);
    shop.counted(r#"commands_total{kind="reserve",outcome="repeated",reason=""} 8"#);
    shop.is_clean().await;
}

#[tokio::test]
async fn a_refusal_is_told_once_with_all_that_is_short() {
    let shop = Shop::open().await;
    let id = "0192f0c1-2f3b-7000-8000-000000000001";
    let data = placed("o-1", &[("a", 11), ("b", 3), ("b", 20)]);
    shop.does(EventType::OrderPlaced, id, data).await;
    shop.is_refused("reserve:o-1", "INSUFFICIENT_STOCK").await;
    let told = shop.events(EventType::InventoryReservationFailed).await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0]["data"],
        json!({"orderId": "o-1", "reason": "INSUFFICIENT_STOCK", "shortages": [
            {"skuId": "a", "locationId": "default", "requested": 11, "available": 10},
            {"skuId": "b", "locationId": "default", "requested": 23, "available": 10}]})
    );
    let event_id = failed_event_id(id, EventType::InventoryReservationFailed);
    assert_eq!(told[0]["id"], event_id);
    assert_eq!(
        (&told[0]["correlationid"], &told[0]["causationid"]),
        (&json!("o-1"), &json!(id))
    );
    assert_eq!(told[0]["source"], "/services/inventory");
    // It is not asked again when there is enough.
    shop.bench.world.put("more", "a", 100).await;
    shop.bench.world.put("more-b", "b", 100).await;
    shop.does(EventType::OrderPlaced, id, placed("o-1", &[("a", 11)]))
        .await;
    assert_eq!(shop.stock("a"), [100, 0, 0]);
    assert_eq!(
        shop.events(EventType::InventoryReservationFailed)
            .await
            .len(),
        1
    );
    shop.is_clean().await;
}

#[tokio::test]
async fn every_other_refusal_is_told_with_its_code() {
    let shop = Shop::open().await;
    let limited = Count {
        limit: LimitChange::Set(PurchaseLimit::new(2, None).unwrap()),
        ..count("limit", "c", 10)
    };
    let world = &shop.bench.world;
    world
        .engine
        .count(S, &limited, soon())
        .await
        .unwrap()
        .unwrap();
    shop.place("unknown", &[("a", 1), ("nowhere", 1)]).await;
    shop.place("limited", &[("c", 3)]).await;
    shop.place("none", &[]).await;
    shop.place("negative", &[("a", -1)]).await;
    shop.place("zero", &[("a", 0)]).await;
    shop.place(&"x".repeat(59), &[("a", 1)]).await;
    let nobody = json!({"orderId": "nobody", "items": items(&[("c", 1)])});
    shop.does(EventType::OrderPlaced, "nobody", nobody).await;
    let shape = json!({"orderId": "shape", "items": [{"skuId": "a", "quantity": "2"}]});
    shop.does(EventType::OrderPlaced, "shape", shape).await;
    let told = shop.events(EventType::InventoryReservationFailed).await;
    let long = "x".repeat(59);
    assert_eq!(
        failed(&told),
        [
            ("unknown", "UNKNOWN_SKU"),
            ("limited", "PURCHASE_LIMIT_EXCEEDED"),
            ("none", "INVALID"),
            ("negative", "INVALID"),
            ("zero", "INVALID"),
            (&long, "INVALID"),
            ("nobody", "INVALID_REQUEST"),
            ("shape", "INVALID"),
        ]
    );
    assert!(
        told.iter()
            .all(|event| event["data"]["shortages"] == json!([]))
    );
    assert_eq!(shop.stock("a"), [10, 0, 0]);
    shop.counted(r#"commands_total{kind="reserve",outcome="refused",reason="INVALID"} 5"#);
    shop.is_clean().await;
}

fn named(order: &str, reservation: &str, of: &[(&str, i64)]) -> Value {
    let mut data = placed(order, of);
    data["reservationId"] = json!(reservation);
    data
}

#[tokio::test]
async fn an_order_takes_the_hold_that_its_customer_has() {
    let shop = Shop::open().await;
    let world = &shop.bench.world;
    world.reserve("r-1", &[("a", 2)]).await;
    shop.does(
        EventType::OrderPlaced,
        "e-1",
        named("o-1", "r-1", &[("a", 2)]),
    )
    .await;
    shop.is_done("reserve:o-1").await;
    assert_eq!(shop.stock("a"), [8, 2, 0]);
    let told = shop.events(EventType::InventoryReserved).await;
    assert_eq!(told.last().unwrap()["data"]["orderId"], "o-1");
    // It has an order now.
    shop.does(
        EventType::OrderPlaced,
        "e-2",
        named("o-2", "r-1", &[("a", 2)]),
    )
    .await;
    shop.is_refused("reserve:o-2", "IDEMPOTENCY_MISMATCH").await;
    // And what the other order lets go is not the first one's.
    let cancelled = about("o-2", "r-1", &[("a", 2)]);
    shop.does(EventType::OrderCancelled, "c-2", cancelled).await;
    assert_eq!(shop.status("r-1").await.unwrap(), "RESERVED");
    shop.is_clean().await;
}

#[tokio::test]
async fn a_hold_that_an_order_cannot_have_is_refused_with_the_reason() {
    let shop = Shop::open().await;
    let world = &shop.bench.world;
    world.reserve("other-items", &[("a", 2)]).await;
    let theirs = Reserve {
        customer: Some(CustomerId::parse("u-2").unwrap()),
        ..reserve("other-customer", &[("a", 1)])
    };
    let over = Reserve {
        ttl_ms: 1,
        order: Some(OrderId::parse("o-bound").unwrap()),
        customer: Some(CustomerId::parse("u-1").unwrap()),
        ..reserve("bound-and-over", &[("a", 1)])
    };
    for command in [&theirs, &over] {
        world
            .engine
            .reserve(S, command, soon())
            .await
            .unwrap()
            .unwrap();
    }
    let brief = Reserve {
        ttl_ms: 1,
        ..reserve("over", &[("a", 1)])
    };
    world
        .engine
        .reserve(S, &brief, soon())
        .await
        .unwrap()
        .unwrap();
    world.reserve("back", &[("a", 1)]).await;
    world
        .engine
        .release(S, &release("back"), soon())
        .await
        .unwrap()
        .unwrap();
    eventually("they are over", async || {
        shop.status("over").await.unwrap() == "EXPIRED"
    })
    .await;
    for (order, hold, reason) in [
        ("o-1", "other-items", "IDEMPOTENCY_MISMATCH"),
        ("o-2", "other-customer", "IDEMPOTENCY_MISMATCH"),
        ("o-3", "over", "RESERVATION_EXPIRED"),
        ("o-4", "back", "RESERVATION_RELEASED"),
        ("o-bound", "bound-and-over", "RESERVATION_EXPIRED"),
    ] {
        shop.does(
            EventType::OrderPlaced,
            order,
            named(order, hold, &[("a", 1)]),
        )
        .await;
        shop.is_refused(&format!("reserve:{order}"), reason).await;
    }
    // A name that nothing has is as good as any.
    shop.does(
        EventType::OrderPlaced,
        "o-5",
        named("o-5", "new", &[("a", 1)]),
    )
    .await;
    shop.is_done("reserve:o-5").await;
    shop.is_clean().await;
}

/// It died between the engine's answer and its own record, and nobody came back before the deadline.
#[tokio::test]
async fn a_hold_that_was_made_and_is_over_is_not_also_refused() {
    let shop = Shop::open().await;
    let (brief, _) = commands(&shop.bench.world, Duration::from_millis(1));
    let data = placed("o-1", &[("a", 1)]);
    shop.bench.world.reserve("r-1", &[("b", 1)]).await;
    let bound = named("o-2", "r-1", &[("b", 1)]);
    for (id, data) in [("e-1", &data), ("e-2", &bound)] {
        attempt(&brief, EventType::OrderPlaced, id, data)
            .await
            .unwrap();
    }
    shop.bench.world.at_rest().await;
    shop.bench
        .world
        .engine
        .release(S, &release("r-1"), soon())
        .await
        .unwrap()
        .unwrap();
    shop.bench
        .world
        .sql(&["DELETE FROM inventory_command"])
        .await;
    eventually("it is over", async || {
        shop.status("order-o-1").await.unwrap() == "EXPIRED"
    })
    .await;
    shop.does(EventType::OrderPlaced, "e-1", data).await;
    shop.does(EventType::OrderPlaced, "e-2", bound).await;
    shop.is_done("reserve:o-1").await;
    shop.is_done("reserve:o-2").await;
    assert!(
        shop.events(EventType::InventoryReservationFailed)
            .await
            .is_empty()
    );
}

/// The same, and the projection has not told yet that this command bound the hold.
#[tokio::test]
async fn a_hold_that_is_over_is_not_refused_before_it_is_known_who_had_it() {
    let shop = Shop::open().await;
    shop.bench.world.reserve("r-1", &[("b", 1)]).await;
    shop.bench.world.at_rest().await;
    let Shop {
        bench, commands, ..
    } = shop;
    let Bench { world, working } = bench;
    working.stop().await;
    let bound = named("o-1", "r-1", &[("b", 1)]);
    let handed_over = async || attempt(&commands, EventType::OrderPlaced, "e-1", &bound).await;
    assert_eq!(handed_over().await.unwrap(), Outcome::Done);
    // It died before its record, and the hold is over.
    world.sql(&["DELETE FROM inventory_command"]).await;
    let released = world.engine.release(S, &release("r-1"), soon()).await;
    released.unwrap().unwrap();
    let tried = handed_over().await;
    assert!(waits_for_the_projection(&tried), "{tried:?}");
    let working = work(&world).await;
    world.at_rest().await;
    assert_eq!(handed_over().await.unwrap(), Outcome::Done);
    let outcome: String = sqlx::query_scalar("SELECT outcome FROM inventory_command")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(outcome, "DONE");
    working.stop().await;
}

#[tokio::test]
async fn a_fenced_shard_lets_the_command_wait() {
    let world = crate::site::shop().await;
    let (commands, _) = commands(&world, HOLD);
    let data = placed("o-1", &[("a", 1)]);
    let waits = attempt(&commands, EventType::OrderPlaced, "e", &data).await;
    let Err(HandlerError::Transient(why)) = waits else {
        panic!("{waits:?}");
    };
    assert!(why.contains("SHARD_RECOVERING"), "{why}");
    let rows: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM inventory_command")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_corrupt_key_puts_only_what_needs_it_aside() {
    let shop = Shop::open().await;
    shop.bench.redis(&["SET", &k("rsv:order-o-1"), "?"]);
    let data = placed("o-1", &[("a", 1)]);
    let put_aside = shop.try_do(EventType::OrderPlaced, "e", &data).await;
    let Err(HandlerError::Permanent { reason, .. }) = put_aside else {
        panic!("{put_aside:?}");
    };
    assert_eq!(reason, "STORE_CORRUPT");
    shop.place("o-2", &[("a", 1)]).await;
    shop.bench.redis(&["DEL", &k("rsv:order-o-1")]);
    shop.place("o-1", &[("a", 1)]).await;
    assert_eq!(shop.stock("a"), [8, 2, 0]);
}
