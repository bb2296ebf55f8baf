//! Ports for processes that know each other before they start, and come back on the same ones.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU16, Ordering},
};

/// Below the range that the kernel gives to clients: there a client that knocks on the port of a
/// killed server can be given that very port.
const FIRST: u16 = 18_000;
const COUNT: u16 = 12_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// An address that nobody listens on at the moment, and that was not given before.
pub(crate) fn free() -> SocketAddr {
    let mine = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    (0..COUNT)
        .map(|_| {
            let nth = mine.wrapping_mul(16) % COUNT + NEXT.fetch_add(1, Ordering::Relaxed);
            SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST + nth % COUNT))
        })
        .find(|address| TcpListener::bind(address).is_ok())
        .expect("a free port")
}
