//! The result of a check of everything, where sync-worker's metrics find it.

use service_kit::clock;

use super::Report;
use crate::{
    cursor::shard_number,
    reconcile::{output::say, stores::Both},
};

/// Writes it down. A check whose result cannot be kept is a check all the same: whoever ran it is told.
pub(super) async fn keep(both: &Both, report: &Report) {
    let kept = sqlx::query(
        "INSERT INTO reconcile_check (shard, at_ms, differences, who) VALUES (?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE at_ms = VALUES(at_ms), differences = VALUES(differences),
             who = VALUES(who)",
    )
    .bind(shard_number(both.shard))
    .bind(clock::unix_ms())
    .bind(report.differences())
    .bind(both.who.as_str())
    .execute(&both.pool)
    .await;
    if let Err(error) = kept {
        say(&format!(
            "reconcile: the result is not in reconcile_check, so no alert hears of it: {error}"
        ));
    }
}
