//! What alerts are for raises them, on the real stack.

use devstack::redis::Reply;
use monitoring::Api;

use crate::{
    support::{Stock, shop_alone, until},
    watched::{self, prometheus},
};

/// The states of an alert: pending until it has been so for as long as the rule says.
fn states(prometheus: &Api, alert: &str) -> Vec<(String, String)> {
    let alerts = prometheus.get("/api/v1/alerts", &[]).unwrap();
    let alerts = alerts["alerts"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    alerts
        .filter(|one| one["labels"]["alertname"] == alert)
        .map(|one| (text(&one["labels"]["job"]), text(&one["state"])))
        .collect()
}

#[test]
fn a_process_that_is_gone_is_missed() {
    let prometheus = prometheus();
    let (shop, _visit) = shop_alone();
    until("all answer", || {
        prometheus.query("sum(up)").unwrap()[..]
            .iter()
            .any(|sum| sum.value > 7.5)
    });
    shop.catalog.process.kill9().unwrap();
    let missed = ("catalog-service".to_owned(), "pending".to_owned());
    until("it is missed", || {
        states(&prometheus, "TargetDown").contains(&missed)
    });
    shop.catalog.process.start_again().unwrap();
    shop.catalog.until_ready();
    until("it is not missed any more", || {
        states(&prometheus, "TargetDown").is_empty()
    });
}

#[test]
fn a_hand_in_redis_is_an_alarm_until_a_check_is_clean() {
    let prometheus = prometheus();
    let (shop, _visit) = shop_alone();
    let cup = shop.goods("cup", 1_000, 9);
    let key = format!("inv:{{s0}}:stock:default:{cup}");
    let add = |units: &str| {
        let reply = shop
            .redis
            .command(&["HINCRBY", &key, "availableQuantity", units]);
        assert!(matches!(reply, Ok(Reply::Integer(_))), "{reply:?}");
    };
    add("5");
    assert!(!watched::check(shop), "it is found");
    until("somebody is woken", || {
        let states = states(&prometheus, "Drift");
        states.iter().any(|(_, state)| state == "firing")
    });
    add("-5");
    assert!(watched::check(shop), "both sides agree again");
    until("it is over", || states(&prometheus, "Drift").is_empty());
    assert_eq!(shop.stock(&cup), Stock::at_rest(9, 0));
}
