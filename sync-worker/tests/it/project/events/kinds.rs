//! Each kind of change, done by the engine, and what the shop hears of it.

use inventory_core::*;
use serde_json::{Value, json};
use sync_worker::{cursor::Cursor, project::Events, status::Status};

use super::outbox::{Event, events_of, rows, written};
use crate::{project::project_with, support::*};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A world whose projection tells what is new.
struct Ear {
    world: World,
    cursor: Cursor,
    status: Status,
    events: Events,
    heard: usize,
}

impl Ear {
    async fn new() -> Self {
        let world = world().await;
        Self {
            cursor: world.attach().await,
            world,
            status: Status::default(),
            events: events_of(),
            heard: 0,
        }
    }

    async fn news(&mut self) -> Vec<Event> {
        let (world, events) = (&self.world, Some(&self.events));
        project_with(world, &mut self.cursor, 100, &self.status, events).await;
        let all = written(world).await;
        let news = all[self.heard..].to_vec();
        self.heard = all.len();
        news
    }

    /// The new events are these: type without `inventory.`, and data.
    async fn hears(&mut self, what: &[(&str, Value)]) -> Vec<Event> {
        let news = self.news().await;
        let said: Vec<_> = news
            .iter()
            .map(|event| {
                let kind = event.kind.strip_prefix("inventory.").unwrap();
                (kind, event.data().clone())
            })
            .collect();
        assert_eq!(said, what);
        news
    }
}

fn line(sku: &str, quantity: u32) -> Value {
    json!({"skuId": sku, "locationId": "default", "quantity": quantity})
}

fn turn(sku: &str, available: u64, version: u64) -> Value {
    json!({
        "skuId": sku, "locationId": "default", "availableQuantity": available, "version": version
    })
}

fn adjusted(sku: &str, delta: i64, available: u64, version: u64) -> Value {
    let mut data = turn(sku, available, version);
    data["delta"] = delta.into();
    data["reason"] = "".into();
    data
}

fn text(text: &str) -> Option<Text> {
    Some(Text::parse(text).unwrap())
}

#[tokio::test]
async fn counts_and_adjustments() {
    let mut ear = Ear::new().await;
    let engine = ear.world.engine.clone();
    ear.world.put("op-1", "a", 0).await;
    ear.hears(&[]).await;
    ear.world.put("op-2", "a", 5).await;
    let news = ear
        .hears(&[
            ("adjusted", adjusted("a", 5, 5, 2)),
            ("restored", turn("a", 5, 2)),
        ])
        .await;
    assert_eq!(news[0].envelope["correlationid"], "op-2");
    assert_eq!(news[0].envelope.get("causationid"), None);
    assert_eq!(news[0].envelope["time"], "2027-01-15T08:00:00.000Z");
    // What was known is no news.
    ear.world.put("op-3", "a", 5).await;
    ear.hears(&[]).await;
    // A stock that begins with units.
    ear.world.put("op-4", "X|a", 7).await;
    let mut there = adjusted("a", 7, 7, 1);
    there["locationId"] = "X".into();
    let mut turned = turn("a", 7, 1);
    turned["locationId"] = "X".into();
    ear.hears(&[("adjusted", there), ("restored", turned)])
        .await;

    let loss = Adjust {
        reason: text("kaputt: 'weil' \u{1f4a5}"),
        context: Context {
            actor: text("Zoë"),
            request_id: text("req-1"),
            traceparent: text(TRACE),
        },
        ..adjust("op-5", "a", -5)
    };
    engine.adjust(S, &loss, soon()).await.unwrap().unwrap();
    let mut data = adjusted("a", -5, 0, 4);
    data["reason"] = "kaputt: 'weil' \u{1f4a5}".into();
    let news = ear
        .hears(&[("adjusted", data), ("depleted", turn("a", 0, 4))])
        .await;
    for event in news {
        assert_eq!(event.envelope["correlationid"], "req-1");
        assert_eq!(event.envelope["causationid"], "req-1");
        assert_eq!(event.envelope["traceparent"], TRACE);
    }
    let traces: Vec<Option<String>> =
        sqlx::query_scalar("SELECT traceparent FROM inventory_outbox ORDER BY id DESC LIMIT 3")
            .fetch_all(&ear.world.pool)
            .await
            .unwrap();
    let trace = Some(TRACE.to_owned());
    assert_eq!(traces, [trace.clone(), trace, None]);

    // Retired, and created again.
    let retire = Retire {
        key: key("a"),
        context: Context::default(),
    };
    engine.retire(S, &retire, soon()).await.unwrap().unwrap();
    ear.hears(&[]).await;
    ear.world.put("op-6", "a", 1).await;
    let [_, restored] = ear.news().await.try_into().unwrap();
    assert_eq!(
        (restored.kind.as_str(), restored.number("availableQuantity")),
        ("inventory.restored", 1)
    );
    let attest = AttestStock {
        key: key("a"),
        version_above: 0,
        ledger_delta: 0,
        reason: text("looked at").unwrap(),
        context: Context::default(),
    };
    engine
        .attest_stock(S, &attest, soon())
        .await
        .unwrap()
        .unwrap();
    ear.hears(&[]).await;
}

