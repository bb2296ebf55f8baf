use std::time::Duration;

use redis::{FromRedisValue as _, Value};

use super::{
    Engine,
    call::{Shard, protocol},
    codec,
    link::Link,
};
use crate::domain::{Entry, Fault, JournalId, ShardId, TimestampMs};

type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// A journal entry as the stream has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawEntry {
    /// Its id.
    pub id: JournalId,
    fields: Fields,
}

impl RawEntry {
    /// Reads the entry.
    ///
    /// # Errors
    /// What is not as an entry should be.
    pub fn parse(&self) -> Result<Entry, String> {
        codec::journal::parse_entry(self.id, &self.fields)
    }

    /// Bytes of all its fields.
    #[must_use]
    pub fn len(&self) -> usize {
        let bytes = self.fields.iter();
        bytes.fold(0, |sum, (name, value)| {
            sum.saturating_add(name.len()).saturating_add(value.len())
        })
    }

    /// Whether it has no fields.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The bytes that Redis keeps after change `item` (from 0) of this entry, if no later change
    /// follows: the record of a reservation, or the outcome of an adjustment or a count. `None`: the
    /// change leaves none of both, or the entry cannot be read.
    #[must_use]
    pub fn stored(&self, item: usize) -> Option<Vec<u8>> {
        let (mark, at) = self.fields.first()?;
        let at: u64 = std::str::from_utf8(at).ok()?.parse().ok()?;
        if mark != b"@" || self.fields.get(1)?.0 != b"=" {
            return None;
        }
        let (name, value) = self.fields.get(item.checked_add(2)?)?;
        codec::journal::stored(self.id, TimestampMs(at), name, value)
    }

    /// The whole entry as bytes, to be kept elsewhere: its id and a line feed, then names and
    /// values in turn, each with its number of bytes (4 bytes, big endian) before it.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut bytes = format!("{}\n", self.id).into_bytes();
        for (name, value) in &self.fields {
            for part in [name, value] {
                // A value of Redis has at most 512 MiB.
                let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
                bytes.extend_from_slice(&length.to_be_bytes());
                bytes.extend_from_slice(part);
            }
        }
        bytes
    }

    /// The entry that [`RawEntry::payload`] made bytes of.
    ///
    /// # Errors
    /// The bytes are no such payload.
    pub fn from_payload(bytes: &[u8]) -> Result<Self, String> {
        let broken = || "these bytes are no journal entry".to_owned();
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (id, mut rest) = end
            .and_then(|end| bytes.split_at_checked(end))
            .ok_or_else(broken)?;
        let id = std::str::from_utf8(id).map_err(|_| broken())?.parse()?;
        rest = rest.get(1..).unwrap_or_default();
        let mut fields = Fields::new();
        while !rest.is_empty() {
            let (name, more) = codec::journal::sized(rest).ok_or_else(broken)?;
            let (value, more) = codec::journal::sized(more).ok_or_else(broken)?;
            fields.push((name.to_vec(), value.to_vec()));
            rest = more;
        }
        Ok(Self { id, fields })
    }
}

impl Engine {
    /// Journal entries after `after` (`None`: from the oldest kept), oldest first, at most `max`;
    /// waits up to `wait` until there is one. None: there was none in that time.
    ///
    /// Waits on a connection of its own: on a shared one a waiting call holds up all others, and one
    /// that is given up leaves it waiting.
    ///
    /// # Errors
    /// [`Fault::Unavailable`]; [`Fault::Protocol`] for an id that is none.
    pub async fn entries(
        &self,
        shard: ShardId,
        after: Option<JournalId>,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<RawEntry>, Fault> {
        let shard = self.shard(shard);
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(max.max(1));
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        // BLOCK 0 would wait for ever.
        if wait_ms > 0 {
            command.arg("BLOCK").arg(wait_ms);
        }
        command.arg("STREAMS").arg(&shard.keys.journal);
        command.arg(after.map_or_else(|| "0-0".to_owned(), |id| id.to_string()));
        let patience = wait.saturating_add(shard.config.call_timeout);
        let unavailable = |error: redis::RedisError| Fault::Unavailable(error.to_string());
        let reading = async {
            // Whoever is dropped while it waits takes its connection along.
            let link = match shard.take_reader() {
                Some(link) => link,
                None => shard.open_reader().await?,
            };
            let answer = link.send(&command).await;
            // An error reply leaves the connection as it was; any other error ends it.
            if answer
                .as_ref()
                .map_or_else(|error| error.code().is_some(), |_| true)
            {
                shard.put_reader(link);
            }
            answer
        };
        match tokio::time::timeout(patience, reading).await {
            Ok(answer) => entries_of(answer.map_err(unavailable)?),
            Err(_) => Err(Fault::Unavailable("no answer in time".to_owned())),
        }
    }
}

fn entries_of(answer: Value) -> Result<Vec<RawEntry>, Fault> {
    type Streams = Option<Vec<(String, Vec<(String, Fields)>)>>;
    let streams =
        Streams::from_redis_value(answer).map_err(|error| protocol(&error.to_string()))?;
    let entries = streams
        .into_iter()
        .flatten()
        .flat_map(|(_, entries)| entries);
    entries
        .map(|(id, fields)| {
            let id = id.parse().map_err(Fault::Protocol)?;
            Ok(RawEntry { id, fields })
        })
        .collect()
}

impl Shard {
    fn take_reader(&self) -> Option<Link> {
        self.reader().take()
    }

    fn put_reader(&self, link: Link) {
        *self.reader() = Some(link);
    }
}
