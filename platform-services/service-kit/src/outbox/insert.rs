//! Statements over many rows, in a few fixed lengths: each length is prepared once per connection.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, MySqlConnection};

use super::OutboxRow;
use crate::db::ServiceName;

/// Rows per statement, longest first; the last is one.
const LENGTHS: [usize; 5] = [256, 64, 16, 4, 1];

/// Bytes of payload per statement: with the rest below `max_allowed_packet`, 16 MiB by default.
/// One row alone may always go.
const STATEMENT_BYTES_MAX: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Statements([(usize, Arc<str>); LENGTHS.len()]);

impl Statements {
    pub(super) fn new(service: &ServiceName) -> Self {
        let text = |rows: usize| {
            let values = vec!["(?,?,?,?,?,?,?)"; rows].join(",");
            let text = format!(
                "INSERT INTO {service}_outbox \
                 (event_id, aggregate_type, aggregate_id, type, topic, payload, traceparent) \
                 VALUES {values}"
            );
            (rows, Arc::from(text))
        };
        Self(LENGTHS.map(text))
    }

    pub(super) async fn insert(
        &self,
        connection: &mut MySqlConnection,
        mut rows: &[OutboxRow],
    ) -> Result<(), sqlx::Error> {
        while let Some((text, chunk, rest)) = self.next(rows) {
            let mut query = sqlx::query(AssertSqlSafe(text));
            for row in chunk {
                query = query
                    .bind(&row.event_id)
                    .bind(row.aggregate_type)
                    .bind(&row.key)
                    .bind(row.event_type)
                    .bind(row.topic)
                    .bind(&row.payload)
                    .bind(row.traceparent.as_deref());
            }
            query.execute(&mut *connection).await?;
            rows = rest;
        }
        Ok(())
    }

    /// The longest statement that `rows` fill and that is not too large, its rows, and the rest.
    fn next<'a>(
        &self,
        rows: &'a [OutboxRow],
    ) -> Option<(Arc<str>, &'a [OutboxRow], &'a [OutboxRow])> {
        self.0.iter().find_map(|(length, text)| {
            let (chunk, rest) = rows.split_at_checked(*length)?;
            let bytes: usize = chunk.iter().map(|row| row.payload.len()).sum();
            let fits = bytes <= STATEMENT_BYTES_MAX || *length == 1;
            fits.then(|| (Arc::clone(text), chunk, rest))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: usize) -> OutboxRow {
        OutboxRow {
            event_id: "e".to_owned(),
            aggregate_type: "order",
            key: "k".to_owned(),
            event_type: "t",
            topic: "t",
            payload: "x".repeat(bytes),
            traceparent: None,
        }
    }

    fn lengths(mut rows: &[OutboxRow]) -> Vec<usize> {
        let statements = Statements::new(&"order".parse().expect("a name"));
        let mut lengths = Vec::new();
        while let Some((_, chunk, rest)) = statements.next(rows) {
            lengths.push(chunk.len());
            rows = rest;
        }
        lengths
    }

    #[test]
    fn any_number_of_rows_goes_in_few_statements() {
        assert_eq!(lengths(&[]), [0; 0]);
        assert_eq!(lengths(&vec![row(1); 343]), [256, 64, 16, 4, 1, 1, 1]);
    }

    #[test]
    fn large_rows_go_in_smaller_statements() {
        assert_eq!(lengths(&vec![row(500_000); 20]), [4, 4, 4, 4, 4]);
        assert_eq!(lengths(&[row(5 << 20), row(1)]), [1, 1]);
    }
}
