//! Redis, MariaDB or a worker is lost while customers buy over HTTP. After each loss nothing is sold
//! twice, no hold is gone that MariaDB knew, both sides agree, and nobody was told a lie.

mod clients;
mod grace;
mod losses;
mod mariadb;
mod redis;
mod stage;
mod verify;
mod workers;
