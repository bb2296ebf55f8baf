use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{
    Catalog, NOBODY, PATIENCE,
    inventory::{Inventory, Mood},
    until,
};

async fn listed(catalog: &Catalog) -> Vec<Value> {
    let page = catalog.get("/api/products?sort=name").await.expect(200);
    let products = page["products"].as_array().unwrap();
    products
        .iter()
        .map(|product| product["available"].clone())
        .collect()
}

#[tokio::test]
async fn it_is_what_the_inventory_says_in_one_call_and_null_where_it_says_nothing() {
    let inventory = Inventory::start().await;
    let catalog = Catalog::start_with(&inventory.url, NOBODY).await;
    let two = json!([{"name": "g", "values": [{"value": "x"}, {"value": "y"}]}]);
    let skus = |a: &str, b: &str| json!([{"options": {"g": "x"}, "skuId": a}, {"options": {"g": "y"}, "skuId": b}]);
    for (name, a, b) in [("a", "a1", "a2"), ("b", "b1", "b2"), ("c", "c1", "c2")] {
        catalog
            .product(name, json!({"optionGroups": two, "skus": skus(a, b)}))
            .await;
    }
    for (sku, units) in [("a1", 0), ("a2", 3), ("b1", 0), ("b2", 0), ("c1", 0)] {
        inventory.set(sku, units);
    }
    let before = inventory.calls();
    assert_eq!(
        listed(&catalog).await,
        [json!(true), json!(false), Value::Null]
    );
    assert_eq!(inventory.calls() - before, 1);
    let detail = catalog.get("/api/products/3").await.expect(200);
    assert_eq!(detail["available"], Value::Null);
    assert_eq!(detail["skus"][0]["availableQuantity"], 0);
    assert_eq!(detail["skus"][1]["availableQuantity"], Value::Null);

    inventory.be(Mood::Broken);
    assert_eq!(
        listed(&catalog).await,
        [Value::Null, Value::Null, Value::Null]
    );
}

#[tokio::test]
async fn a_hanging_inventory_takes_nothing_else_down() {
    let inventory = Inventory::start().await;
    let catalog = Catalog::start_with(&inventory.url, NOBODY).await;
    catalog
        .product("Mug", json!({"skus": [{"skuId": "mug"}]}))
        .await;
    inventory.set("mug", 7);
    inventory.be(Mood::Hanging);
    // More at once than there are connections to the database.
    let begun = Instant::now();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let url = format!("{}/api/products/1", catalog.base);
        let http = catalog.http.clone();
        all.spawn(async move {
            let body = http.get(url).send().await.unwrap().text().await.unwrap();
            serde_json::from_str::<Value>(&body).unwrap()["available"].clone()
        });
    }
    while let Some(available) = all.join_next().await {
        assert_eq!(available.unwrap(), Value::Null);
    }
    // All together, not one after the other.
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    // By now nobody waits for it at all, but for who tries it again from time to time.
    until("nobody waits", || async {
        let before = inventory.calls();
        assert_eq!(listed(&catalog).await, [Value::Null]);
        inventory.calls() == before
    })
    .await;
    inventory.be(Mood::Fine);
    until("it is asked again", || async {
        listed(&catalog).await == [json!(true)]
    })
    .await;
    let state = "catalog_client_breaker_state{neighbour=\"inventory\"} 0";
    until("the breaker is closed", || async {
        listed(&catalog).await;
        catalog.get("/metrics").await.text.contains(state)
    })
    .await;
}
