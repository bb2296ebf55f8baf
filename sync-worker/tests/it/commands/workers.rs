//! Two workers have the same command, or commands that go against each other. The test is the other
//! worker: its transaction is open while this one asks the engine.

use contracts::EventType;
use inventory_core::{Confirm, Context, OrderId, Reserve, Text};
use serde_json::{Value, json};
use service_kit::{
    consumer::{HandlerError, Outcome},
    relay::Waker,
};
use sqlx::MySqlConnection;
use sync_worker::project::Events;

use super::shop::*;
use crate::{bench::Bench, site::work_with, support::*};

/// The other worker has asked the engine and writes its outcome, but has not committed. On a
/// connection that MariaDB lets wait.
async fn theirs(shop: &Shop, key: &str, outcome: &str) -> MySqlConnection {
    let mut other = other_worker(&shop.bench.world.url).await;
    decides(&mut other, key, outcome).await;
    other
}

/// Hands a command over; once it waits for the other worker's row, something happens, and that worker
/// commits.
async fn race(
    shop: &Shop,
    event_type: EventType,
    data: Value,
    mut other: MySqlConnection,
    meanwhile: impl AsyncFnOnce(),
) {
    let commands = shop.commands.clone();
    // A wait that is too long is a transient failure, after which it is tried again.
    let ours = tokio::spawn(async move {
        loop {
            let tried = attempt(&commands, event_type, "ours", &data).await;
            if !matches!(tried, Err(HandlerError::Transient(_))) {
                return tried;
            }
        }
    });
    waits_for_a_row(&shop.bench.world).await;
    meanwhile().await;
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(ours.await.unwrap().unwrap(), Outcome::Done);
}

#[tokio::test]
async fn a_hold_is_given_back_where_the_other_was_refused() {
    let shop = Shop::open().await;
    let other = theirs(&shop, "reserve:o-1", "REFUSED").await;
    let data = placed("o-1", &[("a", 2)]);
    race(&shop, EventType::OrderPlaced, data, other, async || {}).await;
    assert_eq!(shop.stock("a"), [10, 0, 0]);
    assert_eq!(shop.row("reserve:o-1").await.unwrap().0, "REFUSED");
    shop.counted(r#"commands_total{kind="reserve",outcome="undone",reason=""} 1"#);
    shop.is_clean().await;
}

/// It died before it could give the hold back; whoever is told again does.
#[tokio::test]
async fn a_hold_that_was_left_behind_is_given_back_at_the_next_delivery() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2)]).await;
    shop.bench
        .world
        .sql(&["UPDATE inventory_command SET outcome = 'REFUSED'"])
        .await;
    shop.place("o-1", &[("a", 2)]).await;
    assert_eq!(shop.stock("a"), [10, 0, 0]);
}

#[tokio::test]
async fn a_refusal_is_not_told_where_the_other_held() {
    let shop = Shop::open().await;
    let other = theirs(&shop, "reserve:o-1", "DONE").await;
    let data = placed("o-1", &[("a", 11)]);
    race(&shop, EventType::OrderPlaced, data, other, async || {}).await;
    assert_eq!(shop.row("reserve:o-1").await.unwrap().0, "DONE");
    assert!(
        shop.events(EventType::InventoryReservationFailed)
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_sale_is_taken_back_where_the_other_was_refused() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2)]).await;
    let other = theirs(&shop, "confirm:o-1", "REFUSED").await;
    let data = about("o-1", "order-o-1", &[("a", 2)]);
    race(&shop, EventType::OrderConfirmed, data, other, async || {}).await;
    assert_eq!(shop.stock("a"), [10, 0, 0]);
    assert_eq!(shop.status("order-o-1").await.unwrap(), "RETURNED");
    shop.is_clean().await;
}

/// It died before it could take the sale back; whoever is told again does. What somebody else sold
/// afterwards stays sold.
#[tokio::test]
async fn a_sale_that_was_left_behind_is_taken_back_at_the_next_delivery() {
    let shop = Shop::open().await;
    for (order, by) in [("o-1", "the command"), ("o-2", "somebody else")] {
        shop.place(order, &[("a", 2)]).await;
        let id = format!("order-{order}");
        let about = about(order, &id, &[("a", 2)]);
        if by == "the command" {
            shop.does(EventType::OrderConfirmed, order, about.clone())
                .await;
            shop.bench.world.at_rest().await;
            let refused = "UPDATE inventory_command SET outcome = 'REFUSED' WHERE kind = 'CONFIRM'";
            shop.bench.world.sql(&[refused]).await;
        } else {
            let more = self::about(order, &id, &[("a", 3)]);
            shop.does(EventType::OrderConfirmed, order, more).await;
            let engine = &shop.bench.world.engine;
            let sold = engine.confirm(S, &confirm(&id), soon()).await;
            sold.unwrap().unwrap();
            shop.bench.world.at_rest().await;
        }
        shop.does(EventType::OrderConfirmed, order, about).await;
    }
    assert_eq!(shop.status("order-o-1").await.unwrap(), "RETURNED");
    assert_eq!(shop.status("order-o-2").await.unwrap(), "CONFIRMED");
    assert_eq!(shop.stock("a"), [8, 0, 2]);
    shop.is_clean().await;
}

