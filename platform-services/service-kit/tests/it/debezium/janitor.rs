//! What the janitor takes away, and when it does not.

use super::{Row, Shop, assert_nothing_lost, published};
use service_kit::db;

use crate::support::until;

fn rows(from: usize) -> Vec<Row> {
    (from..from + 30)
        .map(|n| Row::new("janitor", n, n % 5))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_connect_has_passed_is_deleted() {
    let shop = Shop::open("janitor").await;
    let janitor = shop.janitor();
    let mut all = rows(0);
    shop.write(&all).await.unwrap();
    // There is no connector yet.
    janitor.fails(2).await;
    assert_eq!(shop.rows().await, 30);
    shop.register().await;
    shop.until_empty().await;
    assert_eq!(janitor.metric("outbox_janitor_deleted_total"), 30);

    // A row that commits late has a lower id than one that was passed before.
    let sql = "INSERT INTO janitor_outbox \
               (event_id, aggregate_type, aggregate_id, type, topic, payload) \
               VALUES ('janitor-99999999', 'user', 'janitor-late', 'user.locked', 'user.locked', '{}')";
    let mut late = db::begin(&shop.pool).await.unwrap();
    sqlx::query(sql).execute(&mut *late).await.unwrap();
    let next = rows(1_000);
    shop.write(&next).await.unwrap();
    shop.until_empty().await;
    late.commit().await.unwrap();
    shop.until_empty().await;
    all.extend(next);
    all.push(Row {
        topic: super::LOCKED,
        key: "janitor-late".to_owned(),
        ..Row::new("janitor", 99_999_999, 0)
    });

    // Connect is not there.
    shop.site.connect.stop().unwrap();
    let next = rows(2_000);
    shop.write(&next).await.unwrap();
    all.extend(next);
    janitor.fails(3).await;
    assert_eq!(shop.rows().await, 30);
    tokio::task::block_in_place(|| shop.site.connect.start_again()).unwrap();
    shop.until_empty().await;

    // The connector stands still, and the part of the log that it has not read is deleted: it fails.
    shop.rest(|rest, name| rest.stop(name)).await;
    let next = rows(3_000);
    shop.write(&next).await.unwrap();
    all.extend(next);
    let mariadb = &shop.site.mariadb;
    let unread = mariadb.sql("SHOW MASTER STATUS").unwrap();
    let unread = unread.split('\t').next().unwrap();
    until("the log is deleted", || async {
        let purge = "FLUSH BINARY LOGS; PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY";
        mariadb.sql(purge).unwrap();
        !mariadb.sql("SHOW BINARY LOGS").unwrap().contains(unread)
    })
    .await;
    shop.rest(|rest, name| rest.resume(name)).await;
    until("the janitor tries to help", || async {
        janitor.metric("outbox_connector_restarts_total") > 1
    })
    .await;
    assert_eq!(shop.rows().await, 30);

    // It forgets where it was: the rows are still there for it.
    shop.rest(|rest, name| {
        rest.stop(name)?;
        rest.forget_offset(name)
    })
    .await;
    janitor.fails(3).await;
    assert_eq!(shop.rows().await, 30);
    shop.rest(|rest, name| rest.resume(name)).await;
    shop.until_empty().await;
    janitor.stop().await;

    let repeats = assert_nothing_lost(&shop.brokers(), &all).await;
    println!("{} events, {repeats} repeats", all.len());

    // A connector of another table is no reason, however far it is.
    let next = rows(5_000);
    let database = shop.database().to_owned();
    shop.rest(move |rest, _| {
        let other = devstack::connect::OutboxConnector::new("other", &database, 54_099);
        rest.register(&other.name(), &other.config())?;
        rest.wait_until_running(&other.name(), crate::support::PATIENCE)
    })
    .await;
    shop.write(&next).await.unwrap();
    published(&shop.brokers(), &next).await;
    let janitor = shop.janitor_of("other-outbox");
    janitor.fails(3).await;
    assert_eq!(shop.rows().await, 30);
    janitor.stop().await;
    shop.rest(|rest, _| rest.delete("other-outbox")).await;
    shop.close().await;
}
