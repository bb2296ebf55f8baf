//! Whether a broker takes clients.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

const READ_TIMEOUT: Duration = Duration::from_secs(2);

/// An answer without topics has about a hundred bytes.
const ANSWER_BYTES_MAX: u32 = 16 * 1024;

/// Behind the length: correlation id and throttle time, four bytes each; then the number of brokers.
const BROKERS_AT: usize = 8;

/// Metadata (key 3) in version 4, correlation id 0, client id null, of no topic, creating none.
const REQUEST: [u8; 19] = [
    0, 0, 0, 15, // length of what follows
    0, 3, 0, 4, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0,
];

/// Whether the broker of this cluster names itself to a client: it is registered and leads what it has. One
/// that is still starting answers without a broker or not at all, and another's broker has another cluster.
pub(super) fn is_ready(port: u16, cluster: &str) -> bool {
    ask(port).is_ok_and(|answer| names_a_broker_of(&answer, cluster))
}

fn ask(port: u16) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    stream.write_all(&REQUEST)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length).min(ANSWER_BYTES_MAX);
    let mut answer = Vec::new();
    stream.take(length.into()).read_to_end(&mut answer)?;
    Ok(answer)
}

fn names_a_broker_of(answer: &[u8], cluster: &str) -> bool {
    let brokers = answer.get(BROKERS_AT..BROKERS_AT + 4);
    let mut windows = answer.windows(cluster.len());
    brokers.is_some_and(|count| count != [0; 4]) && windows.any(|part| part == cluster.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLUSTER: &str = "devs-0123456789abcdefA";

    fn answer(brokers: u8, cluster: &str) -> Vec<u8> {
        let head = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, brokers];
        [&head, cluster.as_bytes()].concat()
    }

    #[test]
    fn only_a_registered_broker_of_this_cluster_is_ready() {
        assert!(names_a_broker_of(&answer(1, CLUSTER), CLUSTER));
        assert!(!names_a_broker_of(&answer(0, CLUSTER), CLUSTER));
        let other = CLUSTER.replace('0', "1");
        assert!(!names_a_broker_of(&answer(1, &other), CLUSTER));
        assert!(!names_a_broker_of(b"", CLUSTER));
    }

    #[test]
    fn the_request_says_how_long_it_is() {
        let length = u32::from_be_bytes([REQUEST[0], REQUEST[1], REQUEST[2], REQUEST[3]]);
        assert_eq!(usize::try_from(length).unwrap(), REQUEST.len() - 4);
    }
}
