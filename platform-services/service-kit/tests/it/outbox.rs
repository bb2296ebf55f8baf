use std::time::Duration;

use contracts::EventData as _;
use service_kit::{
    db,
    inbox::{Inbox, Seen},
    outbox::{Outbox, OutboxError, OutboxRow},
};

use crate::support::{self, count, events::locked, service};

#[tokio::test]
async fn events_stay_or_go_with_the_transaction() {
    let (_, pool) = support::database().await;
    let outbox = Outbox::new(&service());
    let event = locked("u-1");
    let mut transaction = db::begin(&pool).await.unwrap();
    outbox.insert(&mut transaction, &event).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM test_outbox").await, 0);

    let mut transaction = db::begin(&pool).await.unwrap();
    outbox.insert(&mut transaction, &event).await.unwrap();
    transaction.commit().await.unwrap();
    let row: (String, String, String, String, String, String) = sqlx::query_as(
        "SELECT event_id, aggregate_type, aggregate_id, type, topic, payload FROM test_outbox",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(row.0, event.id);
    assert_eq!((row.1.as_str(), row.2.as_str()), ("user", "u-1"));
    assert_eq!(
        (row.3.as_str(), row.4.as_str()),
        ("user.locked", "user.locked")
    );
    assert_eq!(row.5.into_bytes(), event.encode().unwrap());

    let again = outbox
        .insert(&mut pool.acquire().await.unwrap(), &event)
        .await;
    assert!(matches!(again, Err(OutboxError::Sql(error)) if db::is_duplicate_key(&error)));
}

#[tokio::test]
async fn many_rows_keep_their_order() {
    let (_, pool) = support::database().await;
    let outbox = Outbox::new(&service());
    let rows: Vec<OutboxRow> = (0..3000)
        .map(|n| OutboxRow::new(&locked(&format!("u-{}", n % 7))).unwrap())
        .collect();
    let mut transaction = db::begin(&pool).await.unwrap();
    outbox.insert_rows(&mut transaction, &rows).await.unwrap();
    transaction.commit().await.unwrap();
    let ids: Vec<String> = sqlx::query_scalar("SELECT event_id FROM test_outbox ORDER BY id")
        .fetch_all(&pool)
        .await
        .unwrap();
    let expected: Vec<&str> = rows.iter().map(OutboxRow::event_id).collect();
    assert_eq!(ids, expected);
    // A key is in one slot.
    let slots = count(&pool, "SELECT COUNT(DISTINCT slot) FROM test_outbox").await;
    let pairs = count(
        &pool,
        "SELECT COUNT(DISTINCT slot, aggregate_id) FROM test_outbox",
    )
    .await;
    assert!(slots > 1 && slots <= 7 && pairs == 7, "{slots} {pairs}");
}

#[test]
fn what_nobody_could_read_is_refused() {
    let mut event = locked("u");
    event.data.email = Some("x".repeat(1_000_000));
    assert!(matches!(
        OutboxRow::new(&event),
        Err(OutboxError::TooLarge { .. })
    ));
    for key in [String::new(), "ä".to_owned(), "x".repeat(129)] {
        let event = locked(&key);
        assert_eq!(event.data.key(), key);
        assert!(
            matches!(OutboxRow::new(&event), Err(OutboxError::Key { .. })),
            "{key}"
        );
    }
}

#[tokio::test]
async fn the_inbox_forgets_what_is_old() {
    let (_, pool) = support::database().await;
    let inbox = Inbox::new(&service());
    let mut connection = pool.acquire().await.unwrap();
    for (id, expected) in [
        ("a", Seen::New),
        ("a", Seen::Before),
        ("a ", Seen::New),
        ("A", Seen::New),
    ] {
        let seen = inbox.note(&mut connection, id, "h").await.unwrap();
        assert_eq!(seen, expected, "{id:?}");
    }
    assert_eq!(
        inbox.note(&mut connection, "a", "other").await.unwrap(),
        Seen::New
    );
    let old = "UPDATE test_inbox SET handled_at = NOW(3) - INTERVAL 1 DAY WHERE handler = 'h'";
    sqlx::query(old).execute(&pool).await.unwrap();
    assert_eq!(
        inbox.purge(&pool, Duration::from_secs(3600)).await.unwrap(),
        3
    );
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM test_inbox").await, 1);
}
