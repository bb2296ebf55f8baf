//! What a [`KafkaServer`] is started with.

use std::path::PathBuf;

use super::KafkaServer;
use crate::Result;

/// Settings of a [`KafkaServer`]; made by [`KafkaServer::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    pub(super) tls: Option<(PathBuf, PathBuf)>,
    pub(super) account: Option<Account>,
    pub(super) extra: Vec<(String, String)>,
}

/// Who may log in.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) user: String,
    pub(super) password: String,
}

impl Builder {
    /// Listens on a second port that speaks TLS, with this certificate and its key (PEM, PKCS#8); see
    /// [`KafkaServer::secure_bootstrap`].
    pub fn tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some((certificate.into(), key.into()));
        self
    }

    /// Listens on a second port that only this account may use, by SASL with PLAIN, SCRAM-SHA-256 or
    /// SCRAM-SHA-512; with [`Builder::tls`] it is the same port. Letters and digits only.
    pub fn sasl(mut self, user: &str, password: &str) -> Self {
        self.account = Some(Account {
            user: user.to_owned(),
            password: password.to_owned(),
        });
        self
    }

    /// A line of its `server.properties`, such as `("message.max.bytes", "2000000")`. Wins over what is set
    /// without it; ports and folders are not for you to set.
    pub fn property(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts it and returns when it names itself to a client, some 3 s later. The first one of a target
    /// folder takes longer: Maven fetches the jars that the others use.
    ///
    /// # Errors
    /// [`crate::Error::Missing`] without `java`, or without `mvn` when the jars are to be fetched;
    /// [`crate::Error::Ended`] with its log when it does not like a property, or with Maven's words;
    /// [`crate::Error::TimedOut`].
    pub fn start(self) -> Result<KafkaServer> {
        KafkaServer::begin(&self)
    }
}
