//! What a [`KafkaServer`] is started with.

use super::KafkaServer;
use crate::Result;

/// Settings of a [`KafkaServer`]; made by [`KafkaServer::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "nothing runs before `start`"]
pub struct Builder {
    pub(super) extra: Vec<(String, String)>,
}

impl Builder {
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
