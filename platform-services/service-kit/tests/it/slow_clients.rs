//! Clients that are slow on purpose, on bare sockets: each is answered or cut in its time, and others are
//! served meanwhile.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use service_kit::{
    http::{App, HEADERS_MAX, Settings},
    metrics,
    shutdown::Stop,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, sleep, timeout},
};

/// More than the buffers of both ends take.
const ANSWER_BYTES: usize = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(20);
const STEP: Duration = Duration::from_millis(50);

const LIMITS: Settings = Settings {
    body_bytes_max: 64 * 1024,
    request_timeout: Duration::from_secs(10),
    header_timeout: Duration::from_millis(500),
    body_timeout: Duration::from_millis(500),
    write_timeout: Duration::from_millis(500),
    idle_timeout: Duration::from_secs(3),
    connections_max: 8,
    drain_timeout: Duration::from_secs(1),
};

struct Served {
    address: std::net::SocketAddr,
    stop: Stop,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.now.cancel();
        self.stop.drain.cancel();
    }
}

async fn serve() -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = Stop::default();
    let routes = Router::new()
        .route("/small", get(|| async { "small" }))
        .route("/large", get(|| async { vec![b'x'; ANSWER_BYTES] }))
        .route("/echo", post(|body: Bytes| async move { body }));
    let app = App::new(metrics::registry("test", "1"));
    let told = stop.clone();
    tokio::spawn(async move { app.serve(listener, routes, LIMITS, &told).await });
    Served { address, stop }
}

/// What comes until the connection is closed.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end, too.
    let read = timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    drop(read.expect("the connection is closed in time"));
    String::from_utf8_lossy(&text).into_owned()
}

async fn ask(served: &Served, request: &str) -> String {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    rest(&mut stream).await
}

/// Others are served.
async fn assert_served(served: &Served) {
    let answer = ask(
        served,
        "GET /small HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// Sends byte after byte until the other end has had enough; what it says.
async fn trickle(served: &Served, begin: &str, byte: &[u8]) -> (String, Duration) {
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(begin.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let (mut reader, mut writer) = stream.split();
    let mut answer = Vec::new();
    let reading = async {
        let read = timeout(PATIENCE, reader.read_to_end(&mut answer)).await;
        drop(read.expect("it is cut"));
    };
    let writing = async {
        while writer.write_all(byte).await.is_ok() {
            sleep(STEP).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
    let took = begun.elapsed();
    assert_served(served).await;
    (String::from_utf8_lossy(&answer).into_owned(), took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_trickles_is_cut() {
    let served = serve().await;
    let (answer, took) = trickle(&served, "GET /small HTTP/1.1\r\nx-slow: ", b"x").await;
    assert_eq!(answer, "");
    // Not the time of an idle connection.
    assert!(took < LIMITS.idle_timeout, "{took:?}");
    // The second request of a connection, too.
    let first = "GET /small HTTP/1.1\r\nhost: x\r\n\r\nGET /sm";
    let (answer, took) = trickle(&served, first, b"a").await;
    assert!(answer.ends_with("small"), "{answer}");
    assert!(
        took < LIMITS.idle_timeout + LIMITS.header_timeout,
        "{took:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_trickles_is_refused_by_its_name() {
    let served = serve().await;
    let begin = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n";
    let (answer, took) = trickle(&served, begin, b"x").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(
        answer.contains("the body did not arrive within 500 ms"),
        "{answer}"
    );
    assert!(took < LIMITS.request_timeout, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_cut() {
    let served = serve().await;
    let mut streams = Vec::new();
    // One place is left.
    for _ in 1..LIMITS.connections_max {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(served.address).await.unwrap();
        let request = "GET /large HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    assert_served(&served).await;
    // All places are free again before anybody has read.
    let begun = Instant::now();
    let mut others = Vec::new();
    for _ in 0..LIMITS.connections_max {
        let mut other = TcpStream::connect(served.address).await.unwrap();
        let request = "GET /small HTTP/1.1\r\nhost: x\r\n\r\n";
        other.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let read = timeout(PATIENCE, other.read_exact(&mut answer)).await;
        read.expect("in time").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        others.push(other);
    }
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    for mut stream in streams {
        assert!(rest(&mut stream).await.len() < ANSWER_BYTES);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_or_too_long_headers_are_refused() {
    let served = serve().await;
    let line = |n: usize| format!("x-{n}: y\r\n");
    let many: String = (0..=HEADERS_MAX).map(line).collect();
    let long = format!("x-long: {}\r\n", "y".repeat(200_000));
    for headers in [many, long] {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let request = format!("GET /small HTTP/1.1\r\n{headers}\r\n");
        // It may be cut before it has all.
        drop(stream.write_all(request.as_bytes()).await);
        let mut status = [0; 12];
        let read = timeout(PATIENCE, stream.read_exact(&mut status)).await;
        if read.expect("in time").is_ok() {
            assert_eq!(&status, b"HTTP/1.1 431");
        }
    }
    assert_served(&served).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_does_nothing_is_closed() {
    let served = serve().await;
    let begun = Instant::now();
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(rest(&mut stream).await, "");
    let took = begun.elapsed();
    assert!(
        took >= LIMITS.idle_timeout - STEP && took < PATIENCE,
        "{took:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_say_nothing_of_the_server_and_let_nobody_guess() {
    let served = serve().await;
    let request =
        |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let good = ask(&served, &request("/small")).await.to_ascii_lowercase();
    assert!(good.contains("x-content-type-options: nosniff"), "{good}");
    assert!(
        !good.contains("\r\nserver:") && !good.contains("no-store"),
        "{good}"
    );
    let refused = ask(&served, &request("/nothing"))
        .await
        .to_ascii_lowercase();
    assert!(refused.starts_with("http/1.1 404"), "{refused}");
    assert!(refused.contains("cache-control: no-store"), "{refused}");
}
