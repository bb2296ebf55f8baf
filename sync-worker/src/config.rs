//! What both binaries are told on the command line or by `SYNC_*`: where Redis and MariaDB are.

use clap::Args;

pub use service_kit::config::without_password;

/// Where the two sides are.
#[derive(Debug, Clone, Args)]
pub struct Stores {
    /// Redis of the engine: `redis://[user:password@]host[:port][/db]` or `redis+unix:///path`.
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
