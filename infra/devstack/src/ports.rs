//! Whether ports are free, and whose they are.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
};

use devstack::procfs;

use crate::failure::Failure;

/// Whether nobody listens there, on loopback or on all addresses.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Names every port that is taken, before anything starts.
pub(crate) fn require_free(wanted: &[(&str, u16)]) -> Result<(), Failure> {
    let taken: Vec<String> = wanted
        .iter()
        .filter(|(_, port)| !is_free(*port))
        .map(|(name, port)| {
            let owner = owner(*port).unwrap_or_else(|| "another user's process".to_owned());
            format!("port {port} (for {name}) is taken by {owner}")
        })
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let next = "stop that process, or use other ports: cargo dev up --port-offset 1000";
    Err(Failure::new(taken.join("; "), next))
}

/// The process that listens on a port, as far as this user may know.
fn owner(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .find_map(|table| {
            fs::read_to_string(table)
                .ok()?
                .lines()
                .find_map(|line| listening_inode(line, port))
        })?;
    let socket = format!("socket:[{inode}]");
    let pid = procfs::pids().find(|pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        files
            .filter_map(|file| fs::read_link(file.path()).ok())
            .any(|target| target.as_os_str() == socket.as_str())
    })?;
    Some(format!(
        "{} (pid {pid})",
        procfs::name(pid).unwrap_or_default()
    ))
}

/// Inode of the socket, when this line of `/proc/net/tcp` is a listener on the port. Columns:
/// `sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode`.
fn listening_inode(line: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    let columns: Vec<&str> = line.split_ascii_whitespace().collect();
    let (_, local_port) = columns.get(1)?.rsplit_once(':')?;
    let here = u16::from_str_radix(local_port, 16).ok()? == port && *columns.get(3)? == LISTEN;
    here.then(|| columns.get(9)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use devstack::wait;

    use super::*;

    #[test]
    fn a_taken_port_is_named_with_its_owner() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let failure = require_free(&[("inventory-server", port)]).unwrap_err();
        let pid = std::process::id();
        assert!(
            failure
                .message
                .contains(&format!("port {port} (for inventory-server)"))
        );
        assert!(
            failure.message.contains(&format!("(pid {pid})")),
            "{}",
            failure.message
        );
        drop(listener);
        // A process that another test is starting may hold a copy until it has become itself.
        let free = || require_free(&[("inventory-server", port)]).is_ok();
        wait::until(Duration::from_secs(10), "it is free", free).unwrap();
    }

    #[test]
    fn a_port_taken_on_all_addresses_is_taken() {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(require_free(&[("inventory-server", port)]).is_err());
    }

    #[test]
    fn only_listeners_on_the_port_count() {
        let listener =
            "  1: 0100007F:1F93 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1";
        assert_eq!(listening_inode(listener, 8083), Some(4711));
        assert_eq!(listening_inode(listener, 8084), None);
        let connection = listener.replace(" 0A ", " 01 ");
        assert_eq!(listening_inode(&connection, 8083), None);
    }
}
