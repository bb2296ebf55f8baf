use std::{collections::BTreeSet, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use sqlx::{Connection as _, Executor as _, MySqlConnection};

use crate::support::{Catalog, NOBODY, text, until};

/// A small shop; its categories 의류 > 티셔츠 and 신발.
async fn shop() -> (Catalog, [String; 3]) {
    let catalog = Catalog::start().await;
    let clothes = catalog.category("의류", None).await;
    let tees = catalog.category("티셔츠", Some(&clothes)).await;
    let shoes = catalog.category("신발", None).await;
    let brand = catalog
        .post("/api/brands", json!({"name": "Nabi"}))
        .await
        .expect(201);
    let brand = text(&brand["brandId"]);
    for (name, price, category, brand, description) in [
        (
            "데일리 면 반팔 티셔츠",
            19_000,
            Some(&tees),
            Some(&brand),
            "부드러운 면 100%",
        ),
        (
            "Oversized Cotton T-Shirt",
            24_000,
            Some(&tees),
            None,
            "Heavy cotton, relaxed fit",
        ),
        (
            "라이트 러닝화",
            89_000,
            Some(&shoes),
            Some(&brand),
            "Light running shoes for every day",
        ),
        ("Canvas Shoes", 49_000, Some(&shoes), None, "Low top"),
        (
            "와이드 데님 팬츠",
            59_000,
            Some(&clothes),
            None,
            "Wide denim",
        ),
        ("머그컵", 12_000, None, None, "A mug"),
    ] {
        let more = json!({"price": price, "categoryId": category, "brandId": brand,
            "description": description});
        catalog.product(name, more).await;
    }
    (catalog, [clothes, tees, shoes])
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

const TEES: [&str; 2] = ["데일리 면 반팔 티셔츠", "Oversized Cotton T-Shirt"];
const SHOES: [&str; 2] = ["라이트 러닝화", "Canvas Shoes"];

#[tokio::test]
async fn words_of_both_languages_are_found_whole_and_in_part() {
    let (catalog, _) = shop().await;
    for (keyword, names) in [
        // By category, by name, by description.
        ("신발", &SHOES[..]),
        ("티셔츠", &TEES),
        ("shoes", &SHOES),
        ("SHOES", &SHOES),
        ("Ｓｈｏｅｓ", &SHOES),
        // Decomposed, as some systems write it.
        ("\u{1109}\u{1175}\u{11ab}\u{1107}\u{1161}\u{11af}", &SHOES),
        // Parts of words, and words run together.
        ("셔츠", &TEES),
        ("hoe", &SHOES),
        ("반팔티셔츠", &TEES[..1]),
        ("run sho", &SHOES[..1]),
        // By brand, by two words from different places.
        ("nabi", &["데일리 면 반팔 티셔츠", "라이트 러닝화"]),
        ("nabi 신발", &SHOES[..1]),
        // One letter is a word too.
        ("면", &TEES[..1]),
        ("컵", &["머그컵"]),
        // Pairs that are there, but not as this word.
        ("츠티", &[]),
        ("coton", &[]),
        ("cotton 신발", &[]),
        ("%", &[]),
    ] {
        if keyword == "%" {
            let answer = catalog.get("/api/products?keyword=%25").await;
            answer.is(400, "INVALID_REQUEST");
            continue;
        }
        let found = catalog.found(&format!("keyword={keyword}")).await;
        assert_eq!(
            found.iter().cloned().collect::<BTreeSet<_>>(),
            set(names),
            "{keyword}"
        );
        assert_eq!(found.len(), names.len(), "{keyword}");
    }
    // Names before descriptions.
    assert_eq!(
        catalog.found("keyword=shoes").await,
        ["Canvas Shoes", "라이트 러닝화"]
    );
}

#[tokio::test]
async fn filters_and_orders() {
    let (catalog, [clothes, tees, shoes]) = shop().await;
    let below = catalog.found(&format!("categoryId={clothes}")).await;
    assert_eq!(below, ["와이드 데님 팬츠", TEES[1], TEES[0]]);
    assert_eq!(
        catalog
            .found(&format!("categoryId={tees}&maxPrice=19000"))
            .await,
        &TEES[..1]
    );
    let dear = format!("categoryId={shoes}&minPrice=49000&maxPrice=89000&sort=price_desc");
    assert_eq!(catalog.found(&dear).await, SHOES);
    let by_price = catalog.found("sort=price_asc&limit=2").await;
    assert_eq!(by_price[..2], ["머그컵", TEES[0]]);
    assert_eq!(by_price.len(), 6);
    let by_name = catalog.found("sort=name&limit=1").await;
    assert_eq!(by_name[..2], ["Canvas Shoes", TEES[1]]);
    assert_eq!(by_name.len(), 6);
    assert_eq!(
        catalog.found("keyword=nabi&sort=price_asc&limit=1").await[0],
        TEES[0]
    );
    assert_eq!(catalog.found("keyword=shoes&limit=1").await.len(), 2);
    assert_eq!(catalog.found("inStock=true").await, [""; 0]);
    assert_eq!(catalog.found("categoryId=999").await, [""; 0]);
    // As long as it may be.
    let long: String = ('가'..).take(100).collect();
    assert_eq!(catalog.found(&format!("keyword={long}")).await, [""; 0]);
    for (query, field) in [
        ("sort=best", "sort"),
        ("sort=relevance", "sort"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("minPrice=-1", "minPrice"),
        ("minPrice=2&maxPrice=1", "minPrice"),
        ("categoryId=x", "categoryId"),
        ("inStock=1", "inStock"),
        ("cursor=00", "cursor"),
        ("keyword=a+b+c+d+e+f+g+h+i+j+k", "keyword"),
    ] {
        let answer = catalog.get(&format!("/api/products?{query}")).await;
        answer.is(400, "INVALID_REQUEST");
        assert_eq!(answer.body["errors"][0]["field"], field, "{query}");
    }
    let page = catalog.get("/api/products?limit=1").await.expect(200);
    let cursor = text(&page["nextCursor"]);
    let other = catalog
        .get(&format!("/api/products?sort=name&cursor={cursor}"))
        .await;
    assert_eq!(other.body["errors"][0]["field"], "cursor", "{}", other.text);
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_while_products_come() {
    let catalog = Catalog::start().await;
    for n in 0..9 {
        let more = json!({"price": 1000 * (n % 3) + 1000});
        catalog.product(&format!("before {n}"), more).await;
    }
    for sort in ["newest", "price_asc", "price_desc", "name"] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        for page in 0.. {
            let path = format!("/api/products?sort={sort}&limit=2{cursor}");
            let answer = catalog.get(&path).await.expect(200);
            let products = answer["products"].as_array().unwrap();
            seen.extend(products.iter().map(|p| text(&p["name"])));
            // In front of, amid and behind what is read.
            if page < 4 {
                for (name, price) in [("a new one", 500), ("before, not", 2000), ("new", 9000)] {
                    catalog.product(name, json!({"price": price})).await;
                }
            }
            match answer["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        seen.retain(|name| name.starts_with("before "));
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), distinct.len()), (9, 9), "{sort}: {seen:?}");
        if sort == "newest" {
            let order: Vec<String> = (0..9).rev().map(|n| format!("before {n}")).collect();
            assert_eq!(seen, order);
        }
    }
}

#[tokio::test]
async fn what_changes_its_name_is_found_by_the_new_one() {
    let (catalog, [_, tees, shoes]) = shop().await;
    let put = |path: String, body: Value| {
        let catalog = &catalog;
        async move { catalog.admin(Method::PUT, &path, body).await.expect(200) }
    };
    put(
        format!("/api/categories/{shoes}"),
        json!({"version": 1, "name": "Footwear"}),
    )
    .await;
    until("by the new name", || async {
        catalog.found("keyword=footwear").await.len() == 2
    })
    .await;
    assert_eq!(catalog.found("keyword=신발").await, [""; 0]);
    // Moved below: found by what is above it now.
    put(
        format!("/api/categories/{tees}"),
        json!({"version": 1, "name": "티셔츠", "parentId": shoes}),
    )
    .await;
    until("below another", || async {
        catalog.found("keyword=footwear").await.len() == 4
    })
    .await;
    put(
        "/api/brands/1".to_owned(),
        json!({"version": 1, "name": "Haru"}),
    )
    .await;
    until("by the new brand", || async {
        catalog.found("keyword=haru").await.len() == 2
    })
    .await;
    assert_eq!(catalog.found("keyword=nabi").await, [""; 0]);
}

/// A session at the catalog's database.
async fn database(catalog: &Catalog) -> MySqlConnection {
    MySqlConnection::connect(&catalog.database_url)
        .await
        .unwrap()
}

#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "a connection that nobody else has"
)]
async fn a_rename_waits_for_no_product() {
    let (catalog, [clothes, ..]) = shop().await;
    let mut somebody = database(&catalog).await;
    let mut working = somebody.begin().await.unwrap();
    for table in ["product", "product_search"] {
        let all = format!("SELECT product_id FROM {table} FOR UPDATE");
        let all = sqlx::query(sqlx::AssertSqlSafe(all));
        assert!(!all.fetch_all(&mut *working).await.unwrap().is_empty());
    }
    for (path, name) in [
        (format!("/api/categories/{clothes}"), "Clothes"),
        ("/api/brands/1".to_owned(), "Haru"),
    ] {
        let rename = json!({"version": 1, "name": name});
        let renamed = catalog.admin(Method::PUT, &path, rename);
        // MariaDB gives up a lock after 50 s.
        let renamed = tokio::time::timeout(Duration::from_secs(20), renamed).await;
        assert_eq!(renamed.expect("at once").expect(200)["name"], name);
    }
    working.rollback().await.unwrap();
    until("by the new names", || async {
        catalog.found("keyword=clothes").await.len() == 3
            && catalog.found("keyword=haru").await.len() == 2
    })
    .await;
    assert_eq!(catalog.found("keyword=nabi").await, [""; 0]);
}

