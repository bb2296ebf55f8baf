use std::time::Duration;

use sqlx::mysql::MySqlQueryResult;

use super::{Store, now_ms};
use crate::limits::{CLEAN_ROWS, LOGIN_KEPT, REFRESH_TOKEN_KEPT, SESSION_KEPT};

impl Store {
    /// Deletes a number of what is older than it is kept. Whether there is more.
    ///
    /// # Errors
    /// The database's.
    pub async fn clean(&self) -> Result<bool, sqlx::Error> {
        // In front of the sessions, which take along what tokens they still have.
        let tokens = sqlx::query("DELETE FROM refresh_token WHERE expires_at_ms < ? LIMIT ?")
            .bind(before(REFRESH_TOKEN_KEPT))
            .bind(CLEAN_ROWS)
            .execute(&self.pool)
            .await?;
        let sessions = sqlx::query("DELETE FROM session WHERE expires_at_ms < ? LIMIT ?")
            .bind(before(SESSION_KEPT))
            .bind(CLEAN_ROWS)
            .execute(&self.pool)
            .await?;
        let logins = sqlx::query("DELETE FROM login WHERE at_ms < ? LIMIT ?")
            .bind(before(LOGIN_KEPT))
            .bind(CLEAN_ROWS)
            .execute(&self.pool)
            .await?;
        let full = u64::from(CLEAN_ROWS);
        let deleted = [&tokens, &sessions, &logins].map(MySqlQueryResult::rows_affected);
        Ok(deleted.into_iter().any(|rows| rows >= full))
    }
}

fn before(age: Duration) -> i64 {
    now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
