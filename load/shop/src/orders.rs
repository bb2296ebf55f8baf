//! Orders from placed to confirmed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    Load,
    customers::Customer,
    shop::{Service, Shop},
};

/// Between two looks of a customer at their order.
pub(crate) const POLL: Duration = Duration::from_millis(20);
/// How long an order may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Each customer orders, pays, waits until it is confirmed, and orders again.
///
/// # Errors
/// What a service said.
pub(crate) async fn as_many_as_go(
    shop: &Shop,
    customers: &[Customer],
    sku: &str,
    lasts: Duration,
) -> Result<Load, String> {
    let began = Instant::now();
    let mut buyers = JoinSet::new();
    for customer in customers {
        let (shop, customer, sku) = (shop.clone(), customer.clone(), sku.to_owned());
        buyers.spawn(async move {
            let mut took = Vec::new();
            while began.elapsed() < lasts {
                took.push(buy(&shop, &customer, &sku).await?);
            }
            Ok::<_, String>(took)
        });
    }
    let mut took = Vec::new();
    while let Some(buyer) = buyers.join_next().await {
        took.extend(buyer.map_err(|error| error.to_string())??);
    }
    Ok(Load::of(took, began.elapsed()))
}

/// Orders at fixed times, whatever the earlier ones take.
///
/// # Errors
/// What a service said.
pub(crate) async fn at_rate(
    shop: &Shop,
    customers: &[Customer],
    sku: &str,
    per_second: f64,
    lasts: Duration,
) -> Result<Load, String> {
    let began = Instant::now();
    let step = Duration::from_secs_f64(1.0 / per_second.max(0.1));
    let mut orders = JoinSet::new();
    let mut due = began;
    for customer in customers.iter().cycle() {
        if due - began >= lasts {
            break;
        }
        tokio::time::sleep_until(due.into()).await;
        due += step;
        let (shop, customer, sku) = (shop.clone(), customer.clone(), sku.to_owned());
        orders.spawn(async move { buy(&shop, &customer, &sku).await });
    }
    let lasted = began.elapsed();
    let mut took = Vec::new();
    while let Some(order) = orders.join_next().await {
        took.push(order.map_err(|error| error.to_string())??);
    }
    Ok(Load::of(took, lasted))
}

/// One order; how long it took until it was confirmed.
async fn buy(shop: &Shop, customer: &Customer, sku: &str) -> Result<Duration, String> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let token = Some(customer.token.as_str());
    let began = Instant::now();
    let body = json!({"items": [{"skuId": sku, "quantity": 1}], "shippingAddressId": "1"});
    let order = shop
        .post(Service::Order, "/api/orders", token, &body)
        .await?;
    let id: Arc<str> = order["orderId"].as_str().unwrap_or_default().into();
    wait_for(shop, token, &id, "PAYMENT_PENDING", began).await?;
    let payment = json!({
        "orderId": &*id,
        "paymentKey": format!("load-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)),
        "amount": order["totalAmount"],
    });
    shop.post(Service::Payment, "/api/payments/confirm", token, &payment)
        .await?;
    wait_for(shop, token, &id, "CONFIRMED", began).await?;
    Ok(began.elapsed())
}

async fn wait_for(
    shop: &Shop,
    token: Option<&str>,
    id: &str,
    status: &str,
    began: Instant,
) -> Result<(), String> {
    let path = format!("/api/orders/{id}");
    loop {
        let order: Value = shop.get(Service::Order, &path, token).await?;
        if order["status"] == status {
            return Ok(());
        }
        if order["status"] == "CANCELLED" || began.elapsed() > PATIENCE {
            return Err(format!("waiting for {status}: {order}"));
        }
        tokio::time::sleep(POLL).await;
    }
}
