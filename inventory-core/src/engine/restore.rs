use redis::Cmd;

use super::{Engine, call::protocol};
use crate::domain::{Epoch, Fault, JournalId, OperationId, ReservationId, ShardId, Sku, StockKey};

/// One step of a restore. All steps of one restore carry the same token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreStep {
    /// Fence the shard, if it is as expected and not open in this very life of Redis.
    Begin {
        /// The lineage that the shard is to have.
        lineage: String,
        /// The epoch that meta has, if there is a meta.
        expected: Option<Epoch>,
    },
    /// Write state.
    Put(Vec<Restored>),
    /// Open the shard under a new epoch.
    Finish {
        /// Above every epoch that was ever issued, and at least the shard clock in ms.
        epoch: Epoch,
        /// The entry after which the journal goes on.
        after: Option<JournalId>,
        /// Who restores.
        who: String,
        /// Why.
        why: String,
    },
}

/// One thing to restore, as the projection kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// Figures.
    Stock {
        /// Which.
        key: StockKey,
        /// available, reserved, sold, version.
        figures: [u64; 4],
    },
    /// A reservation, as stored.
    Reservation {
        /// Which.
        id: ReservationId,
        /// Stored bytes.
        stored: Vec<u8>,
    },
    /// The outcome of an adjustment or a count, as stored.
    Operation {
        /// Which.
        id: OperationId,
        /// Stored bytes.
        stored: Vec<u8>,
    },
    /// A purchase limit.
    Limit {
        /// Whose.
        sku: Sku,
        /// Units.
        quantity: u32,
        /// 0 for life.
        window_ms: u64,
        /// Under which it counts.
        generation: JournalId,
    },
    /// What a customer has used of a limit.
    Used {
        /// Whose limit.
        sku: Sku,
        /// Under which it counts.
        generation: JournalId,
        /// Who.
        customer: String,
        /// As stored.
        counter: String,
    },
}

/// Most values in one put.
pub(crate) const PUT_MAX: usize = 256;

impl Engine {
    /// Takes one step of a restore; see `lua/restore.lua`. Does not go through the gate, which
    /// keeps the shard fenced until `Finish`.
    ///
    /// # Errors
    /// [`Fault::Fenced`] on a conflict: another restore, another epoch, or a shard that is open;
    /// [`Fault::Corrupt`] for bytes that are no record.
    pub async fn restore(
        &self,
        shard: ShardId,
        token: &str,
        step: &RestoreStep,
    ) -> Result<(), Fault> {
        match step {
            RestoreStep::Put(values) => {
                for values in values.chunks(PUT_MAX) {
                    self.restore_call(shard, |cmd| {
                        cmd.arg("put").arg(token);
                        for value in values {
                            put(cmd, value);
                        }
                    })
                    .await?;
                }
                Ok(())
            }
            RestoreStep::Begin { lineage, expected } => {
                let expected = expected.map_or_else(String::new, |epoch| epoch.to_string());
                self.restore_call(shard, |cmd| {
                    cmd.arg("begin").arg(token).arg(lineage).arg(&expected);
                })
                .await
            }
            RestoreStep::Finish {
                epoch,
                after,
                who,
                why,
            } => {
                let (run_id, replid) = self.life(shard).await?;
                let after = after.map_or_else(String::new, |id| id.to_string());
                let clock = self.shard(shard).config.clock.argument();
                self.restore_call(shard, |cmd| {
                    cmd.arg("finish").arg(token).arg(epoch.0).arg(&after);
                    cmd.arg(&run_id).arg(&replid).arg(who).arg(why).arg(&clock);
                })
                .await
            }
        }
    }

    /// Run id and replication id of the Redis that answers now.
    async fn life(&self, shard: ShardId) -> Result<(String, String), Fault> {
        let mut command = redis::cmd("INFO");
        command.arg("server").arg("replication");
        let info = self.shard(shard).query(&command).await?;
        let info: String =
            redis::from_redis_value(info).map_err(|error| protocol(&error.to_string()))?;
        let field = |name| {
            super::link::info_field(&info, name)
                .unwrap_or_default()
                .to_owned()
        };
        Ok((field("run_id"), field("master_replid")))
    }

    async fn restore_call(
        &self,
        shard: ShardId,
        build: impl FnOnce(&mut Cmd),
    ) -> Result<(), Fault> {
        let shard = self.shard(shard);
        let mut command = redis::cmd("EVAL");
        command.arg(&shard.scripts.restore.text).arg(2);
        command.arg(&shard.keys.meta).arg(&shard.keys.journal);
        build(&mut command);
        let answer: Vec<String> = redis::from_redis_value(shard.send_once(&command).await?)
            .map_err(|error| protocol(&error.to_string()))?;
        match answer.first().map(String::as_str) {
            Some("OK") => Ok(()),
            Some("CORRUPT") => Err(Fault::Corrupt {
                key: answer.get(1).cloned().unwrap_or_default(),
            }),
            Some(code) => Err(Fault::Fenced(format!("restore: {code}"))),
            None => Err(protocol("restore answers nothing")),
        }
    }
}

fn put(cmd: &mut Cmd, value: &Restored) {
    match value {
        Restored::Stock {
            key,
            figures: [available, reserved, sold, version],
        } => cmd
            .arg("stock")
            .arg(format!("{}:{}", key.location, key.sku))
            .arg(format!("{available} {reserved} {sold} {version}")),
        Restored::Reservation { id, stored } => cmd.arg("reservation").arg(id.as_str()).arg(stored),
        Restored::Operation { id, stored } => cmd.arg("operation").arg(id.as_str()).arg(stored),
        Restored::Limit {
            sku,
            quantity,
            window_ms,
            generation,
        } => cmd
            .arg("limit")
            .arg(sku.as_str())
            .arg(format!("{quantity} {window_ms} {generation}")),
        Restored::Used {
            sku,
            generation,
            customer,
            counter,
        } => cmd
            .arg("used")
            .arg(format!("{generation}:{sku}"))
            .arg(format!("{customer} {counter}")),
    };
}
