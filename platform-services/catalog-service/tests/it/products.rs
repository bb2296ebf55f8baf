use access_token::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Catalog, text, token};

#[tokio::test]
async fn a_product_with_options_has_a_sku_for_each_combination() {
    let catalog = Catalog::start().await;
    let answer = catalog
        .post(
            "/api/products",
            json!({
                "name": "  데일리 티셔츠 ", "price": 19_000, "status": "ON_SALE",
                "optionGroups": [
                    {"name": "색상", "values": [{"value": "검정"}, {"value": "흰색"}]},
                    {"name": "Size", "values": [{"value": "M"}, {"value": "XL", "additionalPrice": 2000}]},
                ],
                "skus": [{"options": {"색상": "검정", "Size": "M"}, "skuId": 1, "initialQuantity": 100}],
                "initialQuantity": 5,
            }),
        )
        .await;
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let created = answer.expect(201);
    assert_eq!(created["name"], "데일리 티셔츠");
    let skus = created["skus"].as_array().unwrap();
    assert_eq!(skus.len(), 4);
    assert_eq!(skus[0]["skuId"], "1");
    assert_eq!(skus[0]["options"], json!({"색상": "검정", "Size": "M"}));
    assert_eq!(skus[3]["optionText"], "흰색 / XL");
    assert_eq!(skus[3]["price"], 21_000);
    assert_eq!(skus[3]["forSale"], true);
    // Nobody asked inventory-server.
    assert_eq!(skus[0]["availableQuantity"], Value::Null);
    assert_eq!(catalog.get(&location).await.expect(200), created);

    let added = json!({"version": 1, "group": "Size",
        "values": [{"value": "L", "additionalPrice": 1000}],
        "skus": [{"options": {"색상": "흰색", "Size": "L"}, "skuId": "white-l"}]});
    let path = format!("{location}/options");
    let more = catalog.post(&path, added.clone()).await.expect(200);
    assert_eq!(more["skus"].as_array().unwrap().len(), 6);
    assert_eq!(more["version"], 2);
    let again = catalog.post(&path, added).await;
    again.is(409, "VERSION_CONFLICT");
    assert_eq!(again.body["currentVersion"], 2);
    let twice = json!({"version": 2, "group": "Size", "values": [{"value": "xl"}]});
    catalog.post(&path, twice).await.is(409, "OPTION_TAKEN");
}

#[tokio::test]
async fn prices_names_and_states_change_under_their_version() {
    let catalog = Catalog::start().await;
    let id = catalog
        .product(
            "Mug",
            json!({"price": 12_000, "skus": [{"skuId": "mug"}], "status": "DRAFT"}),
        )
        .await;
    let path = format!("/api/products/{id}");
    // A draft is for admins.
    catalog.get(&path).await.is(404, "PRODUCT_NOT_FOUND");
    let seen = catalog
        .admin(Method::GET, &path, Value::Null)
        .await
        .expect(200);
    assert_eq!(
        (&seen["version"], &seen["status"]),
        (&json!(1), &json!("DRAFT"))
    );
    assert_eq!(catalog.found("").await, [""; 0]);

    let body = json!({"version": 1, "name": "Mug, large", "price": 15_000});
    let updated = catalog
        .admin(Method::PUT, &path, body.clone())
        .await
        .expect(200);
    assert_eq!(updated["skus"][0]["price"], 15_000);
    let late = catalog.admin(Method::PUT, &path, body).await;
    late.is(409, "VERSION_CONFLICT");

    let status = |status: &str, version: Option<u64>| {
        let body = json!({"status": status, "version": version});
        let (catalog, path) = (&catalog, format!("{path}/status"));
        async move { catalog.admin(Method::PATCH, &path, body).await }
    };
    status("STOPPED", None)
        .await
        .is(409, "INVALID_PRODUCT_STATE");
    status("ON_SALE", Some(1)).await.is(409, "VERSION_CONFLICT");
    status("SOLD", None).await.is(400, "INVALID_REQUEST");
    assert_eq!(status("ON_SALE", Some(2)).await.expect(200)["version"], 3);
    // Said again, it is what it is.
    assert_eq!(status("ON_SALE", None).await.expect(200)["version"], 3);
    assert_eq!(catalog.found("keyword=large").await, ["Mug, large"]);
    // Its only SKU cannot be stopped alone.
    let sku = format!("{path}/skus/mug");
    let stop = json!({"status": "STOPPED"});
    let refused = catalog.admin(Method::PATCH, &sku, stop.clone()).await;
    refused.is(409, "INVALID_PRODUCT_STATE");
    let other = catalog
        .admin(Method::PATCH, &format!("{path}/skus/cup"), stop.clone())
        .await;
    other.is(404, "UNKNOWN_SKU");
    status("STOPPED", None).await.expect(200);
    catalog.admin(Method::PATCH, &sku, stop).await.expect(200);
    status("ON_SALE", None)
        .await
        .is(409, "INVALID_PRODUCT_STATE");
    assert_eq!(catalog.found("").await, [""; 0]);
    assert_eq!(catalog.get(&path).await.expect(200)["status"], "STOPPED");

    let gone = |version: u64| format!("{path}?version={version}");
    let late = catalog.admin(Method::DELETE, &gone(1), Value::Null).await;
    late.is(409, "VERSION_CONFLICT");
    catalog
        .admin(Method::DELETE, &gone(5), Value::Null)
        .await
        .expect(204);
    for method in [Method::GET, Method::DELETE] {
        let answer = catalog.admin(method, &path, Value::Null).await;
        answer.is(404, "PRODUCT_NOT_FOUND");
    }
}

