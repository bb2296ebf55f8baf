use std::time::Instant;

use super::{
    Engine,
    call::{Answer, Route, protocol},
    codec::{
        journal::kept_figures,
        record::{JOURNAL_ID_LEN, head, parse_stored},
    },
    reply,
};
use crate::{
    domain::{Fault, Kept, RepairReservation, RepairStock, SetStock, ShardId},
    limits::STOCK_MAX,
};

/// What a repair came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair<T> {
    /// It is as it should be, and journaled.
    Done,
    /// Nothing was done: it was not as expected any more, but so. After a call that was cut off on
    /// the way that may be this very repair.
    Changed(Kept<T>),
}

impl Engine {
    /// Sets a stock to what it should be, with compare-and-set; see [`RepairStock`].
    ///
    /// # Errors
    /// [`Fault::Corrupt`] for figures over [`STOCK_MAX`] or a corrupt listing; else [`Fault`].
    pub async fn repair_stock(
        &self,
        shard: ShardId,
        command: &RepairStock,
        deadline: Instant,
    ) -> Result<Repair<[u64; 4]>, Fault> {
        let shard = self.shard(shard);
        let stock_key = shard.keys.stock(&command.key);
        let (set, sum) = match command.set {
            SetStock::Figures([available, reserved, sold]) => (
                format!("{available} {reserved} {sold}"),
                available.saturating_add(reserved).saturating_add(sold),
            ),
            SetStock::Removed { sold } => (format!("-{sold}"), sold),
        };
        if sum > STOCK_MAX || command.version_above >= STOCK_MAX {
            return Err(Fault::Corrupt { key: stock_key });
        }
        let expected = match &command.expected {
            Kept::Absent => String::new(),
            Kept::Corrupt => "!".to_owned(),
            Kept::Is([available, reserved, sold, version]) => {
                format!("{available} {reserved} {sold} {version}")
            }
        };
        let head = head("", "", &command.context);
        let script = &shard.scripts.repair_stock;
        let call = shard.call(Route::Pool, script, deadline, |cmd, epoch| {
            cmd.arg(7).arg(&shard.keys.meta).arg(&shard.keys.journal);
            cmd.arg(&shard.keys.deadlines).arg(&stock_key);
            cmd.arg(&shard.keys.skus)
                .arg(&shard.keys.places)
                .arg(&shard.keys.retired);
            cmd.arg(epoch.0).arg(shard.config.clock.argument());
            cmd.arg(&head).arg(&expected).arg(&set);
            cmd.arg(command.version_above).arg(command.ledger_delta);
            cmd.arg(command.reason.as_str());
        });
        let mut answer = call.await?;
        reply::place(shard, &mut answer)?;
        done(answer, |found: String| kept_figures(&found))
    }

    /// Sets a reservation to what it should be, with compare-and-set; see [`RepairReservation`].
    ///
    /// # Errors
    /// [`Fault::Corrupt`] for bytes that are no record; else [`Fault`].
    pub async fn repair_reservation(
        &self,
        shard: ShardId,
        command: &RepairReservation,
        deadline: Instant,
    ) -> Result<Repair<Vec<u8>>, Fault> {
        let shard = self.shard(shard);
        let key = shard.keys.reservation(&command.id);
        let set = match &command.set {
            None => &[],
            Some(stored) => match parse_stored(&command.id, stored) {
                Some(_) => stored.get(JOURNAL_ID_LEN..).unwrap_or_default(),
                None => return Err(Fault::Corrupt { key }),
            },
        };
        let expected = match &command.expected {
            Kept::Absent => b"-".to_vec(),
            Kept::Corrupt => b"!".to_vec(),
            Kept::Is(stored) => [b"=", stored.as_slice()].concat(),
        };
        let head = head("", command.id.as_str(), &command.context);
        let script = &shard.scripts.repair_reservation;
        let call = shard.call(Route::Pool, script, deadline, |cmd, epoch| {
            cmd.arg(4).arg(&shard.keys.meta).arg(&shard.keys.journal);
            cmd.arg(&shard.keys.deadlines).arg(&key);
            cmd.arg(epoch.0).arg(shard.config.clock.argument());
            cmd.arg(&head).arg(&expected).arg(set);
            cmd.arg(command.reason.as_str());
        });
        let mut answer = call.await?;
        reply::place(shard, &mut answer)?;
        done(answer, |found: Vec<u8>| match found.split_first()? {
            (b'-', _) => Some(Kept::Absent),
            (b'=', stored) => Some(Kept::Is(stored.to_vec())),
            _ => Some(Kept::Corrupt),
        })
    }
}

fn done<T, F: redis::FromRedisValue>(
    mut answer: Answer,
    found: impl Fn(F) -> Option<Kept<T>>,
) -> Result<Repair<T>, Fault> {
    match answer.code.as_str() {
        "DONE" => Ok(Repair::Done),
        "CHANGED" => found(answer.next()?)
            .map(Repair::Changed)
            .ok_or_else(|| protocol("what a repair found cannot be read")),
        "STORE_CORRUPT" => Err(Fault::Corrupt {
            key: answer.next()?,
        }),
        code => Err(protocol(code)),
    }
}
