use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    ops::Range,
    sync::{Mutex, PoisonError},
};

/// Below the ports that the kernel gives to clients: there a client that knocks on the port of a killed
/// server can be given that very port. And apart from those of devstack's private servers, which begin at
/// 15 000.
const RANGE: Range<u16> = 10_000..15_000;
/// Ports of a block: one that is kept, and those that are given away.
const BLOCK_PORTS: u16 = 20;
const BLOCKS: u16 = (RANGE.end - RANGE.start) / BLOCK_PORTS;

/// Ports that no other test program gives away.
struct Block {
    /// On the first of them, for as long as this process lives: who finds it taken takes another block.
    _kept: TcpListener,
    rest: Range<u16>,
}

/// All that this process has; the newest is the last.
static OURS: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// An address for a process that others must know before it starts, or that comes back where it was: nobody
/// listens there, and nobody else is given it, in this test program or another one.
///
/// # Panics
/// When all are taken.
#[must_use]
pub fn free_address() -> SocketAddr {
    let mut ours = OURS.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let rest = ours.iter_mut().flat_map(|block| block.rest.by_ref());
        let mut addresses = rest.map(address);
        if let Some(free) = addresses.find(|address| listen(*address).is_some()) {
            return free;
        }
        ours.push(another_block());
    }
}

fn another_block() -> Block {
    let from = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap_or_default();
    let taken = (0..BLOCKS).find_map(|n| {
        let first = RANGE.start + (from + n) % BLOCKS * BLOCK_PORTS;
        let kept = listen(address(first))?;
        let rest = first + 1..first + BLOCK_PORTS;
        Some(Block { _kept: kept, rest })
    });
    taken.expect("a free block of ports")
}

const fn address(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

fn listen(address: SocketAddr) -> Option<TcpListener> {
    TcpListener::bind(address).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_address_is_another_and_free() {
        let many = usize::from(BLOCK_PORTS) * 2;
        let addresses: HashSet<_> = (0..many).map(|_| free_address()).collect();
        assert_eq!(addresses.len(), many);
        assert!(addresses.iter().all(|address| listen(*address).is_some()));
    }
}
