//! Whoever hears the events, and nothing else, knows what the tables say.

use std::collections::BTreeMap;

use contracts::EventType;
use sync_worker::status::Status;

use super::outbox::{Event, another, events_of, rows, stock, written};
use crate::{
    project::{books, project_with, workload::Workload},
    site::{shop, work_with},
    support::*,
};

type Stock = (String, String);
type Items = Vec<(Stock, i64)>;

/// A reservation as events tell of it.
struct Told {
    status: &'static str,
    held: Items,
    sold: Items,
    back: i64,
}

/// A consumer that folds events.
#[derive(Default)]
struct Listener {
    available: BTreeMap<Stock, i64>,
    /// As depleted and restored say, with the version.
    in_stock: BTreeMap<Stock, (bool, i64)>,
    reservations: BTreeMap<String, Told>,
    heard: BTreeMap<String, usize>,
}

impl Listener {
    fn moved(&mut self, items: &Items, sign: i64) {
        for (stock, units) in items {
            *self.available.entry(stock.clone()).or_default() += sign * units;
        }
    }

    fn hear(&mut self, event: &Event) {
        *self.heard.entry(event.kind.clone()).or_default() += 1;
        match event.kind.as_str() {
            "inventory.adjusted" => self.adjusted(event),
            "inventory.depleted" | "inventory.restored" => self.turned(event),
            _ => self.reservation(event),
        }
    }

    fn adjusted(&mut self, event: &Event) {
        let stock = stock(event.data());
        let available = self.available.entry(stock).or_default();
        *available += event.number("delta");
        assert_eq!(*available, event.number("availableQuantity"), "{event:?}");
    }

    /// The events of a change come before those of the stocks that it turned, so what is known of
    /// available is up to date, but for the other stocks of the change.
    fn turned(&mut self, event: &Event) {
        let stock = stock(event.data());
        let in_stock = event.kind == "inventory.restored";
        let available = event.number("availableQuantity");
        assert_eq!(self.available[&stock], available, "{event:?}");
        assert_eq!(in_stock, available > 0);
        let version = event.number("version");
        let before = self.in_stock.insert(stock, (in_stock, version));
        let (was, at) = before.unwrap_or((false, 0));
        assert!(was != in_stock && at < version, "{event:?}");
    }

    fn reservation(&mut self, event: &Event) {
        let id = event.text("reservationId").to_owned();
        let items = event.items();
        let known = self.reservations.remove(&id);
        let told = |status, held, sold, back| Told {
            status,
            held,
            sold,
            back,
        };
        let now = match (event.kind.as_str(), known) {
            // Said again when it is bound. Ids are used again after a purge.
            ("inventory.reserved", known) => {
                if known.is_none_or(|known| known.status != "RESERVED") {
                    self.moved(&items, -1);
                }
                told("RESERVED", items, Vec::new(), 0)
            }
            ("inventory.confirmed", Some(known)) => {
                if known.status == "RESERVED" {
                    self.moved(&known.held, 1);
                }
                self.moved(&items, -1);
                told("CONFIRMED", known.held, items, 0)
            }
            ("inventory.released", known) => {
                self.moved(&items, 1);
                // What was never made has nothing to give back.
                let made = known.is_some_and(|known| known.status == "RESERVED");
                assert_eq!(made, !items.is_empty(), "{event:?}");
                told("RELEASED", items, Vec::new(), 0)
            }
            ("inventory.expired", Some(known)) => {
                assert_eq!((known.status, &known.held), ("RESERVED", &items));
                self.moved(&items, 1);
                told("EXPIRED", items, Vec::new(), 0)
            }
            ("inventory.returned", Some(known)) => {
                self.moved(&items, 1);
                let units = |items: &Items| items.iter().map(|(_, units)| units).sum::<i64>();
                let back = known.back + units(&items);
                let all = back == units(&known.sold);
                let status = if all {
                    "RETURNED"
                } else {
                    "PARTIALLY_RETURNED"
                };
                told(status, known.held, known.sold, back)
            }
            (other, _) => panic!("{other} out of the blue: {event:?}"),
        };
        self.reservations.insert(id, now);
    }

