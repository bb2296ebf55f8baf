use std::time::{Duration, Instant};

use super::{
    Engine, Purged,
    call::{Route, protocol},
};
use crate::{
    domain::{Fault, ShardId},
    limits::PURGE_MAX,
};

/// Journal entries that one bite trims at most.
const TRIM_MAX: u64 = 1_000;

/// Customers of one limited SKU that one bite looks at.
const FORGET_SAMPLE: usize = 64;

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Engine {
    /// One bite of the purger: removes terminal records older than `retention`, never before an
    /// attached projection has taken them; without a projection also trims the journal to
    /// `journal_keep` and `journal_max_bytes`. Samples the counters of purchase limits for windows
    /// that have passed.
    ///
    /// # Errors
    /// [`Fault`]; the next bite finds whatever this one left.
    pub async fn purge(
        &self,
        shard: ShardId,
        retention: Duration,
        journal_keep: Duration,
        journal_max_bytes: u64,
        deadline: Instant,
    ) -> Result<Purged, Fault> {
        let shard = self.shard(shard);
        let purge = shard.call(Route::Pool, &shard.scripts.purge, deadline, |cmd, epoch| {
            cmd.arg(2).arg(&shard.keys.meta).arg(&shard.keys.closed);
            cmd.arg(epoch.0).arg(shard.config.clock.argument());
            cmd.arg(ms(retention)).arg(PURGE_MAX);
        });
        let (records, more_records) = counts(purge.await?)?;
        let trim = shard.call(Route::Pool, &shard.scripts.trim, deadline, |cmd, epoch| {
            cmd.arg(2).arg(&shard.keys.meta).arg(&shard.keys.journal);
            cmd.arg(epoch.0).arg(shard.config.clock.argument());
            cmd.arg(ms(journal_keep))
                .arg(journal_max_bytes)
                .arg(TRIM_MAX);
        });
        let (entries, more_entries) = counts(trim.await?)?;
        let forget = shard.call(
            Route::Pool,
            &shard.scripts.forget,
            deadline,
            |cmd, epoch| {
                cmd.arg(1).arg(&shard.keys.meta);
                cmd.arg(epoch.0).arg(shard.config.clock.argument());
                cmd.arg(FORGET_SAMPLE);
            },
        );
        let (counters, more_counters) = counts(forget.await?)?;
        Ok(Purged {
            records: usize::try_from(records).unwrap_or(usize::MAX),
            entries,
            counters,
            more: more_records || more_entries || more_counters,
        })
    }
}

fn counts(mut answer: super::call::Answer) -> Result<(u64, bool), Fault> {
    if answer.code != "OK" {
        return Err(protocol(&answer.code));
    }
    let (_n, _now): (i64, u64) = (answer.next()?, answer.next()?);
    Ok((answer.next()?, answer.next::<u8>()? == 1))
}
