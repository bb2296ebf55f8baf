//! An open-loop load generator: every reservation has a moment at which it is due, whatever became of
//! those before it, and its latency counts from that moment. So the wait of those that could not be
//! sent, because an answer was slow or this thread was late, is in the figures and not left out.
//!
//! One thread, HTTP/1.1, one request at a time on each connection. When all are taken, what is due waits
//! for the next that is free.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use rustix::{
    buffer::spare_capacity,
    event::{Timespec, epoll},
    io::Errno,
};

use crate::store;

/// Connections kept open: so many that they are not the limit.
pub const CONNECTIONS: usize = 256;
/// How long the last answers may take after the last request was due.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const EVENTS_MAX: usize = 256;
const ANSWER_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 32;

/// When requests are due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As soon as a connection is free: a closed loop, to find out how much can be served.
    FlatOut,
    /// So many a second, evenly.
    PerSecond(f64),
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct Plan<'a> {
    /// The server.
    pub address: SocketAddr,
    /// When requests are due.
    pub pace: Pace,
    /// How long new ones become due.
    pub lasting: Duration,
    /// Distinct SKUs, taken in turn.
    pub skus: u32,
    /// The ids begin with it.
    pub prefix: &'a str,
}

/// What was answered: all that was sent.
#[derive(Debug, Clone)]
pub struct Answered {
    /// From due to answered, microseconds, in ascending order.
    took_us: Vec<u32>,
    /// Until the last answer.
    pub lasted: Duration,
}

impl Answered {
    /// Answers.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.took_us.len()
    }

    /// Answers per second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        float(self.requests()) / self.lasted.as_secs_f64()
    }

    /// The latency that so many of 1,000 requests do not exceed, ms.
    #[must_use]
    pub fn permille_ms(&self, permille: usize) -> f64 {
        let last = self.took_us.len().saturating_sub(1);
        let place = (self.took_us.len() * permille / 1_000).min(last);
        let took_us = self.took_us.get(place).copied();
        took_us.map_or(f64::NAN, |took_us| f64::from(took_us) / 1_000.0)
    }
}

/// Sends reservations of one line and waits for all answers; each must be 2xx.
///
/// # Errors
/// Another answer, or none in time.
pub fn run(plan: Plan<'_>) -> Result<Answered, String> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(text)?;
    let connections = (0..CONNECTIONS)
        .map(|index| Connection::open(plan.address, &epoll, index))
        .collect::<Result<Vec<_>, _>>()?;
    let idle = (0..CONNECTIONS).collect();
    let generator = Generator {
        plan,
        requests: Requests::new(&plan),
        epoll,
        connections,
        idle,
        sent: 0,
        took_us: Vec::new(),
        began: Instant::now(),
    };
    generator.run()
}

struct Generator<'a> {
    plan: Plan<'a>,
    requests: Requests,
    epoll: OwnedFd,
    connections: Vec<Connection>,
    /// The one that was free last is taken first, so that a low load is on few.
    idle: Vec<usize>,
    sent: u64,
    took_us: Vec<u32>,
    began: Instant,
}

impl Generator<'_> {
    fn run(mut self) -> Result<Answered, String> {
        let mut events = Vec::with_capacity(EVENTS_MAX);
        loop {
            let due = self.send_due()?;
            if due.is_none() && self.idle.len() == self.connections.len() {
                break;
            }
            let patience = match due {
                Some(due) if !self.idle.is_empty() => due.saturating_sub(self.began.elapsed()),
                _ => DRAIN_TIMEOUT,
            };
            self.wait(&mut events, patience)?;
            for event in events.drain(..) {
                self.read(event.data.u64())?;
            }
            if self.began.elapsed() > self.plan.lasting + DRAIN_TIMEOUT {
                let missing = self.connections.len() - self.idle.len();
                return Err(format!(
                    "{missing} requests have no answer {DRAIN_TIMEOUT:?} after the last was due"
                ));
            }
        }
        let lasted = self.began.elapsed();
        self.took_us.sort_unstable();
        Ok(Answered {
            took_us: self.took_us,
            lasted,
        })
    }

    /// Sends what is due while there are connections, and says when the next one is; `None` at the end.
    fn send_due(&mut self) -> Result<Option<Duration>, String> {
        loop {
            let now = self.began.elapsed();
            let due = match self.plan.pace {
                Pace::FlatOut => now,
                Pace::PerSecond(rate) => Duration::from_secs_f64(float64(self.sent) / rate),
            };
            if due >= self.plan.lasting {
                return Ok(None);
            }
            if due > now {
                return Ok(Some(due));
            }
            let Some(index) = self.idle.pop() else {
                return Ok(Some(due));
            };
            let request = self.requests.write(self.sent);
            if let Some(connection) = self.connections.get_mut(index) {
                connection.send(request, due)?;
            }
            self.sent += 1;
        }
    }

    fn wait(&self, events: &mut Vec<epoll::Event>, patience: Duration) -> Result<(), String> {
        let timeout = Timespec::try_from(patience).map_err(text)?;
        match epoll::wait(&self.epoll, spare_capacity(events), Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(text(error)),
        }
    }

    fn read(&mut self, index: u64) -> Result<(), String> {
        let index = usize::try_from(index).map_err(text)?;
        let Some(connection) = self.connections.get_mut(index) else {
            return Ok(());
        };
        if connection.read()? {
            let took = self.began.elapsed().saturating_sub(connection.due);
            self.took_us
                .push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
            self.idle.push(index);
        }
        Ok(())
    }
}

