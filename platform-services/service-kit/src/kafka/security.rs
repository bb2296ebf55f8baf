use rdkafka::ClientConfig;
use tls::Trust;

use crate::config::Secret;

/// How a password is shown to Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// As it is.
    Plain,
    /// Proved, not shown; with SHA-256.
    ScramSha256,
    /// Proved, not shown; with SHA-512.
    ScramSha512,
}

impl Mechanism {
    /// The word on the command line, and what it says.
    pub const WORDS: [(&str, Self); 3] = [
        ("plain", Self::Plain),
        ("scram-sha-256", Self::ScramSha256),
        ("scram-sha-512", Self::ScramSha512),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

/// How clients of Kafka prove who they are, and to whom. The default is plain connections without a login.
#[derive(Debug, Clone, Default)]
pub struct Security {
    tls: Option<Trust>,
    login: Option<Login>,
}

#[derive(Debug, Clone)]
struct Login {
    mechanism: Mechanism,
    user: String,
    password: Secret,
}

impl Security {
    /// TLS with brokers whose certificate is for their host and signed by whom `trust` trusts.
    #[must_use]
    pub fn tls(mut self, trust: Trust) -> Self {
        self.tls = Some(trust);
        self
    }

    /// Logs in by SASL.
    #[must_use]
    pub fn login(mut self, mechanism: Mechanism, user: String, password: Secret) -> Self {
        self.login = Some(Login {
            mechanism,
            user,
            password,
        });
        self
    }

    /// Properties of librdkafka.
    pub(super) fn apply(&self, config: &mut ClientConfig) {
        let protocol = match (&self.tls, &self.login) {
            (None, None) => return,
            (Some(_), None) => "ssl",
            (None, Some(_)) => "sasl_plaintext",
            (Some(_), Some(_)) => "sasl_ssl",
        };
        config.set("security.protocol", protocol);
        if let Some(trust) = &self.tls {
            config.set("ssl.endpoint.identification.algorithm", "https");
            // With a file of its own librdkafka does not look at the system's authorities.
            if trust.file().is_some() {
                config.set("ssl.ca.pem", trust.all_pem());
            }
        }
        if let Some(login) = &self.login {
            config
                .set("sasl.mechanism", login.mechanism.name())
                .set("sasl.username", &login.user)
                .set("sasl.password", login.password.reveal());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(security: &Security) -> Option<String> {
        let mut config = ClientConfig::new();
        security.apply(&mut config);
        config.get("security.protocol").map(str::to_owned)
    }

    #[test]
    fn the_protocol_follows() {
        let secret = || Secret::from("geheim".to_owned());
        let plain = Security::default();
        assert_eq!(protocol(&plain), None);
        let login = plain.login(Mechanism::ScramSha512, "shop".to_owned(), secret());
        assert_eq!(protocol(&login).as_deref(), Some("sasl_plaintext"));
        assert!(!format!("{login:?}").contains("geheim"));
        let both = login.tls(Trust::default());
        assert_eq!(protocol(&both).as_deref(), Some("sasl_ssl"));
        let tls = Security::default().tls(Trust::default());
        assert_eq!(protocol(&tls).as_deref(), Some("ssl"));
    }
}
