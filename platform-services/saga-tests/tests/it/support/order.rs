//! An order, and what its customer does with it.

use serde_json::{Value, json};

use super::{Answer, Customer, PATIENCE, text, unique, until};

/// An order of a customer.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) customer: Customer<'static>,
    pub(crate) id: String,
    pub(crate) total: i64,
}

impl Order {
    #[track_caller]
    pub(crate) fn of(customer: Customer<'static>, placed: &Value) -> Self {
        Self {
            customer,
            id: text(&placed["orderId"]),
            total: placed["totalAmount"].as_i64().unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn read(&self) -> Value {
        let path = format!("/api/orders/{}", self.id);
        let http = &self.customer.shop.order.http;
        http.get(&path, self.customer.token()).expect(200)
    }

    /// The order, if somebody answers.
    pub(crate) fn look(&self) -> Option<Value> {
        let path = format!("/api/orders/{}", self.id);
        let http = &self.customer.shop.order.http;
        let answer = http.send("GET", &path, self.customer.token(), None, &[]);
        Some(answer.ok().filter(|answer| answer.status == 200)?.body)
    }

    /// Its status, if somebody answers.
    pub(crate) fn glance(&self) -> Option<String> {
        Some(self.look()?["status"].as_str()?.to_owned())
    }

    /// That of its payment, if somebody answers and there is one.
    pub(crate) fn glance_payment(&self) -> Option<String> {
        let path = format!("/api/payments?orderId={}", self.id);
        let http = &self.customer.shop.payment.http;
        let answer = http.send("GET", &path, self.customer.token(), None, &[]);
        Some(
            answer.ok()?.body["payments"][0]["status"]
                .as_str()?
                .to_owned(),
        )
    }

    /// Waits until the order has this status, and shows it.
    #[track_caller]
    pub(crate) fn until(&self, status: &str) -> Value {
        let mut seen = Value::Null;
        let waited = devstack::wait::until(PATIENCE, format!("{} is {status}", self.id), || {
            seen = self.read();
            seen["status"] == status
        });
        waited.unwrap_or_else(|error| panic!("{error}: {seen:#}"));
        seen
    }

    /// Waits until the customer may pay.
    #[track_caller]
    pub(crate) fn until_payable(&self) {
        self.until("PAYMENT_PENDING");
        self.until_payment("READY");
    }

    /// The statuses it has had, with the reason of the last.
    #[track_caller]
    pub(crate) fn assert_timeline(&self, statuses: &[&str], reason: Option<&str>) {
        let order = self.read();
        let timeline = order["timeline"].as_array().unwrap();
        let seen: Vec<_> = timeline
            .iter()
            .map(|step| step["status"].as_str().unwrap())
            .collect();
        assert_eq!(seen, statuses, "{order:#}");
        if let Some(reason) = reason {
            assert_eq!(order["cancelReason"], reason, "{order:#}");
            let last = timeline.last().unwrap();
            assert_eq!(last["reason"], reason, "{order:#}");
        }
    }

    /// Waits until it is cancelled, for this reason, after these steps.
    #[track_caller]
    pub(crate) fn until_cancelled(&self, steps: &[&str], reason: &str) {
        self.until("CANCELLED");
        self.assert_timeline(&[steps, &["CANCELLED"]].concat(), Some(reason));
    }

    fn payment_answer(&self) -> Answer {
        let path = format!("/api/payments?orderId={}", self.id);
        let http = &self.customer.shop.payment.http;
        http.get(&path, self.customer.token())
    }

    /// Its payment; null where there is none.
    pub(crate) fn payment(&self) -> Value {
        self.payment_answer().body["payments"][0].clone()
    }

    /// Waits until its payment has this status, and shows it.
    #[track_caller]
    pub(crate) fn until_payment(&self, status: &str) -> Value {
        let mut seen = Value::Null;
        let what = format!("the payment of {} is {status}", self.id);
        let waited = devstack::wait::until(PATIENCE, what, || {
            seen = self.payment();
            seen["status"] == status
        });
        waited.unwrap_or_else(|error| panic!("{error}: {seen:#}"));
        seen
    }

    #[track_caller]
    pub(crate) fn assert_no_payment(&self) {
        self.payment_answer().refused(404, "PAYMENT_NOT_FOUND");
    }

    /// Pays with a key that begins so.
    pub(crate) fn pay(&self, key: &str) -> Answer {
        self.pay_as(&unique(key))
    }

    /// Pays with this key.
    pub(crate) fn pay_as(&self, key: &str) -> Answer {
        let body = json!({"orderId": self.id, "paymentKey": key, "amount": self.total});
        let http = &self.customer.shop.payment.http;
        http.post("/api/payments/confirm", self.customer.token(), &body)
    }

    pub(crate) fn cancel(&self) -> Answer {
        let path = format!("/api/orders/{}/cancel", self.id);
        let http = &self.customer.shop.order.http;
        http.send("POST", &path, self.customer.token(), None, &[])
            .unwrap()
    }

    /// Asks for money back: for some items, or for all.
    pub(crate) fn refund(&self, items: &[(&str, u32)]) -> Answer {
        let path = format!("/api/orders/{}/refund", self.id);
        let body = match items {
            [] => json!({}),
            items => json!({"items": super::customer::lines(items)}),
        };
        let http = &self.customer.shop.order.http;
        http.post(&path, self.customer.token(), &body)
    }

    /// What the gateway took for it and paid back.
    pub(crate) fn ledger(&self) -> (i64, i64) {
        self.customer.shop.ledger(&self.id)
    }

    #[track_caller]
    pub(crate) fn until_ledger(&self, approved: i64, cancelled: i64) {
        let mut seen = (0, 0);
        let waited = devstack::wait::until(PATIENCE, "the ledger", || {
            seen = self.ledger();
            seen == (approved, cancelled)
        });
        waited.unwrap_or_else(|error| panic!("{error}: {seen:?}, not {approved}, {cancelled}"));
    }

    /// The order is over: who pays all the same is refused, or paid back where the payment has not
    /// heard of the end yet.
    #[track_caller]
    pub(crate) fn assert_costs_nothing(&self) {
        assert_eq!(self.ledger(), (0, 0));
        let took_money = self.pay("key").status == 200;
        let taken = if took_money { self.total } else { 0 };
        self.until_ledger(taken, taken);
    }

    /// The hold of an order that did not bring one, as inventory-server has it.
    pub(crate) fn hold(&self) -> Value {
        self.customer.shop.hold(&format!("order-{}", self.id))
    }

    /// Lets its hold end in a second.
    #[track_caller]
    pub(crate) fn hurry_hold(&self) {
        self.customer.shop.hurry(&format!("order-{}", self.id));
    }

    #[track_caller]
    pub(crate) fn until_hold(&self, status: &str) {
        until(format!("the hold of {} is {status}", self.id), || {
            self.hold()["status"] == status
        });
    }
}
