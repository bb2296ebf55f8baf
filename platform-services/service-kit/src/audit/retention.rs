use std::{ops::RangeInclusive, time::Duration};

use clap::Args;
use sqlx::MySqlPool;
use tokio_util::sync::CancellationToken;

use crate::config::Problems;

/// How long rows of `admin_audit` stay, unless a flag says otherwise: a year, and time to look back on it.
pub const RETENTION: Duration = Duration::from_secs(400 * DAY_SECONDS);

const DAY_SECONDS: u64 = 86_400;

/// From a day, so that days given for seconds do not empty the table, to a hundred years.
const RETENTION_SECONDS: RangeInclusive<u64> = DAY_SECONDS..=36_500 * DAY_SECONDS;

const PRUNE_PERIOD: Duration = Duration::from_secs(3600);

/// Rows deleted by one statement.
const PRUNE_ROWS_MAX: u64 = 1000;

/// How long the audit is kept, as every service with the table is told.
#[derive(Debug, Clone, Args)]
pub struct AuditFlags {
    /// How long rows of `admin_audit` stay: who of the staff changed what; at least a day.
    #[arg(long, value_name = "S", default_value = "34560000")]
    pub admin_audit_retention_seconds: String,
}

impl AuditFlags {
    /// What they say.
    pub fn retention(&self, problems: &mut Problems) -> Duration {
        problems.seconds(
            "admin-audit-retention-seconds",
            &self.admin_audit_retention_seconds,
            RETENTION_SECONDS,
        )
    }
}

/// Calls [`prune`] at once and then every hour, until `stop`. Any number of replicas may.
pub async fn keep_small(pool: MySqlPool, retention: Duration, stop: CancellationToken) {
    loop {
        match prune(&pool, retention).await {
            Ok(rows) => tracing::debug!(rows, "old rows of the audit deleted"),
            Err(error) => tracing::warn!(%error, "old rows of the audit were not deleted"),
        }
        tokio::select! {
            () = tokio::time::sleep(PRUNE_PERIOD) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Deletes the rows of `admin_audit` that are older, a bounded number in each transaction. How many.
///
/// # Errors
/// Those of the database; what was deleted stays deleted.
pub async fn prune(pool: &MySqlPool, retention: Duration) -> Result<u64, sqlx::Error> {
    let mut deleted = 0;
    loop {
        let rows = sqlx::query(
            "DELETE FROM admin_audit WHERE at < NOW(3) - INTERVAL ? SECOND ORDER BY at LIMIT ?",
        )
        .bind(retention.as_secs())
        .bind(PRUNE_ROWS_MAX)
        .execute(pool)
        .await?
        .rows_affected();
        deleted += rows;
        if rows < PRUNE_ROWS_MAX {
            return Ok(deleted);
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::{self, NoConfig};

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        audit: AuditFlags,
    }

    fn retention(args: &[&str]) -> Result<Duration, NoConfig> {
        let args = [&["test"], args].concat();
        let (flags, mut problems) = config::parse::<Flags>("KITAUDIT", args)?;
        let retention = flags.audit.retention(&mut problems);
        problems.finish(retention)
    }

    #[test]
    fn the_audit_is_kept_for_400_days_and_never_for_less_than_one() {
        assert_eq!(retention(&[]).expect("fine"), RETENTION);
        let said =
            |seconds: u64| retention(&[&format!("--admin-audit-retention-seconds={seconds}")]);
        assert_eq!(said(86_400).expect("fine").as_secs(), 86_400);
        for bad in [0, 400, 86_399, u64::MAX] {
            said(bad).expect_err("too short, or too long");
        }
    }
}
