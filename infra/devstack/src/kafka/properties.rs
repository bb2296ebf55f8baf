//! The `server.properties` of a broker that is its own controller.

use std::path::Path;

use super::Builder;

/// The two ports that a broker listens on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ports {
    pub(super) broker: u16,
    pub(super) controller: u16,
}

/// Everything that Kafka keeps for itself is small: these brokers are alone and live for a test. A session is
/// short, since a broker that was killed is let in again only when its session has ended.
pub(super) fn text(settings: &Builder, data: &Path, ports: Ports) -> String {
    let Ports { broker, controller } = ports;
    // A backslash begins an escape.
    let data = data.to_string_lossy().replace('\\', "\\\\");
    let mut text = format!(
        "\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
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
    // Of two lines with one name, Java takes the last.
    for (name, value) in &settings.extra {
        text.extend([name, "=", value, "\n"]);
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
        };
        let text = text(&settings, Path::new("/a\\b"), ports);
        assert!(text.ends_with("\nnode.id=7\n"), "{text}");
        assert!(text.contains("\nlog.dirs=/a\\\\b\n"), "{text}");
    }
}
