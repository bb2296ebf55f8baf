//! `reconcile` as people run it.

mod check;
mod commands;
mod import;
mod load;
mod operator;
mod repair;
mod verify;

use serde_json::Value;

use crate::{bench::*, support::*};
