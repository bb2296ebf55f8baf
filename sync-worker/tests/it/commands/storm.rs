//! Orders stream in while the worker is killed and the broker starts anew.

use contracts::EventType;

use super::{process::*, shop::*};

const ORDERS: usize = 200;
const UNITS: u64 = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_gets_exactly_one_outcome_whatever_is_killed() {
    let plant = Plant::start(UNITS).await;
    let order = async |n: usize| {
        let id = format!("o-{n}");
        let data = placed(&id, &[("a", 1)]);
        plant
            .send(EventType::OrderPlaced, &id, &format!("e-{n}"), &data)
            .await;
    };
    for n in 0..60 {
        order(n).await;
    }
    plant.decided("reserve:o-10").await;
    plant.worker.kill9().unwrap();
    for n in 60..120 {
        order(n).await;
    }
    plant.worker.start_again().unwrap();
    plant.kafka.kill9().unwrap();
    let (started, _) = tokio::join!(
        async { tokio::task::block_in_place(|| plant.kafka.start_again()) },
        async {
            for n in 120..ORDERS {
                order(n).await;
            }
        }
    );
    started.unwrap();
    // What was sent twice is sent twice.
    for n in (0..ORDERS).step_by(7) {
        order(n).await;
    }
    for n in 0..ORDERS {
        plant.decided(&format!("reserve:o-{n}")).await;
    }
    plant.consumed(EventType::OrderPlaced.topic()).await;
    plant.told().await;
    let outcomes = plant.outcomes();
    assert_eq!(outcomes.len(), ORDERS);
    assert!(
        outcomes.values().all(|outcomes| *outcomes == 1),
        "{outcomes:?}"
    );
    let failed = plant.events(EventType::InventoryReservationFailed);
    assert_eq!(failed.len(), ORDERS - usize::try_from(UNITS).unwrap());
    assert_eq!(plant.stock(), [0, i64::try_from(UNITS).unwrap(), 0]);
    plant.is_clean().await;
    assert!(plant.worker.terminate().unwrap().success());
}
