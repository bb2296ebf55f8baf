use inventory_core::TimestampMs;

use super::{Scene, Trouble};
use crate::{
    cursor::{self, Cursor},
    limits::{GRACE, ROWS_SLICE},
    time,
};

/// Gives open holds whose deadline passed while the shard was closed a new one, [`GRACE`] from `now`.
/// How many, and the deadline that they got. In `stored` bytes 12 to 17 are when the hold was made,
/// bytes 19 to 22 its deadline from there on, in ms.
pub(super) async fn give(
    scene: &Scene,
    cursor: &Cursor,
    now: TimestampMs,
) -> Result<(u64, TimestampMs), Trouble> {
    let grace_ms = u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX);
    let deadline = now.plus_ms(grace_ms);
    let mut given: u64 = 0;
    loop {
        let mut transaction = cursor::begin(&scene.pool, scene.shard, cursor)
            .await?
            .ok_or(Trouble::Superseded)?;
        let rows = sqlx::query(
            "UPDATE reservation
             SET stored = INSERT(stored, 19, 4, UNHEX(LPAD(HEX(LEAST(4294967295,
                     ? - CAST(CONV(HEX(SUBSTRING(stored, 12, 6)), 16, 10) AS UNSIGNED))), 8, '0'))),
                 expires_at = ?
             WHERE status = 'RESERVED' AND expires_at <= ? LIMIT ?",
        )
        .bind(deadline.0)
        .bind(time::sql(deadline))
        .bind(time::sql(now))
        .bind(ROWS_SLICE)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        given = given.saturating_add(rows);
        if rows < ROWS_SLICE {
            return Ok((given, deadline));
        }
    }
}