#[tokio::test]
async fn what_a_rename_left_to_do_is_done_after_a_restart() {
    let (catalog, [clothes, ..]) = shop().await;
    let mut database = database(&catalog).await;
    // More products than are marked at once.
    let many = "INSERT INTO product (name, description, price, status, category_id, brand_id, \
         sold_out, created_at_ms, updated_at_ms) \
         SELECT CONCAT('m', seq), '', 1, ELT(seq % 3 + 1, 'ON_SALE', 'DRAFT', 'STOPPED'), 1, 1, 0, 0, 0 \
         FROM seq_1_to_450";
    database.execute(many).await.unwrap();
    let documents = "INSERT INTO product_search (product_id, name, document, tokens, version) \
         SELECT product_id, name, 'nabi', '', 1000 FROM product WHERE name LIKE 'm%'";
    database.execute(documents).await.unwrap();
    let url = catalog.database_url.clone();
    catalog.stop().await;
    // A rename that was committed just before the process died.
    for sql in [
        "UPDATE brand SET name = 'Haru' WHERE brand_id = 1",
        "INSERT INTO search_pending (brand_id) VALUES (1)",
        // Of a category that is gone since.
        "INSERT INTO search_pending (category_id) VALUES (999)",
    ] {
        database.execute(sql).await.unwrap();
    }
    let catalog = Catalog::start_on(url, &format!("http://{NOBODY}"), NOBODY).await;
    until("nothing is left to do", || async {
        let mut database = self::database(&catalog).await;
        let stale = "SELECT (SELECT COUNT(*) FROM search_pending) \
             + (SELECT COUNT(*) FROM product_search WHERE version IN (0, 1000))";
        let left: Result<i64, _> = sqlx::query_scalar(stale).fetch_one(&mut database).await;
        left.unwrap() == 0
    })
    .await;
    let old = "SELECT COUNT(*) FROM product_search WHERE document LIKE '%nabi%'";
    let new = "SELECT COUNT(*) FROM product_search WHERE document LIKE '%haru%'";
    for (sql, documents) in [(old, 0), (new, 452)] {
        let count: i64 = sqlx::query_scalar(sql)
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(count, documents, "{sql}");
    }
    let below = format!("keyword=haru&categoryId={clothes}");
    assert_eq!(catalog.found(&below).await.len(), 151);
}
