use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::ConstGauge,
    registry::Unit,
};

use super::Keys;

/// Reads the keys when metrics are asked for: how old the one that signs is says when to rotate.
#[derive(Debug)]
pub(crate) struct KeyMetrics(pub(crate) Keys);

impl Collector for KeyMetrics {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a time of 285,000 years would lose a millisecond"
    )]
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let made = ConstGauge::new(self.0.signing_made_ms() as f64 / 1000.0);
        let encoder = encoder.encode_descriptor(
            "signing_key_made_timestamp",
            "When the key that signs tokens was made, in Unix time",
            Some(&Unit::Seconds),
            made.metric_type(),
        )?;
        made.encode(encoder)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prometheus_client::registry::Registry;
    use service_kit::{clock, metrics};

    use super::*;

    #[test]
    fn the_metric_says_when_the_signing_key_was_made() {
        let dir = tempfile::tempdir().expect("a folder");
        let before = clock::unix_ms();
        let keys = Keys::open(&dir.path().join("keys"), Duration::ZERO).expect("a key");
        let made = keys.signing_made_ms();
        assert!((before..=clock::unix_ms()).contains(&made));
        let mut registry = Registry::with_prefix("auth");
        registry.register_collector(Box::new(KeyMetrics(keys)));
        let line = format!("auth_signing_key_made_timestamp_seconds {}", made / 1000);
        assert!(metrics::text(&registry).contains(&line));
    }
}
