//! How a command ends.

use std::io;

use inventory_core::{Fault, engine::ConnectError};
use service_kit::tls::TlsError;

use crate::database::DatabaseError;

/// A command that came to its end. The number is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing is wrong.
    Fine,
    /// Drift, or rows that were rejected.
    Found,
    /// It could not be told.
    Unclear,
}

impl Exit {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Found => 1,
            Self::Unclear => 2,
        }
    }

    /// [`Exit::Found`] if there is something.
    #[must_use]
    pub const fn found(something: bool) -> Self {
        if something { Self::Found } else { Self::Fine }
    }
}

/// Bad arguments, as in `sysexits.h`.
pub(super) const EX_USAGE: u8 = 64;

/// Why a command came to no end of its own.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The arguments make no sense.
    #[error("{0}")]
    Usage(String),
    /// What was asked cannot be told or done as things are.
    #[error("{0}")]
    Unclear(String),
    /// Redis is away, or the shard is closed.
    #[error("{0}")]
    Redis(#[from] Fault),
    /// Redis cannot be reached, or refuses.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// The database's URL is none, or nobody is there.
    #[error("{0}")]
    Database(#[from] DatabaseError),
    /// MariaDB did not answer as it should.
    #[error("MariaDB: {0}")]
    Sql(#[from] sqlx::Error),
    /// A file cannot be read or written.
    #[error("{0}")]
    File(#[from] io::Error),
}

impl From<TlsError> for Trouble {
    fn from(error: TlsError) -> Self {
        Self::Usage(format!("--{}: {error}", error.flag()))
    }
}

impl Trouble {
    /// The exit code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        match self {
            Self::Usage(_)
            | Self::Connect(ConnectError::Url(_))
            | Self::Database(DatabaseError::Url(_)) => EX_USAGE,
            Self::Unclear(_)
            | Self::Redis(_)
            | Self::Connect(_)
            | Self::Database(_)
            | Self::Sql(_)
            | Self::File(_) => Exit::Unclear.code(),
        }
    }
}
