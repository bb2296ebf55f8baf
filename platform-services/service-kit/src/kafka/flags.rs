use std::net::IpAddr;

use clap::{Args, Command};
use tls::{Complaints, Trust};

use super::{Mechanism, Security};
use crate::config::Secret;

const TLS: &str = "kafka-tls";
const MECHANISM: &str = "kafka-sasl-mechanism";
const USERNAME: &str = "kafka-sasl-username";
const PASSWORD: &str = "kafka-sasl-password";

/// How a process talks to Kafka's brokers, as every process is told.
#[derive(Debug, Clone, Args)]
pub struct KafkaFlags {
    /// Speak TLS with the brokers; whom it trusts says --tls-ca. true or false.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true"
    )]
    pub kafka_tls: String,
    /// Log in to the brokers: plain, scram-sha-256 or scram-sha-512.
    #[arg(long, value_name = "MECHANISM")]
    pub kafka_sasl_mechanism: Option<String>,
    /// The user to log in as.
    #[arg(long, value_name = "NAME")]
    pub kafka_sasl_username: Option<String>,
    /// Its password; say it by the environment.
    #[arg(long, value_name = "SECRET", hide_env_values = true)]
    pub kafka_sasl_password: Option<Secret>,
}

impl KafkaFlags {
    /// Gives the flags of `command` their environment variables: of TLS, the mechanism, the user and the
    /// password. For a process that does not name variables by rule.
    #[must_use]
    pub fn with_variables(command: Command, variables: [&'static str; 4]) -> Command {
        let [tls, mechanism, username, password] = variables;
        command
            .mut_arg("kafka_tls", |arg| arg.env(tls))
            .mut_arg("kafka_sasl_mechanism", |arg| arg.env(mechanism))
            .mut_arg("kafka_sasl_username", |arg| arg.env(username))
            .mut_arg("kafka_sasl_password", |arg| arg.env(password))
    }

    /// What they say. `brokers` is `host:port[,host:port…]`: a login without TLS goes to this machine only.
    pub fn security(
        &self,
        brokers: &str,
        trust: &Trust,
        complaints: &mut impl Complaints,
    ) -> Security {
        let mut security = Security::default();
        let tls = match self.kafka_tls.as_str() {
            "true" => true,
            "false" => false,
            other => {
                complaints.add(TLS, &format_args!("{other:?} must be true or false"));
                false
            }
        };
        if tls {
            security = security.tls(trust.clone());
        }
        let Some(mechanism) = self.mechanism(complaints) else {
            return security;
        };
        let remote = brokers.split(',').find(|broker| !is_loopback(broker));
        if let (false, Some(broker)) = (tls, remote) {
            complaints.add(
                MECHANISM,
                &format_args!(
                    "{:?} is not on this machine: a login without TLS can be read on its way; say --{TLS}",
                    broker.trim()
                ),
            );
        }
        let user = self
            .kafka_sasl_username
            .clone()
            .filter(|user| !user.is_empty());
        if user.is_none() {
            complaints.add(
                USERNAME,
                &format_args!("is missing; --{MECHANISM} needs it"),
            );
        }
        let password = self.kafka_sasl_password.clone();
        let password = password.filter(|password| !password.reveal().is_empty());
        if password.is_none() {
            complaints.add(
                PASSWORD,
                &format_args!(
                    "is missing; --{MECHANISM} needs it, in the variable ..._KAFKA_SASL_PASSWORD"
                ),
            );
        }
        match (user, password) {
            (Some(user), Some(password)) => security.login(mechanism, user, password),
            _ => security,
        }
    }

    fn mechanism(&self, complaints: &mut impl Complaints) -> Option<Mechanism> {
        let Some(word) = &self.kafka_sasl_mechanism else {
            let others = [
                (USERNAME, self.kafka_sasl_username.is_some()),
                (PASSWORD, self.kafka_sasl_password.is_some()),
            ];
            if let Some((other, _)) = others.iter().find(|(_, said)| *said) {
                complaints.add(MECHANISM, &format_args!("is missing; --{other} needs it"));
            }
            return None;
        };
        let found = Mechanism::WORDS.iter().find(|(known, _)| known == word);
        if found.is_none() {
            let words = Mechanism::WORDS.map(|(word, _)| word).join(", ");
            complaints.add(MECHANISM, &format_args!("{word:?} must be one of {words}"));
        }
        found.map(|(_, mechanism)| *mechanism)
    }
}

fn is_loopback(broker: &str) -> bool {
    let broker = broker.trim();
    let host = broker.rsplit_once(':').map_or(broker, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{self, NoConfig};

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        kafka: KafkaFlags,
    }

    const LOGIN: [&str; 3] = [
        "--kafka-sasl-mechanism=scram-sha-512",
        "--kafka-sasl-username=shop",
        "--kafka-sasl-password=geheim",
    ];

    fn problems(brokers: &str, args: &[&str]) -> Vec<String> {
        let args = [&["test"], args].concat();
        let (flags, mut problems) = config::parse::<Flags>("KITKAFKA", args).expect("read");
        let security = flags
            .kafka
            .security(brokers, &Trust::default(), &mut problems);
        match problems.finish(security) {
            Err(NoConfig::Problems(found)) => found,
            Ok(_) | Err(NoConfig::Asked(_)) => Vec::new(),
        }
    }

    #[test]
    fn a_login_is_whole_or_none() {
        assert_eq!(problems("h:1", &[]), Vec::<String>::new());
        assert_eq!(problems("h:1", &["--kafka-tls"]), Vec::<String>::new());
        let missing = problems("h:1", &["--kafka-tls", LOGIN[0]]);
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(
            missing[0].starts_with("--kafka-sasl-username: is missing"),
            "{missing:?}"
        );
        assert!(missing[1].contains("_KAFKA_SASL_PASSWORD"), "{missing:?}");
        let alone = problems("h:1", &["--kafka-tls", LOGIN[1]]);
        assert!(
            alone[0].starts_with("--kafka-sasl-mechanism: is missing"),
            "{alone:?}"
        );
        let words = problems("h:1", &["--kafka-tls=yes", "--kafka-sasl-mechanism=gssapi"]);
        assert!(
            words[0].contains("\"yes\" must be true or false"),
            "{words:?}"
        );
        assert!(
            words[1].contains("one of plain, scram-sha-256, scram-sha-512"),
            "{words:?}"
        );
    }

    #[test]
    fn a_password_crosses_no_network_in_the_open() {
        for fine in ["127.0.0.1:9092", "localhost:9092,[::1]:9092, 127.0.0.2:1"] {
            assert_eq!(problems(fine, &LOGIN), Vec::<String>::new(), "{fine}");
        }
        for far in [
            "kafka:9092",
            "localhost:9092,10.0.0.1:9092",
            "localhost.example:1",
        ] {
            let found = problems(far, &LOGIN);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(
                found[0].starts_with("--kafka-sasl-mechanism: "),
                "{found:?}"
            );
            assert!(found[0].contains("say --kafka-tls"), "{found:?}");
            assert!(!found[0].contains("geheim"), "{found:?}");
            let over_tls = [&LOGIN[..], &["--kafka-tls=true"]].concat();
            assert_eq!(problems(far, &over_tls), Vec::<String>::new());
        }
    }
}
