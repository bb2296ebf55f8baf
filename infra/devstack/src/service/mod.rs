//! The servers of the stack.

mod engine;
mod monitoring;
mod shop;
mod stores;

pub(crate) use self::{
    engine::{INVENTORY_SERVER, SYNC_WORKER},
    monitoring::PROMETHEUS,
    shop::{
        AUTH_SERVICE, CATALOG_SERVICE, ORDER_SERVICE, PAYMENT_SERVICE, TOSS_SANDBOX, USER_SERVICE,
    },
    stores::{CONNECT, KAFKA, MARIADB, REDIS},
};
use crate::failure::Failure;

/// A server of the stack. For one that is built here, binary, log and `cargo dev` name are the same word.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) name: &'static str,
    pub(crate) base_port: u16,
    pub(crate) kind: Kind,
    /// Those it cannot do without; it is started after them.
    pub(crate) needs: &'static [&'static Self],
}

/// What a server speaks, and where it comes from.
#[derive(Debug)]
pub(crate) enum Kind {
    /// HTTP; built from this workspace. Its port is fixed.
    Built(Program),
    /// From the distribution, as many people run one: it moves to the next port where its own is taken.
    Redis,
    MariaDb,
    /// From Maven; its port is fixed.
    Kafka,
    /// Kafka Connect with Debezium, from Maven; its port is fixed.
    Connect,
    /// From the distribution, in no stack: whoever wants it asks for it. It moves as the stores do.
    Prometheus,
}

/// How a program of this workspace is built and started.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) package: &'static str,
    /// Its first words, such as a subcommand.
    pub(crate) words: &'static [&'static str],
    pub(crate) flags: &'static [(&'static str, Value)],
    /// Where passwords belong: nobody else sees an environment.
    pub(crate) env: &'static [(&'static str, Value)],
    /// Answers 200 when it and all it depends on are ready.
    pub(crate) ready_path: &'static str,
}

/// What stands behind a flag or a variable.
#[derive(Debug)]
pub(crate) enum Value {
    Text(&'static str),
    /// Address and port that it listens on.
    Listen,
    /// URL of another server.
    Url(&'static Service),
    /// URL of a path of another server, which may be started later, or be away for a while.
    Neighbour(&'static Service, &'static str),
    /// Address and port of another server.
    Address(&'static Service),
    /// URL of a database of its own, with the password of an account that owns nothing else.
    Database(&'static str),
    /// A secret that servers share: drawn once, by name.
    Secret(&'static str),
    /// What it proves to auth-service who it is with.
    ClientSecret,
    /// The same of all servers that have one, as JSON: for auth-service.
    ClientSecrets,
    /// A file or folder of its own in `.devstack`.
    Path(&'static str),
    /// How an outbox is published; left out where that is the program's default.
    Publish,
    /// URL of Kafka Connect; left out where there is none.
    Connect,
}

pub(crate) const READY_PATH: &str = "/readyz";

/// Each after those that it needs.
pub(crate) static ALL: [&Service; 13] = [
    &REDIS,
    &MARIADB,
    &KAFKA,
    &AUTH_SERVICE,
    &USER_SERVICE,
    &INVENTORY_SERVER,
    &SYNC_WORKER,
    &CATALOG_SERVICE,
    &TOSS_SANDBOX,
    &PAYMENT_SERVICE,
    &ORDER_SERVICE,
    &CONNECT,
    &PROMETHEUS,
];

/// There is one of each name.
impl PartialEq for Service {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

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
    pub(crate) fn dependents(&self) -> impl Iterator<Item = &'static Self> + use<> {
        let name = self.name;
        let needs_it =
            move |service: &&Self| service.needs.iter().any(|needed| needed.name == name);
        ALL.into_iter().filter(needs_it)
    }

    /// How it is built and started; `None` when it comes from elsewhere.
    pub(crate) fn program(&self) -> Option<&Program> {
        match &self.kind {
            Kind::Built(program) => Some(program),
            Kind::Redis | Kind::MariaDb | Kind::Kafka | Kind::Connect | Kind::Prometheus => None,
        }
    }

    /// Whether it may be moved to another port than its own.
    pub(crate) fn moves(&self) -> bool {
        match self.kind {
            Kind::Redis | Kind::MariaDb | Kind::Prometheus => true,
            Kind::Built(_) | Kind::Kafka | Kind::Connect => false,
        }
    }

    pub(crate) fn url(&self, port: u16) -> String {
        let scheme = match self.kind {
            Kind::Built(_) | Kind::Connect | Kind::Prometheus => "http",
            Kind::Redis => "redis",
            Kind::MariaDb => "mysql",
            Kind::Kafka => "kafka",
        };
        format!("{scheme}://127.0.0.1:{port}")
    }
}

impl Program {
    /// The databases that it has for itself.
    pub(crate) fn databases(&self) -> impl Iterator<Item = &'static str> {
        self.env.iter().filter_map(|(_, value)| {
            if let Value::Database(name) = value {
                Some(*name)
            } else {
                None
            }
        })
    }

    /// Whether auth-service knows it.
    pub(crate) fn is_client(&self) -> bool {
        let mut values = self.env.iter();
        values.any(|(_, value)| matches!(value, Value::ClientSecret))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
            for needed in service.needs {
                assert!(Service::rank(needed.name) < Service::rank(service.name));
                assert!(needed.dependents().any(|dependent| dependent == service));
            }
            let named = service.program().into_iter().flat_map(|program| {
                let values = program.flags.iter().chain(program.env);
                values.filter_map(|(_, value)| {
                    if let Value::Url(other) | Value::Address(other) = value {
                        Some(*other)
                    } else {
                        None
                    }
                })
            });
            for named in named {
                assert!(service.needs.contains(&named), "{}", service.name);
            }
        }
        assert!(Service::rank("of yesterday") > Service::rank("sync-worker"));
    }

    #[test]
    fn no_secret_is_on_a_command_line() {
        let programs = ALL.iter().filter_map(|service| service.program());
        for (flag, value) in programs.flat_map(|program| program.flags) {
            let is_secret = matches!(
                value,
                Value::Database(_) | Value::Secret(_) | Value::ClientSecret | Value::ClientSecrets
            );
            assert!(!is_secret, "{flag}");
        }
    }

    #[test]
    fn no_two_have_one_port_or_one_database() {
        let ports: BTreeSet<u16> = ALL.iter().map(|service| service.base_port).collect();
        assert_eq!(ports.len(), ALL.len());
        let programs = ALL.iter().filter_map(|service| service.program());
        let databases: Vec<&str> = programs.flat_map(Program::databases).collect();
        let distinct: BTreeSet<&&str> = databases.iter().collect();
        assert_eq!(distinct.len(), databases.len());
    }
}
