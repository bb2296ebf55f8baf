//! The worker is killed between any two of the four steps.

use contracts::EventType;

use super::{process::*, shop::*};

const PLACED: EventType = EventType::OrderPlaced;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_dies_between_any_two_steps_does_nothing_twice_and_forgets_nothing() {
    let plant = Plant::start(10).await;
    let order = async |order: &str, units| {
        let data = placed(order, &[("a", units)]);
        plant
            .send(PLACED, order, &format!("e-{order}"), &data)
            .await;
    };
    // The group is there.
    order("first", 1).await;
    plant.decided("reserve:first").await;

    // After the engine was asked, before the outcome is written; and after that, before the offset is.
    let mut asked = other_worker(&plant.world.url).await;
    let mut written = other_worker(&plant.world.url).await;
    decides(&mut asked, "reserve:asked", "DONE").await;
    decides(&mut written, "reserve:written", "DONE").await;
    for name in ["asked", "written"] {
        order(name, 2).await;
        let record = format!("rsv:order-{name}");
        patiently("the engine was asked", async || {
            plant.world.bytes(&record).is_some()
        })
        .await;
    }
    // Nothing is committed to Kafka any more.
    plant.kafka.pause().unwrap();
    sqlx::query("ROLLBACK").execute(&mut written).await.unwrap();
    plant.decided("reserve:written").await;
    plant.worker.kill9().unwrap();
    assert_eq!(plant.row("reserve:asked").await, None);
    sqlx::query("ROLLBACK").execute(&mut asked).await.unwrap();
    plant.kafka.resume().unwrap();
    assert_eq!(plant.stock(), [5, 5, 0]);
    plant.worker.start_again().unwrap();
    plant.decided("reserve:asked").await;
    plant.consumed(PLACED.topic()).await;
    assert_eq!(plant.stock(), [5, 5, 0]);

    // Before the engine was asked: Redis is away.
    plant.world.redis.kill9().unwrap();
    order("before", 3).await;
    order("too-much", 3).await;
    patiently("the command waits", async || {
        plant.worker.log().contains("an event is tried again")
    })
    .await;
    plant.worker.kill9().unwrap();
    assert_eq!(plant.row("reserve:before").await, None);
    plant.world.redis.start_again().unwrap();
    plant.worker.start_again().unwrap();
    plant.decided("reserve:before").await;
    plant.decided("reserve:too-much").await;
    assert_eq!(plant.stock(), [2, 8, 0]);

    plant.told().await;
    let outcomes = plant.outcomes();
    let orders = ["asked", "before", "first", "too-much", "written"];
    let once = orders.map(|order| (order.to_owned(), 1));
    assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), once);
    plant.is_clean().await;
    assert!(plant.worker.terminate().unwrap().success());
}
