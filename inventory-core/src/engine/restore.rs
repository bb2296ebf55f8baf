use redis::Cmd;

use super::{Engine, StoreKey, call::protocol, lifecycle::flag};
use crate::domain::{Epoch, Fault, JournalId, OperationId, ReservationId, ShardId, Sku, StockKey};

/// One step of a restore. All steps of one restore carry the same token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreStep {
    /// Fence the shard, if it is as expected.
    Begin {
        /// The lineage that the shard is to have.
        lineage: String,
        /// The epoch that meta has, if there is a meta.
        expected: Option<Epoch>,
        /// Fence it also if it is open in this very life of Redis: what it has is given up.
        even_open: bool,
    },
    /// Remove all that the shard has but meta, the journal too.
    Wipe,
    /// Write state.
    Put(Vec<Restored>),
    /// Open the shard under a new epoch.
    Finish {
        /// Above every epoch that was ever issued, and at least the shard clock in ms when it was
        /// issued.
        epoch: Epoch,
        /// The entry after which the journal goes on.
        after: Option<JournalId>,
        /// Name of the projection that is attached from now on, and that has all entries up to
        /// `after`; `None`: there is none.
        projection: Option<String>,
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
    /// A stock that is not there any more; created again, it goes on from here.
    Retired {
        /// Which.
        key: StockKey,
        /// What it had sold.
        sold: u64,
        /// Its last version.
        version: u64,
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
    /// A SKU without a purchase limit. What was used of one goes by [`Restored::Gone`].
    Unlimited {
        /// Whose.
        sku: Sku,
    },
    /// What a customer has used of a limit, in place of what is there.
    Used {
        /// Whose limit.
        sku: Sku,
        /// Under which it counts.
        generation: JournalId,
        /// Who.
        customer: String,
        /// As stored; empty where nothing was used.
        counter: String,
    },
    /// A key that is not to be there. A stock goes without a trace, unlike one that is retired.
    Gone(StoreKey),
}

/// Most values in one put.
pub(crate) const PUT_MAX: usize = 256;
/// Keys that one bite of a wipe removes, about.
const WIPE_PAGE: usize = 500;

impl Engine {
    /// Takes one step of a restore; see `lua/restore.lua`. Does not go through the gate, which
    /// keeps the shard fenced until `Finish`.
    ///
    /// # Errors
    /// [`Fault::Fenced`] on a conflict: another restore, another epoch, or a shard that is open;
    /// [`Fault::Corrupt`] names a value that is none; else [`Fault`], and the step may be repeated
    /// (a `Finish` that was done answers a conflict then).
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
            RestoreStep::Wipe => self.wipe(shard, token).await,
            RestoreStep::Begin {
                lineage,
                expected,
                even_open,
            } => {
                let expected = expected.map_or_else(String::new, |epoch| epoch.to_string());
                self.restore_call(shard, |cmd| {
                    cmd.arg("begin").arg(token).arg(lineage).arg(&expected);
                    cmd.arg(flag(*even_open));
                })
                .await
            }
            RestoreStep::Finish {
                epoch,
                after,
                projection,
                who,
                why,
            } => {
                let (run_id, replid) = self.life(shard).await?;
                let after = after.map_or_else(String::new, |id| id.to_string());
                let clock = self.shard(shard).config.clock.argument();
                let projection = projection.as_deref().unwrap_or_default();
                self.restore_call(shard, |cmd| {
                    cmd.arg("finish").arg(token).arg(epoch.0).arg(&after);
                    cmd.arg(&run_id).arg(&replid).arg(who).arg(why).arg(&clock);
                    cmd.arg(projection);
                })
                .await
            }
        }
    }

    /// While the shard is RECOVERING nobody else adds keys, so one walk sees them all.
    async fn wipe(&self, shard: ShardId, token: &str) -> Result<(), Fault> {
        let mut cursor = Some(0);
        while let Some(at) = cursor {
            let (next, names) = self.shard(shard).scan(at, WIPE_PAGE).await?;
            let keys = &self.shard(shard).keys;
            let names: Vec<_> = names.iter().filter_map(|name| keys.short(name)).collect();
            self.restore_call(shard, |cmd| {
                cmd.arg("wipe").arg(token).arg(names);
            })
            .await?;
            cursor = next;
        }
        Ok(())
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
    let place = |key: &StockKey| format!("{}:{}", key.location, key.sku);
    match value {
        Restored::Stock {
            key,
            figures: [available, reserved, sold, version],
        } => cmd
            .arg("stock")
            .arg(place(key))
            .arg(format!("{available} {reserved} {sold} {version}")),
        Restored::Retired { key, sold, version } => cmd
            .arg("retired")
            .arg(place(key))
            .arg(format!("{sold} {version}")),
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
        Restored::Unlimited { sku } => cmd.arg("limit").arg(sku.as_str()).arg(""),
        Restored::Used {
            sku,
            generation,
            customer,
            counter,
        } => cmd
            .arg("used")
            .arg(format!("{generation}:{sku}"))
            .arg(format!("{customer} {counter}")),
        Restored::Gone(key) => cmd.arg("gone").arg(key.name()).arg(""),
    };
}
