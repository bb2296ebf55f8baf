use inventory_core::{Epoch, engine::ProjectionMode};
use service_kit::relay::Waker;
use sync_worker::project::Events;

use crate::{
    project::{books, workload::Workload},
    site::*,
    support::*,
};

/// A worker that follows, and a shop with this much behind it.
async fn busy(seed: u64, steps: usize) -> (World, Working, Workload) {
    let world = shop().await;
    let worker = work(&world).await;
    world.opened().await;
    let mut workload = Workload::new(seed);
    workload.begin(&world).await;
    steps_of(&mut workload, &world, steps).await;
    (world, worker, workload)
}

async fn steps_of(workload: &mut Workload, world: &World, steps: usize) {
    for _ in 0..steps {
        workload.step(world).await;
    }
}

/// Both sides agree, in every respect, and go on.
async fn all_is_well(world: &World, worker: &Working, workload: &mut Workload) {
    world.agree().await;
    books::check(world).await;
    steps_of(workload, world, 60).await;
    world.agree().await;
    books::check(world).await;
    worker.follows().await;
}

#[tokio::test]
async fn a_shard_that_nobody_knows_is_started() {
    let (world, worker, mut workload) = busy(1, 40).await;
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await, ["REBUILT"]);
    let survey = world.survey().await;
    let meta = survey.meta.unwrap();
    assert_eq!(meta.projection.as_deref(), Some("mariadb"));
    assert_eq!(meta.lineage, world.cursor().await.lineage);
    eventually("redis knows how far it is projected", async || {
        world.survey().await.meta.unwrap().projected == survey.last
    })
    .await;
    let status = worker.stop().await;
    assert_eq!(status.position(), survey.last);
    // Nobody owns it, so nobody has to wait.
    assert_eq!(world.cursor().await.owner, None);
}

#[tokio::test]
async fn a_redis_that_kept_all_is_opened() {
    let (world, worker, mut workload) = busy(2, 40).await;
    let epoch = world.engine.gate(S).unwrap();
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let next = world.opened_after(epoch).await;
    all_is_well(&world, &worker, &mut workload).await;
    let reports = world.reports().await;
    assert_eq!(reports.len(), 2, "{reports:?}");
    let (kind, report) = &reports[1];
    assert_eq!(
        (kind.as_str(), &report["epoch"]),
        ("OPENED", &next.0.into())
    );
}

#[tokio::test]
async fn a_redis_that_kept_all_is_opened_before_all_is_projected() {
    let (world, worker, mut workload) = busy(3, 20).await;
    world.at_rest().await;
    worker.stop().await;
    let epoch = world.engine.gate(S).unwrap();
    steps_of(&mut workload, &world, 40).await;
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await, ["REBUILT", "OPENED"]);
}

#[tokio::test]
async fn a_redis_that_was_rolled_back_gets_back_what_it_lost() {
    for seed in 10..14 {
        eprintln!("seed {seed}");
        let (world, worker, mut workload) = busy(seed, 60).await;
        let (kept, end) = (world.aof_len(), world.survey().await.last.unwrap());
        steps_of(&mut workload, &world, 80).await;
        world.at_rest().await;
        let (epoch, position) = (world.engine.gate(S).unwrap(), world.cursor().await.position);
        world.roll_back_to(kept);
        world.opened_after(epoch).await;
        all_is_well(&world, &worker, &mut workload).await;
        let (kind, report) = world.reports().await.pop().unwrap();
        assert_eq!(kind, "RESTORED");
        assert_eq!(report["redisEnd"], end.to_string());
        assert_eq!(report["position"], position.to_string());
    }
}

#[tokio::test]
async fn a_redis_that_was_rolled_back_into_an_older_epoch_gets_back_what_it_lost() {
    let (world, worker, mut workload) = busy(20, 60).await;
    let first = world.engine.gate(S).unwrap();
    let kept = world.aof_len();
    steps_of(&mut workload, &world, 20).await;
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let second = world.opened_after(first).await;
    steps_of(&mut workload, &world, 40).await;
    world.at_rest().await;
    world.roll_back_to(kept);
    world.opened_after(second).await;
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await, ["REBUILT", "OPENED", "RESTORED"]);
}

