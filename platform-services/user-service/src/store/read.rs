use sqlx::{AssertSqlSafe, Row as _};

use super::{COLUMNS, Refusal, Store, StoreError, check_id};
use crate::domain::{Account, Status};

/// What a login is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Whose they are.
    pub account: Account,
    /// In PHC form; none once withdrawn.
    pub password_hash: Option<String>,
}

/// Which users an admin wants to see.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Exactly this mail address.
    pub email: Option<String>,
    /// In this status.
    pub status: Option<Status>,
    /// Behind this user.
    pub after: Option<String>,
}

impl Store {
    /// The account.
    ///
    /// # Errors
    /// [`Refusal::UnknownUser`], or the database's.
    pub async fn account(&self, user_id: &str) -> Result<Account, StoreError> {
        check_id(user_id)?;
        let sql = format!("SELECT {COLUMNS} FROM account WHERE user_id = ?");
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(user_id)
            .fetch_optional(&self.pool)
            .await?
            .ok_or(StoreError::Refused(Refusal::UnknownUser))
    }

    /// The account of somebody who wants to see or change it themselves.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn own_account(&self, user_id: &str) -> Result<Account, StoreError> {
        let account = self.account(user_id).await?;
        super::refuse_unless_active(account.status)?;
        Ok(account)
    }

    /// The account with this mail address and its password's hash.
    ///
    /// # Errors
    /// The database's.
    pub async fn credentials_of_email(
        &self,
        email: &str,
    ) -> Result<Option<Credentials>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, password_hash FROM account WHERE email = ?");
        self.credentials(sql, email).await
    }

    /// The account with this id and its password's hash.
    ///
    /// # Errors
    /// The database's.
    pub async fn credentials_of_user(
        &self,
        user_id: &str,
    ) -> Result<Option<Credentials>, StoreError> {
        check_id(user_id)?;
        let sql = format!("SELECT {COLUMNS}, password_hash FROM account WHERE user_id = ?");
        self.credentials(sql, user_id).await
    }

    async fn credentials(&self, sql: String, key: &str) -> Result<Option<Credentials>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(key)
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Credentials {
            password_hash: row.try_get("password_hash")?,
            account: sqlx::FromRow::from_row(&row)?,
        }))
    }

    /// A page of accounts, those who registered first in front; at most `rows`.
    ///
    /// # Errors
    /// The database's.
    pub async fn accounts(
        &self,
        filter: &UserFilter,
        rows: u32,
    ) -> Result<Vec<Account>, StoreError> {
        let mut sql = format!("SELECT {COLUMNS} FROM account WHERE user_id > ?");
        if filter.email.is_some() {
            sql.push_str(" AND email = ?");
        }
        if filter.status.is_some() {
            sql.push_str(" AND status = ?");
        }
        sql.push_str(" ORDER BY user_id LIMIT ?");
        let mut query =
            sqlx::query_as(AssertSqlSafe(sql)).bind(filter.after.as_deref().unwrap_or_default());
        if let Some(email) = &filter.email {
            query = query.bind(email);
        }
        if let Some(status) = filter.status {
            query = query.bind(status.as_str());
        }
        Ok(query.bind(rows).fetch_all(&self.pool).await?)
    }
}
