//! What all sides say about money and units.

use contracts::EventType;
use devstack::process::ServerProcess;
use serde_json::{Value, json};
use service_kit::{dlq, kafka::Kafka};

use super::{PATIENCE, Shop, stack::SHOP};

impl Shop {
    /// What the gateway took for an order, and paid back.
    pub(crate) fn ledger(&self, order_id: &str) -> (i64, i64) {
        let path = format!("/sandbox/ledger?orderId={order_id}");
        let books = self.sandbox.http.get(&path, "").expect(200);
        let sum = |name: &str| books[name].as_i64().unwrap();
        (sum("approved"), sum("cancelled"))
    }

    /// A hold, as inventory-server has it.
    pub(crate) fn hold(&self, reservation_id: &str) -> Value {
        let path = format!("/api/reservations/{reservation_id}");
        self.inventory.http.get(&path, &self.service).body
    }

    /// Lets a hold end in a second.
    #[track_caller]
    pub(crate) fn hurry(&self, reservation_id: &str) {
        let path = format!("/api/reservations/{reservation_id}/extend");
        let soon = json!({"ttlSeconds": 1});
        let hurried = self.inventory.http.post(&path, &self.service, &soon);
        hurried.expect(200);
    }

    /// Redis and MariaDB agree about these SKUs; about everything, where none is named.
    #[track_caller]
    pub(crate) fn assert_in_step(&self, skus: &[&str]) {
        let mut args = vec!["check", "--wait-seconds=30"];
        args.extend(skus.iter().flat_map(|sku| ["--sku", sku]));
        let process = ServerProcess::builder(SHOP)
            .arg("reconcile")
            .args([format!("--redis-url={}", self.redis.url())])
            .args([format!("--database-url={}", self.mariadb.url("inventory"))])
            .args(args)
            .without_env("SYNC_")
            .start()
            .unwrap();
        let ended = process.wait_for_exit(PATIENCE).unwrap();
        assert!(ended.success(), "{ended}: {}", process.log());
    }

    /// Every event was handled by whom it was for.
    #[track_caller]
    pub(crate) fn assert_no_dead_letters(&self) {
        let kafka = Kafka::new(self.kafka.bootstrap(), "saga-tests");
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for event_type in EventType::ALL {
            let letters = runtime
                .block_on(dlq::read(&kafka, event_type.topic()))
                .unwrap();
            assert_eq!(letters.open(), 0, "{letters:#?}");
        }
    }
}