/// The bytes of requests: all but id and SKU are made once.
struct Requests {
    head: String,
    tails: Vec<String>,
    bytes: Vec<u8>,
}

impl Requests {
    fn new(plan: &Plan<'_>) -> Self {
        let tails = (0..plan.skus)
            .map(|sku| {
                let sku = store::sku_name(sku);
                format!(r#"","items":[{{"skuId":"{sku}","quantity":1}}]}}"#)
            })
            .collect::<Vec<_>>();
        let start = format!(r#"{{"reservationId":"{}-"#, plan.prefix);
        let body_len = start.len() + ID_DIGITS + tails.first().map_or(0, String::len);
        let head = format!(
            "POST /api/reservations HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {body_len}\r\n\r\n{start}",
            plan.address
        );
        Self {
            head,
            tails,
            bytes: Vec::new(),
        }
    }

    fn write(&mut self, number: u64) -> &[u8] {
        self.bytes.clear();
        self.bytes.extend_from_slice(self.head.as_bytes());
        // Writing to a Vec cannot fail.
        let _ = write!(self.bytes, "{number:0ID_DIGITS$}");
        // A prime step, so that neighbours are different SKUs.
        let skus = self.tails.len().max(1);
        let sku = usize::try_from(number).unwrap_or(0).wrapping_mul(7_919) % skus;
        if let Some(tail) = self.tails.get(sku) {
            self.bytes.extend_from_slice(tail.as_bytes());
        }
        &self.bytes
    }
}

const ID_DIGITS: usize = 12;

struct Connection {
    stream: TcpStream,
    /// Of the request under way.
    due: Duration,
    answer: Vec<u8>,
}

impl Connection {
    fn open(address: SocketAddr, epoll: &OwnedFd, index: usize) -> Result<Self, String> {
        let stream = TcpStream::connect(address).map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        stream.set_nonblocking(true).map_err(text)?;
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(epoll, &stream, data, epoll::EventFlags::IN).map_err(text)?;
        Ok(Self {
            stream,
            due: Duration::ZERO,
            answer: Vec::new(),
        })
    }

    /// A request is far smaller than a socket's buffer, and the one before it was answered.
    fn send(&mut self, request: &[u8], due: Duration) -> Result<(), String> {
        self.due = due;
        self.stream.write_all(request).map_err(text)
    }

    /// Reads what there is; whether the answer is complete.
    fn read(&mut self) -> Result<bool, String> {
        let mut bytes = [0; ANSWER_BYTES_MAX];
        match self.stream.read(&mut bytes) {
            Ok(0) => return Err("the server closed a connection".to_owned()),
            Ok(read) => self
                .answer
                .extend_from_slice(bytes.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(text(error)),
        }
        let complete = is_complete(&self.answer)?;
        if complete {
            self.answer.clear();
        }
        Ok(complete)
    }
}

/// Whether an answer, which must be 2xx with its length, has arrived.
fn is_complete(answer: &[u8]) -> Result<bool, String> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head_len) = response.parse(answer).map_err(text)? else {
        return Ok(false);
    };
    let code = response.code.unwrap_or(0);
    if !(200..300).contains(&code) {
        return Err(format!(
            "the server answered {}",
            String::from_utf8_lossy(answer)
        ));
    }
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| {
            std::str::from_utf8(header.value)
                .ok()?
                .parse::<usize>()
                .ok()
        })
        .ok_or("an answer without a length")?;
    match answer.len().cmp(&(head_len + length)) {
        std::cmp::Ordering::Less => Ok(false),
        std::cmp::Ordering::Equal => Ok(true),
        std::cmp::Ordering::Greater => Err("an answer is longer than it says".to_owned()),
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
const fn float(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a count far below 2^53")]
const fn float64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(took_us: Vec<u32>) -> Answered {
        Answered {
            took_us,
            lasted: Duration::from_secs(2),
        }
    }

    #[test]
    fn percentiles_are_of_the_requests() {
        let answered = answered((1..=1_000).map(|ms| ms * 1_000).collect());
        assert!((answered.per_second() - 500.0).abs() < 1e-9);
        let ms = [500, 990, 999, 1_000].map(|permille| answered.permille_ms(permille));
        assert_eq!(ms.map(|ms| ms.round()), [501.0, 991.0, 1_000.0, 1_000.0]);
        assert!(self::answered(Vec::new()).permille_ms(500).is_nan());
    }

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        for len in 0..answer.len() {
            assert_eq!(is_complete(&answer[..len]), Ok(false), "{len}");
        }
        assert_eq!(is_complete(answer), Ok(true));
        assert!(is_complete(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").is_err());
        assert!(is_complete(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn every_request_says_its_own_length() {
        let plan = Plan {
            address: "127.0.0.1:1".parse().unwrap(),
            pace: Pace::FlatOut,
            lasting: Duration::ZERO,
            skus: 1_000,
            prefix: "c",
        };
        let mut requests = Requests::new(&plan);
        for number in [0, 1, 999_999_999] {
            let request = String::from_utf8(requests.write(number).to_vec()).unwrap();
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("Content-Length: {}", body.len())));
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(body["reservationId"], format!("c-{number:012}"));
        }
    }
}
