//! A private MariaDB server.

mod builder;
mod greeting;
mod installed;
mod server;
mod template;

pub use builder::{Builder, Durability};
pub use greeting::greets;
pub use installed::{INITIALISE_TIMEOUT, Installed, as_this_user};
pub use server::{MariaDb, MariaDbServer, SQL_TIMEOUT, START_TIMEOUT, STOP_TIMEOUT};
