//! Browsing.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::{
    Load,
    shop::{Service, Shop},
};

/// People who browse at the same time.
pub(crate) const CONNECTIONS: usize = 64;

/// What is looked at: a page, a search, a product.
///
/// # Errors
/// What catalog-service said.
pub(crate) async fn paths(shop: &Shop) -> Result<Vec<(&'static str, String)>, String> {
    let page = shop.get(Service::Catalog, "/api/products", None).await?;
    let first = page["products"][0]["productId"].clone();
    let id = first
        .as_str()
        .map_or_else(|| first.to_string(), ToOwned::to_owned);
    Ok(vec![
        ("list, 20 products", "/api/products".to_owned()),
        (
            "search 신발",
            "/api/products?keyword=%EC%8B%A0%EB%B0%9C".to_owned(),
        ),
        ("detail", format!("/api/products/{id}")),
    ])
}

/// Requests as fast as they are answered.
///
/// # Errors
/// What catalog-service said.
pub(crate) async fn load(shop: &Shop, path: &str, lasts: Duration) -> Result<Load, String> {
    let began = Instant::now();
    let mut people = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (shop, path) = (shop.clone(), path.to_owned());
        people.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < lasts {
                let asked = Instant::now();
                shop.get(Service::Catalog, &path, None).await?;
                took.push(asked.elapsed());
            }
            Ok::<_, String>(took)
        });
    }
    let mut took = Vec::new();
    while let Some(person) = people.join_next().await {
        took.extend(person.map_err(|error| error.to_string())??);
    }
    Ok(Load::of(took, began.elapsed()))
}
