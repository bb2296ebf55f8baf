use std::time::Duration;

use service_kit::{
    audit,
    db::{self, PoolSettings},
};

use crate::support::{self, count};

#[tokio::test]
async fn old_rows_of_the_audit_go_in_batches_and_young_ones_stay() {
    // One session, which counts its statements.
    let settings = PoolSettings {
        connections_max: 1,
        ..PoolSettings::default()
    };
    let pool = db::pool(&support::database_url(), "test", settings).unwrap();
    sqlx::raw_sql(audit::ddl()).execute(&pool).await.unwrap();
    let retention = audit::RETENTION;
    let deleted = async || {
        let deletes = "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.SESSION_STATUS \
                       WHERE VARIABLE_NAME = 'COM_DELETE'";
        let before = count(&pool, deletes).await;
        let rows = audit::prune(&pool, retention).await.unwrap();
        (rows, count(&pool, deletes).await - before)
    };
    assert_eq!(deleted().await, (0, 1));

    let insert = "INSERT INTO admin_audit (at, actor, action, subject, request_id)
        SELECT NOW(3) - INTERVAL ? SECOND, 'admin:a', 'POST /x', CONCAT('user:', seq), 'r'
        FROM seq_1_to_2500 WHERE seq <= ?";
    let minute = Duration::from_secs(60);
    for (age, rows) in [
        (retention + minute, 2500),
        (retention - minute, 3),
        (Duration::ZERO, 1),
    ] {
        let inserting = sqlx::query(insert).bind(age.as_secs()).bind(rows);
        inserting.execute(&pool).await.unwrap();
    }
    assert_eq!(deleted().await, (2500, 3));
    assert_eq!(count(&pool, "SELECT COUNT(*) FROM admin_audit").await, 4);
    assert_eq!(deleted().await, (0, 1));
}
