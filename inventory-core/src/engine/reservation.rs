use std::time::Instant;

use super::{Engine, ReservationRead, call::Route, codec::record::parse_stored, reply};
use crate::domain::{Fault, Reservation, ReservationId, ShardId};

/// Reads stored bytes of a reservation. `None`: they are none.
#[must_use]
pub fn parse_reservation(id: &ReservationId, stored: &[u8]) -> Option<Reservation> {
    parse_stored(id, stored)
}

impl Engine {
    /// Reads a reservation; `None` if there is none. Never answers from a fenced shard.
    ///
    /// # Errors
    /// [`Fault`].
    pub async fn reservation(
        &self,
        shard: ShardId,
        id: &ReservationId,
        deadline: Instant,
    ) -> Result<Option<ReservationRead>, Fault> {
        let shard = self.shard(shard);
        let key = shard.keys.reservation(id);
        let call = shard.call(
            Route::Pool,
            &shard.scripts.reservation,
            deadline,
            |cmd, epoch| {
                cmd.arg(2).arg(&shard.keys.meta).arg(&key);
                cmd.arg(epoch.0).arg(shard.config.clock.argument());
            },
        );
        let mut answer = call.await?;
        let now = reply::place(shard, &mut answer)?;
        match answer.code.as_str() {
            "OK" => {
                let reservation = reply::reservation(id, &mut answer)?;
                Ok(Some(ReservationRead { reservation, now }))
            }
            "RESERVATION_NOT_FOUND" => Ok(None),
            _ => Err(Fault::Corrupt { key }),
        }
    }
}
