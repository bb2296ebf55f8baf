//! Reservations: the record that Redis keeps is the record that MariaDB keeps, and its columns and
//! items say the same.

use inventory_core::{
    Epoch, JournalId, Kept, Reservation, ReservationId, TimestampMs, engine::parse_reservation,
};
use serde_json::{Value, json};
use sqlx::MySqlConnection;

use super::{
    Checker, Drift, Subject,
    rows::{ItemRow, ReservationRow, item_rows, reservation_rows},
};
use crate::{
    reconcile::exit::Trouble,
    time::{rfc3339, sql},
};

/// Bytes of the journal id that a stored record or outcome begins with.
const JOURNAL_ID_LEN: usize = 11;
const EPOCH_LEN: usize = 6;

impl Checker<'_> {
    /// One look at some reservations.
    pub(super) async fn reservations(&self, ids: &[ReservationId]) -> Result<Vec<Drift>, Trouble> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let cut = self.both.engine.cut(self.both.shard, &[], ids).await?;
        self.projected(cut.at).await?;
        let mut snapshot = self.both.snapshot().await?;
        let rows = reservation_rows(&mut snapshot, ids).await?;
        let mut items = item_rows(&mut snapshot, ids).await?;
        let forgotten = TimestampMs(cut.now.0.saturating_sub(self.retention_ms));
        let mut drift = Vec::new();
        for (id, kept) in ids.iter().zip(&cut.reservations) {
            let row = rows.get(id);
            let items = items.remove(id).unwrap_or_default();
            let broken = match (kept, row) {
                (Kept::Corrupt, _) => Some("Redis has something that is no record"),
                (Kept::Absent, None) => None,
                (Kept::Absent, Some(row)) => missing(&mut snapshot, row, cut.at, forgotten).await?,
                (Kept::Is(_), None) => Some("missing in MariaDB"),
                (Kept::Is(stored), Some(row)) => {
                    match differs(stored, row.changed, &row.stored, cut.at) {
                        None => columns_differ(row, &items),
                        Some(what) => Some(what),
                    }
                }
            };
            if let Some(what) = broken {
                let subject = Subject::Reservation(id.clone());
                let mariadb = row.map_or(Value::Null, row_json);
                let found = Drift::new(subject, what).sides(kept_record(id, kept), mariadb);
                drift.push(found.since(row.map(|row| row.changed_at.as_str())));
            }
        }
        snapshot.commit().await?;
        Ok(drift)
    }
}

/// Whether a record should still be in Redis: it is open, or closed and not yet old enough.
async fn missing(
    connection: &mut MySqlConnection,
    row: &ReservationRow,
    at: JournalId,
    forgotten: TimestampMs,
) -> Result<Option<&'static str>, sqlx::Error> {
    if row.changed > at && !existed(connection, &row.id, at).await? {
        return Ok(None);
    }
    let open = row.status == "RESERVED";
    // Both are written alike, so the texts compare as the moments do.
    let old = row.changed_at.as_str() < sql(forgotten).as_str();
    Ok(match (open, old) {
        (true, _) => Some("missing in Redis"),
        (false, true) => None,
        (false, false) => Some("missing in Redis before its retention has passed"),
    })
}

/// Whether the log has a change of the reservation up to a place of the journal.
async fn existed(
    connection: &mut MySqlConnection,
    id: &ReservationId,
    at: JournalId,
) -> Result<bool, sqlx::Error> {
    let found: Option<u64> = sqlx::query_scalar(
        "SELECT n FROM stock_journal
         WHERE reservation_id = ? AND (epoch < ? OR epoch = ? AND n <= ?) LIMIT 1",
    )
    .bind(id.as_str())
    .bind(at.epoch.0)
    .bind(at.epoch.0)
    .bind(at.n)
    .fetch_optional(connection)
    .await?;
    Ok(found.is_some())
}

/// The journal entry of the last change, which stored bytes begin with.
pub(in crate::reconcile) fn last_change(stored: &[u8]) -> Option<JournalId> {
    let (epoch, n) = stored.get(..JOURNAL_ID_LEN)?.split_at_checked(EPOCH_LEN)?;
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| (n << 8) | u64::from(*b));
    Some(JournalId {
        epoch: Epoch(number(epoch)),
        n: number(n),
    })
}

