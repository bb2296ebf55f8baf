#![doc = include_str!("../README.md")]
#![warn(clippy::arithmetic_side_effects)]

pub mod domain;
pub mod engine;
pub mod limits;
pub mod model;

pub use domain::*;
