use std::time::Duration;

use service_kit::{db, ids};
use sqlx::{MySql, MySqlConnection, Transaction};

use super::{Store, logins, now_ms};
use crate::{
    limits::{REFRESH_TOKEN_LIFETIME, REFRESHES_MAX, REFRESHES_WINDOW, SESSION_LIFETIME},
    secret::{self, Hash},
    store::NewLogin,
};

/// A login that was right.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose.
    pub user_id: String,
    /// That of the account.
    pub credential_version: u32,
    /// The first refresh token.
    pub refresh_token: String,
}

/// A refresh token that may be exchanged, if the account may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its session.
    pub session_id: String,
    /// Whose.
    pub user_id: String,
    /// That of the account at the login.
    pub credential_version: u32,
}

/// Why a refresh token is worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nobody got it from us, or it is forgotten.
    Unknown,
    /// Its time, or its session's, is over.
    Expired,
    /// Its session was ended.
    Revoked,
    /// It was used before. One of the two users is a thief, so the session is ended now.
    Reused,
}

/// Why a session is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// Its user wanted it.
    Logout,
    /// A refresh token came twice.
    Reuse,
    /// There is a new password.
    Password,
    /// The account is locked or withdrawn.
    Locked,
}

impl Revoked {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "LOGOUT",
            Self::Reuse => "REUSE",
            Self::Password => "PASSWORD",
            Self::Locked => "LOCKED",
        }
    }
}

/// What became of the exchange of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The new token counts, the old one no more.
    Done,
    /// The old one did not count any more.
    Refused(Refused),
    /// Its session was refreshed too often; the old one still counts.
    TooOften {
        /// When it may be again, in ms from now; at least 1.
        wait_ms: i64,
    },
}

#[derive(sqlx::FromRow)]
struct Row {
    session_id: String,
    user_id: String,
    credential_version: u32,
    session_expires_at_ms: i64,
    revoked_at_ms: Option<i64>,
    refreshes_since_ms: i64,
    refreshes: u32,
    expires_at_ms: i64,
    used_at_ms: Option<i64>,
}

impl Row {
    fn refusal(&self, now_ms: i64) -> Option<Refused> {
        if self.revoked_at_ms.is_some() {
            Some(Refused::Revoked)
        } else if self.session_expires_at_ms <= now_ms || self.expires_at_ms <= now_ms {
            Some(Refused::Expired)
        } else if self.used_at_ms.is_some() {
            Some(Refused::Reused)
        } else {
            None
        }
    }
}

impl Store {
    /// Begins a session and notes the login.
    ///
    /// # Errors
    /// The database's.
    pub async fn begin_session(
        &self,
        new: &NewSession,
        login: &NewLogin,
    ) -> Result<(), sqlx::Error> {
        let (session_id, now_ms) = (ids::uuid(), now_ms());
        let mut transaction = db::begin(&self.pool).await?;
        sqlx::query(
            "INSERT INTO session
               (session_id, user_id, credential_version, created_at_ms, expires_at_ms)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&session_id)
        .bind(&new.user_id)
        .bind(new.credential_version)
        .bind(now_ms)
        .bind(after(now_ms, SESSION_LIFETIME))
        .execute(&mut *transaction)
        .await?;
        insert_token(&mut transaction, &session_id, &new.refresh_token, now_ms).await?;
        logins::insert(&mut transaction, login, now_ms).await?;
        transaction.commit().await
    }

