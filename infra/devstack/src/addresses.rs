//! Where the servers of one stack listen.

use std::collections::BTreeMap;

use crate::{
    failure::Failure,
    output, ports,
    service::{self, Service},
    stack::Stack,
    state::State,
};

/// Ports to look at for a server that moves, from its own on.
const PORTS_TRIED_MAX: u16 = 100;

/// A port for each server, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addresses {
    offset: u16,
    ports: BTreeMap<&'static str, u16>,
}

impl Addresses {
    /// What runs stays where it is; the others get ports that are free now.
    pub(crate) fn choose(state: &State, stack: Stack) -> Result<Self, Failure> {
        let mut addresses = Self::of(state);
        let mut required = Vec::new();
        for service in stack.services() {
            if state.alive(service.name).is_some() {
                continue;
            }
            let port = addresses.port(service);
            if service.moves() && !is_awaited(state, service) {
                let free = addresses.next_free(service)?;
                addresses.ports.insert(service.name, free);
            } else {
                required.push((service.name, port));
            }
        }
        ports::require_free(&required)?;
        Ok(addresses)
    }

    /// Where the servers are, or were, that `up` started.
    pub(crate) fn of(state: &State) -> Self {
        let known = service::ALL.iter().filter_map(|service| {
            let port = state.processes.get(service.name)?.port()?;
            Some((service.name, port))
        });
        Self {
            offset: state.port_offset,
            ports: known.collect(),
        }
    }

    pub(crate) fn port(&self, service: &Service) -> u16 {
        let own = service.base_port.saturating_add(self.offset);
        self.ports.get(service.name).copied().unwrap_or(own)
    }

    pub(crate) fn url(&self, service: &Service) -> String {
        service.url(self.port(service))
    }

    /// Address and port.
    pub(crate) fn address(&self, service: &Service) -> String {
        format!("127.0.0.1:{}", self.port(service))
    }

    /// A port for a server that moves: its own, or the next that is free.
    pub(crate) fn place(&mut self, service: &'static Service) -> Result<(), Failure> {
        let free = self.next_free(service)?;
        self.ports.insert(service.name, free);
        Ok(())
    }

    fn next_free(&self, service: &Service) -> Result<u16, Failure> {
        let own = service.base_port.saturating_add(self.offset);
        let last = own.saturating_add(PORTS_TRIED_MAX);
        let chosen = |port| self.ports.values().any(|other| *other == port);
        let free = (own..last)
            .find(|port| !chosen(*port) && ports::is_free(*port))
            .ok_or_else(|| {
                let message = format!("no free port for {} in {own}..{last}", service.name);
                Failure::new(message, "use other ports: cargo dev up --port-offset 1000")
            })?;
        if free != own {
            let name = service.name;
            output::progress(format!("    {own} is taken: {name} gets {free}"));
        }
        Ok(free)
    }
}

/// Whether servers that run expect it where it was.
fn is_awaited(state: &State, service: &Service) -> bool {
    state.processes.contains_key(service.name)
        && service
            .dependents()
            .any(|dependent| state.alive(dependent.name).is_some())
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, TcpListener},
        path::PathBuf,
        time::Duration,
    };

    use devstack::wait;

    use super::*;
    use crate::{
        service::{INVENTORY_SERVER, KAFKA, MARIADB, REDIS, SYNC_WORKER},
        state::Process,
    };

    // Another offset for each test. Servers that do not move are then above all ports that the kernel
    // gives, as the private servers of other tests are below those.
    const FIRST: u16 = 53_000;
    const SECOND: u16 = 54_000;

    fn state(port_offset: u16) -> State {
        State {
            port_offset,
            ..State::default()
        }
    }

    fn process(service: &Service, port: u16, alive: bool) -> (String, Process) {
        let pid = std::process::id();
        let mut process = Process::observe(pid, service.url(port), PathBuf::new()).unwrap();
        if !alive {
            process.start_ticks += 1;
        }
        (service.name.to_owned(), process)
    }

    #[test]
    fn a_store_moves_to_the_next_free_port_and_a_server_does_not() {
        let own = FIRST + REDIS.base_port;
        // Ours, or somebody else's already.
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, own));
        let addresses = Addresses::choose(&state(FIRST), Stack::Full).unwrap();
        assert!((own + 1..own + PORTS_TRIED_MAX).contains(&addresses.port(&REDIS)));
        assert_eq!(addresses.url(&SYNC_WORKER), "http://127.0.0.1:61090");
        drop(taken);
        let fixed = [&INVENTORY_SERVER, &KAFKA].map(|service| FIRST + service.base_port);
        let taken = fixed.map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
        let failure = Addresses::choose(&state(FIRST), Stack::Full).unwrap_err();
        for named in ["61083 (for inventory-server)", "62092 (for kafka)"] {
            assert!(failure.message.contains(named), "{}", failure.message);
        }
        drop(taken);
    }

    #[test]
    fn who_runs_stays_and_who_is_awaited_comes_back_to_its_port() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut state = state(SECOND);
        state.processes.extend([
            process(&REDIS, 7001, true),
            process(&MARIADB, port, false),
            process(&SYNC_WORKER, 7003, true),
        ]);
        assert_eq!(Addresses::of(&state).url(&REDIS), "redis://127.0.0.1:7001");
        let failure = Addresses::choose(&state, Stack::Full).unwrap_err();
        assert!(
            failure.message.contains("for mariadb"),
            "{}",
            failure.message
        );
        drop(taken);
        // A process that another test is starting may hold a copy until it has become itself.
        let free = || ports::is_free(port);
        wait::until(Duration::from_secs(10), "it is free", free).unwrap();
        let addresses = Addresses::choose(&state, Stack::Full).unwrap();
        assert_eq!(addresses.port(&REDIS), 7001);
        assert_eq!(addresses.port(&MARIADB), port);

        // Nobody waits for it any more.
        state.processes.remove(SYNC_WORKER.name);
        let addresses = Addresses::choose(&state, Stack::Full).unwrap();
        assert!(addresses.port(&MARIADB) >= SECOND + MARIADB.base_port);
    }
}
