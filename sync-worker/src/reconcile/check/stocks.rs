//! Stocks: equal versions have equal figures.

use inventory_core::{JournalId, Kept, StockKey};
use sqlx::{MySqlConnection, Row};

use super::{
    Checker, Drift, Subject,
    drift::kept_stock,
    rows::{StockRow, stock_rows},
};
use crate::reconcile::exit::Trouble;

/// Figures of a stock at some version, with its ledger then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::reconcile) struct Past {
    /// available, reserved, sold.
    pub(in crate::reconcile) figures: [i64; 3],
    /// initial + adjustments.
    pub(in crate::reconcile) ledger: i64,
}

impl Checker<'_> {
    /// One look at some stocks.
    pub(super) async fn stocks(&self, keys: &[StockKey]) -> Result<Vec<Drift>, Trouble> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let cut = self.both.engine.cut(self.both.shard, keys, &[]).await?;
        self.projected(cut.at).await?;
        let mut snapshot = self.both.snapshot().await?;
        let rows = stock_rows(&mut snapshot, keys).await?;
        let mut drift = Vec::new();
        for (key, kept) in keys.iter().zip(&cut.stocks) {
            let row = rows.get(key);
            if let Some(what) = judged(&mut snapshot, kept, row, cut.at).await? {
                let subject = Subject::Stock(key.clone());
                let mariadb = row.map_or(serde_json::Value::Null, StockRow::json);
                let found = Drift::new(subject, what).sides(kept_stock(kept), mariadb);
                drift.push(found.since(row.map(|row| row.updated_at.as_str())));
            }
        }
        snapshot.commit().await?;
        Ok(drift)
    }
}

/// The rule that is broken, if one is.
async fn judged(
    connection: &mut MySqlConnection,
    kept: &Kept<[u64; 4]>,
    row: Option<&StockRow>,
    at: JournalId,
) -> Result<Option<&'static str>, sqlx::Error> {
    let row_is_sound = row.is_none_or(|row| row.sum() == row.ledger);
    let broken = match (kept, row) {
        (Kept::Corrupt, _) => Some("Redis has something that is no stock"),
        (Kept::Absent, None) => None,
        (Kept::Absent, Some(row)) if row.changed <= at => {
            (!row.retired).then_some("missing in Redis")
        }
        (Kept::Absent, Some(row)) => existed(connection, &row.key, at)
            .await?
            .then_some("missing in Redis"),
        (Kept::Is(_), None) => Some("missing in MariaDB"),
        (Kept::Is(found), Some(row)) => differs(connection, found, row).await?,
    };
    let off_ledger = (!row_is_sound).then_some("the ledger does not add up");
    Ok(broken.or(off_ledger))
}

async fn differs(
    connection: &mut MySqlConnection,
    &[available, reserved, sold, version]: &[u64; 4],
    row: &StockRow,
) -> Result<Option<&'static str>, sqlx::Error> {
    let signed = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
    let version = signed(version);
    if row.version < version {
        return Ok(Some("MariaDB is behind"));
    }
    if row.version == version && row.retired {
        return Ok(Some("retired in MariaDB only"));
    }
    let Some(past) = past(connection, row, version).await? else {
        return Ok(Some("MariaDB is ahead, and its log does not say how"));
    };
    let same = past.figures == [available, reserved, sold].map(signed);
    Ok((!same).then_some("figures differ"))
}

/// What a stock was at a version that its row has or has passed: the change that made the version
/// says so, or the next one. `None`: the log has neither.
pub(in crate::reconcile) async fn past(
    connection: &mut MySqlConnection,
    row: &StockRow,
    version: i64,
) -> Result<Option<Past>, sqlx::Error> {
    if row.version == version {
        return Ok(Some(Past {
            figures: row.figures,
            ledger: row.ledger,
        }));
    }
    let found = sqlx::query(
        "SELECT version, available_before, reserved_before, sold_before, available_after,
             reserved_after, sold_after
         FROM stock_journal WHERE sku_id = ? AND location_id = ? AND version >= ?
         ORDER BY version LIMIT 1",
    )
    .bind(row.key.sku.as_str())
    .bind(row.key.location.as_str())
    .bind(version)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(found) = found else {
        return Ok(None);
    };
    let made_it = found.try_get::<i64, _>("version")? == version;
    let names = if made_it {
        ["available_after", "reserved_after", "sold_after"]
    } else {
        ["available_before", "reserved_before", "sold_before"]
    };
    let figures: [Option<i64>; 3] = [
        found.try_get(names[0])?,
        found.try_get(names[1])?,
        found.try_get(names[2])?,
    ];
    let [Some(available), Some(reserved), Some(sold)] = figures else {
        return Ok(None);
    };
    let since: i64 = sqlx::query_scalar(
        "SELECT CAST(COALESCE(SUM(ledger_delta), 0) AS SIGNED) FROM stock_journal
         WHERE sku_id = ? AND location_id = ? AND version > ?",
    )
    .bind(row.key.sku.as_str())
    .bind(row.key.location.as_str())
    .bind(version)
    .fetch_one(connection)
    .await?;
    Ok(Some(Past {
        figures: [available, reserved, sold],
        ledger: row.ledger.saturating_sub(since),
    }))
}

/// Whether a stock was there at a place of the journal that its row has passed.
async fn existed(
    connection: &mut MySqlConnection,
    key: &StockKey,
    at: JournalId,
) -> Result<bool, sqlx::Error> {
    let last = sqlx::query(
        "SELECT kind, available_after, reserved_after FROM stock_journal
         WHERE sku_id = ? AND location_id = ? AND (epoch < ? OR epoch = ? AND n <= ?)
         ORDER BY version DESC LIMIT 1",
    )
    .bind(key.sku.as_str())
    .bind(key.location.as_str())
    .bind(at.epoch.0)
    .bind(at.epoch.0)
    .bind(at.n)
    .fetch_optional(connection)
    .await?;
    let Some(last) = last else {
        return Ok(false);
    };
    let kind: String = last.try_get("kind")?;
    let left: (Option<i64>, Option<i64>) = (
        last.try_get("available_after")?,
        last.try_get("reserved_after")?,
    );
    // A repair that removes leaves nothing, too.
    let removed = kind == "RETIRED" || kind == "REPAIRED" && left == (Some(0), Some(0));
    Ok(!removed)
}
