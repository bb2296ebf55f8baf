use std::time::Instant;

use super::{Engine, call::Route, codec::record::head, reply};
use crate::domain::{
    AttestStock, Context, Fault, Outcome, Refusal, ReservationId, ShardId, Success, Text,
};

impl Engine {
    /// States a stock's figures anew under a new version, so that a projection takes them over.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn attest_stock(
        &self,
        shard: ShardId,
        command: &AttestStock,
        deadline: Instant,
    ) -> Result<Outcome<()>, Fault> {
        let stock_key = self.shard(shard).keys.stock(&command.key);
        let unknown = || Refusal::UnknownSku(vec![command.key.clone()]);
        let arguments = [
            "stock",
            &head("", "", &command.context),
            command.reason.as_str(),
            &command.version_above.to_string(),
            &command.ledger_delta.to_string(),
        ];
        self.attest(shard, &stock_key, &arguments, unknown, deadline)
            .await
    }

    /// States a reservation anew, so that a projection takes it over.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn attest_reservation(
        &self,
        shard: ShardId,
        id: &ReservationId,
        reason: &Text,
        context: &Context,
        deadline: Instant,
    ) -> Result<Outcome<()>, Fault> {
        let key = self.shard(shard).keys.reservation(id);
        let unknown = || Refusal::ReservationNotFound;
        let head = head("", id.as_str(), context);
        let arguments = ["reservation", &head, reason.as_str(), "", ""];
        self.attest(shard, &key, &arguments, unknown, deadline)
            .await
    }

    async fn attest(
        &self,
        shard: ShardId,
        key: &str,
        arguments: &[&str; 5],
        unknown: impl Fn() -> Refusal,
        deadline: Instant,
    ) -> Result<Outcome<()>, Fault> {
        let shard = self.shard(shard);
        let call = shard.call(
            Route::Pool,
            &shard.scripts.attest,
            deadline,
            |cmd, epoch| {
                cmd.arg(4).arg(&shard.keys.meta).arg(&shard.keys.journal);
                cmd.arg(&shard.keys.deadlines).arg(key);
                cmd.arg(epoch.0)
                    .arg(shard.config.clock.argument())
                    .arg(arguments);
            },
        );
        let mut answer = call.await?;
        reply::place(shard, &mut answer)?;
        match answer.code.as_str() {
            "DONE" => Ok(Ok(Success {
                value: (),
                replayed: false,
            })),
            "UNKNOWN_SKU" | "RESERVATION_NOT_FOUND" => Ok(Err(unknown())),
            _ => Err(Fault::Corrupt {
                key: key.to_owned(),
            }),
        }
    }
}