#[tokio::test]
async fn the_life_of_a_reservation() {
    let mut ear = Ear::new().await;
    let engine = ear.world.engine.clone();
    ear.world.put("op-1", "a", 5).await;
    ear.world.put("op-2", "b", 4).await;
    ear.news().await;

    // Two stocks run out by one change.
    let hold = Reserve {
        customer: Some(CustomerId::parse("c-1").unwrap()),
        ..reserve("r-1", &[("a", 5), ("b", 4)])
    };
    engine.reserve(S, &hold, soon()).await.unwrap().unwrap();
    let mut data = json!({
        "reservationId": "r-1", "customerId": "c-1", "items": [line("a", 5), line("b", 4)],
        "expiresAt": "2027-01-15T08:15:00.000Z",
    });
    let news = ear
        .hears(&[
            ("reserved", data.clone()),
            ("depleted", turn("a", 0, 2)),
            ("depleted", turn("b", 0, 2)),
        ])
        .await;
    let (epoch, n, ..) = news[0].place;
    let places: Vec<_> = news.iter().map(|event| event.place).collect();
    assert_eq!(
        places,
        [(epoch, n, 0, 0), (epoch, n, 0, 0), (epoch, n, 0, 1)]
    );
    let ids: Vec<_> = news.iter().map(|event| event.id.clone()).collect();
    let id = |place: u64| format!("00000000-0-{epoch}-{n}-{place}");
    assert_eq!(ids, [id(0), id(7), id(16 + 7)]);
    for event in &news {
        assert_eq!(event.envelope["correlationid"], "r-1");
    }

    // It takes an order: said again, under the order's key.
    let bound = Reserve {
        order: Some(OrderId::parse("o-1").unwrap()),
        context: Context {
            request_id: text("evt-1"),
            ..Context::default()
        },
        ..hold
    };
    engine.reserve(S, &bound, soon()).await.unwrap().unwrap();
    data["orderId"] = "o-1".into();
    let news = ear.hears(&[("reserved", data)]).await;
    assert_eq!(news[0].key, "o-1");
    assert_eq!(news[0].envelope["correlationid"], "o-1");
    assert_eq!(news[0].envelope["causationid"], "evt-1");

    let extend = Extend {
        id: rid("r-1"),
        ttl_ms: 1_000_000,
        max_hold_ms: 86_400_000,
        context: Context::default(),
    };
    engine.extend(S, &extend, soon()).await.unwrap().unwrap();
    let stated = engine
        .attest_reservation(
            S,
            &rid("r-1"),
            &text("looked at").unwrap(),
            &Context::default(),
            soon(),
        )
        .await;
    stated.unwrap().unwrap();
    ear.hears(&[]).await;

    // A part of it is sold; the rest goes back.
    let part = Confirm {
        lines: Some(lines(&[("a", 2)])),
        ..confirm("r-1")
    };
    engine.confirm(S, &part, soon()).await.unwrap().unwrap();
    let sold = json!({"reservationId": "r-1", "orderId": "o-1", "items": [line("a", 2)]});
    ear.hears(&[
        ("confirmed", sold),
        ("restored", turn("a", 3, 3)),
        ("restored", turn("b", 4, 3)),
    ])
    .await;

    for (id, back) in [("ret-1", Some(lines(&[("a", 1)]))), ("ret-2", None)] {
        let command = Return {
            id: rid("r-1"),
            return_id: oid(id),
            lines: back,
            context: Context::default(),
        };
        let back = engine.return_goods(S, &command, soon()).await;
        back.unwrap().unwrap();
        let data = json!({"reservationId": "r-1", "orderId": "o-1", "items": [line("a", 1)]});
        let news = ear.hears(&[("returned", data)]).await;
        assert_eq!(news[0].key, "o-1");
    }
}

#[tokio::test]
async fn holds_that_end_without_a_sale() {
    let mut ear = Ear::new().await;
    let engine = ear.world.engine.clone();
    ear.world.put("op-1", "a", 3).await;
    ear.news().await;
    ear.world.reserve("r-1", &[("a", 1)]).await;
    ear.news().await;
    let given_back = Release {
        reason: text("USER_REQUEST"),
        ..release("r-1")
    };
    engine
        .release(S, &given_back, soon())
        .await
        .unwrap()
        .unwrap();
    let data = json!({"reservationId": "r-1", "items": [line("a", 1)], "reason": "USER_REQUEST"});
    ear.hears(&[("released", data)]).await;

    // Released before it was ever made.
    let never = Release {
        tombstone: true,
        ..release("order-o-9")
    };
    engine.release(S, &never, soon()).await.unwrap().unwrap();
    let data = json!({"reservationId": "order-o-9", "items": []});
    ear.hears(&[("released", data)]).await;

    let hold = Reserve {
        order: Some(OrderId::parse("o-2").unwrap()),
        ..reserve("order-o-2", &[("a", 3)])
    };
    engine.reserve(S, &hold, soon()).await.unwrap().unwrap();
    ear.news().await;
    ear.world.clock.advance_ms(900_000);
    engine.expire(S, Expire { max: 10 }, soon()).await.unwrap();
    let data = json!({"reservationId": "order-o-2", "orderId": "o-2", "items": [line("a", 3)]});
    let turned = ("restored", turn("a", 3, 5));
    let news = ear.hears(&[("expired", data.clone()), turned]).await;
    assert_eq!(news[0].envelope["time"], "2027-01-15T08:15:00.000Z");

    // Paid too late, and there is still stock.
    let anew = Confirm {
        reacquire: true,
        ..confirm("order-o-2")
    };
    engine.confirm(S, &anew, soon()).await.unwrap().unwrap();
    ear.hears(&[("confirmed", data), ("depleted", turn("a", 0, 6))])
        .await;
}

#[tokio::test]
async fn without_an_outlet_nothing_is_written() {
    let world = world().await;
    let mut cursor = world.attach().await;
    world.put("op-1", "a", 3).await;
    world.reserve("r-1", &[("a", 3)]).await;
    project_with(&world, &mut cursor, 100, &Status::default(), None).await;
    assert_eq!(rows(&world).await, []);
    assert_eq!(cursor.position.n, 2);
}
