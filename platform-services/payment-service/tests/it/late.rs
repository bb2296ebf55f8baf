//! Money that is taken when the payment has failed already goes back, whatever came in between.

use serde_json::json;
use service_kit::{clock, ids};

use crate::support::{
    Http, WORLD, database, free_address, sandbox, sandbox_at, sql, unique, until,
};

/// When the last look is, after the attempt.
const LAST_LOOK_MS: i64 = 2_100_000;

/// A payment that has failed a moment ago because nobody knew it, in a service's own database.
struct Failed {
    database: String,
    order_id: String,
}

impl Failed {
    /// Needs the tables: the service is ready.
    fn new(database: &str) -> Self {
        let (order_id, now_ms) = (unique("o"), clock::unix_ms());
        let (payment_id, attempt_id, key) = (ids::uuid(), ids::uuid(), unique("k"));
        let last_ms = now_ms + LAST_LOOK_MS;
        sql(
            database,
            &format!(
                "INSERT INTO payment (order_id, payment_id, state, user_id, amount, currency, \
                 hold_expires_ms, payment_key, attempt_id, attempted_ms, gateway_code, \
                 look_due_ms, created_ms, updated_ms) \
                 VALUES ('{order_id}', '{payment_id}', 'FAILED', 'u', 1000, 'KRW', {now_ms}, \
                 '{key}', '{attempt_id}', {now_ms}, 'NOT_FOUND_PAYMENT', {last_ms}, {now_ms}, \
                 {now_ms})"
            ),
        );
        Self {
            database: database.to_owned(),
            order_id,
        }
    }

    /// Waits until this holds of its row.
    fn until(&self, condition: &str) {
        let id = &self.order_id;
        let statement = format!("SELECT {condition} FROM payment WHERE order_id = '{id}'");
        until(condition, || sql(&self.database, &statement) == "1");
    }

    fn webhook(&self, http: &Http) {
        let body = json!({
            "eventType": "PAYMENT_STATUS_CHANGED",
            "data": {"orderId": self.order_id, "status": "DONE"},
        });
        let sent = http.post("/api/payments/webhook", "", &body);
        assert_eq!(sent.status, 200, "{}", sent.text);
    }

    /// The money is taken, and nobody says so.
    fn take(&self, sandbox: &Http) {
        let body = json!({"orderId": self.order_id, "paymentKey": unique("k"), "amount": 1000});
        let basic = "Basic dGVzdF9zazo=";
        let path = "/v1/payments/confirm";
        sandbox.post(path, basic, &body).expect(200);
    }

    /// Waits until it went back.
    fn paid_back(&self, sandbox: &Http) {
        until("the money goes back", || {
            let books = sandbox.get("/sandbox/ledger", "").body;
            (&books["approved"], &books["cancelled"]) == (&json!(1000), &json!(1000))
        });
        self.until("state = 'FAILED'");
    }
}

fn service(database: &str, toss_url: &str) -> (devstack::process::ServerProcess, Http) {
    WORLD.around.deaf(&[
        &format!("--database-url={database}"),
        &format!("--toss-url={toss_url}"),
        &format!("--last-look-seconds={}", LAST_LOOK_MS / 1000),
    ])
}

#[test]
fn a_webhook_without_news_leaves_the_last_look() {
    let (_sandbox, gateway) = sandbox(&[]);
    let database = database();
    let (_service, http) = service(&database, &gateway.base);
    let failed = Failed::new(&database);
    failed.webhook(&http);
    failed.until(&format!(
        "looks > 0 AND look_due_ms <=> attempted_ms + {LAST_LOOK_MS}"
    ));
    failed.take(&gateway);
    // Half an hour later.
    let id = &failed.order_id;
    let later = format!(
        "UPDATE payment SET attempted_ms = attempted_ms - {LAST_LOOK_MS}, \
         look_due_ms = look_due_ms - {LAST_LOOK_MS} WHERE order_id = '{id}'"
    );
    sql(&database, &later);
    failed.paid_back(&gateway);
    failed.until("look_due_ms IS NULL");
}

#[test]
fn a_look_that_the_gateway_does_not_answer_is_repeated() {
    let address = free_address().to_string();
    let database = database();
    let (_service, http) = service(&database, &format!("http://{address}"));
    let failed = Failed::new(&database);
    failed.webhook(&http);
    failed.until("looks > 1");
    let (_sandbox, gateway) = sandbox_at(&address, &[]);
    failed.take(&gateway);
    failed.paid_back(&gateway);
}
