//! Outcomes of adjustments and counts: what a repeat is answered by.

use inventory_core::{JournalId, Kept, OperationId};
use serde_json::{Value, json};
use sqlx::Row;

use super::{
    Checker, Drift, Subject,
    reservations::{differs, last_change},
    rows::{changed, rows_in},
};
use crate::{limits::CHECK_LOOKS, reconcile::exit::Trouble};

impl Checker<'_> {
    /// As [`Checker::settled_stocks`].
    pub(super) async fn settled_operations(
        &self,
        mut ids: Vec<OperationId>,
    ) -> Result<Vec<Drift>, Trouble> {
        let mut drift = Vec::new();
        for _ in 0..CHECK_LOOKS {
            drift = self.operations(&ids).await?;
            ids = drift.iter().filter_map(|d| d.subject.operation()).collect();
            if ids.is_empty() {
                break;
            }
        }
        Ok(drift)
    }

    /// One look at some outcomes that Redis has. Those that it has no more were purged.
    async fn operations(&self, ids: &[OperationId]) -> Result<Vec<Drift>, Trouble> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (engine, shard) = (&self.both.engine, self.both.shard);
        let cut = engine.cut_operations(shard, ids).await?;
        self.projected(cut.at).await?;
        let mut snapshot = self.both.snapshot().await?;
        let select = "SELECT operation_id, stored, changed_epoch, changed_n,
                CAST(changed_at AS CHAR) AS changed_text
            FROM stock_operation WHERE operation_id";
        let names = ids.iter().map(ToString::to_string);
        let mut rows = std::collections::HashMap::new();
        for row in rows_in(&mut snapshot, select, names).await? {
            let id: String = row.try_get("operation_id")?;
            let stored: Vec<u8> = row.try_get("stored")?;
            let at: String = row.try_get("changed_text")?;
            rows.insert(id, (changed(&row)?, stored, at));
        }
        snapshot.commit().await?;
        let mut drift = Vec::new();
        for (id, kept) in ids.iter().zip(&cut.values) {
            let row = rows.get(id.as_str());
            let broken = match (kept, row) {
                (Kept::Absent, _) => None,
                (Kept::Corrupt, _) => Some("Redis has something that is no outcome"),
                (Kept::Is(_), None) => Some("missing in MariaDB"),
                (Kept::Is(stored), Some((changed, row, _))) => {
                    differs(stored, *changed, row, cut.at)
                }
            };
            if let Some(what) = broken {
                let redis = match kept {
                    Kept::Is(stored) => place(last_change(stored)),
                    Kept::Corrupt => json!("corrupt"),
                    Kept::Absent => Value::Null,
                };
                let mariadb = row.map_or(Value::Null, |(changed, ..)| place(Some(*changed)));
                let found = Drift::new(Subject::Operation(id.clone()), what).sides(redis, mariadb);
                drift.push(found.since(row.map(|(.., at)| at.as_str())));
            }
        }
        Ok(drift)
    }
}

fn place(change: Option<JournalId>) -> Value {
    change.map_or(Value::Null, |id| json!({"changed": id.to_string()}))
}
