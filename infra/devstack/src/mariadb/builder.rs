//! What a [`MariaDbServer`] is started with.

use std::{ffi::OsString, path::Path};

use super::MariaDbServer;
use crate::Result;

/// When a commit is flushed to disk. A killed process loses nothing either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Before it is acknowledged: it survives the machine.
    #[default]
    Commit,
    /// Once a second.
    EverySecond,
}

/// Settings of a [`MariaDbServer`]; made by [`MariaDbServer::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    pub(super) durability: Durability,
    pub(super) buffer_pool_mib: u32,
    pub(super) row_binlog: bool,
    pub(super) extra: Vec<OsString>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            buffer_pool_mib: 64,
            row_binlog: false,
            extra: Vec::new(),
        }
    }
}

impl Builder {
    /// When a commit is flushed to disk; default [`Durability::Commit`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Size of the buffer pool in MiB; default 64.
    pub fn buffer_pool_mib(mut self, mib: u32) -> Self {
        self.buffer_pool_mib = mib;
        self
    }

    /// Writes a binary log of whole rows, as change data capture reads it. Default: none.
    pub fn row_binlog(mut self) -> Self {
        self.row_binlog = true;
        self
    }

    /// Offers TLS to its clients, with this certificate and its key (PEM). It demands it of nobody. Default:
    /// none.
    pub fn tls(mut self, certificate: &Path, key: &Path) -> Self {
        for (name, file) in [("ssl-cert", certificate), ("ssl-key", key)] {
            let mut arg = OsString::from(format!("--{name}="));
            arg.push(file);
            self.extra.push(arg);
        }
        self
    }

    /// An option of its command line without the dashes, such as `("max-connections", "20")`. Wins over the
    /// settings above.
    pub fn arg(mut self, name: &str, value: &str) -> Self {
        self.extra.push(format!("--{name}={value}").into());
        self
    }

    /// Starts it and returns when it greets its clients, some 200 ms later. The first one of a target folder
    /// takes longer: it makes the data folder that the others copy.
    ///
    /// # Errors
    /// [`crate::Error::Missing`] without the package mariadb-server; [`crate::Error::Ended`] with its log when
    /// it does not like a setting; [`crate::Error::TimedOut`].
    pub fn start(self) -> Result<MariaDbServer> {
        MariaDbServer::begin(&self)
    }
}
