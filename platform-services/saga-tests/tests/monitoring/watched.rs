//! The shop, and a Prometheus that scrapes it.

use std::{sync::LazyLock, time::Duration};

use devstack::{monitoring::Prometheus, process::ServerProcess};
use monitoring::{Api, prometheus_dir};

use crate::support::{PATIENCE, Shop, shop_alone};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

static PROMETHEUS: LazyLock<Prometheus> = LazyLock::new(|| {
    let (shop, _visit) = shop_alone();
    let targets = shop.services().map(|service| {
        let address = service.http.base.trim_start_matches("http://");
        (service.name, address.to_owned())
    });
    Prometheus::start(&prometheus_dir(), &targets, EVERY).unwrap()
});

/// The Prometheus of all tests.
pub(crate) fn prometheus() -> Api {
    Api::new(PROMETHEUS.url())
}

/// What the process of the name says.
pub(crate) fn log() -> String {
    PROMETHEUS.log()
}

/// Compares both sides completely, as an operator does every day; whether they agree.
pub(crate) fn check(shop: &Shop) -> bool {
    let process = ServerProcess::builder(env!("CARGO_BIN_EXE_shop"))
        .args(["reconcile", "check", "--wait-seconds=30"])
        .args([format!("--redis-url={}", shop.redis.url())])
        .args([format!("--database-url={}", shop.mariadb.url("inventory"))])
        .without_env("SYNC_")
        .start()
        .unwrap();
    match process.wait_for_exit(PATIENCE).unwrap().code() {
        Some(0) => true,
        Some(1) => false,
        code => panic!("{code:?}: {}", process.log()),
    }
}
