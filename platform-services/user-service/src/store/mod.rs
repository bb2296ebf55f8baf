//! Accounts and addresses in MariaDB. Whoever changes an account or its addresses locks the
//! account's row first.

mod addresses;
mod change;
mod read;
mod register;

use contracts::Timestamp;
use service_kit::{
    clock,
    db::{self, ServiceName},
    http::{RequestContext, auth::Role},
    outbox::{Outbox, OutboxError},
    relay::Waker,
};
use sqlx::{FromRow, MySql, MySqlPool, Row as _, Transaction, mysql::MySqlRow};

pub use self::{
    change::{PasswordChange, ProfileChange},
    read::{Credentials, UserFilter},
    register::NewAccount,
};
use crate::domain::{Account, Status};

/// Why something is not done, though nothing failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The mail address has an account.
    #[error("there is an account with this email already; log in, or choose another email")]
    EmailTaken,
    /// No such account, or it is not theirs to see.
    #[error("there is no such user")]
    UnknownUser,
    /// The account is locked.
    #[error("this account is locked; ask the shop to unlock it")]
    Locked,
    /// The account was withdrawn: it never comes back.
    #[error("this account was withdrawn and cannot be changed; register again")]
    Withdrawn,
    /// No such address of this user.
    #[error("there is no such address of this user; GET /api/users/me/addresses lists them")]
    UnknownAddress,
    /// There are ten already.
    #[error(
        "there are {} addresses already; delete one first",
        crate::limits::ADDRESSES_MAX
    )]
    TooManyAddresses,
}

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database failed.
    #[error("the database: {0}")]
    Sql(#[from] sqlx::Error),
    /// The event cannot be written.
    #[error("the event: {0}")]
    Event(String),
}

impl From<OutboxError> for StoreError {
    fn from(error: OutboxError) -> Self {
        match error {
            OutboxError::Sql(error) => Self::Sql(error),
            other @ (OutboxError::Encode(_)
            | OutboxError::TooLarge { .. }
            | OutboxError::Key { .. }) => Self::Event(other.to_string()),
        }
    }
}

/// The tables of this service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pool: MySqlPool,
    outbox: Outbox,
    relay: Waker,
}

/// Who asked for a change: what its event names as its cause.
#[derive(Debug, Clone, Default)]
pub struct Cause {
    /// The request's id.
    pub request_id: Option<String>,
    /// Its trace.
    pub traceparent: Option<String>,
}

impl From<RequestContext> for Cause {
    fn from(context: RequestContext) -> Self {
        Self {
            request_id: Some(context.request_id),
            traceparent: context.traceparent,
        }
    }
}

impl Store {
    /// With the relay to wake after a commit.
    #[must_use]
    pub fn new(pool: MySqlPool, service: &ServiceName, relay: Waker) -> Self {
        Self {
            pool,
            outbox: Outbox::new(service),
            relay,
        }
    }

    async fn begin(&self) -> Result<Transaction<'static, MySql>, sqlx::Error> {
        db::begin(&self.pool).await
    }

    async fn commit(&self, transaction: Transaction<'_, MySql>) -> Result<(), sqlx::Error> {
        transaction.commit().await?;
        self.relay.wake();
        Ok(())
    }
}

const COLUMNS: &str = "user_id, email, name, phone, role, status, credential_version, \
     created_at_ms, updated_at_ms";

impl<'r> FromRow<'r, MySqlRow> for Account {
    fn from_row(row: &'r MySqlRow) -> Result<Self, sqlx::Error> {
        let role: String = row.try_get("role")?;
        let status: String = row.try_get("status")?;
        Ok(Self {
            user_id: row.try_get("user_id")?,
            email: row.try_get("email")?,
            name: row.try_get("name")?,
            phone: row.try_get("phone")?,
            role: Role::of_name(&role).ok_or_else(|| unreadable("role", &role))?,
            status: Status::of_name(&status).ok_or_else(|| unreadable("status", &status))?,
            credential_version: row.try_get("credential_version")?,
            created_at: timestamp(row.try_get("created_at_ms")?)?,
            updated_at: timestamp(row.try_get("updated_at_ms")?)?,
        })
    }
}

fn timestamp(ms: i64) -> Result<Timestamp, sqlx::Error> {
    Timestamp::from_unix_ms(ms).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn unreadable(column: &str, text: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column}: {text:?}").into())
}

fn now() -> Result<Timestamp, sqlx::Error> {
    timestamp(clock::unix_ms())
}

/// The database compares ids as ASCII and refuses to look for anything else.
fn check_id(user_id: &str) -> Result<(), Refusal> {
    if user_id.is_ascii() {
        Ok(())
    } else {
        Err(Refusal::UnknownUser)
    }
}

/// Locks the account's row.
async fn lock(
    transaction: &mut Transaction<'_, MySql>,
    user_id: &str,
) -> Result<Account, StoreError> {
    check_id(user_id)?;
    let sql = format!("SELECT {COLUMNS} FROM account WHERE user_id = ? FOR UPDATE");
    sqlx::query_as(sqlx::AssertSqlSafe(sql))
        .bind(user_id)
        .fetch_optional(&mut **transaction)
        .await?
        .ok_or(StoreError::Refused(Refusal::UnknownUser))
}

/// Locks the row of an account whose owner may change it.
async fn lock_active(
    transaction: &mut Transaction<'_, MySql>,
    user_id: &str,
) -> Result<Account, StoreError> {
    let account = lock(transaction, user_id).await?;
    refuse_unless_active(account.status)?;
    Ok(account)
}

fn refuse_unless_active(status: Status) -> Result<(), Refusal> {
    match status {
        Status::Active => Ok(()),
        Status::Locked => Err(Refusal::Locked),
        Status::Withdrawn => Err(Refusal::Withdrawn),
    }
}
