//! Prometheus scrapes the whole shop while somebody shops: every panel and every alert has its figures,
//! or a reason why not; and what alerts are for raises them.

#[cfg(test)]
mod alarm;
#[cfg(test)]
mod busy;
#[cfg(test)]
mod empty;
#[cfg(test)]
mod figures;
#[cfg(test)]
#[path = "../it/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with tests/it")]
mod support;
#[cfg(test)]
mod watched;