/// Stored bytes of the same change are the same; a later change of MariaDB's came after the cut.
pub(super) fn differs(
    redis: &[u8],
    changed: JournalId,
    mariadb: &[u8],
    at: JournalId,
) -> Option<&'static str> {
    let Some(in_redis) = last_change(redis) else {
        return Some("Redis has something that is no record");
    };
    match changed.cmp(&in_redis) {
        std::cmp::Ordering::Less => Some("MariaDB is behind"),
        std::cmp::Ordering::Greater => (changed <= at).then_some("Redis is behind"),
        std::cmp::Ordering::Equal => (redis != mariadb).then_some("records differ"),
    }
}

/// Whether the columns and items of a row say what its record says.
fn columns_differ(row: &ReservationRow, items: &[ItemRow]) -> Option<&'static str> {
    let Some(record) = parse_reservation(&row.id, &row.stored) else {
        return Some("MariaDB has something that is no record");
    };
    let same = row.status == record.status.as_str()
        && row.order.as_deref() == record.order.as_ref().map(|id| id.as_str())
        && row.customer.as_deref() == record.customer.as_ref().map(|id| id.as_str())
        && row.created_at == sql(record.created)
        && row.expires_at == sql(record.deadline);
    if !same {
        return Some("columns differ from the record");
    }
    (items_of(&record) != items).then_some("items differ from the record")
}

/// The items as `reservation_item` should have them.
fn items_of(record: &Reservation) -> Vec<ItemRow> {
    let quantities = |line: &inventory_core::Line| {
        let confirmed = record
            .confirmed
            .as_ref()
            .map_or(0, |confirmed| confirmed.lines.quantity_of(line));
        let returned = confirmed.saturating_sub(record.returnable(line));
        (line.stock_key(), [line.quantity, confirmed, returned])
    };
    let mut items: Vec<_> = record.lines.iter().map(quantities).collect();
    items.sort();
    items
}

fn row_json(row: &ReservationRow) -> Value {
    let mut json = parse_reservation(&row.id, &row.stored).map_or_else(
        || json!({"record": "corrupt"}),
        |record| record_json(&record),
    );
    json["status"] = json!(row.status);
    json["expiresAt"] = json!(super::drift::moment(&row.expires_at));
    json["changed"] = json!(row.changed.to_string());
    json
}

/// What Redis has of a reservation.
pub(in crate::reconcile) fn kept_record(id: &ReservationId, kept: &Kept<Vec<u8>>) -> Value {
    match kept {
        Kept::Absent => Value::Null,
        Kept::Corrupt => json!("corrupt"),
        Kept::Is(stored) => parse_reservation(id, stored)
            .map_or_else(|| json!("corrupt"), |record| record_json(&record)),
    }
}

fn record_json(record: &Reservation) -> Value {
    let item =
        |line: &inventory_core::Line| format!("{} x {}", line.quantity, line.stock_key().sku);
    json!({
        "status": record.status.as_str(),
        "items": record.lines.iter().map(item).collect::<Vec<_>>().join(" + "),
        "expiresAt": rfc3339(record.deadline),
        "changed": record.last_change.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_bytes_begin_with_their_last_change() {
        let stored = [0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 3, 99];
        let id = JournalId {
            epoch: Epoch(258),
            n: 3,
        };
        assert_eq!(last_change(&stored), Some(id));
        assert_eq!(last_change(&stored[..10]), None);
    }

    #[test]
    fn only_a_later_change_than_the_cut_excuses_a_difference() {
        let stored = |n: u8, byte: u8| [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, n, byte];
        let id = |n| JournalId { epoch: Epoch(1), n };
        let found =
            |redis: &[u8], changed, mariadb: &[u8]| differs(redis, id(changed), mariadb, id(5));
        assert_eq!(found(&stored(3, 1), 3, &stored(3, 1)), None);
        assert!(found(&stored(3, 1), 3, &stored(3, 2)).is_some());
        assert!(found(&stored(3, 1), 2, &stored(2, 1)).is_some());
        assert!(found(&stored(3, 1), 5, &stored(5, 1)).is_some());
        assert_eq!(found(&stored(3, 1), 6, &stored(6, 1)), None);
    }
}
