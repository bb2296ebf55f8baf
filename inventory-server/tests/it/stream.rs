use devstack::wait;
use serde_json::Value;

use crate::support::{
    Server, TIMEOUT, json,
    raw::{self, Connection},
};

struct Stream(Connection);

impl Stream {
    fn open(server: &Server, sku: &str) -> Self {
        let mut connection = Connection::open(server);
        connection.send(raw::request(
            "GET",
            &format!("/api/inventories/{sku}/stream"),
            "",
        ));
        let head = connection.read_until("\r\n\r\n").to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 200 ok"), "{head}");
        for header in [
            "content-type: text/event-stream",
            "cache-control: no-store",
            "x-request-id: ",
        ] {
            assert!(head.contains(header), "{head}");
        }
        Self(connection)
    }

    /// The next event's id and data.
    fn event(&mut self) -> (String, Value) {
        loop {
            let text = self.0.read_until("\n\n");
            let field = |name: &str| {
                text.lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::to_owned)
            };
            if let Some(data) = field("data: ") {
                assert_eq!(field("event: ").as_deref(), Some("stock"), "{text}");
                return (
                    field("id: ").expect("an id"),
                    serde_json::from_str(&data).expect("JSON"),
                );
            }
        }
    }
}

#[test]
fn a_stream_begins_with_the_state_and_shows_every_change() {
    let server = Server::start();
    server.stock("a", 10);
    let mut stream = Stream::open(&server, "a");
    let (id, first) = stream.event();
    assert_eq!(
        (id.as_str(), &first),
        ("1", &server.get("/api/inventories/a").expect(200))
    );
    server.hold("r", "a", 3);
    let (id, second) = stream.event();
    assert_eq!(
        (id.as_str(), &second),
        ("2", &server.get("/api/inventories/a").expect(200))
    );
    assert!(
        server
            .get("/metrics")
            .text
            .contains("inventory_http_event_streams 1\n")
    );
}

#[test]
fn a_slow_reader_skips_states_and_sees_the_last() {
    let server = Server::start();
    server.stock("a", 100);
    let mut stream = Stream::open(&server, "a");
    stream.event();
    for n in 0..50 {
        server.hold(&format!("r-{n}"), "a", 1);
    }
    let mut events = 1;
    while stream.event().1["availableQuantity"] != json!(50) {
        events += 1;
    }
    assert!(events < 50, "{events} events of 50 changes");
}

#[test]
fn many_watch_the_same_stock() {
    let server = Server::start();
    server.stock("a", 10);
    server.stock("b", 10);
    let mut streams: Vec<Stream> = ["a", "a", "a", "b"]
        .iter()
        .map(|sku| Stream::open(&server, sku))
        .collect();
    for stream in &mut streams {
        stream.event();
    }
    server.hold("r", "a", 1);
    server.hold("s", "b", 2);
    let seen: Vec<Value> = streams
        .iter_mut()
        .map(|s| s.event().1["availableQuantity"].clone())
        .collect();
    assert_eq!(seen, [9, 9, 9, 8]);
}

#[test]
fn streams_have_a_limit_and_places_come_back() {
    let server = Server::with(&["--streams-max=1"]);
    server.stock("a", 10);
    let mut stream = Stream::open(&server, "a");
    stream.event();
    let refused = server.get("/api/inventories/a/stream");
    assert_eq!(refused.header("retry-after"), Some("1"));
    refused.refused(503, "OVERLOADED");
    drop(stream);
    wait::until(TIMEOUT, "the place is free", || {
        server
            .get("/metrics")
            .text
            .contains("inventory_http_event_streams 0\n")
    })
    .expect("freed");
    Stream::open(&server, "a").event();
}

#[test]
fn a_stock_that_cannot_be_read_is_not_gone() {
    let server = Server::start();
    server.stock("a", 10);
    let mut stream = Stream::open(&server, "a");
    stream.event();
    let key = "inv:{s0}:stock:default:a";
    server
        .redis
        .command(&["RENAME", key, "aside"])
        .expect("moved");
    server.redis.command(&["SET", key, "rubbish"]).expect("set");
    server
        .get("/api/inventories/a/stream")
        .refused(500, "STORE_CORRUPT");
    // Long enough for the poller to have met it.
    let reads = || {
        let metrics = server.get("/metrics").text;
        metrics.contains("inventory_http_event_streams 1\n")
    };
    let begun = std::time::Instant::now();
    wait::until(TIMEOUT, "some polls", || {
        assert!(reads(), "the stream ended");
        begun.elapsed().as_millis() > 400
    })
    .expect("time passes");
    server
        .redis
        .command(&["RENAME", "aside", key])
        .expect("moved");
    server.hold("r", "a", 1);
    assert_eq!(stream.event().1["availableQuantity"], 9);
}

#[test]
fn a_stream_of_nothing_is_refused_and_one_of_a_retired_stock_ends() {
    let server = Server::start();
    server
        .get("/api/inventories/a/stream")
        .refused(404, "UNKNOWN_SKU");
    server.stock("a", 0);
    let mut stream = Stream::open(&server, "a");
    stream.event();
    server.delete("/api/inventories/a").expect(204);
    let rest = String::from_utf8(stream.0.rest_of_chunks()).expect("UTF-8");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
}
