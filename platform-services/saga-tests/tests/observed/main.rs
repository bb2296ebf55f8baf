//! What operators see of the shop: one trace of an order, the ids in every line of the logs, and the audit.

#[cfg(test)]
mod audit;
#[cfg(test)]
mod collector;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod one_trace;
#[cfg(test)]
mod shop;
#[cfg(test)]
#[path = "../it/support/mod.rs"]
#[expect(dead_code, reason = "shared with tests/it")]
mod support;
