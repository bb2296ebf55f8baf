//! The events of the run, by a consumer like anybody's.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher as _, RandomState},
    thread,
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
};
use serde::Deserialize;

use contracts::EventType;

use crate::flow::Flow;

/// What an event says of units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Said again when the hold takes an order.
    Held,
    Sold,
    Released,
    Expired,
    Returned,
    Adjusted,
}

/// What moves units, and what it says.
const TYPES: [(EventType, Told); 6] = [
    (EventType::InventoryReserved, Told::Held),
    (EventType::InventoryConfirmed, Told::Sold),
    (EventType::InventoryReleased, Told::Released),
    (EventType::InventoryExpired, Told::Expired),
    (EventType::InventoryReturned, Told::Returned),
    (EventType::InventoryAdjusted, Told::Adjusted),
];

const ANSWER: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(200);
/// How long all events may take to be read.
const PATIENCE: Duration = Duration::from_secs(300);

/// A place on Kafka.
type Place = (&'static str, i32);

/// Where the topics ended when the run began.
#[derive(Debug)]
pub(crate) struct Bookmark {
    brokers: String,
    starts: HashMap<Place, i64>,
}

impl Bookmark {
    /// Where they end now; a topic that is not there yet begins at its beginning.
    pub(crate) fn now(brokers: &str) -> Result<Self, String> {
        let consumer = consumer(brokers)?;
        // Topics that are being made have no leader yet.
        let until = Instant::now() + ANSWER;
        let starts = loop {
            match ends(&consumer) {
                Err(_) if Instant::now() < until => thread::sleep(POLL),
                ends => break ends?,
            }
        };
        Ok(Self {
            brokers: brokers.to_owned(),
            starts,
        })
    }

    /// All events since, about these SKUs.
    pub(crate) fn read(&self, skus: &[String]) -> Result<Events, String> {
        let consumer = consumer(&self.brokers)?;
        let mut left: HashMap<Place, i64> = HashMap::new();
        let mut assignment = TopicPartitionList::new();
        for (place, end) in ends(&consumer)? {
            let start = self.starts.get(&place).copied().unwrap_or(0);
            if start < end {
                assignment
                    .add_partition_offset(place.0, place.1, Offset::Offset(start))
                    .map_err(told)?;
                left.insert(place, end);
            }
        }
        let mut events = Events::new(skus);
        if left.is_empty() {
            return Ok(events);
        }
        consumer.assign(&assignment).map_err(told)?;
        let until = Instant::now() + PATIENCE;
        while !left.is_empty() {
            if Instant::now() > until {
                return Err(format!(
                    "Kafka: {} partitions were not read within {PATIENCE:?}",
                    left.len()
                ));
            }
            let Some(message) = consumer.poll(POLL) else {
                continue;
            };
            let message = message.map_err(told)?;
            let mut types = TYPES.into_iter();
            let Some((kind, told)) = types.find(|(kind, _)| kind.topic() == message.topic()) else {
                continue;
            };
            events.take(told, message.payload().unwrap_or_default())?;
            let place = (kind.topic(), message.partition());
            if left
                .get(&place)
                .is_some_and(|end| message.offset() + 1 >= *end)
            {
                left.remove(&place);
            }
        }
        Ok(events)
    }
}

fn consumer(brokers: &str) -> Result<BaseConsumer, String> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "load-verification")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .create()
        .map_err(told)
}

