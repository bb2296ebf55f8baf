//! The servers of the stack.

use crate::failure::Failure;

/// A server of the stack. For one that is built here, package, binary, log and `cargo dev` name are the same
/// word.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) base_port: u16,
    pub(crate) kind: Kind,
}

/// What a server speaks, and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// HTTP; built from this workspace. Its port is fixed.
    Http,
    /// From the distribution, as many people run one: it moves to the next port where its own is taken.
    Redis,
    MariaDb,
}

pub(crate) const REDIS: Service = Service {
    name: "redis",
    base_port: 6379,
    kind: Kind::Redis,
};

pub(crate) const MARIADB: Service = Service {
    name: "mariadb",
    base_port: 3306,
    kind: Kind::MariaDb,
};

pub(crate) const INVENTORY_SERVER: Service = Service {
    name: "inventory-server",
    base_port: 8083,
    kind: Kind::Http,
};

pub(crate) const SYNC_WORKER: Service = Service {
    name: "sync-worker",
    base_port: 8090,
    kind: Kind::Http,
};

/// Each after those that it needs.
const ALL: [&Service; 4] = [&REDIS, &MARIADB, &INVENTORY_SERVER, &SYNC_WORKER];

impl Service {
    pub(crate) fn named(name: &str) -> Result<&'static Self, Failure> {
        ALL.into_iter()
            .find(|service| service.name == name)
            .ok_or_else(|| {
                let names: Vec<&str> = ALL.iter().map(|service| service.name).collect();
                let message = format!("there is no server called {name}");
                Failure::usage(message, format!("one of: {}", names.join(", ")))
            })
    }

    /// Place in the order of starting; who is not known comes last.
    pub(crate) fn rank(name: &str) -> usize {
        let place = ALL.iter().position(|service| service.name == name);
        place.unwrap_or(ALL.len())
    }

    /// Those that hold connections to it.
    pub(crate) fn dependents(&self) -> &'static [&'static Self] {
        match self.kind {
            Kind::Redis => &[&INVENTORY_SERVER, &SYNC_WORKER],
            Kind::MariaDb => &[&SYNC_WORKER],
            Kind::Http => &[],
        }
    }

    /// Whether it may be moved to another port than its own.
    pub(crate) fn moves(&self) -> bool {
        self.kind != Kind::Http
    }

    pub(crate) fn url(&self, port: u16) -> String {
        let scheme = match self.kind {
            Kind::Http => "http",
            Kind::Redis => "redis",
            Kind::MariaDb => "mysql",
        };
        format!("{scheme}://127.0.0.1:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let failure = Service::named("postgres").unwrap_err();
        for service in ALL {
            assert!(failure.next.contains(service.name), "{}", failure.next);
        }
        assert_eq!(failure.code, 64);
    }

    #[test]
    fn nobody_is_started_before_what_it_needs() {
        for service in ALL {
            for dependent in service.dependents() {
                assert!(Service::rank(service.name) < Service::rank(dependent.name));
            }
        }
        assert!(Service::rank("of yesterday") > Service::rank("sync-worker"));
    }
}