/// The other worker lost its partition while its call was on the way: the sale comes after the refusal,
/// and the projection has not told yet who sold.
#[tokio::test]
async fn a_sale_after_a_refusal_is_taken_back_once_it_is_projected() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2)]).await;
    shop.bench.world.at_rest().await;
    let Shop {
        bench, commands, ..
    } = shop;
    let Bench { world, working } = bench;
    working.stop().await;
    world
        .sql(&[
            "INSERT INTO inventory_command (command_key, kind, event_id, outcome)
             VALUES ('confirm:o-1', 'CONFIRM', 'f-1', 'REFUSED')",
        ])
        .await;
    let sale = Confirm {
        context: Context {
            request_id: Text::parse("f-1").ok(),
            ..Context::default()
        },
        ..confirm("order-o-1")
    };
    let sold = world.engine.confirm(S, &sale, soon()).await;
    sold.unwrap().unwrap();
    let data = about("o-1", "order-o-1", &[("a", 2)]);
    let tried = attempt(&commands, EventType::OrderConfirmed, "f-1", &data).await;
    assert!(waits_for_the_projection(&tried), "{tried:?}");
    let working = work_with(&world, Some(Events::new(Waker::default()))).await;
    world.at_rest().await;
    let done = attempt(&commands, EventType::OrderConfirmed, "f-1", &data).await;
    assert_eq!(done.unwrap(), Outcome::Done);
    let bench = Bench { world, working };
    let figures = ["availableQuantity", "reservedQuantity", "soldQuantity"];
    let stock = figures.map(|name| bench.figure("default:a", name));
    assert_eq!(stock, [10, 0, 0]);
    bench.world.at_rest().await;
    bench.is_clean().await;
}

#[tokio::test]
async fn goods_that_came_back_are_back_whatever_the_other_found() {
    let shop = Shop::open().await;
    shop.place("o-1", &[("a", 2)]).await;
    let about = about("o-1", "order-o-1", &[("a", 2)]);
    shop.does(EventType::OrderConfirmed, "f", about).await;
    let other = theirs(&shop, "return:r", "REFUSED").await;
    let data = refund("o-1", "order-o-1", "r", &[("a", 2)]);
    race(&shop, EventType::PaymentCancelled, data, other, async || {}).await;
    shop.is_done("return:r").await;
    assert_eq!(shop.stock("a"), [10, 0, 0]);
}

/// The release found no hold of that name, and the reserve no release.
#[tokio::test]
async fn a_hold_is_given_back_where_its_order_was_released_meanwhile() {
    let shop = Shop::open().await;
    let other = theirs(&shop, "release:o-1", "DONE").await;
    let mut data = placed("o-1", &[("a", 2)]);
    data["reservationId"] = json!("r-1");
    race(&shop, EventType::OrderPlaced, data, other, async || {}).await;
    assert_eq!(shop.status("r-1").await.unwrap(), "RELEASED");
    assert_eq!(shop.stock("a"), [10, 0, 0]);
    shop.is_clean().await;
}

#[tokio::test]
async fn a_release_looks_again_where_its_order_was_held_meanwhile() {
    let shop = Shop::open().await;
    let other = theirs(&shop, "reserve:o-1", "DONE").await;
    let data = about("o-1", "r-1", &[("a", 2)]);
    race(&shop, EventType::OrderCancelled, data, other, async || {
        let hold = Reserve {
            order: Some(OrderId::parse("o-1").unwrap()),
            ..reserve("r-1", &[("a", 2)])
        };
        let held = shop.bench.world.engine.reserve(S, &hold, soon()).await;
        held.unwrap().unwrap();
    })
    .await;
    shop.is_done("release:o-1").await;
    assert_eq!(shop.status("r-1").await.unwrap(), "RELEASED");
    shop.is_clean().await;
}
