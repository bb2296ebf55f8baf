//! The properties of a worker.

use super::account::ENVIRONMENT_PREFIX;

/// A worker that is alone in its group. It waits for no other worker that may come back, and takes the place
/// of one that was killed when its session has ended. Offsets are committed every second: what is between
/// them is published again after a kill.
pub(super) fn text(kafka: &str, port: u16, extra: &[(String, String)]) -> String {
    let mut text = format!(
        "\
bootstrap.servers={kafka}
group.id=connect
listeners=http://127.0.0.1:{port}
rest.advertised.host.name=127.0.0.1
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
config.storage.topic=connect-configs
config.storage.replication.factor=1
offset.storage.topic=connect-offsets
offset.storage.replication.factor=1
offset.storage.partitions=5
status.storage.topic=connect-status
status.storage.replication.factor=1
status.storage.partitions=5
offset.flush.interval.ms=1000
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=6000
heartbeat.interval.ms=1000
topic.creation.enable=true
connector.client.config.override.policy=All
plugin.discovery=service_load
config.providers=env
config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider
config.providers.env.param.allowlist.pattern={ENVIRONMENT_PREFIX}.*
"
    );
    // Of two lines with one name, Java takes the last.
    for (name, value) in extra {
        text.extend([name, "=", value, "\n"]);
    }
    text
}