    async fn agrees_with(&self, world: &World) {
        let stocks: Vec<(String, String, i64, i64)> = sqlx::query_as(
            "SELECT sku_id, location_id, available_quantity, version FROM stock_item",
        )
        .fetch_all(&world.pool)
        .await
        .unwrap();
        for (sku, location, available, version) in stocks {
            let stock = (sku, location);
            let known = self.available.get(&stock).copied().unwrap_or_default();
            assert_eq!(known, available, "{stock:?}");
            let (in_stock, at) = self.in_stock.get(&stock).copied().unwrap_or_default();
            assert_eq!(in_stock, available > 0, "{stock:?}");
            assert!(at <= version, "{stock:?}");
        }
        let statuses: BTreeMap<String, String> =
            sqlx::query_as("SELECT reservation_id, status FROM reservation")
                .fetch_all(&world.pool)
                .await
                .unwrap()
                .into_iter()
                .collect();
        let told = self.reservations.iter();
        let told: BTreeMap<_, _> = told
            .map(|(id, told)| (id.clone(), told.status.to_owned()))
            .collect();
        assert_eq!(told, statuses);
    }
}

#[tokio::test]
async fn who_hears_all_events_knows_what_the_tables_say() {
    let mut heard: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 201..=206_u64 {
        let world = world().await;
        let mut cursor = world.attach().await;
        let status = Status::default();
        let events = events_of();
        let mut workload = Workload::new(seed);
        workload.begin(&world).await;
        for _ in 0..220 {
            workload.step(&world).await;
            if workload.roll(9) == 0 {
                let max = [1, 2, 5, 1_000][usize::try_from(workload.roll(4)).unwrap()];
                project_with(&world, &mut cursor, max, &status, Some(&events)).await;
            }
        }
        project_with(&world, &mut cursor, 1_000, &status, Some(&events)).await;
        eprintln!("seed {seed}");
        books::check(&world).await;
        let events_written = written(&world).await;
        let mut listener = Listener::default();
        let mut before = None;
        for event in &events_written {
            let (epoch, n, change, _) = event.place;
            assert!(before <= Some((epoch, n, change)), "{event:?}");
            before = Some((epoch, n, change));
            listener.hear(event);
        }
        listener.agrees_with(&world).await;
        for (kind, count) in listener.heard {
            *heard.entry(kind).or_default() += count;
        }

        // The same events to the byte, however the journal is cut.
        let other = another(&world).await;
        let mut cursor = other.cursor().await;
        project_with(&other, &mut cursor, 1_000, &status, Some(&events)).await;
        assert_eq!(rows(&other).await, rows(&world).await, "seed {seed}");
    }
    // Nothing is proved by what never happened.
    for event_type in EventType::ALL {
        let caused = event_type.inventory_number().is_some();
        let failed = event_type.name().ends_with(".failed");
        assert_eq!(heard.contains_key(event_type.name()), caused && !failed);
    }
    eprintln!("{heard:?}");
}

#[tokio::test]
async fn a_rebuilt_redis_says_nothing_anew_and_everything_after() {
    let world = shop().await;
    let working = work_with(&world, Some(events_of())).await;
    let epoch = world.opened().await;
    let mut workload = Workload::new(311);
    workload.purges = false;
    workload.begin(&world).await;
    for _ in 0..80 {
        workload.step(&world).await;
    }
    world.at_rest().await;
    let said = rows(&world).await;
    world.raw(&["FLUSHALL"]);
    world.opened_after(epoch).await;
    assert_eq!(rows(&world).await, said, "what is put back was said before");
    for _ in 0..80 {
        workload.step(&world).await;
    }
    world.at_rest().await;
    working.stop().await;
    assert!(rows(&world).await.len() > said.len());
    let mut listener = Listener::default();
    for event in &written(&world).await {
        listener.hear(event);
    }
    listener.agrees_with(&world).await;
}
