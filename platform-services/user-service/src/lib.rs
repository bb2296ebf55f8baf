#![doc = include_str!("../README.md")]

pub mod create_admin;
pub mod domain;
pub mod http;
pub mod limits;
pub mod password;
pub mod run;
pub mod store;