    /// Looks a refresh token up. One that was used before ends its session.
    ///
    /// # Errors
    /// The database's.
    pub async fn find_token(&self, token: &str) -> Result<Result<Found, Refused>, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let hash = secret::hash(token);
        let Some(row) = row(&mut connection, &hash, None).await? else {
            return Ok(Err(Refused::Unknown));
        };
        drop(connection);
        match row.refusal(now_ms()) {
            None => Ok(Ok(Found {
                session_id: row.session_id,
                user_id: row.user_id,
                credential_version: row.credential_version,
            })),
            Some(refused) => {
                if refused == Refused::Reused {
                    self.revoke_session(&row.session_id, Revoked::Reuse).await?;
                }
                Ok(Err(refused))
            }
        }
    }

    /// Exchanges a refresh token for a new one. Of two that come at once with the same, the second
    /// finds it used, and ends the session.
    ///
    /// # Errors
    /// The database's.
    pub async fn rotate(
        &self,
        found: &Found,
        token: &str,
        new_token: &str,
    ) -> Result<Rotation, sqlx::Error> {
        let now_ms = now_ms();
        let hash = secret::hash(token);
        let mut transaction = db::begin(&self.pool).await?;
        let Some(row) = row(&mut transaction, &hash, Some(&found.session_id)).await? else {
            return Ok(Rotation::Refused(Refused::Unknown));
        };
        if let Some(refused) = row.refusal(now_ms) {
            if refused == Refused::Reused {
                revoke(&mut transaction, &found.session_id, Revoked::Reuse).await?;
                transaction.commit().await?;
            }
            return Ok(Rotation::Refused(refused));
        }
        // A window that has ended begins anew; so does one that began in the future.
        let window_ms = after(0, REFRESHES_WINDOW);
        let open = (0..window_ms).contains(&now_ms.saturating_sub(row.refreshes_since_ms));
        let (since_ms, refreshes) = if open {
            (row.refreshes_since_ms, row.refreshes)
        } else {
            (now_ms, 0)
        };
        if refreshes >= REFRESHES_MAX {
            let wait_ms = (since_ms + window_ms - now_ms).max(1);
            return Ok(Rotation::TooOften { wait_ms });
        }
        sqlx::query(
            "UPDATE session SET refreshes_since_ms = ?, refreshes = ? WHERE session_id = ?",
        )
        .bind(since_ms)
        .bind(refreshes + 1)
        .bind(&found.session_id)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("UPDATE refresh_token SET used_at_ms = ? WHERE token_hash = ?")
            .bind(now_ms)
            .bind(hash.as_slice())
            .execute(&mut *transaction)
            .await?;
        insert_token(&mut transaction, &found.session_id, new_token, now_ms).await?;
        transaction.commit().await?;
        Ok(Rotation::Done)
    }

    /// Ends one session, if it has not ended yet.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_session(&self, session_id: &str, why: Revoked) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        revoke(&mut connection, session_id, why).await
    }

    /// Ends the session of a refresh token, whatever the token is worth; nothing for an unknown one.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_session_of_token(
        &self,
        token: &str,
        why: Revoked,
    ) -> Result<(), sqlx::Error> {
        let session_id: Option<String> =
            sqlx::query_scalar("SELECT session_id FROM refresh_token WHERE token_hash = ?")
                .bind(secret::hash(token).as_slice())
                .fetch_optional(&self.pool)
                .await?;
        match session_id {
            Some(session_id) => self.revoke_session(&session_id, why).await,
            None => Ok(()),
        }
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// The database's.
    pub async fn revoke_user(&self, user_id: &str, why: Revoked) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        revoke_until(&mut connection, user_id, i64::MAX, why).await
    }
}

/// Ends every session that a user began until the moment their account was locked; later ones were
/// begun after it was unlocked.
///
/// # Errors
/// The database's.
pub async fn revoke_locked(
    transaction: &mut Transaction<'_, MySql>,
    user_id: &str,
    locked_at_ms: i64,
) -> Result<(), sqlx::Error> {
    revoke_until(transaction, user_id, locked_at_ms, Revoked::Locked).await
}

async fn revoke_until(
    connection: &mut MySqlConnection,
    user_id: &str,
    until_ms: i64,
    why: Revoked,
) -> Result<(), sqlx::Error> {
    // One by one, in the order of their ids: a range would be locked against new logins.
    let session_ids: Vec<String> = sqlx::query_scalar(
        "SELECT session_id FROM session
         WHERE user_id = ? AND created_at_ms <= ? AND revoked_at_ms IS NULL ORDER BY session_id",
    )
    .bind(user_id)
    .bind(until_ms)
    .fetch_all(&mut *connection)
    .await?;
    for session_id in session_ids {
        revoke(connection, &session_id, why).await?;
    }
    Ok(())
}

async fn revoke(
    connection: &mut MySqlConnection,
    session_id: &str,
    why: Revoked,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE session SET revoked_at_ms = ?, revoked_for = ?
         WHERE session_id = ? AND revoked_at_ms IS NULL",
    )
    .bind(now_ms())
    .bind(why.as_str())
    .bind(session_id)
    .execute(connection)
    .await
    .map(drop)
}

/// A token with its session; with a session's id, the session is locked first and then the token.
async fn row(
    connection: &mut MySqlConnection,
    hash: &Hash,
    lock_session: Option<&str>,
) -> Result<Option<Row>, sqlx::Error> {
    if let Some(session_id) = lock_session {
        sqlx::query("SELECT session_id FROM session WHERE session_id = ? FOR UPDATE")
            .bind(session_id)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query_as(
        "SELECT s.session_id, s.user_id, s.credential_version,
           s.expires_at_ms AS session_expires_at_ms, s.revoked_at_ms,
           s.refreshes_since_ms, s.refreshes, t.expires_at_ms, t.used_at_ms
         FROM refresh_token t JOIN session s ON s.session_id = t.session_id
         WHERE t.token_hash = ?",
    )
    .bind(hash.as_slice())
    .fetch_optional(connection)
    .await
}

async fn insert_token(
    connection: &mut MySqlConnection,
    session_id: &str,
    token: &str,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO refresh_token (token_hash, session_id, expires_at_ms) VALUES (?, ?, ?)",
    )
    .bind(secret::hash(token).as_slice())
    .bind(session_id)
    .bind(after(now_ms, REFRESH_TOKEN_LIFETIME))
    .execute(connection)
    .await
    .map(drop)
}

fn after(now_ms: i64, time: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
