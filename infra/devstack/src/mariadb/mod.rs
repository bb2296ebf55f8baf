//! A private MariaDB server.

mod builder;
mod greeting;
mod installed;
pub(crate) mod own_dir;
pub(crate) mod port;
pub(crate) mod random;
mod server;
pub(crate) mod template;

pub use builder::{Builder, Durability};
pub use greeting::greets;
pub use installed::{INITIALISE_TIMEOUT, Installed, as_this_user};
pub use server::{MariaDbServer, SQL_TIMEOUT, START_TIMEOUT, STOP_TIMEOUT};
