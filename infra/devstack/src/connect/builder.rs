//! What a worker is started with.

use super::{ConnectServer, Stores};
use crate::Result;

/// Settings of a worker; made by [`ConnectServer::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    pub(super) kafka: String,
    pub(super) heap_mib: u32,
    pub(super) env: Vec<(&'static str, String)>,
    pub(super) extra: Vec<(String, String)>,
    pub(super) java_options: Vec<String>,
}

impl Builder {
    /// On the brokers at `host:port[,host:port…]`.
    pub fn new(kafka: &str) -> Self {
        Self {
            kafka: kafka.to_owned(),
            heap_mib: 256,
            env: Vec::new(),
            extra: Vec::new(),
            java_options: Vec::new(),
        }
    }

    /// Most of Java's heap in MiB; default 256, which is for small tests.
    pub fn heap_mib(mut self, mib: u32) -> Self {
        self.heap_mib = mib;
        self
    }

    /// Where connectors find their stores. For [`Builder::start`]; who starts a prepared worker gives it the
    /// environment.
    pub fn stores(mut self, stores: &Stores<'_>) -> Self {
        self.env = stores.environment();
        self
    }

    /// Another value of a variable of [`Builder::stores`], such as
    /// `("DEBEZIUM_DATABASE_SSL_MODE", "verify-full")`; said after that.
    pub fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    /// An argument of Java's, such as `-Djavax.net.ssl.trustStore=FILE`.
    pub fn java_option(mut self, option: &str) -> Self {
        self.java_options.push(option.to_owned());
        self
    }

    /// A line of its properties, such as `("offset.flush.interval.ms", "100")`. Wins over what is set without
    /// it; the address is not for you to set.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and returns when it takes connectors, some 4 s later. The first one of a target folder takes
    /// longer: Maven fetches the jars that the others use.
    ///
    /// # Errors
    /// [`crate::Error::Missing`] without `java`, or without `mvn` when the jars are to be fetched;
    /// [`crate::Error::Ended`] with its log when it does not like a property, or with Maven's words;
    /// [`crate::Error::TimedOut`], also when its Kafka is not there.
    pub fn start(self) -> Result<ConnectServer> {
        ConnectServer::begin(&self)
    }
}
