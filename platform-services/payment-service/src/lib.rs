#![doc = include_str!("../README.md")]

mod api;
mod apply;
mod config;
mod confirm;
mod direct;
mod events;
mod gauges;
mod hold;
mod limits;
mod look;
mod metrics;
mod payments;
mod refund;
mod refusal;
mod run;
pub mod sandbox;
pub mod state;
mod store;
mod sweep;
pub mod toss;
mod work;

pub use self::{
    config::Config,
    limits::Limits,
    run::{Error, run},
};
