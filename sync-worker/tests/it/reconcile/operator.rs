//! What only an operator decides: rebuild, bless, detach.

use super::*;
use crate::site::work;

#[tokio::test]
async fn an_open_shard_is_not_rebuilt_unless_redis_is_discarded() {
    let bench = Bench::stocked().await;
    let ran = bench.run(&["rebuild", "--yes"]).await.ends(2);
    let ran = ran.audited("rebuild --yes", "failed");
    assert!(ran.err.contains("the shard is open"), "{ran:?}");
    let ran = bench.run(&["rebuild", "--discard-redis"]).await.ends(64);
    assert!(ran.err.contains("Add --yes"), "{ran:?}");
    // What only Redis has goes.
    bench.redis(&["HINCRBY", &k("stock:default:a"), "availableQuantity", "5"]);
    bench.redis(&["SET", &k("what"), "?"]);
    let epoch = bench.world.opened().await;
    let ran = bench
        .run(&["rebuild", "--discard-redis", "--yes"])
        .await
        .ends(0)
        .audited("rebuild --discard-redis --yes", "done");
    assert_eq!(ran.json()["report"]["stocks"], 3);
    bench.world.opened_after(epoch).await;
    bench.world.at_rest().await;
    assert_eq!(bench.figure("default:a", "availableQuantity"), 95);
    bench.is_clean().await;
}

#[tokio::test]
async fn another_history_is_discarded_or_adopted() {
    for discard in [true, false] {
        let bench = Bench::stocked().await;
        let other = crate::bench::bench().await;
        other.world.put("op-z", "z", 7).await;
        other.world.at_rest().await;
        // The worker of one shop meets the Redis of another.
        let Bench { mut world, working } = bench;
        working.stop().await;
        let Bench {
            world: theirs,
            working,
        } = other;
        working.stop().await;
        world.redis = std::sync::Arc::clone(&theirs.redis);
        world.engine = theirs.engine.clone();
        let working = work(&world).await;
        working.is_held("--discard-redis").await;
        let ran = reconcile(&world, &["rebuild", "--yes"]).await.ends(2);
        assert!(ran.err.contains("--adopt-redis"), "{ran:?}");
        reconcile(&world, &["check"]).await.ends(2);
        let flag = if discard {
            "--discard-redis"
        } else {
            "--adopt-redis"
        };
        reconcile(&world, &["rebuild", flag, "--yes"]).await.ends(0);
        working.follows().await;
        world.at_rest().await;
        let exported = reconcile(&world, &["export"]).await.ends(0).out;
        assert_eq!(
            exported.lines().count(),
            if discard { 4 } else { 2 },
            "{exported}"
        );
        reconcile(&world, &["check"]).await.ends(0);
        working.stop().await;
    }
}

#[tokio::test]
async fn a_shard_is_blessed_by_hand_only_without_mariadb() {
    let bench = Bench::stocked().await;
    let Bench { world, working } = bench;
    working.stop().await;
    let epoch = world.opened().await;
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let ran = reconcile(&world, &["bless", "--force"]).await.ends(2);
    assert!(ran.err.contains("start sync-worker"), "{ran:?}");
    let nowhere = "mysql://root@127.0.0.1:1/x";
    let redis = world.redis.url();
    reconcile_on(&redis, nowhere, &["bless", "--force"])
        .await
        .ends(0);
    assert!(world.opened_after(epoch).await > epoch);
    let again = reconcile_on(&redis, nowhere, &["bless", "--force"])
        .await
        .ends(0)
        .audited("bless --force", "done");
    assert!(again.out.starts_with("open:"), "{again:?}");
    world.reserve("after", &[("a", 1)]).await;
    reconcile_on(&redis, nowhere, &["detach"])
        .await
        .ends(0)
        .audited("detach", "done");
    assert_eq!(world.survey().await.meta.unwrap().projection, None);
}
