//! Grace is remembered, whatever Redis is lost next.

use crate::{site::*, support::*};

#[tokio::test]
async fn an_old_copy_does_not_take_back_the_grace_that_a_hold_was_given() {
    let world = shop().await;
    let worker = work(&world).await;
    let mut epoch = world.opened().await;
    world.put("c", "sku", 10).await;
    world.reserve("hold", &[("sku", 1)]).await;
    let kept = world.aof_len();
    world.put("d", "sku", 20).await;
    world.at_rest().await;
    worker.stop().await;
    world.raw(&["FLUSHALL"]);
    world.clock.advance_ms(901_000);
    let deadline = async || {
        let read = world.engine.reservation(S, &rid("hold"), soon()).await;
        read.unwrap().unwrap().reservation.deadline
    };

    let worker = work(&world).await;
    epoch = world.opened_after(epoch).await;
    let given = deadline().await;
    assert_eq!(given, T0.plus_ms(901_000 + 60_000));
    world.at_rest().await;
    // It has the hold as it was made.
    world.roll_back_to(kept);
    world.opened_after(epoch).await;
    assert_eq!(deadline().await, given);
    world.agree().await;
    assert_eq!(world.kinds().await, ["REBUILT", "REBUILT", "RESTORED"]);
    worker.follows().await;
}
