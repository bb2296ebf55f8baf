use contracts::{Envelope, user::Registered};
use service_kit::{audit, db::OnConstraint as _, http::auth::Role, ids};
use sqlx::{MySql, Transaction};

use super::{Cause, Refusal, Store, StoreError, now};
use crate::domain::{Account, Status};

/// Somebody who is not there yet.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// As [`crate::domain::email`] makes it.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their telephone.
    pub phone: Option<String>,
    /// In PHC form.
    pub password_hash: String,
    /// What they are.
    pub role: Role,
}

impl Store {
    /// Creates an account and says so, unless the mail address has one.
    ///
    /// # Errors
    /// [`Refusal::EmailTaken`], or the database's.
    pub async fn register(&self, new: NewAccount, cause: Cause) -> Result<Account, StoreError> {
        let mut transaction = self.begin().await?;
        let account = self.insert(&mut transaction, new, cause).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    /// As [`Store::register`], for somebody of the staff: the audit says who creates the account.
    ///
    /// # Errors
    /// [`Refusal::EmailTaken`], or the database's.
    pub async fn register_by(
        &self,
        new: NewAccount,
        command: &audit::Command,
    ) -> Result<Account, StoreError> {
        let cause = Cause {
            request_id: Some(command.id().to_owned()),
            traceparent: None,
        };
        let mut transaction = self.begin().await?;
        let account = self.insert(&mut transaction, new, cause).await?;
        let subject = format!("user:{}", account.user_id);
        command.record(&mut transaction, &subject).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    async fn insert(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        new: NewAccount,
        cause: Cause,
    ) -> Result<Account, StoreError> {
        let user_id = ids::uuid();
        let at = now()?;
        sqlx::query(
            "INSERT INTO account
               (user_id, email, name, phone, password_hash, role, status, created_at_ms, updated_at_ms)
             VALUES (?, ?, ?, ?, ?, ?, 'ACTIVE', ?, ?)",
        )
        .bind(&user_id)
        .bind(&new.email)
        .bind(&new.name)
        .bind(&new.phone)
        .bind(&new.password_hash)
        .bind(new.role.as_str())
        .bind(at.unix_ms())
        .bind(at.unix_ms())
        .execute(&mut **transaction)
        .await
        .on_constraint("account_email", || StoreError::Refused(Refusal::EmailTaken))?;
        let data = Registered {
            user_id: user_id.clone(),
            email: Some(new.email.clone()),
        };
        let event = Envelope {
            causation_id: cause.request_id,
            traceparent: cause.traceparent,
            ..Envelope::new(ids::uuid(), at, data)
        };
        self.outbox.insert(transaction, &event).await?;
        Ok(Account {
            user_id,
            email: Some(new.email),
            name: new.name,
            phone: new.phone,
            status: Status::Active,
            role: new.role,
            credential_version: 1,
            created_at: at,
            updated_at: at,
        })
    }

    /// Whether the mail address has an account: spares a hash, decides nothing.
    ///
    /// # Errors
    /// The database's.
    pub async fn has_email(&self, email: &str) -> Result<bool, StoreError> {
        let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM account WHERE email = ?")
            .bind(email)
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.is_some())
    }
}
