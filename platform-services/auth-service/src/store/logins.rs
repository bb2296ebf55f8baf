use contracts::Timestamp;
use serde::Serialize;
use sqlx::{AssertSqlSafe, FromRow, MySqlConnection, Row as _, mysql::MySqlRow};

use super::{Store, now_ms};
use crate::limits::EMAIL_CHARS_MAX;

/// What became of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LoginOutcome {
    /// A session began.
    Success,
    /// No such account, or another password.
    InvalidCredentials,
    /// The right password of a locked account.
    AccountLocked,
}

impl LoginOutcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::AccountLocked => "ACCOUNT_LOCKED",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        [Self::Success, Self::InvalidCredentials, Self::AccountLocked]
            .into_iter()
            .find(|outcome| outcome.as_str() == name)
    }
}

/// A login to note.
#[derive(Debug, Clone)]
pub struct NewLogin {
    /// Whose account; none where no account has the mail address.
    pub user_id: Option<String>,
    /// As it was typed.
    pub email: String,
    /// Where it came from.
    pub address: String,
    /// With what.
    pub user_agent: String,
    /// What became of it.
    pub outcome: LoginOutcome,
}

/// A login that was noted.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Login {
    /// Its number, as a text.
    #[serde(serialize_with = "as_text")]
    pub login_id: u64,
    /// Whose account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// As it was typed, cut.
    pub email: String,
    /// Where it came from.
    pub address: String,
    /// With what.
    pub user_agent: String,
    /// What became of it.
    pub outcome: LoginOutcome,
    /// When.
    pub at: Timestamp,
}

fn as_text<S: serde::Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Which logins an admin wants to see.
#[derive(Debug, Clone, Default)]
pub struct LoginFilter {
    /// Of this user.
    pub user_id: Option<String>,
    /// With this mail address.
    pub email: Option<String>,
    /// Before this one.
    pub before: Option<u64>,
}

impl Store {
    /// Notes a login that began no session.
    ///
    /// # Errors
    /// The database's.
    pub async fn note_login(&self, login: &NewLogin) -> Result<(), sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        insert(&mut connection, login, now_ms()).await
    }

    /// A page of logins, the newest in front; at most `rows`.
    ///
    /// # Errors
    /// The database's.
    pub async fn logins(&self, filter: &LoginFilter, rows: u32) -> Result<Vec<Login>, sqlx::Error> {
        let mut sql = "SELECT login_id, user_id, email, address, user_agent, outcome, at_ms \
             FROM login WHERE login_id < ?"
            .to_owned();
        if filter.user_id.is_some() {
            sql.push_str(" AND user_id = ?");
        }
        if filter.email.is_some() {
            sql.push_str(" AND email = ?");
        }
        sql.push_str(" ORDER BY login_id DESC LIMIT ?");
        let mut query = sqlx::query_as(AssertSqlSafe(sql)).bind(filter.before.unwrap_or(u64::MAX));
        for text in [&filter.user_id, &filter.email].into_iter().flatten() {
            query = query.bind(text);
        }
        query.bind(rows).fetch_all(&self.pool).await
    }
}

impl<'r> FromRow<'r, MySqlRow> for Login {
    fn from_row(row: &'r MySqlRow) -> Result<Self, sqlx::Error> {
        let outcome: String = row.try_get("outcome")?;
        let outcome = LoginOutcome::of_name(&outcome)
            .ok_or_else(|| sqlx::Error::Decode(format!("outcome: {outcome:?}").into()))?;
        let at = Timestamp::from_unix_ms(row.try_get("at_ms")?)
            .map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Self {
            login_id: row.try_get("login_id")?,
            user_id: row.try_get("user_id")?,
            email: row.try_get("email")?,
            address: row.try_get("address")?,
            user_agent: row.try_get("user_agent")?,
            outcome,
            at,
        })
    }
}

pub(super) async fn insert(
    connection: &mut MySqlConnection,
    login: &NewLogin,
    at_ms: i64,
) -> Result<(), sqlx::Error> {
    let email: String = login.email.chars().take(EMAIL_CHARS_MAX).collect();
    sqlx::query(
        "INSERT INTO login (user_id, email, address, user_agent, outcome, at_ms)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&login.user_id)
    .bind(email)
    .bind(&login.address)
    .bind(&login.user_agent)
    .bind(login.outcome.as_str())
    .bind(at_ms)
    .execute(connection)
    .await
    .map(drop)
}
