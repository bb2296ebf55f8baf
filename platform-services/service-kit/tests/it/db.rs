use std::{future::poll_fn, pin::pin, task::Poll};

use service_kit::db::{self, OnConstraint as _, PoolSettings};
use sqlx::{Connection as _, migrate::Migrator};

use crate::support;

#[derive(Debug, PartialEq)]
enum Answer {
    Taken,
    Other,
}

impl From<sqlx::Error> for Answer {
    fn from(_: sqlx::Error) -> Self {
        Self::Other
    }
}

#[tokio::test]
async fn a_missing_database_is_made_and_migrated_by_many_at_once() {
    let url = support::database_url().replace("/test_", "/made_");
    let dir = tempfile::tempdir().unwrap();
    let table = "CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(30), UNIQUE KEY t_name (name))";
    std::fs::write(dir.path().join("1_t.sql"), table).unwrap();
    let migrations = Migrator::new(dir.path()).await.unwrap();
    let pools: Vec<_> = (0..4)
        .map(|_| db::pool(&url, "none", PoolSettings::default()).unwrap())
        .collect();
    let all = pools
        .iter()
        .map(|pool| db::migrate(&url, "none", pool, &migrations));
    for done in futures_util::future::join_all(all).await {
        done.unwrap();
    }
    db::ping(&pools[0]).await.unwrap();

    let insert = || sqlx::query("INSERT INTO t VALUES (1, \"for key 'x'\")").execute(&pools[0]);
    insert().await.unwrap();
    let again = insert().await.unwrap_err();
    assert!(db::is_duplicate_key(&again) && !db::is_transient(&again));
    assert_eq!(db::constraint(&again), Some("PRIMARY"));
    let named = sqlx::query("INSERT INTO t VALUES (2, \"for key 'x'\")")
        .execute(&pools[0])
        .await
        .on_constraint("t_name", || Answer::Taken);
    assert_eq!(named.unwrap_err(), Answer::Taken);
    let other: Result<_, Answer> = insert().await.on_constraint("t_name", || Answer::Taken);
    assert_eq!(other.unwrap_err(), Answer::Other);
}

/// At every moment of a beginning somebody may go away; the connection is whole for the next.
#[tokio::test]
async fn who_goes_away_while_a_transaction_begins_leaves_none_behind() {
    let settings = PoolSettings {
        connections_max: 1,
        ..PoolSettings::default()
    };
    let pool = db::pool(&support::database_url(), "none", settings).unwrap();
    db::ping(&pool).await.unwrap();
    for polls in 1.. {
        let begun = for_polls(db::begin(&pool), polls).await.is_some();
        let open: bool = sqlx::query_scalar("SELECT @@in_transaction")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert!(!open, "dropped after {polls} polls");
        if begun {
            assert!(polls > 1, "nobody went away");
            break;
        }
    }
}

/// What `future` comes to, unless it is dropped before, when it was polled so many times.
async fn for_polls<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
async fn what_passes_is_told_from_what_stays() {
    let url = support::database_url();
    let pool = support::pool(&url);
    let error = |sql: &'static str| {
        let pool = pool.clone();
        async move { sqlx::query(sql).execute(&pool).await.unwrap_err() }
    };
    assert!(!db::is_transient(&error("SELECT nonsense").await));
    assert!(db::is_transient(
        &error("SELECT * FROM no_such_table").await
    ));
    let signal = "SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1213";
    let mut connection = sqlx::MySqlConnection::connect(&url).await.unwrap();
    let deadlock = sqlx::raw_sql(signal)
        .execute(&mut connection)
        .await
        .unwrap_err();
    assert!(db::is_transient(&deadlock));
    // Galera's node is not ready; a column refuses a value.
    let not_ready = "SIGNAL SQLSTATE '08S01' SET MYSQL_ERRNO = 1047";
    let not_ready = sqlx::raw_sql(not_ready).execute(&mut connection).await;
    assert!(db::is_transient(&not_ready.unwrap_err()));
    let too_long = "CREATE TEMPORARY TABLE t (a VARCHAR(1), b INT); INSERT INTO t VALUES ('xx', 1)";
    let too_long = sqlx::raw_sql(too_long).execute(&mut connection).await;
    assert!(!db::is_transient(&too_long.unwrap_err()));
    let no_number = sqlx::raw_sql("INSERT INTO t VALUES ('x', 'y')")
        .execute(&mut connection)
        .await;
    assert!(!db::is_transient(&no_number.unwrap_err()));
    let away = db::pool("mysql://u@127.0.0.1:1/d", "d", PoolSettings::default()).unwrap();
    assert!(db::is_transient(&db::ping(&away).await.unwrap_err()));
}
