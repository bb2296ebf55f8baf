//! Statements over many rows, in a few fixed lengths: each length is prepared once per connection.

use std::sync::{Arc, OnceLock};

use sqlx::{
    Arguments, AssertSqlSafe, Encode, MySql, MySqlConnection, Type,
    mysql::{MySqlArguments, MySqlRow},
};

/// Rows per statement. Any number of rows is written with few statements, and at most so many
/// statements are prepared.
const CHUNKS: [usize; 5] = [256, 64, 16, 4, 1];

/// Bytes that a value takes in a statement, roughly: what to make room for.
const VALUE_LEN: usize = 16;

/// The values of one statement, in the order of its placeholders.
#[derive(Debug, Default)]
pub(crate) struct Values {
    arguments: MySqlArguments,
    problem: Option<sqlx::Error>,
}

impl Values {
    fn with_capacity(values: usize) -> Self {
        let mut values_of = Self::default();
        let bytes = values.saturating_mul(VALUE_LEN);
        values_of.arguments.reserve(values, bytes);
        values_of
    }

    /// The next value.
    pub(crate) fn push<'v, T: Encode<'v, MySql> + Type<MySql>>(&mut self, value: T) -> &mut Self {
        if let Err(problem) = self.arguments.add(value) {
            self.problem.get_or_insert(sqlx::Error::Encode(problem));
        }
        self
    }

    fn finish(self) -> Result<MySqlArguments, sqlx::Error> {
        match self.problem {
            None => Ok(self.arguments),
            Some(problem) => Err(problem),
        }
    }
}

/// A statement whose middle is repeated for every row.
#[derive(Debug)]
pub(crate) struct Statement {
    head: &'static str,
    row: &'static str,
    separator: &'static str,
    tail: &'static str,
    texts: [OnceLock<Arc<str>>; CHUNKS.len()],
}

impl Statement {
    /// `INSERT … VALUES`, a group of placeholders per row, and what follows the rows.
    pub(crate) const fn rows(head: &'static str, row: &'static str, tail: &'static str) -> Self {
        Self {
            head,
            row,
            separator: ",",
            tail,
            texts: [const { OnceLock::new() }; CHUNKS.len()],
        }
    }

    /// `… IN (`, a value per row. For many values: a search among them is not a condition for each.
    pub(crate) const fn among(head: &'static str) -> Self {
        Self::rows(head, "?", ")")
    }

    /// `… WHERE`, a condition per row, any of which may hold.
    pub(crate) const fn any(head: &'static str, condition: &'static str) -> Self {
        Self {
            head,
            row: condition,
            separator: " OR ",
            tail: "",
            texts: [const { OnceLock::new() }; CHUNKS.len()],
        }
    }

    /// Runs it over all rows. How many rows the database says that it changed: one for a row that
    /// is new, two for one that was there before.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn run<T: Sync>(
        &self,
        connection: &mut MySqlConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut Values) + Send + Sync,
    ) -> Result<u64, sqlx::Error> {
        let mut changed: u64 = 0;
        for (text, chunk) in self.cut(rows) {
            let values = self.values(chunk, &bind)?;
            let done = sqlx::query_with(AssertSqlSafe(text), values)
                .execute(&mut *connection)
                .await?;
            changed = changed.saturating_add(done.rows_affected());
        }
        Ok(changed)
    }

    /// Runs it over all rows; what the database answers to all of them.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn fetch<T: Sync>(
        &self,
        connection: &mut MySqlConnection,
        rows: &[T],
        bind: impl Fn(&T, &mut Values) + Send + Sync,
    ) -> Result<Vec<MySqlRow>, sqlx::Error> {
        let mut found = Vec::new();
        for (text, chunk) in self.cut(rows) {
            let values = self.values(chunk, &bind)?;
            let answer = sqlx::query_with(AssertSqlSafe(text), values)
                .fetch_all(&mut *connection)
                .await?;
            found.extend(answer);
        }
        Ok(found)
    }

    fn values<T>(
        &self,
        chunk: &[T],
        bind: &impl Fn(&T, &mut Values),
    ) -> Result<MySqlArguments, sqlx::Error> {
        let per_row = self.row.matches('?').count();
        let mut values = Values::with_capacity(chunk.len().saturating_mul(per_row));
        for row in chunk {
            bind(row, &mut values);
        }
        values.finish()
    }

    /// The rows in pieces of the fixed lengths, each with its statement.
    fn cut<'s, 'r, T>(
        &'s self,
        mut rows: &'r [T],
    ) -> impl Iterator<Item = (Arc<str>, &'r [T])> + use<'s, 'r, T> {
        std::iter::from_fn(move || {
            let (place, chunk, rest) = CHUNKS.iter().enumerate().find_map(|(place, length)| {
                let (chunk, rest) = rows.split_at_checked(*length)?;
                Some((place, chunk, rest))
            })?;
            rows = rest;
            Some((self.text(place, chunk.len()), chunk))
        })
    }

    fn text(&self, place: usize, length: usize) -> Arc<str> {
        let assemble = || {
            let rows = vec![self.row; length].join(self.separator);
            format!("{} {rows} {}", self.head, self.tail).into()
        };
        match self.texts.get(place) {
            Some(text) => text.get_or_init(assemble).clone(),
            None => assemble(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_the_fixed_lengths() {
        let statement = Statement::rows("INSERT INTO t VALUES", "(?)", "");
        let rows = [0; 256 + 64 + 64 + 4 + 1 + 1];
        let lengths: Vec<_> = statement.cut(&rows).map(|(_, chunk)| chunk.len()).collect();
        assert_eq!(lengths, [256, 64, 64, 4, 1, 1]);
        assert_eq!(statement.cut(&rows[..0]).count(), 0);
    }

    #[test]
    fn the_middle_is_repeated() {
        let any = Statement::any("SELECT * FROM t WHERE", "(a = ? AND b = ?)");
        let texts: Vec<_> = any.cut(&[(); 5]).map(|(text, _)| text).collect();
        assert_eq!(texts[1].trim(), "SELECT * FROM t WHERE (a = ? AND b = ?)");
        assert_eq!(texts[0].matches(" OR ").count(), 3);
    }
}
