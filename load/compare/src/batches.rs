//! How many reservations the server takes into one script call, by its own metrics.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Since the server started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Batches {
    /// Script calls.
    pub calls: f64,
    /// Reservations in them.
    pub reservations: f64,
}

/// Asks a server.
///
/// # Errors
/// It does not answer, or has no such metric.
pub fn of(address: SocketAddr) -> Result<Batches, String> {
    let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
    stream
        .set_read_timeout(Some(TIMEOUT))
        .map_err(|error| error.to_string())?;
    write!(stream, "GET /metrics HTTP/1.0\r\n\r\n").map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    parse(&text).ok_or_else(|| "the server has no metric of its batches".to_owned())
}

fn parse(text: &str) -> Option<Batches> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line?.trim().parse().ok()
    };
    Some(Batches {
        calls: value("inventory_batch_reservations_count ")?,
        reservations: value("inventory_batch_reservations_sum ")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_and_the_count_are_found() {
        let text = "HTTP/1.0 200 OK\r\n\r\n# TYPE inventory_batch_reservations histogram\n\
                    inventory_batch_reservations_sum 40.0\ninventory_batch_reservations_count 5\n";
        let batches = parse(text).unwrap();
        assert!((batches.reservations / batches.calls - 8.0).abs() < 1e-9);
        assert_eq!(parse("HTTP/1.0 404 Not Found\r\n\r\n"), None);
    }
}
