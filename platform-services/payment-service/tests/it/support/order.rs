//! An order, and what others say about it.

use access_token::Role;
use contracts::{
    Envelope, EventData, EventType, KRW, Timestamp,
    inventory::{Line, Reserved},
    order::{Cancelled, Item, Placed, PricedItem, RefundRequested},
};
use rdkafka::{
    ClientConfig,
    producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer},
};
use serde_json::{Value, json};
use service_kit::{clock, ids};
use std::sync::LazyLock;

use super::{Answer, PATIENCE, WORLD, unique, until};

static PRODUCER: LazyLock<ThreadedProducer<DefaultProducerContext>> = LazyLock::new(|| {
    ClientConfig::new()
        .set("bootstrap.servers", WORLD.around.kafka.bootstrap())
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap()
});

/// An order of somebody.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) amount: i64,
    pub(crate) reservation: Option<String>,
}

fn soon() -> Timestamp {
    Timestamp::from_unix_ms(clock::unix_ms() + 900_000).unwrap()
}

/// Puts an event on its topic.
pub(crate) fn send<T: EventData>(event: &Envelope<T>) {
    let (key, value) = (event.data.key(), event.encode().unwrap());
    PRODUCER
        .send(BaseRecord::to(T::TYPE).key(&key).payload(&value))
        .map_err(|(error, _)| error)
        .unwrap();
    PRODUCER.flush(PATIENCE).unwrap();
}

/// An event with an id of its own.
pub(crate) fn event<T: EventData>(data: T) -> Envelope<T> {
    let time = Timestamp::from_unix_ms(clock::unix_ms()).unwrap();
    let correlation_id = Some(data.key());
    Envelope {
        correlation_id,
        ..Envelope::new(ids::uuid(), time, data)
    }
}

impl Order {
    pub(crate) fn new() -> Self {
        Self {
            id: ids::uuid(),
            user: unique("user"),
            amount: 39_000,
            reservation: None,
        }
    }

    /// Placed, its goods held, and its payment ready.
    pub(crate) fn ready() -> Self {
        let order = Self::new();
        send(&order.placed());
        send(&order.reserved());
        order.wait("READY");
        order
    }

    /// Ready, and paid with a key that begins so.
    pub(crate) fn paid(prefix: &str) -> Self {
        let order = Self::ready();
        order.confirm(&unique(prefix)).expect(200);
        order
    }

    pub(crate) fn reservation(&self) -> String {
        let own = || format!("order-{}", self.id);
        self.reservation.clone().unwrap_or_else(own)
    }

    pub(crate) fn token(&self) -> String {
        WORLD.token(&self.user, Role::Customer)
    }

    pub(crate) fn body(&self, key: &str) -> Value {
        json!({"orderId": self.id, "paymentKey": key, "amount": self.amount})
    }

    pub(crate) fn confirm(&self, key: &str) -> Answer {
        WORLD.post("/api/payments/confirm", &self.token(), &self.body(key))
    }

    pub(crate) fn payment(&self) -> Value {
        let path = format!("/api/payments?orderId={}", self.id);
        WORLD.get(&path, &WORLD.admin()).expect(200)["payments"][0].clone()
    }

    /// Waits until the payment has this status.
    #[track_caller]
    pub(crate) fn wait(&self, status: &str) -> Value {
        let path = format!("/api/payments?orderId={}", self.id);
        let admin = WORLD.admin();
        until(&format!("{} is {status}", self.id), || {
            WORLD.http.get(&path, &admin).body["payments"][0]["status"] == status
        });
        self.payment()
    }

    /// The state in the table, also where the API shows nothing yet.
    pub(crate) fn state(&self) -> String {
        WORLD.sql(&format!(
            "SELECT state FROM payment WHERE order_id = '{}'",
            self.id
        ))
    }

    /// Waits until the service has handled an event.
    #[track_caller]
    pub(crate) fn handled<T>(&self, event: &Envelope<T>) {
        until("an event is handled", || {
            WORLD.sql(&format!(
                "SELECT COUNT(*) FROM payment_inbox WHERE event_id = '{}'",
                event.id
            )) == "1"
        });
    }

    /// Sends an event and waits until it is handled.
    #[track_caller]
    pub(crate) fn send<T: EventData>(&self, event: &Envelope<T>) {
        send(event);
        self.handled(event);
    }

    pub(crate) fn placed(&self) -> Envelope<Placed> {
        event(Placed {
            order_id: self.id.clone(),
            user_id: self.user.clone(),
            reservation_id: self.reservation.clone(),
            items: vec![PricedItem {
                sku_id: "mug".to_owned(),
                quantity: 3,
                unit_price: self.amount / 3,
            }],
            total_amount: self.amount,
            currency: KRW.to_owned(),
        })
    }

    pub(crate) fn reserved(&self) -> Envelope<Reserved> {
        self.reserved_as(&self.reservation())
    }

    pub(crate) fn reserved_as(&self, reservation: &str) -> Envelope<Reserved> {
        event(Reserved {
            reservation_id: reservation.to_owned(),
            order_id: Some(self.id.clone()),
            customer_id: Some(self.user.clone()),
            items: vec![Line {
                sku_id: "mug".to_owned(),
                location_id: "default".to_owned(),
                quantity: 3,
            }],
            expires_at: soon(),
        })
    }

    pub(crate) fn cancelled(&self) -> Envelope<Cancelled> {
        event(Cancelled {
            order_id: self.id.clone(),
            reservation_id: self.reservation(),
            items: self.items(3),
            reason: Some("USER_REQUEST".to_owned()),
        })
    }

    pub(crate) fn refund(&self, refund_id: &str, amount: i64) -> Envelope<RefundRequested> {
        event(RefundRequested {
            order_id: self.id.clone(),
            reservation_id: self.reservation(),
            items: self.items(1),
            reason: Some("broken".to_owned()),
            refund_id: refund_id.to_owned(),
            refund_amount: amount,
        })
    }

    fn items(&self, quantity: i64) -> Vec<Item> {
        vec![Item {
            sku_id: "mug".to_owned(),
            quantity,
        }]
    }

    /// What was said about it, of one type: so many.
    #[track_caller]
    pub(crate) fn said(&self, event_type: EventType, count: usize) -> Vec<Value> {
        WORLD.heard.wait(&self.id, event_type, count)
    }

    /// That nothing of the type was said until now.
    #[track_caller]
    pub(crate) fn silent(&self, event_type: EventType) {
        let said = WORLD.heard.of(&self.id, event_type);
        assert!(said.is_empty(), "{said:#?}");
    }
}
