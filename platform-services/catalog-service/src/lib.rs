#![doc = include_str!("../README.md")]

pub mod config;
pub mod limits;
pub mod run;

mod availability;
mod brand;
mod category;
mod events;
mod failure;
mod http;
mod ids;
mod product;
mod refusal;
mod resolve;
mod search;
mod stock_events;