#[tokio::test]
async fn a_redis_that_was_rolled_back_in_its_life_gets_back_what_it_lost() {
    let (world, worker, mut workload) = busy(21, 60).await;
    let epoch = world.engine.gate(S).unwrap();
    world.raw(&["SAVE"]);
    let dump = world.redis.dir().join("dump.rdb");
    let kept = std::fs::read(&dump).unwrap();
    steps_of(&mut workload, &world, 40).await;
    world.at_rest().await;
    std::fs::write(&dump, kept).unwrap();
    // Its run id and replication id stay.
    world.raw(&["CONFIG", "SET", "appendonly", "no"]);
    world.raw(&["DEBUG", "RELOAD", "NOSAVE"]);
    world.opened_after(epoch).await;
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await, ["REBUILT", "RESTORED"]);
}

#[tokio::test]
async fn a_branch_that_history_left_is_filled_anew() {
    let (world, worker, mut workload) = busy(22, 40).await;
    let first = world.engine.gate(S).unwrap();
    world.at_rest().await;
    let kept = world.aof_len();
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let second = world.opened_after(first).await;
    steps_of(&mut workload, &world, 40).await;
    world.at_rest().await;
    worker.stop().await;
    // The old one went on by itself, where nobody saw it.
    world.roll_back_to(kept);
    let id = format!("{first}-*");
    world.raw(&["XADD", &k("journal"), &id, "@", "1", "=", ""]);
    world.raw(&[
        "HSET",
        &k("stock:default:sku-a"),
        "availableQuantity",
        "999",
    ]);
    let worker = work(&world).await;
    world.opened_after(second).await;
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await, ["REBUILT", "OPENED", "REBUILT"]);
}

#[tokio::test]
async fn a_redis_that_was_emptied_is_filled_anew() {
    for seed in 30..34 {
        eprintln!("seed {seed}");
        let (world, worker, mut workload) = busy(seed, 120).await;
        world.at_rest().await;
        let epoch = world.engine.gate(S).unwrap();
        match seed % 2 {
            0 => drop(world.raw(&["FLUSHALL"])),
            _ => world.roll_back_to(0),
        }
        let next = world.opened_after(epoch).await;
        all_is_well(&world, &worker, &mut workload).await;
        assert_eq!(world.kinds().await, ["REBUILT", "REBUILT"]);
        let status = worker.stop().await;
        assert!(next > epoch && status.epoch() == Some(next), "{status:?}");
    }
}

#[tokio::test]
async fn keys_that_were_left_over_do_not_come_back() {
    let (world, worker, mut workload) = busy(34, 40).await;
    world.at_rest().await;
    let epoch = world.engine.gate(S).unwrap();
    worker.stop().await;
    // MariaDB never hears of it.
    world.put("late", "left:over", 7).await;
    world.raw(&["DEL", &k("meta"), &k("journal")]);
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    let key = [key("left:over")];
    let read = world.engine.stock(S, &key, soon()).await.unwrap();
    assert_eq!(read.stocks[0], None);
    all_is_well(&world, &worker, &mut workload).await;
}

#[tokio::test]
async fn another_lineage_is_left_alone() {
    let (world, worker, mut workload) = busy(35, 20).await;
    world.at_rest().await;
    let lineage = world.cursor().await.lineage;
    world.raw(&[
        "HSET",
        &k("meta"),
        "lineage",
        "0123456789abcdef0123456789abcdef",
    ]);
    worker.is_held("--discard-redis").await;
    let before = world.cursor().await.position;
    world.reserve("unseen", &[("b:1", 1)]).await;
    assert_eq!(world.cursor().await.position, before);
    world.raw(&["HSET", &k("meta"), "lineage", &lineage]);
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await, ["REBUILT"]);
}

#[tokio::test]
async fn an_epoch_that_mariadb_never_issued_is_left_alone() {
    let (world, worker, mut workload) = busy(36, 20).await;
    world.at_rest().await;
    worker.stop().await;
    let epoch = world.engine.gate(S).unwrap();
    world.redis.kill9().unwrap();
    world.redis.start_again().unwrap();
    let server = engine_on(&world.redis, ProjectionMode::None, world.clock.clone()).await;
    let others = server.opened(S, soon()).await.unwrap();
    assert!(others > epoch);
    world.opened_after(epoch).await;
    let position = world.cursor().await.position;
    let worker = work(&world).await;
    worker.is_held(&format!("epoch {others}")).await;
    steps_of(&mut workload, &world, 5).await;
    assert_eq!(world.cursor().await.position, position);
    assert_eq!(world.kinds().await, ["REBUILT"]);
    worker.stop().await;
}

