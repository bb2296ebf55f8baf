use std::time::Instant;

use redis::Value;

use super::{Engine, call::protocol, codec};
use crate::domain::{Entry, Fault, JournalId, ShardId};

impl Engine {
    /// Journal entries after `after` (`None`: from the oldest kept), oldest first, at most `max`.
    ///
    /// # Errors
    /// [`Fault`]; [`Fault::Protocol`] names an entry that cannot be read.
    pub async fn journal(
        &self,
        shard: ShardId,
        after: Option<JournalId>,
        max: usize,
        _deadline: Instant,
    ) -> Result<Vec<Entry>, Fault> {
        let shard = self.shard(shard);
        let from = after.map_or_else(|| "-".to_owned(), |id| format!("({id}"));
        let mut command = redis::cmd("XRANGE");
        command
            .arg(&shard.keys.journal)
            .arg(from)
            .arg("+")
            .arg("COUNT")
            .arg(max);
        let Value::Array(entries) = shard.query(&command).await? else {
            return Err(protocol("XRANGE answers no array"));
        };
        entries.into_iter().map(entry).collect()
    }
}

fn entry(value: Value) -> Result<Entry, Fault> {
    type Raw = (String, Vec<(Vec<u8>, Vec<u8>)>);
    let (id, fields): Raw =
        redis::from_redis_value(value).map_err(|error| protocol(&error.to_string()))?;
    let id: JournalId = id.parse().map_err(Fault::Protocol)?;
    codec::journal::parse_entry(id, &fields).map_err(Fault::Protocol)
}
