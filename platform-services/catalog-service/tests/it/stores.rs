use serde_json::json;

use crate::support::{Catalog, NOBODY};

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
    crate::support::until("ready", || async {
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
