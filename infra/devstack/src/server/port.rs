//! A port for a server that goes and comes back.

use std::{
    net::{Ipv4Addr, TcpListener},
    ops::Range,
};

use crate::{Error, Result, random};

/// Below the range that the kernel gives to clients (32768 and up): there a client that knocks on the port of
/// a killed server can be given that very port, and then talks to itself.
const RANGE: Range<u16> = 15_000..32_000;

/// A port that nobody listens on at this moment.
///
/// # Errors
/// [`Error::Protocol`] if every port of the range is taken.
pub fn free() -> Result<u16> {
    (0..RANGE.len())
        .map(|_| any())
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| Error::Protocol("no port is free".to_owned()))
}

fn any() -> u16 {
    let width = u64::from(RANGE.end - RANGE.start);
    RANGE.start + u16::try_from(random::number() % width).unwrap_or_default()
}
