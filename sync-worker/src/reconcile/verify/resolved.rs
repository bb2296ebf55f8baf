//! A reservation ends once: it is confirmed, released or expires. Only an expired one may be sold
//! after all.

use sqlx::Row;

use super::{Checked, Violation};
use crate::{
    limits::VERIFY_PAGE_ROWS,
    reconcile::{exit::Trouble, stores::Both},
};

pub(super) async fn check(
    both: &Both,
    found: &mut Vec<Violation>,
    checked: &mut Checked,
) -> Result<(), Trouble> {
    let mut snapshot = both.snapshot().await?;
    let mut after = String::new();
    loop {
        let rows = sqlx::query(
            "SELECT reservation_id,
                 CAST(SUM(kind IN ('CONFIRMED', 'RELEASED', 'EXPIRED', 'TOMBSTONED')) AS SIGNED)
                   AS ends,
                 CAST(SUM(kind = 'REACQUIRED') AS SIGNED) AS reacquired
             FROM stock_journal FORCE INDEX (by_reservation)
             WHERE reservation_id > ? AND line = 0
             GROUP BY reservation_id ORDER BY reservation_id LIMIT ?",
        )
        .bind(&after)
        .bind(VERIFY_PAGE_ROWS)
        .fetch_all(&mut *snapshot)
        .await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get("reservation_id")?;
        for row in &rows {
            checked.reservations += 1;
            let (ends, reacquired): (i64, i64) = (row.try_get("ends")?, row.try_get("reacquired")?);
            if ends > 1 || reacquired > 1 {
                let id: String = row.try_get("reservation_id")?;
                let detail = format!("ended {ends} times, reacquired {reacquired} times");
                found.push(Violation::new("resolved-once", id, detail));
            }
        }
    }
    snapshot.commit().await?;
    Ok(())
}
