#![doc = include_str!("../README.md")]

pub mod attempts;
pub mod caller;
pub mod clients;
pub mod http;
pub mod keys;
pub mod limits;
pub mod locked;
pub mod rotate_keys;
pub mod run;
pub mod secret;
pub mod store;
pub mod tokens;
pub mod users;
