use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Catalog, text};

#[tokio::test]
async fn a_tree_is_built_moved_and_taken_down() {
    let catalog = Catalog::start().await;
    let clothes = catalog.category("의류", None).await;
    let tees = catalog.category("티셔츠", Some(&clothes)).await;
    let plain = catalog.category("무지", Some(&tees)).await;
    let shoes = catalog.category("Shoes", None).await;
    for (name, parent) in [("shoes", None), ("티셔츠", Some(&clothes))] {
        let body = json!({"name": name, "parentId": parent});
        catalog
            .post("/api/categories", body)
            .await
            .is(409, "NAME_TAKEN");
    }
    // The same name elsewhere is another.
    catalog.category("티셔츠", Some(&shoes)).await;
    let body = json!({"name": "x", "parentId": "999"});
    catalog
        .post("/api/categories", body)
        .await
        .is(422, "UNKNOWN_CATEGORY");

    let put = |id: &str, body: Value| {
        let (catalog, path) = (&catalog, format!("/api/categories/{id}"));
        async move { catalog.admin(Method::PUT, &path, body).await }
    };
    let below = json!({"version": 1, "name": "의류", "parentId": plain});
    put(&clothes, below).await.is(409, "CATEGORY_CYCLE");
    let itself = json!({"version": 1, "name": "의류", "parentId": clothes});
    put(&clothes, itself).await.is(409, "CATEGORY_CYCLE");
    let moved = put(
        &tees,
        json!({"version": 1, "name": "Tops", "parentId": shoes}),
    )
    .await;
    assert_eq!(moved.expect(200)["depth"], 1);
    let late = put(&tees, json!({"version": 1, "name": "x"})).await;
    late.is(409, "VERSION_CONFLICT");
    let tree = catalog.get("/api/categories/tree").await.expect(200);
    let names = |nodes: &Value| -> Vec<String> {
        nodes
            .as_array()
            .unwrap()
            .iter()
            .map(|node| text(&node["name"]))
            .collect()
    };
    assert_eq!(names(&tree["categories"]), ["Shoes", "의류"]);
    let below = &tree["categories"][0]["children"];
    assert_eq!(names(below), ["Tops", "티셔츠"]);
    assert_eq!(below[0]["children"][0]["depth"], 2);

    catalog.product("Tee", json!({"categoryId": plain})).await;
    let delete = |id: &str| {
        let (catalog, path) = (&catalog, format!("/api/categories/{id}"));
        async move { catalog.admin(Method::DELETE, &path, Value::Null).await }
    };
    delete(&shoes).await.is(409, "CATEGORY_IN_USE");
    delete(&plain).await.is(409, "CATEGORY_IN_USE");
    catalog
        .admin(Method::DELETE, "/api/products/1", Value::Null)
        .await
        .expect(204);
    delete(&plain).await.expect(204);
    delete(&plain).await.is(404, "CATEGORY_NOT_FOUND");
    delete(&clothes).await.expect(204);
}

#[tokio::test]
async fn a_tree_has_a_deepest_level() {
    let catalog = Catalog::start().await;
    let mut parent = None;
    for n in 0..8 {
        parent = Some(catalog.category(&format!("c{n}"), parent.as_deref()).await);
    }
    let body = json!({"name": "too deep", "parentId": parent});
    let answer = catalog.post("/api/categories", body).await;
    answer.is(400, "INVALID_REQUEST");
    assert_eq!(answer.body["errors"][0]["field"], "parentId");
    // Nor by moving what has something below it.
    let root = catalog.category("root", None).await;
    catalog.category("leaf", Some(&root)).await;
    let seventh = catalog.get("/api/categories/7").await.expect(200);
    let body = json!({"version": 1, "name": "root", "parentId": seventh["categoryId"]});
    let path = format!("/api/categories/{root}");
    let answer = catalog.admin(Method::PUT, &path, body).await;
    answer.is(400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_product_shows_the_way_to_its_category() {
    let catalog = Catalog::start().await;
    // The path to it is in no order of ids.
    let first = catalog.category("first", None).await;
    let mut parent = catalog.category("root", None).await;
    for n in 0..9 {
        catalog.category(&format!("other {n}"), Some(&parent)).await;
    }
    parent = catalog.category("middle", Some(&parent)).await;
    let moved = json!({"version": 1, "name": "leaf", "parentId": parent});
    let path = format!("/api/categories/{first}");
    catalog.admin(Method::PUT, &path, moved).await.expect(200);
    let product = catalog.product("Mug", json!({"categoryId": first})).await;
    let path = format!("/api/products/{product}");
    let shown = catalog.get(&path).await.expect(200);
    let shown = shown["categoryPath"].as_array().unwrap().clone();
    let names: Vec<String> = shown.iter().map(|it| text(&it["name"])).collect();
    assert_eq!(names, ["root", "middle", "leaf"]);
}

#[tokio::test]
async fn brands_come_in_pages_and_go_when_nothing_has_them() {
    let catalog = Catalog::start().await;
    for name in ["Nabi", "Haru", "Dalbit"] {
        catalog
            .post("/api/brands", json!({"name": name}))
            .await
            .expect(201);
    }
    let taken = catalog.post("/api/brands", json!({"name": "NABI"})).await;
    taken.is(409, "NAME_TAKEN");
    let page = catalog.get("/api/brands?limit=2").await.expect(200);
    assert_eq!(page["brands"].as_array().unwrap().len(), 2);
    let next = format!("/api/brands?limit=2&cursor={}", text(&page["nextCursor"]));
    let rest = catalog.get(&next).await.expect(200);
    assert_eq!(rest["brands"][0]["name"], "Dalbit");
    assert!(rest.get("nextCursor").is_none());
    catalog.product("Mug", json!({"brandId": 1})).await;
    assert_eq!(
        catalog.get("/api/products/1").await.expect(200)["brand"]["name"],
        "Nabi"
    );
    let delete = |path: &'static str| catalog.admin(Method::DELETE, path, Value::Null);
    delete("/api/brands/1").await.is(409, "BRAND_IN_USE");
    delete("/api/brands/2?version=7")
        .await
        .is(409, "VERSION_CONFLICT");
    delete("/api/brands/2?version=1").await.expect(204);
    catalog
        .get("/api/brands/2")
        .await
        .is(404, "BRAND_NOT_FOUND");
}
