use redis::{FromRedisValue, Value};

use super::{
    Engine,
    call::{Answer, Shard, protocol},
    survey::journal_id,
};
use crate::domain::{
    Fault, JournalId, Kept, OperationId, ReservationId, ShardId, Sku, StockKey, TimestampMs,
};

/// Fields of one page of a hash, about.
const HASH_PAGE: usize = 500;

/// Stocks and reservations as they are at one place of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The last journal entry when they were read.
    pub at: JournalId,
    /// The shard's clock then.
    pub now: TimestampMs,
    /// available, reserved, sold and version, in the order asked.
    pub stocks: Vec<Kept<[u64; 4]>>,
    /// Stored bytes, in the order asked.
    pub reservations: Vec<Kept<Vec<u8>>>,
}

/// Something else of the shard as it is at one place of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutPart<T> {
    /// The last journal entry when it was read.
    pub at: JournalId,
    /// What there is.
    pub values: Vec<T>,
    /// Names of what is there and cannot be read.
    pub corrupt: Vec<String>,
    /// The cursor of the next page, if there is one.
    pub next: Option<u64>,
}

/// A purchase limit as the shard keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLimit {
    /// Whose.
    pub sku: Sku,
    /// Units.
    pub quantity: u32,
    /// 0 for life.
    pub window_ms: u64,
    /// The journal entry since which it counts.
    pub generation: JournalId,
}

/// What a customer used of a purchase limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptUse {
    /// Who.
    pub customer: String,
    /// As stored: units, or with a window `<slice>:<units> ...`.
    pub counter: String,
}

/// A stock that was retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRetired {
    /// Which.
    pub key: StockKey,
    /// What it had sold.
    pub sold: u64,
    /// Its last version.
    pub version: u64,
}

impl Engine {
    /// Reads stocks and reservations in one moment. Ask for at most [`CUT_MAX`] in all: nothing else
    /// runs meanwhile. Does not go through the gate: `at` says which history they are of.
    ///
    /// [`CUT_MAX`]: crate::limits::CUT_MAX
    ///
    /// # Errors
    /// [`Fault::Fenced`] while the shard is being restored, or was never blessed; else [`Fault`].
    pub async fn cut(
        &self,
        shard: ShardId,
        stocks: &[StockKey],
        reservations: &[ReservationId],
    ) -> Result<Cut, Fault> {
        let shard = self.shard(shard);
        let names = stocks.iter().map(|key| shard.keys.stock(key));
        let names: Vec<_> = names
            .chain(reservations.iter().map(|id| shard.keys.reservation(id)))
            .collect();
        let mut answer = shard
            .cut_keys(&names, stocks.len(), reservations.len())
            .await?;
        let (at, now) = (answer.at, TimestampMs(answer.rest.next()?));
        let stocks = stocks.iter().map(|_| kept(&mut answer.rest));
        let stocks = stocks.collect::<Result<_, _>>()?;
        let reservations = reservations.iter().map(|_| kept(&mut answer.rest));
        Ok(Cut {
            at,
            now,
            stocks,
            reservations: reservations.collect::<Result<_, _>>()?,
        })
    }

    /// Reads outcomes of adjustments and counts in one moment: stored bytes, in the order asked.
    /// As [`Engine::cut`] otherwise.
    ///
    /// # Errors
    /// As [`Engine::cut`].
    pub async fn cut_operations(
        &self,
        shard: ShardId,
        operations: &[OperationId],
    ) -> Result<CutPart<Kept<Vec<u8>>>, Fault> {
        let shard = self.shard(shard);
        let names: Vec<_> = operations
            .iter()
            .map(|id| shard.keys.operation(id))
            .collect();
        let mut answer = shard.cut_keys(&names, 0, 0).await?;
        let _now: u64 = answer.rest.next()?;
        let values = operations.iter().map(|_| kept(&mut answer.rest));
        Ok(CutPart {
            at: answer.at,
            values: values.collect::<Result<_, _>>()?,
            corrupt: Vec::new(),
            next: None,
        })
    }

    /// Reads all purchase limits in one moment.
    ///
    /// # Errors
    /// As [`Engine::cut`]; [`Fault::Corrupt`] where the key is none of limits.
    pub async fn cut_limits(&self, shard: ShardId) -> Result<CutPart<KeptLimit>, Fault> {
        let shard = self.shard(shard);
        let page = shard.cut_hash(&shard.keys.limits, None).await?;
        Ok(page.read(|sku, limit| {
            let mut parts = limit.split(' ');
            let limit = KeptLimit {
                sku: sku.parse().ok()?,
                quantity: parts.next()?.parse().ok()?,
                window_ms: parts.next()?.parse().ok()?,
                generation: parts.next()?.parse().ok()?,
            };
            parts.next().is_none().then_some(limit)
        }))
    }

