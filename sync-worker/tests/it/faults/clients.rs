//! Customers over HTTP who write down what they were told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::*;

/// Plenty of each, but for the first.
pub(crate) const SKUS: [&str; 4] = ["scarce", "limited", "b", "c"];
pub(crate) const SCARCE: u64 = 40;
pub(crate) const PLENTY: u64 = 1_000_000;
/// Long enough that no test sees its end; short enough that every test does.
const TTL_SECONDS: [u32; 2] = [900, 1];

const CLIENTS: u64 = 6;
/// After each sale, and before a repeat.
const PAUSE: Duration = Duration::from_millis(4);
const REPEAT: Duration = Duration::from_millis(20);
const HTTP_TIMEOUT: Duration = Duration::from_secs(5);

/// What a client was told: from then on it holds, unless it was lost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ack {
    pub(crate) state: &'static str,
    /// When the request was sent that this answers.
    pub(crate) sent: Instant,
}

/// One reservation, in the eyes of its customer.
#[derive(Debug)]
pub(crate) struct Sale {
    pub(crate) id: String,
    pub(crate) sku: &'static str,
    pub(crate) quantity: u32,
    /// Left to expire.
    pub(crate) brief: bool,
    pub(crate) acks: Vec<Ack>,
    /// A later answer said that there is no such reservation.
    pub(crate) gone: bool,
    /// What reads said that is not what was acknowledged.
    pub(crate) otherwise: Vec<String>,
}

/// A change of what is on hand.
#[derive(Debug)]
pub(crate) struct Adjustment {
    pub(crate) id: String,
    pub(crate) sku: &'static str,
    pub(crate) delta: i64,
    pub(crate) sent: Instant,
}

/// All that clients did and were told.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) sales: Vec<Sale>,
    pub(crate) adjustments: Vec<Adjustment>,
    /// Answers that are never right.
    pub(crate) wrong: Vec<String>,
}

#[derive(Debug, Default)]
struct Signs {
    stop: AtomicBool,
    abandon: AtomicBool,
    answered: AtomicU64,
    unavailable: AtomicU64,
}

/// Clients that buy until they are told to stop.
pub(crate) struct Load {
    signs: Arc<Signs>,
    clients: Vec<JoinHandle<Book>>,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.signs.stop.store(true, Ordering::Relaxed);
        self.signs.abandon.store(true, Ordering::Relaxed);
    }
}

impl Load {
    pub(crate) fn begin(servers: &[String], seed: u64) -> Self {
        let signs = Arc::<Signs>::default();
        let clients = (0..CLIENTS).map(|number| {
            let config = ureq::Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(HTTP_TIMEOUT));
            let client = Client {
                name: format!("{seed}-{number}"),
                agent: config.build().into(),
                servers: servers.to_vec(),
                server: usize::try_from(number).unwrap(),
                dice: Dice::new(seed * 100 + number + 1),
                signs: Arc::clone(&signs),
                book: Book::default(),
            };
            tokio::task::spawn_blocking(move || client.run())
        });
        Self {
            clients: clients.collect(),
            signs,
        }
    }

    fn answered(&self) -> u64 {
        self.signs.answered.load(Ordering::Relaxed)
    }

    /// Waits for so many more answers.
    pub(crate) async fn answers(&self, more: u64) {
        let enough = self.answered() + more;
        eventually("the clients are answered", async || {
            self.answered() >= enough
        })
        .await;
    }

    /// Waits until so many more calls were not answered, or answered with 503 or 504. Meanwhile no
    /// call was answered otherwise, but for those that were under way.
    pub(crate) async fn refusals(&self, more: u64) {
        let unavailable = || self.signs.unavailable.load(Ordering::Relaxed);
        let enough = unavailable() + more;
        let before = self.answered();
        eventually("the clients are refused", async || unavailable() >= enough).await;
        let answered = self.answered() - before;
        assert!(answered <= CLIENTS, "{answered} answers of a closed shard");
    }

    /// The clients finish what they have begun.
    pub(crate) async fn end(mut self) -> Book {
        self.signs.stop.store(true, Ordering::Relaxed);
        let late = tokio::time::Instant::now() + Duration::from_secs(60);
        let mut all = Book::default();
        for client in std::mem::take(&mut self.clients) {
            let book = tokio::time::timeout_at(late, client).await;
            let book = book.expect("the clients come to an end").unwrap();
            all.sales.extend(book.sales);
            all.adjustments.extend(book.adjustments);
            all.wrong.extend(book.wrong);
        }
        all
    }
}

struct Heard {
    status: u16,
    body: Value,
    sent: Instant,
}

impl Heard {
    fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_default()
    }
}

struct Client {
    name: String,
    agent: ureq::Agent,
    servers: Vec<String>,
    server: usize,
    dice: Dice,
    signs: Arc<Signs>,
    book: Book,
}

impl Client {
    fn run(mut self) -> Book {
        let mut turn = 0;
        while !self.signs.stop.load(Ordering::Relaxed) {
            let id = format!("r-{}-{turn}", self.name);
            self.turn(id);
            turn += 1;
            std::thread::sleep(PAUSE);
        }
        self.book
    }

