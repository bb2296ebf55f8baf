//! The `server.properties` of a broker that is its own controller.

use std::path::{Path, PathBuf};

use super::{Builder, builder::Account};

/// The ports that a broker listens on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) broker: u16,
    pub(super) controller: u16,
    /// For clients with TLS or a password; used where the settings say so.
    pub(super) secure: u16,
}

/// Everything that Kafka keeps for itself is small: these brokers are alone and live for a test. A session is
/// short, since a broker that was killed is let in again only when its session has ended.
pub(super) fn text(settings: &Builder, data: &Path, ports: Ports) -> String {
    let Ports {
        broker, controller, ..
    } = ports;
    let listener = Listener::of(settings, ports.secure);
    let Listener { address, protocol } = &listener;
    let keystore = escaped(&keystore(data));
    let data = escaped(data);
    let mut text = format!(
        "\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}{address}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}{address}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocol}
log.dirs={data}
auto.create.topics.enable=false
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
group.min.session.timeout.ms=1000
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"
    );
    text.push_str(&secure(settings, &keystore));
    // Of two lines with one name, Java takes the last.
    for (name, value) in &settings.extra {
        text.extend([name, "=", value, "\n"]);
    }
    text
}

/// A backslash begins an escape.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "\\\\")
}

/// The file with the certificate and its key, beside the data.
pub(super) fn keystore(data: &Path) -> PathBuf {
    data.with_file_name("keystore.pem")
}

/// What the second listener adds to the lists of listeners.
#[derive(Debug, Default)]
struct Listener {
    address: String,
    protocol: String,
}

impl Listener {
    fn of(settings: &Builder, port: u16) -> Self {
        let protocol = match (&settings.tls, &settings.account) {
            (None, None) => return Self::default(),
            (Some(_), None) => "SSL",
            (None, Some(_)) => "SASL_PLAINTEXT",
            (Some(_), Some(_)) => "SASL_SSL",
        };
        Self {
            address: format!(",SECURE://127.0.0.1:{port}"),
            protocol: format!(",SECURE:{protocol}"),
        }
    }
}

/// Properties of the second listener.
fn secure(settings: &Builder, keystore: &str) -> String {
    let mut text = String::new();
    if settings.tls.is_some() {
        text.push_str(&format!(
            "\
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={keystore}
"
        ));
    }
    if let Some(Account { user, password }) = &settings.account {
        let modules = "org.apache.kafka.common.security";
        let name = "listener.name.secure";
        text.push_str(&format!(
            "\
{name}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
{name}.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required user_{user}=\"{password}\";
{name}.scram-sha-256.sasl.jaas.config={modules}.scram.ScramLoginModule required;
{name}.scram-sha-512.sasl.jaas.config={modules}.scram.ScramLoginModule required;
"
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_test_sets_comes_last() {
        let settings = Builder::default().property("node.id", "7");
        let ports = Ports {
            broker: 1,
            controller: 2,
            secure: 3,
        };
        let text = text(&settings, Path::new("/a\\b"), ports);
        assert!(text.ends_with("\nnode.id=7\n"), "{text}");
        assert!(text.contains("\nlog.dirs=/a\\\\b\n"), "{text}");
    }
}
