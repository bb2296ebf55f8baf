//! The first admin, from the machine's own command line.

use std::io::BufRead;

use prometheus_client::registry::Registry;
use service_kit::{
    config::Secret,
    db::{self, DatabaseError, PoolSettings, ServiceName},
    http::auth::Role,
    relay::Waker,
};

use crate::{
    domain,
    password::{HashError, HashMetrics, Passwords},
    run::{AdminConfig, DATABASE, MIGRATIONS, SERVICE},
    store::{NewAccount, Refusal, Store, StoreError},
};

/// Why there is no new admin.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The password does not do.
    #[error("the password {0}; set USER_ADMIN_PASSWORD, or give it as a line on standard input")]
    Password(String),
    /// Standard input cannot be read.
    #[error("reading the password: {0}")]
    Input(#[from] std::io::Error),
    /// The mail address is a customer's.
    #[error("{email} is the account of a customer; choose another address")]
    Taken {
        /// The address.
        email: String,
        /// Whose it is, unless they withdrew in the meantime.
        user_id: Option<String>,
    },
    /// There is no database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// There is no hash.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// It cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The service's name cannot stand in front of a table.
    #[error(transparent)]
    Name(#[from] db::InvalidName),
}

/// What became of it, as a line to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// There is a new one with this id.
    New(String),
    /// There was one already, with this id; nothing was changed, its password neither.
    Before(String),
}

/// Creates an admin, also while the service runs, and leaves a line in the audit. `input` is read where
/// no password is configured.
///
/// # Errors
/// [`Error`]; nothing is changed.
pub async fn create_admin(config: AdminConfig, input: impl BufRead) -> Result<Created, Error> {
    let command = config.command.clone();
    let ended = create(config, input).await;
    // No mail addresses: the log would have them when the accounts are gone.
    let (user_id, outcome) = match &ended {
        Ok(Created::New(user_id)) => (Some(user_id), "done"),
        Ok(Created::Before(user_id)) => (Some(user_id), "refused"),
        Err(Error::Taken { user_id, .. }) => (user_id.as_ref(), "refused"),
        Err(Error::Password(_)) => (None, "refused"),
        Err(_) => (None, "failed"),
    };
    let on = user_id.map_or_else(|| "nobody".to_owned(), |user_id| format!("user:{user_id}"));
    command.ended(&on, outcome);
    ended
}

async fn create(config: AdminConfig, input: impl BufRead) -> Result<Created, Error> {
    let password = match config.password {
        Some(password) => password,
        None => read_line(input)?,
    };
    let password = domain::password(password.reveal()).map_err(Error::Password)?;
    let service: ServiceName = SERVICE.parse()?;
    let pool = db::pool(&config.database_url, DATABASE, PoolSettings::default())?;
    db::migrate(&config.database_url, DATABASE, &pool, &MIGRATIONS).await?;
    let metrics = HashMetrics::register(&mut Registry::default());
    let passwords = Passwords::new(config.hash, metrics)?;
    let store = Store::new(pool.clone(), &service, Waker::default());
    let new = NewAccount {
        email: config.email.clone(),
        name: config.name,
        phone: None,
        password_hash: passwords.hash(password).await?,
        role: Role::Admin,
    };
    let created = match store.register_by(new, &config.command).await {
        Ok(account) => Created::New(account.user_id),
        Err(StoreError::Refused(Refusal::EmailTaken)) => {
            match store.credentials_of_email(&config.email).await? {
                Some(found) if found.account.role == Role::Admin => {
                    Created::Before(found.account.user_id)
                }
                found => {
                    return Err(Error::Taken {
                        email: config.email,
                        user_id: found.map(|found| found.account.user_id),
                    });
                }
            }
        }
        Err(error) => return Err(error.into()),
    };
    pool.close().await;
    Ok(created)
}

fn read_line(mut input: impl BufRead) -> Result<Secret, std::io::Error> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned().into())
}