/// A shop, and the MariaDB of before its last steps.
async fn went_back(
    seed: u64,
    meanwhile: impl AsyncFnOnce(&World, &mut Workload),
) -> (World, Workload, Told) {
    let world = shop().await;
    let events = || Some(Events::new(Waker::default()));
    let worker = work_with(&world, events()).await;
    world.opened().await;
    let mut workload = Workload::new(seed);
    workload.begin(&world).await;
    steps_of(&mut workload, &world, 60).await;
    world.at_rest().await;
    worker.stop().await;
    world.backup().await;
    let worker = work_with(&world, events()).await;
    meanwhile(&world, &mut workload).await;
    world.at_rest().await;
    eventually("redis knows", async || {
        let survey = world.survey().await;
        survey.meta.unwrap().projected == survey.last
    })
    .await;
    worker.stop().await;
    let told = world.told().await;
    world.bring_back().await;
    assert!(world.told().await.1.len() < told.1.len());
    (world, workload, told)
}

/// The audit log, and the events.
type Told = (Vec<String>, Vec<String>);

impl World {
    async fn told(&self) -> Told {
        let rows = async |sql: &'static str| sqlx::query_scalar(sql).fetch_all(&self.pool).await;
        let log = rows(
            "SELECT CONCAT_WS(' ', epoch, n, item, kind, reservation_id, sku_id, version,
                 available_before, available_after, reserved_after, sold_after)
             FROM stock_journal ORDER BY epoch, n, item, sku_id",
        );
        let events = rows("SELECT CONCAT(event_id, payload) FROM inventory_outbox ORDER BY 1");
        (log.await.unwrap(), events.await.unwrap())
    }
}

#[tokio::test]
async fn a_mariadb_that_went_back_a_little_catches_up() {
    let (world, mut workload, told) = went_back(37, async |world, workload| {
        steps_of(workload, world, 80).await;
    })
    .await;
    let worker = work_with(&world, Some(Events::new(Waker::default()))).await;
    world.agree().await;
    assert_eq!(
        world.told().await,
        told,
        "nothing is missing, and nothing is told otherwise"
    );
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await, ["REBUILT"]);
    worker.stop().await;
}

#[tokio::test]
async fn a_mariadb_that_went_back_over_an_epoch_catches_up() {
    let (world, mut workload, told) = went_back(43, async |world, workload| {
        steps_of(workload, world, 20).await;
        let epoch = world.engine.gate(S).unwrap();
        world.redis.kill9().unwrap();
        world.redis.start_again().unwrap();
        world.opened_after(epoch).await;
        steps_of(workload, world, 40).await;
    })
    .await;
    let epoch = world.engine.gate(S).unwrap();
    let worker = work_with(&world, Some(Events::new(Waker::default()))).await;
    world.opened_after(epoch).await;
    world.agree().await;
    assert_eq!(
        world.told().await,
        told,
        "nothing is missing, and nothing is told otherwise"
    );
    all_is_well(&world, &worker, &mut workload).await;
    // The first start, the epoch of the restart, and the one that MariaDB did not know of it any more.
    assert_eq!(world.kinds().await, ["REBUILT", "OPENED", "OPENED"]);
    // Both are known again: whoever comes back from there is helped.
    let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM journal_epoch")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(known, 3);
    worker.stop().await;
}

#[tokio::test]
async fn a_mariadb_that_went_back_further_than_the_journal_is_filled_from_redis() {
    let (world, mut workload, _) = went_back(44, async |world, workload| {
        steps_of(workload, world, 80).await;
    })
    .await;
    let epoch = world.engine.gate(S).unwrap();
    world.raw(&["XTRIM", &k("journal"), "MAXLEN", "3"]);
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    world.agree().await;
    steps_of(&mut workload, &world, 60).await;
    world.agree().await;
    worker.follows().await;
    let (kind, report) = world.reports().await.pop().unwrap();
    assert_eq!(kind, "RESYNCED");
    assert!(
        report["why"].as_str().unwrap().contains("older"),
        "{report}"
    );
}