    /// Nothing when the test has ended in between.
    fn turn(&mut self, id: String) -> Option<()> {
        let sku = SKUS[usize::try_from(self.dice.roll(4)).unwrap()];
        match self.dice.roll(12) {
            0 => self.adjust(format!("a-{id}"), sku),
            1..=3 => self.read(),
            _ => {
                let sale = self.reserve(id, sku)?;
                if let Some(mut sale) = sale {
                    let settled = match self.dice.roll(5) {
                        _ if sale.brief => Some(()),
                        0 | 1 => self.settle(&mut sale, "confirm", "CONFIRMED"),
                        2 => self.settle(&mut sale, "release", "RELEASED"),
                        _ => Some(()),
                    };
                    self.book.sales.push(sale);
                    settled?;
                }
                Some(())
            }
        }
    }

    fn reserve(&mut self, id: String, sku: &'static str) -> Option<Option<Sale>> {
        let quantity = 1 + u32::try_from(self.dice.roll(3)).unwrap();
        let brief = self.dice.roll(8) == 0;
        let body = json!({
            "reservationId": id,
            "customerId": format!("c-{}", self.name),
            "ttlSeconds": TTL_SECONDS[usize::from(brief)],
            "items": [{"skuId": sku, "quantity": quantity}],
        });
        let heard = self.ask("POST", "/api/reservations", &body)?;
        let state = match (heard.status, heard.text("status"), heard.text("code")) {
            (200 | 201, "RESERVED", _) => "RESERVED",
            (200, "EXPIRED", _) if brief => "EXPIRED",
            (409, _, "INSUFFICIENT_STOCK") if sku == "scarce" => return Some(None),
            _ => {
                self.wrong(&id, "reserve", &heard);
                return Some(None);
            }
        };
        let sent = heard.sent;
        Some(Some(Sale {
            id,
            sku,
            quantity,
            brief,
            acks: vec![Ack { state, sent }],
            gone: false,
            otherwise: vec![],
        }))
    }

    fn settle(&mut self, sale: &mut Sale, verb: &str, state: &'static str) -> Option<()> {
        let path = format!("/api/reservations/{}/{verb}", sale.id);
        let heard = self.ask("POST", &path, &json!({}))?;
        let sent = heard.sent;
        match (heard.status, heard.text("status"), heard.text("code")) {
            (200, told, _) if told == state => sale.acks.push(Ack { state, sent }),
            (404, _, "RESERVATION_NOT_FOUND") => sale.gone = true,
            _ => self.wrong(&sale.id, verb, &heard),
        }
        Some(())
    }

    /// Asks for something that it did before.
    fn read(&mut self) -> Option<()> {
        let sales = u64::try_from(self.book.sales.len()).unwrap();
        if sales == 0 {
            return Some(());
        }
        let at = usize::try_from(self.dice.roll(sales)).unwrap();
        let id = self.book.sales[at].id.clone();
        let heard = self.ask("GET", &format!("/api/reservations/{id}"), &Value::Null)?;
        let told = match (heard.status, heard.text("status"), heard.text("code")) {
            (200, told, _) => told.to_owned(),
            (404, _, "RESERVATION_NOT_FOUND") => String::new(),
            _ => {
                self.wrong(&id, "read", &heard);
                return Some(());
            }
        };
        let sale = &mut self.book.sales[at];
        let last = sale.acks.last().unwrap().state;
        let expired = sale.brief && told == "EXPIRED";
        let gone = sale.gone && told.is_empty();
        if told != last && !expired && !gone {
            sale.otherwise.push(told);
        }
        Some(())
    }

    fn adjust(&mut self, id: String, sku: &'static str) -> Option<()> {
        let delta = 1 + i64::try_from(self.dice.roll(5)).unwrap();
        let path = format!("/api/inventories/{sku}/adjustments");
        let heard = self.ask("POST", &path, &json!({"adjustmentId": id, "delta": delta}))?;
        if heard.status == 200 {
            self.book.adjustments.push(Adjustment {
                id,
                sku,
                delta,
                sent: heard.sent,
            });
        } else {
            self.wrong(&id, "adjust", &heard);
        }
        Some(())
    }

    fn wrong(&mut self, id: &str, what: &str, heard: &Heard) {
        let said = format!("{what} {id}: {} {}", heard.status, heard.body);
        self.book.wrong.push(said);
    }

    /// Repeats, at another server, until there is an answer whose outcome is known.
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Option<Heard> {
        loop {
            let heard = self.send(method, path, body);
            let code = heard.as_ref().map_or("", |heard| heard.text("code"));
            let status = heard.as_ref().map_or(0, |heard| heard.status);
            match (status, code) {
                (0, _)
                | (503, "SHARD_RECOVERING" | "STORE_UNAVAILABLE" | "OVERLOADED")
                | (504, "OUTCOME_UNKNOWN") => {
                    self.signs.unavailable.fetch_add(1, Ordering::Relaxed);
                }
                (503 | 504, _) => {
                    let said = format!("{method} {path}: {status} {code}");
                    self.book.wrong.push(said);
                }
                _ => {
                    self.signs.answered.fetch_add(1, Ordering::Relaxed);
                    return heard;
                }
            }
            if self.signs.abandon.load(Ordering::Relaxed) {
                return None;
            }
            self.server += 1;
            std::thread::sleep(REPEAT);
        }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Option<Heard> {
        let server = &self.servers[self.server % self.servers.len()];
        let url = format!("http://{server}{path}");
        let sent = Instant::now();
        let answer = match method {
            "GET" => self.agent.get(&url).call(),
            _ => self.agent.post(&url).send_json(body),
        };
        let mut answer = answer.ok()?;
        let status = answer.status().as_u16();
        let text = answer.body_mut().read_to_string().ok()?;
        Some(Heard {
            status,
            body: serde_json::from_str(&text).unwrap_or_default(),
            sent,
        })
    }
}
