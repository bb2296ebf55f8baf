//! The one place that formats a key. The grammar is described in `lua/README.md`.

use crate::domain::{JournalId, OperationId, ReservationId, ShardId, Sku, StockKey};

/// The keys of one shard. Every one carries the shard's hash tag, so one shard is one slot.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    prefix: String,
    pub(crate) meta: String,
    pub(crate) journal: String,
    pub(crate) deadlines: String,
    pub(crate) limits: String,
    pub(crate) closed: String,
    pub(crate) skus: String,
    pub(crate) places: String,
    pub(crate) retired: String,
}

impl Keys {
    pub(crate) fn new(shard: ShardId) -> Self {
        let prefix = format!("inv:{{{shard}}}:");
        let key = |name: &str| format!("{prefix}{name}");
        Self {
            meta: key("meta"),
            journal: key("journal"),
            deadlines: key("deadlines"),
            limits: key("limits"),
            closed: key("closed"),
            skus: key("skus"),
            places: key("places"),
            retired: key("retired"),
            prefix,
        }
    }

    /// Hash of the figures. A location has no colon, so the SKU may.
    pub(crate) fn stock(&self, key: &StockKey) -> String {
        self.join(&["stock:", key.location.as_str(), ":", key.sku.as_str()])
    }

    /// String: the packed record.
    pub(crate) fn reservation(&self, id: &ReservationId) -> String {
        self.join(&["rsv:", id.as_str()])
    }

    /// String: the outcome of an adjustment or a count.
    pub(crate) fn operation(&self, id: &OperationId) -> String {
        format!("{}op:{id}", self.prefix)
    }

    /// Hash: what customers used of one limit.
    pub(crate) fn used(&self, generation: JournalId, sku: &Sku) -> String {
        format!("{}used:{generation}:{sku}", self.prefix)
    }

    /// A pattern that all keys of the shard match, and no other.
    pub(crate) fn pattern(&self) -> String {
        format!("{}*", self.prefix)
    }

    /// The name of a key without what all keys of the shard begin with.
    pub(crate) fn short<'a>(&self, name: &'a [u8]) -> Option<&'a [u8]> {
        name.strip_prefix(self.prefix.as_bytes())
    }

    fn join(&self, parts: &[&str]) -> String {
        // The longest id, its kind and the tag fit without growing.
        let mut text = String::with_capacity(128);
        text.push_str(&self.prefix);
        for part in parts {
            text.push_str(part);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Location;

    #[test]
    fn keys_carry_the_tag_and_do_not_collide() {
        let keys = Keys::new(ShardId::ZERO);
        assert_eq!(keys.meta, "inv:{s0}:meta");
        let key = |location: &str, sku: &str| {
            keys.stock(&StockKey {
                location: Location::parse(location).unwrap(),
                sku: Sku::parse(sku).unwrap(),
            })
        };
        assert_eq!(key("default", "a:b"), "inv:{s0}:stock:default:a:b");
        assert_ne!(key("a", "b:c"), key("b", "a:c"));
        let id = ReservationId::parse("r:1").unwrap();
        assert_eq!(keys.reservation(&id), "inv:{s0}:rsv:r:1");
    }
}
