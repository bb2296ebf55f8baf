//! JSON in and out.
//!
//! Requests are read lazily: an object is split into named, unparsed members, and each member is
//! then read as what it should be, so that every fault is reported with its own path. The one hot
//! request, reserve, is first tried with a plain serde struct. Responses are written straight into
//! a byte buffer.

pub(crate) mod adjust;
pub(crate) mod batch;
pub(crate) mod bulk;
pub(crate) mod confirm;
pub(crate) mod count;
pub(crate) mod extend;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod metadata;
pub(crate) mod query;
pub(crate) mod release;
pub(crate) mod reservation;
pub(crate) mod reserve;
pub(crate) mod return_goods;
pub(crate) mod stock;
pub(crate) mod time;
pub(crate) mod write;

#[cfg(test)]
mod tests;
