//! Redis itself: memory, version, durability.

use redis::{Client, Connection, RedisResult};

/// A connection that only looks.
pub(crate) struct Redis(Connection);

impl Redis {
    pub(crate) fn connect(url: &str) -> Result<Self, String> {
        let connect = || Client::open(url)?.get_connection();
        connect()
            .map(Self)
            .map_err(|error| format!("Redis: {error}"))
    }

    /// `used_memory`.
    pub(crate) fn memory_bytes(&mut self) -> Option<u64> {
        self.info("memory", "used_memory")?.parse().ok()
    }

    pub(crate) fn version(&mut self) -> Option<String> {
        self.info("server", "redis_version")
    }

    /// As inventory-server calls it; `None` where Redis does not show its settings.
    pub(crate) fn durability(&mut self) -> Option<&'static str> {
        match (
            &*self.setting("appendonly")?,
            &*self.setting("appendfsync")?,
        ) {
            ("no", _) | (_, "no") => Some("none"),
            (_, "always") => Some("always"),
            _ => Some("everysec"),
        }
    }

    fn info(&mut self, section: &str, field: &str) -> Option<String> {
        let text: RedisResult<String> = redis::cmd("INFO").arg(section).query(&mut self.0);
        let text = text.ok()?;
        let mut pairs = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = pairs.find(|(name, _)| *name == field)?;
        Some(value.to_owned())
    }

    fn setting(&mut self, name: &str) -> Option<String> {
        let pair: RedisResult<Vec<String>> =
            redis::cmd("CONFIG").arg("GET").arg(name).query(&mut self.0);
        pair.ok()?.pop()
    }
}