#[tokio::test]
async fn a_mariadb_that_went_back_beyond_epochs_is_filled_from_redis() {
    let (world, worker, mut workload) = busy(38, 60).await;
    world.at_rest().await;
    worker.stop().await;
    world.backup().await;
    let worker = work(&world).await;
    let mut epoch = Epoch(0);
    for _ in 0..2 {
        steps_of(&mut workload, &world, 30).await;
        world.at_rest().await;
        epoch = world.engine.gate(S).unwrap();
        world.raw(&["FLUSHALL"]);
        epoch = world.opened_after(epoch).await;
    }
    world.at_rest().await;
    worker.stop().await;
    world.bring_back().await;
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    world.agree().await;
    worker.follows().await;
    // Whoever comes back from before is not helped with what the audit log has.
    let next = world.engine.gate(S).unwrap();
    steps_of(&mut workload, &world, 30).await;
    world.at_rest().await;
    world.raw(&["FLUSHALL"]);
    world.opened_after(next).await;
    world.agree().await;
    assert_eq!(world.kinds().await.pop().unwrap(), "REBUILT");
    worker.stop().await;
}

#[tokio::test]
async fn a_journal_with_a_gap_fills_mariadb_from_redis() {
    let (world, worker, mut workload) = busy(39, 40).await;
    world.at_rest().await;
    worker.stop().await;
    let epoch = world.engine.gate(S).unwrap();
    steps_of(&mut workload, &world, 40).await;
    world.raw(&["XTRIM", &k("journal"), "MAXLEN", "3"]);
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    world.agree().await;
    steps_of(&mut workload, &world, 40).await;
    world.agree().await;
    worker.follows().await;
    assert_eq!(world.kinds().await, ["REBUILT", "RESYNCED"]);
}

#[tokio::test]
async fn a_journal_with_a_hole_in_it_fills_mariadb_from_redis() {
    let (world, worker, mut workload) = busy(40, 40).await;
    world.at_rest().await;
    worker.stop().await;
    let epoch = world.engine.gate(S).unwrap();
    let before = world.cursor().await.position;
    steps_of(&mut workload, &world, 40).await;
    let hole = format!("{}-{}", before.epoch, before.n + 3);
    world.raw(&["XDEL", &k("journal"), &hole]);
    let worker = work(&world).await;
    world.opened_after(epoch).await;
    world.agree().await;
    worker.follows().await;
    let (kind, report) = world.reports().await.pop().unwrap();
    assert_eq!(kind, "RESYNCED");
    assert!(
        report["why"].as_str().unwrap().contains("missing"),
        "{report}"
    );
}

#[tokio::test]
async fn a_redis_without_its_journal_is_filled_anew() {
    let (world, worker, mut workload) = busy(41, 40).await;
    world.at_rest().await;
    let epoch = world.engine.gate(S).unwrap();
    world.raw(&["DEL", &k("journal")]);
    world.opened_after(epoch).await;
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await, ["REBUILT", "REBUILT"]);
}

#[tokio::test]
async fn nothing_is_decided_on_a_replica() {
    let (world, worker, mut workload) = busy(42, 20).await;
    world.at_rest().await;
    world.raw(&["REPLICAOF", "127.0.0.1", "1"]);
    eventually("waiting", async || {
        matches!(worker.status.phase(), sync_worker::status::Phase::Waiting { why } if why.contains("replica"))
    })
    .await;
    let epoch = world.engine.gate(S).unwrap_or_default();
    world.raw(&["REPLICAOF", "NO", "ONE"]);
    world.opened_after(epoch).await;
    all_is_well(&world, &worker, &mut workload).await;
    assert_eq!(world.kinds().await.pop().unwrap(), "OPENED");
}

/// It has columns that nobody may write, and rows are only added.
const EVENTS_BACK: &str =
    "DELETE FROM inventory_outbox WHERE id NOT IN (SELECT id FROM old_inventory_outbox)";

const TABLES: [&str; 9] = [
    "journal_cursor",
    "journal_epoch",
    "stock_item",
    "reservation",
    "reservation_item",
    "stock_operation",
    "purchase_limit",
    "purchase_used",
    "stock_journal",
];

impl World {
    /// Copies all tables.
    async fn backup(&self) {
        for table in TABLES.iter().chain(&["inventory_outbox"]) {
            let make = format!("CREATE TABLE old_{table} AS SELECT * FROM {table}");
            sqlx::query(sqlx::AssertSqlSafe(make))
                .execute(&self.pool)
                .await
                .unwrap();
        }
    }

    /// Makes all tables what they were.
    async fn bring_back(&self) {
        self.sql(&[EVENTS_BACK]).await;
        for table in TABLES {
            for sql in [
                format!("DELETE FROM {table}"),
                format!("INSERT INTO {table} SELECT * FROM old_{table}"),
            ] {
                sqlx::query(sqlx::AssertSqlSafe(sql))
                    .execute(&self.pool)
                    .await
                    .unwrap();
            }
        }
    }
}
