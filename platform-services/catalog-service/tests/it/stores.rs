use serde_json::json;
use sqlx::{Connection as _, MySqlConnection};

use crate::support::{Catalog, NOBODY, until};

#[tokio::test]
async fn without_mariadb_it_is_alive_and_not_ready() {
    let url = format!("mysql://root@{NOBODY}/shop_catalog");
    let catalog = Catalog::start_on(url, &format!("http://{NOBODY}"), NOBODY).await;
    assert_eq!(catalog.get("/healthz").await.status, 200);
    assert_eq!(catalog.get("/readyz").await.status, 503);
    let answer = catalog.get("/api/products").await;
    answer.is(503, "STORE_UNAVAILABLE");
    assert!(answer.headers.contains_key("retry-after"));
    catalog.stop().await;
}

#[tokio::test]
async fn a_second_process_shares_the_tables() {
    let first = Catalog::start().await;
    first.product("Mug", json!({})).await;
    let url = first.database_url.clone();
    let second = Catalog::start_on(url, &format!("http://{NOBODY}"), NOBODY).await;
    until("ready", || async {
        second.get("/readyz").await.status == 200
    })
    .await;
    assert_eq!(second.found("keyword=mug").await, ["Mug"]);
    assert_eq!(second.get("/docs").await.status, 200);
    assert_eq!(second.get("/openapi.json").await.status, 200);
    // With nothing left to do, and Kafka away.
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn old_rows_of_the_audit_are_deleted() {
    let first = Catalog::start().await;
    let url = first.database_url.clone();
    let mut database = MySqlConnection::connect(&url).await.unwrap();
    let rows = "INSERT INTO admin_audit (at, actor, action, subject, request_id) VALUES
        (NOW(3) - INTERVAL 401 DAY, 'admin:a', 'POST /api/brands', 'brand:1', 'r'),
        (NOW(3) - INTERVAL 399 DAY, 'admin:a', 'POST /api/brands', 'brand:2', 'r')";
    sqlx::query(rows).execute(&mut database).await.unwrap();
    // Any replica looks when it starts.
    let second = Catalog::start_on(url.clone(), &format!("http://{NOBODY}"), NOBODY).await;
    until("only the young row is left", || async {
        let mut database = MySqlConnection::connect(&url).await.unwrap();
        let left = sqlx::query_scalar("SELECT subject FROM admin_audit");
        let left: Vec<String> = left.fetch_all(&mut database).await.unwrap();
        left == ["brand:2"]
    })
    .await;
    first.stop().await;
    second.stop().await;
}