    /// Reads a page of what customers used of one purchase limit, beginning with `cursor` (0: the
    /// first page). A customer that was there all the time stands on a page at least once.
    ///
    /// # Errors
    /// As [`Engine::cut`]; [`Fault::Corrupt`] where the key is none of counters.
    pub async fn cut_used(
        &self,
        shard: ShardId,
        generation: JournalId,
        sku: &Sku,
        cursor: u64,
    ) -> Result<CutPart<KeptUse>, Fault> {
        let shard = self.shard(shard);
        let name = shard.keys.used(generation, sku);
        let page = shard.cut_hash(&name, Some(cursor)).await?;
        Ok(page.read(|customer, counter| {
            Some(KeptUse {
                customer: customer.to_owned(),
                counter: counter.to_owned(),
            })
        }))
    }

    /// Reads in one moment what retired stocks go on from when they are created again.
    ///
    /// # Errors
    /// As [`Engine::cut`]; [`Fault::Corrupt`] where the key is none of retired stocks.
    pub async fn retired(&self, shard: ShardId) -> Result<CutPart<KeptRetired>, Fault> {
        let shard = self.shard(shard);
        let page = shard.cut_hash(&shard.keys.retired, None).await?;
        Ok(page.read(|place, figures| {
            let (location, sku) = place.split_once(':')?;
            let (sold, version) = figures.split_once(' ')?;
            Some(KeptRetired {
                key: StockKey {
                    location: location.parse().ok()?,
                    sku: sku.parse().ok()?,
                },
                sold: sold.parse().ok()?,
                version: version.parse().ok()?,
            })
        }))
    }
}

/// An answer that stands at a place of the journal.
struct At {
    at: JournalId,
    rest: Answer,
}

/// Fields of a hash and their values.
struct Page {
    at: JournalId,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    next: Option<u64>,
}

impl Page {
    fn read<T>(self, parse: impl Fn(&str, &str) -> Option<T>) -> CutPart<T> {
        let mut part = CutPart {
            at: self.at,
            values: Vec::with_capacity(self.fields.len()),
            corrupt: Vec::new(),
            next: self.next,
        };
        for (name, value) in &self.fields {
            let texts = std::str::from_utf8(name)
                .ok()
                .zip(std::str::from_utf8(value).ok());
            match texts.and_then(|(name, value)| parse(name, value)) {
                Some(value) => part.values.push(value),
                None => part
                    .corrupt
                    .push(String::from_utf8_lossy(name).into_owned()),
            }
        }
        part
    }
}

impl Shard {
    async fn cut_keys(
        &self,
        names: &[String],
        stocks: usize,
        reservations: usize,
    ) -> Result<At, Fault> {
        let answer = self.ask(&self.scripts.cut, |cmd| {
            cmd.arg(names.len().saturating_add(2));
            cmd.arg(&self.keys.meta).arg(&self.keys.journal).arg(names);
            cmd.arg(self.config.clock.argument());
            cmd.arg(stocks).arg(reservations);
        });
        place(answer.await?, "")
    }

    /// A page of a hash, or without a cursor all of it.
    async fn cut_hash(&self, name: &str, cursor: Option<u64>) -> Result<Page, Fault> {
        let answer = self.ask(&self.scripts.cut_hash, |cmd| {
            cmd.arg(3)
                .arg(&self.keys.meta)
                .arg(&self.keys.journal)
                .arg(name);
            cmd.arg(cursor.map_or_else(String::new, |cursor| cursor.to_string()));
            cmd.arg(HASH_PAGE);
        });
        let At { at, mut rest } = place(answer.await?, name)?;
        let next: u64 = rest.next()?;
        Ok(Page {
            at,
            fields: rest.next()?,
            next: (next != 0).then_some(next),
        })
    }
}

fn place(mut answer: Answer, key: &str) -> Result<At, Fault> {
    match answer.code.as_str() {
        "OK" => {}
        "RECOVERING" => return Err(Fault::Fenced("the shard is being restored".to_owned())),
        "STORE_CORRUPT" => {
            return Err(Fault::Corrupt {
                key: key.to_owned(),
            });
        }
        code => return Err(protocol(code)),
    }
    let at = journal_id(&mut answer)?;
    let at = at.ok_or_else(|| Fault::Fenced("the shard has no journal".to_owned()))?;
    Ok(At { at, rest: answer })
}

/// 0 for nothing, 1 for what is corrupt, or a value.
fn kept<T: FromRedisValue>(answer: &mut Answer) -> Result<Kept<T>, Fault> {
    match answer.next_value() {
        Some(Value::Int(0)) => Ok(Kept::Absent),
        Some(Value::Int(_)) => Ok(Kept::Corrupt),
        Some(value) => redis::from_redis_value(value)
            .map(Kept::Is)
            .map_err(|error| protocol(&error.to_string())),
        None => Err(protocol("an answer is too short")),
    }
}
