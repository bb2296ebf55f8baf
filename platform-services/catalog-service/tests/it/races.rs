use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Catalog, text};

#[tokio::test]
async fn one_of_many_gets_a_sku_id() {
    let catalog = Arc::new(Catalog::start().await);
    let creates: Vec<_> = (0..12)
        .map(|n| {
            let catalog = Arc::clone(&catalog);
            // Half of them name two ids, in either order.
            let (a, b) = if n % 2 == 0 { ("1", "2") } else { ("2", "1") };
            let body = json!({"name": format!("p{n}"), "price": 1, "status": "ON_SALE",
                "optionGroups": [{"name": "g", "values": [{"value": "x"}, {"value": "y"}]}],
                "skus": [{"options": {"g": "x"}, "skuId": a}, {"options": {"g": "y"}, "skuId": b}]});
            tokio::spawn(async move { catalog.post("/api/products", body).await })
        })
        .collect();
    let mut created = 0;
    for create in creates {
        let answer = create.await.unwrap();
        if answer.status == 201 {
            created += 1;
        } else {
            answer.is(409, "SKU_ID_TAKEN");
        }
    }
    assert_eq!(created, 1);
    assert_eq!(catalog.found("").await.len(), 1);
}

#[tokio::test]
async fn moves_at_once_never_make_a_ring() {
    let catalog = Arc::new(Catalog::start().await);
    for round in 0..8 {
        let a = catalog.category(&format!("a{round}"), None).await;
        let b = catalog.category(&format!("b{round}"), None).await;
        let put = |id: &str, parent: &str, name: &str| {
            let catalog = Arc::clone(&catalog);
            let path = format!("/api/categories/{id}");
            let body = json!({"version": 1, "name": format!("{name}{round}"), "parentId": parent});
            tokio::spawn(async move { catalog.admin(Method::PUT, &path, body).await })
        };
        let (left, right) = (put(&a, &b, "a"), put(&b, &a, "b"));
        let answers = [left.await.unwrap(), right.await.unwrap()];
        let moved = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(moved, 1, "one is put below the other");
        let refused = answers.iter().find(|answer| answer.status != 200).unwrap();
        refused.is(409, "CATEGORY_CYCLE");
    }
    // Every category is in the tree: none hangs in a ring.
    fn count(nodes: &Value) -> usize {
        let nodes = nodes.as_array().unwrap();
        nodes.iter().map(|node| 1 + count(&node["children"])).sum()
    }
    let tree = catalog.get("/api/categories/tree").await.expect(200);
    assert_eq!(count(&tree["categories"]), 16);
}

#[tokio::test]
async fn one_of_many_changes_a_version_and_renames_meet_writes() {
    let catalog = Arc::new(Catalog::start().await);
    let category = catalog.category("before", None).await;
    let id = catalog
        .product("Mug", json!({"categoryId": category}))
        .await;
    let updates: Vec<_> = (0..8)
        .map(|n| {
            let (catalog, path) = (Arc::clone(&catalog), format!("/api/products/{id}"));
            let body = json!({"version": 1, "name": format!("Mug {n}"), "price": 1000 + n,
                "categoryId": category});
            tokio::spawn(async move { catalog.admin(Method::PUT, &path, body).await })
        })
        .collect();
    let creates: Vec<_> = (0..8)
        .map(|n| {
            let (catalog, category) = (Arc::clone(&catalog), category.clone());
            tokio::spawn(async move {
                catalog
                    .product(&format!("Cup {n}"), json!({"categoryId": category}))
                    .await
            })
        })
        .collect();
    let rename = json!({"version": 1, "name": "afterwards"});
    let path = format!("/api/categories/{category}");
    let renamed = catalog.admin(Method::PUT, &path, rename).await.expect(200);
    assert_eq!(text(&renamed["name"]), "afterwards");
    let mut updated = 0;
    for update in updates {
        let answer = update.await.unwrap();
        updated += u32::from(answer.status == 200);
        assert!(answer.status == 200 || answer.code() == "VERSION_CONFLICT");
    }
    assert_eq!(updated, 1);
    for create in creates {
        create.await.unwrap();
    }
    crate::support::until("all by the new name", || async {
        catalog.found("keyword=afterwards").await.len() == 9
            && catalog.found("keyword=before").await.is_empty()
    })
    .await;
}
