//! Every line that is written while something is handled says for whom.

use std::{collections::HashSet, fs};

use serde_json::Value;

use crate::{
    shop::observed,
    support::{Service, Shop, Stock},
};

/// What works for nobody in particular: the process itself, its connections to the stores, and what goes
/// through the rows or messages of many.
const BACKGROUND: [&str; 37] = [
    "access_token::verifier",
    "auth_service::keys",
    "auth_service::run",
    "catalog_service::run",
    "catalog_service::search::reindex",
    "inventory_core::engine",
    "inventory_server",
    "inventory_server::purger",
    "inventory_server::server",
    "inventory_server::status",
    "inventory_server::sweeper",
    "inventory_server::watch",
    "librdkafka",
    "order_service::run",
    "payment_service::run",
    "payment_service::sweep",
    "rdkafka",
    "service_kit::audit::retention",
    "service_kit::client::breaker",
    "service_kit::client::token",
    "service_kit::consumer::context",
    "service_kit::consumer::keep",
    "service_kit::consumer::run",
    "service_kit::db",
    "service_kit::dlq",
    "service_kit::http::server",
    "service_kit::inbox",
    "service_kit::kafka",
    "service_kit::relay",
    "service_kit::topics",
    "sqlx",
    "sync_worker::ops::links",
    "sync_worker::recover",
    "sync_worker::run",
    "sync_worker::status",
    "sync_worker::worker",
    "user_service::run",
];

fn lines(service: &Service) -> Vec<Value> {
    let log = fs::read_to_string(service.process.log_path()).unwrap();
    let json = log.lines().filter(|line| line.starts_with('{'));
    // The last line may be under way.
    json.filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

fn is_background(line: &Value) -> bool {
    let target = line["target"].as_str().unwrap();
    BACKGROUND.iter().any(|it| {
        target == *it
            || (it.contains("::") || !it.contains('_')) && target.starts_with(&format!("{it}::"))
    })
}

fn observed_services(shop: &'static Shop) -> Vec<&'static Service> {
    let all = shop.services().into_iter();
    // The sandbox stands for somebody else's machine.
    all.filter(|service| service.name != "toss-sandbox")
        .collect()
}

#[test]
fn every_line_of_a_handling_has_its_ids() {
    let (shop, _) = observed();
    let cup = shop.goods("cup", 7_000, 10);
    let customer = shop.customer();
    let bought = customer.bought(&[(&cup, 2)], "key-");
    bought.refund(&[(&cup, 1)]).expect(202);
    bought.until("PARTIALLY_REFUNDED");
    // With warnings of all who take part.
    let unknown = customer.order_to_pay(&[(&cup, 1)]);
    unknown.pay("timeout-after-").expect(202);
    unknown.until("CONFIRMED");
    let none_left = customer.order(&[(&cup, 50)]);
    none_left.until("CANCELLED");
    shop.until_stock(
        &cup,
        Stock {
            available: 8,
            reserved: 0,
            sold: 2,
        },
    );

    let mut with_order = HashSet::new();
    for service in observed_services(shop) {
        let lines = lines(service);
        assert!(!lines.is_empty(), "{} logs nothing", service.name);
        for line in lines {
            let span = &line["span"];
            let id = |name: &str| {
                span[name]
                    .as_str()
                    .or_else(|| line[name].as_str())
                    .filter(|it| !it.is_empty())
            };
            let names = ["request_id", "correlation_id", "causation_id"];
            let is_known = names.iter().any(|name| id(name).is_some());
            if is_known {
                assert!(id("trace_id").is_some(), "{}: {line:#}", service.name);
            } else {
                assert!(is_background(&line), "{}: {line:#}", service.name);
            }
            for order in [&bought, &unknown, &none_left] {
                if id("correlation_id") == Some(&order.id) {
                    with_order.insert((service.name, order.id.clone()));
                }
                if line.to_string().contains(&order.id) {
                    let named = id("correlation_id").or_else(|| id("request_id"));
                    assert!(named.is_some(), "{}: {line:#}", service.name);
                }
            }
        }
    }
    for order in [&bought, &unknown, &none_left] {
        for service in ["order-service", "payment-service", "sync-worker"] {
            assert!(
                with_order.contains(&(service, order.id.clone())),
                "{service} {}",
                order.id
            );
        }
    }
}