/// One past the last message of every partition.
fn ends(consumer: &BaseConsumer) -> Result<HashMap<Place, i64>, String> {
    let mut ends = HashMap::new();
    let metadata = consumer.fetch_metadata(None, ANSWER).map_err(told)?;
    for (kind, _) in TYPES {
        let topic = kind.topic();
        let there = metadata.topics().iter().filter(|it| it.name() == topic);
        for partition in there.flat_map(|it| it.partitions()) {
            let (_, end) = consumer
                .fetch_watermarks(topic, partition.id(), ANSWER)
                .map_err(told)?;
            ends.insert((topic, partition.id()), end);
        }
    }
    Ok(ends)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn told(error: KafkaError) -> String {
    format!("Kafka: {error}")
}

#[derive(Deserialize)]
struct Event {
    id: String,
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    reservation_id: Option<String>,
    #[serde(default)]
    items: Vec<Item>,
    sku_id: Option<String>,
    delta: Option<i64>,
    version: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    sku_id: String,
    quantity: i64,
}

/// What became of a reservation, by its events, in whatever order they came.
#[derive(Debug, Default, Clone, Copy)]
struct Life {
    held: i64,
    confirmed: Option<i64>,
    released: bool,
    expired: bool,
    returned: i64,
}

impl Life {
    /// A sale is the end of it, also of a hold that had expired before.
    const fn flow(&self) -> Flow {
        let mut flow = Flow {
            held: self.held,
            confirmed: 0,
            released: 0,
            returned: self.returned,
            expired: 0,
            adjusted: 0,
        };
        match self.confirmed {
            Some(sold) => {
                flow.confirmed = sold;
                flow.released = self.held - sold;
            }
            None if self.released => flow.released = self.held,
            None if self.expired => flow.expired = self.held,
            None => {}
        }
        flow
    }
}

/// What the events add up to. They come at least once; a repeat changes nothing.
#[derive(Debug)]
pub struct Events {
    skus: HashSet<String>,
    /// Ids as numbers: there may be millions.
    hasher: [RandomState; 2],
    seen: HashSet<[u64; 2]>,
    lives: HashMap<[u64; 2], Life>,
    adjusted: i64,
}

impl Events {
    /// None so far, about these SKUs.
    #[must_use]
    pub fn new(skus: &[String]) -> Self {
        Self {
            skus: skus.iter().cloned().collect(),
            hasher: [RandomState::new(), RandomState::new()],
            seen: HashSet::new(),
            lives: HashMap::new(),
            adjusted: 0,
        }
    }

    /// Adds an event.
    ///
    /// # Errors
    /// It is none.
    fn take(&mut self, told: Told, payload: &[u8]) -> Result<(), String> {
        let event: Event = serde_json::from_slice(payload).map_err(|error| {
            let text = String::from_utf8_lossy(payload);
            format!("Kafka has {text:?}, which is not understood: {error}")
        })?;
        let data = event.data;
        let ours = data
            .items
            .iter()
            .filter(|item| self.skus.contains(&item.sku_id));
        let units: i64 = ours.map(|item| item.quantity).sum();
        // The first version of a stock is its seeding.
        let adjusts =
            data.version > Some(1) && data.sku_id.is_some_and(|sku| self.skus.contains(&sku));
        if units == 0 && !adjusts {
            return Ok(());
        }
        if !self.seen.insert(self.number(&event.id)) {
            return Ok(());
        }
        if adjusts {
            self.adjusted += data.delta.unwrap_or(0);
            return Ok(());
        }
        let id = self.number(data.reservation_id.as_deref().unwrap_or_default());
        let life = self.lives.entry(id).or_default();
        match told {
            Told::Held => life.held = units,
            Told::Sold => life.confirmed = Some(units),
            Told::Released => life.released = true,
            Told::Expired => life.expired = true,
            Told::Returned => life.returned += units,
            Told::Adjusted => {}
        }
        Ok(())
    }

    fn number(&self, id: &str) -> [u64; 2] {
        [self.hasher[0].hash_one(id), self.hasher[1].hash_one(id)]
    }

    /// By what became of the units.
    #[must_use]
    pub fn flow(&self) -> Flow {
        let mut flow = Flow {
            adjusted: self.adjusted,
            ..Flow::default()
        };
        for life in self.lives.values() {
            flow += life.flow();
        }
        flow
    }

    /// Events about the run, each once.
    #[must_use]
    pub fn count(&self) -> usize {
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn events(told: &[(Told, &str, &str, i64)]) -> Events {
        let mut events = Events::new(&["a".to_owned()]);
        for (kind, id, reservation, units) in told {
            let event = json!({"id": id, "data": {
                "reservationId": reservation, "items": [{"skuId": "a", "quantity": units}]}});
            events.take(*kind, event.to_string().as_bytes()).unwrap();
        }
        events
    }

    #[test]
    fn repeats_and_any_order_come_to_the_same() {
        let all = [
            (Told::Held, "1", "r-1", 3),
            (Told::Sold, "2", "r-1", 2),
            (Told::Returned, "3", "r-1", 1),
            (Told::Held, "4", "r-2", 5),
            (Told::Released, "5", "r-2", 5),
            (Told::Held, "6", "r-3", 7),
            (Told::Expired, "7", "r-3", 7),
            // It took its order.
            (Told::Held, "8", "r-3", 7),
        ];
        let once = events(&all);
        let flow = Flow {
            held: 15,
            confirmed: 2,
            released: 6,
            returned: 1,
            expired: 7,
            adjusted: 0,
        };
        assert_eq!((once.flow(), once.count()), (flow, 8));
        let mut again: Vec<_> = all.into_iter().chain(all).collect();
        again.reverse();
        assert_eq!(events(&again).flow(), flow);
    }

    #[test]
    fn what_expired_and_was_sold_all_the_same_is_sold() {
        let flow = events(&[
            (Told::Held, "1", "r-1", 2),
            (Told::Expired, "2", "r-1", 2),
            (Told::Sold, "3", "r-1", 2),
        ])
        .flow();
        assert_eq!((flow.confirmed, flow.expired, flow.gone()), (2, 0, 2));
    }

    #[test]
    fn adjustments_count_and_others_stock_does_not() {
        let mut events = Events::new(&["a".to_owned()]);
        for (id, sku, delta, version) in [
            ("0", "a", 100, 1),
            ("1", "a", -4, 2),
            ("2", "a", 1, 3),
            ("1", "a", -4, 2),
            ("3", "b", 9, 2),
        ] {
            let event =
                json!({"id": id, "data": {"skuId": sku, "delta": delta, "version": version}});
            events
                .take(Told::Adjusted, event.to_string().as_bytes())
                .unwrap();
        }
        assert_eq!((events.flow().adjusted, events.count()), (-3, 2));
        assert!(
            events
                .take(Told::Adjusted, b"oops")
                .unwrap_err()
                .contains("oops")
        );
    }
}
