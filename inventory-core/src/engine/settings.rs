//! What Redis must be like: version, role, eviction, durability, replicas. Each problem is a sentence
//! that says what to type.

use redis::{RedisResult, Value};

use super::{
    config::Durability,
    link::{Link, info_field},
};

/// What INFO and CONFIG say.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) run_id: String,
    pub(crate) replid: String,
    pub(crate) loading: bool,
    pub(crate) master: bool,
    /// The AOF is being rewritten, or waits for it. One that was only just turned on counts for
    /// nothing until then: there is none on disk that a restart would load.
    pub(crate) rewriting: bool,
    pub(crate) problems: Vec<String>,
    /// A [`Durability`] name, or `unverified`.
    pub(crate) durability: String,
}

const SETTINGS: [&str; 5] = [
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "maxmemory-policy",
    "min-replicas-to-write",
];

/// Reads INFO, and CONFIG unless `unverified`.
pub(crate) async fn read(
    link: &Link,
    wanted: Durability,
    unverified: bool,
) -> RedisResult<Settings> {
    let mut command = redis::cmd("INFO");
    command
        .arg("server")
        .arg("replication")
        .arg("persistence")
        .arg("memory");
    let info: String = redis::from_redis_value(link.send(&command).await?)?;
    let field = |name| info_field(&info, name).unwrap_or_default();
    let mut settings = Settings {
        run_id: field("run_id").to_owned(),
        replid: field("master_replid").to_owned(),
        loading: field("loading") == "1",
        master: field("role") == "master",
        rewriting: field("aof_enabled") == "1"
            && (field("aof_rewrite_in_progress") == "1" || field("aof_rewrite_scheduled") == "1"),
        problems: Vec::new(),
        durability: "unverified".to_owned(),
    };
    let version = field("redis_version");
    let major: u32 = version
        .split('.')
        .next()
        .and_then(|m| m.parse().ok())
        .unwrap_or(0);
    if major < 7 {
        settings.problems.push(format!(
            "Redis {version} is too old: 7.0 or newer is needed. Install a newer redis-server."
        ));
    }
    let replicas: u32 = field("connected_slaves").parse().unwrap_or(0);
    if unverified {
        if field("maxmemory_policy") != "noeviction" {
            settings.problems.push(eviction(field("maxmemory_policy")));
        }
        return Ok(settings);
    }
    let config = config(link).await?;
    let value = |name: &str| {
        config
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value.as_str())
    };
    if value("maxmemory-policy") != "noeviction" {
        settings.problems.push(eviction(value("maxmemory-policy")));
    }
    let min_replicas: u32 = value("min-replicas-to-write").parse().unwrap_or(0);
    if replicas > 0 && min_replicas == 0 {
        settings.problems.push(
            "Redis has replicas but min-replicas-to-write is 0: a master that is cut off would go \
             on selling. Type: redis-cli CONFIG SET min-replicas-to-write 1"
                .to_owned(),
        );
    }
    // While the AOF is rewritten, no-appendfsync-on-rewrite would leave fsync to the kernel: 30 s.
    let steady = value("no-appendfsync-on-rewrite") == "no";
    let has = match (value("appendonly"), value("appendfsync")) {
        ("yes", "always") if steady => Durability::Always,
        ("yes", "everysec") if steady => Durability::Everysec,
        _ => Durability::None,
    };
    has.as_str().clone_into(&mut settings.durability);
    if has < wanted {
        settings.problems.push(format!(
            "Redis is set to durability {}, weaker than --durability {}. Type:\n  redis-cli CONFIG \
             SET appendonly yes\n  redis-cli CONFIG SET appendfsync {} no-appendfsync-on-rewrite no",
            has.as_str(),
            wanted.as_str(),
            wanted.as_str(),
        ));
    }
    Ok(settings)
}

fn eviction(policy: &str) -> String {
    format!(
        "maxmemory-policy is {policy}: Redis would throw stock away. Type: redis-cli CONFIG SET \
         maxmemory-policy noeviction"
    )
}

async fn config(link: &Link) -> RedisResult<Vec<(String, String)>> {
    let mut command = redis::cmd("CONFIG");
    command.arg("GET");
    for name in SETTINGS {
        command.arg(name);
    }
    let answer: Value = link.send(&command).await?;
    redis::from_redis_value(answer).map_err(Into::into)
}