#[tokio::test]
async fn bad_requests_name_every_field_and_change_nothing() {
    let catalog = Catalog::start().await;
    let bad = json!({
        "name": " ", "price": -1, "status": "DELETED", "categoryId": "x", "imageUrl": "ftp://x",
        "optionGroups": [{"name": "Size", "values": [{"value": "M"}, {"value": "m"}]}],
        "skus": [{"options": {"Size": "M"}, "skuId": "a b", "initialQuantity": -1}],
    });
    let answer = catalog.post("/api/products", bad).await;
    answer.is(400, "INVALID_REQUEST");
    let errors = answer.body["errors"].as_array().unwrap();
    let fields: Vec<&str> = errors
        .iter()
        .map(|e| e["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "name",
            "price",
            "categoryId",
            "imageUrl",
            "status",
            "optionGroups[0].values[1].value",
            "skus[0].skuId",
            "skus[0].initialQuantity"
        ]
    );
    let values: Vec<Value> = (0..20).map(|n| json!({"value": format!("v{n}")})).collect();
    let many = json!([{"name": "a", "values": values}, {"name": "b", "values": values}]);
    for (more, status, code) in [
        (json!({"categoryId": 9}), 422, "UNKNOWN_CATEGORY"),
        (json!({"brandId": "9"}), 422, "UNKNOWN_BRAND"),
        (json!({"optionGroups": many}), 400, "INVALID_REQUEST"),
        (json!({"colour": "red"}), 400, "INVALID_REQUEST"),
        (
            json!({"skus": [{"options": {"Size": "M"}}]}),
            400,
            "INVALID_REQUEST",
        ),
        (
            json!({"price": 0, "status": "ON_SALE"}),
            409,
            "INVALID_PRODUCT_STATE",
        ),
        (
            json!({"description": "x".repeat(300_000)}),
            413,
            "BODY_TOO_LARGE",
        ),
    ] {
        let mut body = json!({"name": "Mug", "price": 1});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        let answer = catalog.post("/api/products", body).await;
        answer.is(status, code);
    }
    let resolved = resolve(&catalog, json!(["a b"])).await;
    assert_eq!(resolved, json!({"skus": [], "unknown": ["a b"]}));
    assert_eq!(
        catalog.get("/api/products").await.expect(200)["products"],
        json!([])
    );
}

async fn resolve(catalog: &Catalog, sku_ids: Value) -> Value {
    let token = token(&[Role::Service]);
    let body = json!({"skuIds": sku_ids});
    let path = "/internal/skus/resolve";
    catalog
        .send(Method::POST, path, Some(&token), Some(&body))
        .await
        .expect(200)
}

#[tokio::test]
async fn skus_are_resolved_in_the_order_asked() {
    let catalog = Catalog::start().await;
    let tee = catalog
        .product(
            "Tee",
            json!({"price": 10_000, "optionGroups": [{"name": "Size", "values": [{"value": "M"},
                {"value": "L", "additionalPrice": 500}]}],
                "skus": [{"options": {"Size": "L"}, "skuId": "1"}]}),
        )
        .await;
    let draft = json!({"status": "DRAFT", "skus": [{"skuId": "draft"}]});
    let draft = catalog.product("Mug", draft).await;
    let answer = resolve(&catalog, json!(["nothing", "draft", 1, "1"])).await;
    assert_eq!(
        answer,
        json!({
            "skus": [
                {"skuId": "draft", "productId": draft, "name": "Mug", "price": 10_000,
                    "currency": "KRW", "forSale": false},
                {"skuId": "1", "productId": tee, "name": "Tee", "optionText": "L", "price": 10_500,
                    "currency": "KRW", "forSale": true},
            ],
            "unknown": ["nothing"],
        })
    );
    let path = format!("/api/products/{tee}");
    catalog
        .admin(Method::DELETE, &path, Value::Null)
        .await
        .expect(204);
    let answer = resolve(&catalog, json!(["1"])).await;
    assert_eq!(answer["skus"][0]["forSale"], false);
    assert_eq!(text(&answer["skus"][0]["optionText"]), "L");
    let none = json!({"skuIds": []});
    let token = token(&[Role::Service]);
    let path = "/internal/skus/resolve";
    let answer = catalog
        .send(Method::POST, path, Some(&token), Some(&none))
        .await;
    answer.is(400, "INVALID_REQUEST");
}
