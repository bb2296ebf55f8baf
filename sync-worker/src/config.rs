//! What both binaries are told on the command line or by `SYNC_*`: where Redis and MariaDB are.

use std::path::Path;

use clap::Args;

pub use service_kit::config::without_password;
use service_kit::tls::{TlsError, Trust};

/// Where the two sides are.
#[derive(Debug, Clone, Args)]
pub struct Stores {
    /// Redis of the engine: `redis://[user:password@]host[:port][/db]`, `rediss://…` with TLS, or
    /// `redis+unix:///path`.
    #[arg(
        long,
        env = "SYNC_REDIS_URL",
        hide_env_values = true,
        default_value = "redis://127.0.0.1:6379",
        global = true
    )]
    pub redis_url: String,
    /// MariaDB: `mysql://user:password@host[:port]/database`; database `inventory` where the URL
    /// names none, created if it is missing and the user may.
    #[arg(
        long,
        env = "SYNC_DATABASE_URL",
        hide_env_values = true,
        default_value = "mysql://root@127.0.0.1:3306/inventory",
        global = true
    )]
    pub database_url: String,
    /// Authorities that outgoing connections trust beside the system's: PEM.
    #[arg(long, env = "SYNC_TLS_CA", value_name = "FILE", global = true)]
    pub tls_ca: Option<String>,
}

impl Stores {
    /// Whom connections trust.
    ///
    /// # Errors
    /// [`TlsError`]: the file of `--tls-ca` is of no use.
    pub fn trust(&self) -> Result<Trust, TlsError> {
        let file = self.tls_ca.as_deref().map(Path::new);
        file.map_or_else(|| Ok(Trust::default()), Trust::open)
    }
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(
            without_password("mysql://u:p@ss@h:1/db"),
            "mysql://u@h:1/db"
        );
        assert_eq!(without_password("redis://h:1"), "redis://h:1");
    }
}
