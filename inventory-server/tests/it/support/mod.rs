//! What every test starts from.

pub(crate) mod answer;
pub(crate) mod contract;
pub(crate) mod raw;
pub(crate) mod schema;
pub(crate) mod server;

pub(crate) use answer::Answer;
pub(crate) use serde_json::json;
pub(crate) use server::{Server, TIMEOUT};
