use redis::{Cmd, FromRedisValue as _};

use super::{
    Engine,
    call::{Shard, protocol},
};
use crate::domain::{Fault, JournalId, OperationId, ReservationId, ShardId, Sku, StockKey};

/// What a key of the shard holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StoreKey {
    /// The figures of a stock.
    Stock(StockKey),
    /// A reservation.
    Reservation(ReservationId),
    /// The outcome of an adjustment or a count.
    Operation(OperationId),
    /// What customers used of a purchase limit.
    Used {
        /// The journal entry since which it counts.
        generation: JournalId,
        /// Whose limit.
        sku: Sku,
    },
}

impl StoreKey {
    /// The key without what all keys of the shard begin with.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stock(key) => format!("stock:{}:{}", key.location, key.sku),
            Self::Reservation(id) => format!("rsv:{id}"),
            Self::Operation(id) => format!("op:{id}"),
            Self::Used { generation, sku } => format!("used:{generation}:{sku}"),
        }
    }
}

/// Some of the shard's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPage {
    /// The cursor of the next page, if there is one.
    pub next: Option<u64>,
    /// Keys; one that was there all the time stands on a page at least once.
    pub keys: Vec<StoreKey>,
    /// Names under the shard's prefix that the engine does not give.
    pub strange: Vec<String>,
}

/// Keys of which a shard has one each.
const SINGLE: [&[u8]; 8] = [
    b"meta",
    b"journal",
    b"deadlines",
    b"limits",
    b"closed",
    b"skus",
    b"places",
    b"retired",
];

impl Engine {
    /// A page of the keys that the shard has, in no order, beginning with `cursor` (0: the first
    /// page); about `count` keys of Redis are looked at. A page may be empty and not the last.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn store_keys(
        &self,
        shard: ShardId,
        cursor: u64,
        count: usize,
    ) -> Result<KeyPage, Fault> {
        let shard = self.shard(shard);
        let (next, names) = shard.scan(cursor, count).await?;
        let mut page = KeyPage {
            next,
            keys: Vec::with_capacity(names.len()),
            strange: Vec::new(),
        };
        for name in names {
            let short = shard.keys.short(&name).unwrap_or(&name);
            if SINGLE.contains(&short) {
                continue;
            }
            match std::str::from_utf8(short).ok().and_then(parse) {
                Some(key) => page.keys.push(key),
                None => page
                    .strange
                    .push(String::from_utf8_lossy(&name).into_owned()),
            }
        }
        Ok(page)
    }
}

impl Shard {
    /// The cursor of the next page, and names of keys.
    pub(crate) async fn scan(
        &self,
        cursor: u64,
        count: usize,
    ) -> Result<(Option<u64>, Vec<Vec<u8>>), Fault> {
        let mut command: Cmd = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(self.keys.pattern());
        command.arg("COUNT").arg(count.max(1));
        let answer = self.query(&command).await?;
        let (next, names) = <(u64, Vec<Vec<u8>>)>::from_redis_value(answer)
            .map_err(|error| protocol(&error.to_string()))?;
        Ok(((next != 0).then_some(next), names))
    }
}

fn parse(short: &str) -> Option<StoreKey> {
    let (kind, rest) = short.split_once(':')?;
    match kind {
        "stock" => {
            let (location, sku) = rest.split_once(':')?;
            Some(StoreKey::Stock(StockKey {
                location: location.parse().ok()?,
                sku: sku.parse().ok()?,
            }))
        }
        "rsv" => ReservationId::derived(rest).ok().map(StoreKey::Reservation),
        "op" => OperationId::derived(rest).ok().map(StoreKey::Operation),
        "used" => {
            let (generation, sku) = rest.split_once(':')?;
            Some(StoreKey::Used {
                generation: generation.parse().ok()?,
                sku: sku.parse().ok()?,
            })
        }
        _ => None,
    }
}
