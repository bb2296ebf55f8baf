//! Retired stocks: created again, they go on from what they had sold and from their version.

use std::collections::HashMap;

use inventory_core::{StockKey, engine::KeptRetired};
use serde_json::{Value, json};

use super::{
    Checker, Drift, Subject,
    rows::{STOCK_COLUMNS, StockRow, stock_rows},
};
use crate::{
    limits::{CHECK_LOOKS, SLICE_KEYS_MAX},
    reconcile::exit::Trouble,
};

impl Checker<'_> {
    /// Both directions; a difference is one if every look finds it.
    pub(super) async fn settled_retired(&self) -> Result<Vec<Drift>, Trouble> {
        let mut drift: Option<Vec<Drift>> = None;
        for _ in 0..CHECK_LOOKS {
            let mut now = self.retired().await?;
            if let Some(before) = &drift {
                now.retain(|d| before.iter().any(|b| b.subject == d.subject));
            }
            let clean = now.is_empty();
            drift = Some(now);
            if clean {
                break;
            }
        }
        Ok(drift.unwrap_or_default())
    }

    async fn retired(&self) -> Result<Vec<Drift>, Trouble> {
        let cut = self.both.engine.retired(self.both.shard).await?;
        self.projected(cut.at).await?;
        let mut snapshot = self.both.snapshot().await?;
        let mut drift = Vec::new();
        let mut known: HashMap<StockKey, KeptRetired> = HashMap::new();
        for slice in cut.values.chunks(SLICE_KEYS_MAX) {
            let keys: Vec<_> = slice.iter().map(|kept| kept.key.clone()).collect();
            let rows = stock_rows(&mut snapshot, &keys).await?;
            for kept in slice {
                known.insert(kept.key.clone(), kept.clone());
                let row = rows.get(&kept.key);
                if row.is_none_or(|row| row.changed <= cut.at && !same(row, kept)) {
                    drift.push(found(&kept.key, Some(kept), row));
                }
            }
        }
        let select = format!("SELECT {STOCK_COLUMNS} FROM stock_item WHERE retired");
        let rows = sqlx::query(sqlx::AssertSqlSafe(select))
            .fetch_all(&mut *snapshot)
            .await?;
        for row in &rows {
            let row = StockRow::read(row)?;
            if row.changed <= cut.at && !known.contains_key(&row.key) {
                drift.push(found(&row.key, None, Some(&row)));
            }
        }
        snapshot.commit().await?;
        for place in cut.corrupt {
            let what = "Redis has something that is no retired stock";
            drift.push(Drift::new(Subject::Key(format!("retired {place}")), what));
        }
        Ok(drift)
    }
}

fn same(row: &StockRow, kept: &KeptRetired) -> bool {
    let equal = |row: i64, kept: u64| u64::try_from(row) == Ok(kept);
    row.retired && equal(row.figures[2], kept.sold) && equal(row.version, kept.version)
}

fn found(key: &StockKey, kept: Option<&KeptRetired>, row: Option<&StockRow>) -> Drift {
    let redis = kept.map_or(
        Value::Null,
        |kept| json!({"sold": kept.sold, "version": kept.version}),
    );
    let what = match (kept, row) {
        (None, _) => "missing in Redis",
        (_, None) => "missing in MariaDB",
        (Some(_), Some(_)) => "figures differ",
    };
    Drift::new(Subject::Retired(key.clone()), what)
        .sides(redis, row.map_or(Value::Null, StockRow::json))
        .since(row.map(|row| row.updated_at.as_str()))
}
