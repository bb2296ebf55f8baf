use contracts::{Envelope, Timestamp, user::Locked};
use service_kit::{audit, ids};
use sqlx::{MySql, Transaction};

use super::{Cause, Refusal, Store, StoreError, addresses::numbers, lock, lock_active, now};
use crate::domain::{Account, Status};

/// What is to be other about a profile.
#[derive(Debug, Clone, Default)]
pub struct ProfileChange {
    /// Another name.
    pub name: Option<String>,
    /// Another telephone, or none.
    pub phone: Option<Option<String>>,
}

/// What became of a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordChange {
    /// It counts.
    Done,
    /// The old one was changed by somebody else in the meantime.
    Overtaken,
}

impl Store {
    /// Changes a profile. Admins may also change that of a locked account.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn change_profile(
        &self,
        user_id: &str,
        change: ProfileChange,
        by_admin: bool,
    ) -> Result<Account, StoreError> {
        let mut transaction = self.begin().await?;
        let mut account = lock(&mut transaction, user_id).await?;
        match account.status {
            Status::Active => {}
            Status::Locked if by_admin => {}
            Status::Locked => return Err(Refusal::Locked.into()),
            Status::Withdrawn => return Err(Refusal::Withdrawn.into()),
        }
        account.name = change.name.unwrap_or(account.name);
        account.phone = change.phone.unwrap_or(account.phone);
        account.updated_at = now()?;
        sqlx::query("UPDATE account SET name = ?, phone = ?, updated_at_ms = ? WHERE user_id = ?")
            .bind(&account.name)
            .bind(&account.phone)
            .bind(account.updated_at.unix_ms())
            .bind(user_id)
            .execute(&mut *transaction)
            .await?;
        audit::record(&mut transaction, &format!("user:{user_id}")).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    /// Forgets everything about somebody but that there was an account; their mail address is free
    /// again. Says that they cannot log in any more.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn withdraw(&self, user_id: &str, cause: Cause) -> Result<(), StoreError> {
        let at = now()?;
        let mut transaction = self.begin().await?;
        lock_active(&mut transaction, user_id).await?;
        // One by one: a range would lock the gap in which others insert theirs.
        for (number, _) in numbers(&mut transaction, user_id).await? {
            sqlx::query("DELETE FROM address WHERE user_id = ? AND address_id = ?")
                .bind(user_id)
                .bind(number)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "UPDATE account SET status = 'WITHDRAWN', email = NULL, name = '', phone = NULL,
               password_hash = NULL, credential_version = credential_version + 1, updated_at_ms = ?
             WHERE user_id = ?",
        )
        .bind(at.unix_ms())
        .bind(user_id)
        .execute(&mut *transaction)
        .await?;
        // Without the mail address: it is nobody's now.
        self.say_locked(&mut transaction, user_id, None, at, cause)
            .await?;
        Ok(self.commit(transaction).await?)
    }

    /// Locks an account; nothing happens to one that is.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn lock(&self, user_id: &str, cause: Cause) -> Result<Account, StoreError> {
        let mut transaction = self.begin().await?;
        let mut account = lock(&mut transaction, user_id).await?;
        match account.status {
            Status::Active => {}
            Status::Locked => return Ok(account),
            Status::Withdrawn => return Err(Refusal::Withdrawn.into()),
        }
        account.status = Status::Locked;
        account.updated_at = now()?;
        sqlx::query(
            "UPDATE account SET status = 'LOCKED', credential_version = credential_version + 1,
               updated_at_ms = ? WHERE user_id = ?",
        )
        .bind(account.updated_at.unix_ms())
        .bind(user_id)
        .execute(&mut *transaction)
        .await?;
        let email = account.email.clone();
        self.say_locked(&mut transaction, user_id, email, account.updated_at, cause)
            .await?;
        audit::record(&mut transaction, &format!("user:{user_id}")).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    /// Unlocks an account; nothing happens to one that is not locked.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn unlock(&self, user_id: &str) -> Result<Account, StoreError> {
        let mut transaction = self.begin().await?;
        let mut account = lock(&mut transaction, user_id).await?;
        match account.status {
            Status::Locked => {}
            Status::Active => return Ok(account),
            Status::Withdrawn => return Err(Refusal::Withdrawn.into()),
        }
        account.status = Status::Active;
        account.updated_at = now()?;
        sqlx::query("UPDATE account SET status = 'ACTIVE', updated_at_ms = ? WHERE user_id = ?")
            .bind(account.updated_at.unix_ms())
            .bind(user_id)
            .execute(&mut *transaction)
            .await?;
        audit::record(&mut transaction, &format!("user:{user_id}")).await?;
        self.commit(transaction).await?;
        Ok(account)
    }

    /// Puts a new password in the place of the one that was checked, unless that is gone already.
    /// Every session of the old one is over.
    ///
    /// # Errors
    /// [`Refusal`], or the database's.
    pub async fn change_password(
        &self,
        user_id: &str,
        checked_hash: &str,
        new_hash: &str,
    ) -> Result<PasswordChange, StoreError> {
        let mut transaction = self.begin().await?;
        lock_active(&mut transaction, user_id).await?;
        let changed = sqlx::query(
            "UPDATE account SET password_hash = ?, credential_version = credential_version + 1,
               updated_at_ms = ? WHERE user_id = ? AND password_hash = ?",
        )
        .bind(new_hash)
        .bind(now()?.unix_ms())
        .bind(user_id)
        .bind(checked_hash)
        .execute(&mut *transaction)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(PasswordChange::Overtaken);
        }
        self.commit(transaction).await?;
        Ok(PasswordChange::Done)
    }

    async fn say_locked(
        &self,
        transaction: &mut Transaction<'_, MySql>,
        user_id: &str,
        email: Option<String>,
        at: Timestamp,
        cause: Cause,
    ) -> Result<(), StoreError> {
        let data = Locked {
            user_id: user_id.to_owned(),
            email,
        };
        let event = Envelope {
            causation_id: cause.request_id,
            traceparent: cause.traceparent,
            ..Envelope::new(ids::uuid(), at, data)
        };
        Ok(self.outbox.insert(transaction, &event).await?)
    }
}
