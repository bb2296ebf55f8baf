//! Backup and restore, with what docs/operations.md tells people to type: each block of the page is run by a
//! shell as it stands there.

mod hands;
mod kubernetes;
mod mariadb;
mod page;
mod redis;
mod shop;
