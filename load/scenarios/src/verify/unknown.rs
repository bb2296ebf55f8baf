//! Looking up what the clients were not told, after all their retries.

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    flow::Flow,
    http::Api,
    stores::{journal::Ledger, mariadb::MariaDb, stock},
    tally::Unknown,
};

/// Problems in a list are enough.
const LISTED_MAX: usize = 10;

/// What was found out.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// What the clients would have counted, had they been told.
    pub(super) flow: Flow,
    pub(super) notes: Vec<String>,
    pub(super) problems: Vec<String>,
}

/// Where the outcomes are to be found.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) inventory: &'a Api,
    pub(super) mariadb: Option<&'a MariaDb>,
    pub(super) journal: Option<&'a Ledger>,
    /// What the SKUs of the run begin with.
    pub(super) prefix: &'a str,
}

impl Lookup<'_> {
    /// All of them.
    pub(super) fn resolve(&self, unknown: &[Unknown]) -> Result<Resolved, String> {
        let mut resolved = Resolved::default();
        let (mut done, mut not_done) = (0_u64, 0_u64);
        for Unknown { id, op } in unknown {
            match self.one(op.strip_prefix("batch-").unwrap_or(op), id)? {
                Ok(Some(flow)) => {
                    done += 1;
                    resolved.flow += flow;
                }
                Ok(None) => not_done += 1,
                Err(why) if resolved.problems.len() < LISTED_MAX => {
                    let problem = format!("the outcome of {op} {id} is not known: {why}");
                    resolved.problems.push(problem);
                }
                Err(_) => {}
            }
        }
        if !unknown.is_empty() {
            resolved.notes.push(format!(
                "{} outcomes the clients were not told were looked up: {done} were done, {not_done} not",
                unknown.len()
            ));
        }
        Ok(resolved)
    }

    /// What the clients would have counted; `None`: it was not done. The inner error: nobody can say.
    fn one(&self, op: &str, id: &str) -> Result<Result<Option<Flow>, String>, String> {
        Ok(match (op, self.mariadb, self.journal) {
            ("adjust", Some(mariadb), _) => {
                let delta = self.runtime.block_on(mariadb.adjusted(self.prefix, id))?;
                Ok(delta.map(|adjusted| Flow {
                    adjusted,
                    ..Flow::default()
                }))
            }
            ("return", _, Some(journal)) => Ok(journal.returns.get(id).map(|returned| Flow {
                returned: *returned,
                ..Flow::default()
            })),
            ("adjust", None, _) => Err("the audit log was not there to look it up".to_owned()),
            ("return", _, None) => Err("the journal was not there to look it up".to_owned()),
            // A new deadline moves no units.
            ("extend", ..) => Ok(None),
            (op, ..) => match stock::reservation(self.inventory, id)? {
                Some(reservation) => of_reservation(op, &reservation),
                None => Ok(None),
            },
        })
    }
}

/// What the clients would have counted, had they been told how this operation on it ended; `None`: nothing.
fn of_reservation(op: &str, reservation: &Value) -> Result<Option<Flow>, String> {
    let held = stock::units(&reservation["items"]);
    let sold = stock::units(&reservation["confirmedItems"]);
    let status = reservation["status"].as_str().unwrap_or_default();
    let is_sold = matches!(status, "CONFIRMED" | "PARTIALLY_RETURNED" | "RETURNED");
    let none = Flow::default();
    let end = match status {
        "RELEASED" => Some(Flow {
            released: held,
            ..none
        }),
        _ if is_sold => Some(Flow {
            confirmed: sold,
            released: held - sold,
            ..none
        }),
        _ => None,
    };
    match op {
        // Who was not told that it is held did nothing with it.
        "reserve" => Ok(Some(Flow { held, ..none })),
        "confirm" if is_sold => Ok(end),
        "release" if status == "RELEASED" => Ok(end),
        "confirm" | "release" => Ok(None),
        // Of an order: what was held, and what became of it without the client.
        "order" => Ok(Some(Flow { held, ..none } + end.unwrap_or_default())),
        "order-end" => Ok(end),
        other => Err(format!("nobody here knows how to look up {other}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_done_counts_and_nothing_else() {
        let none = Flow::default();
        let line = |quantity: u32| json!([{"skuId": "a", "quantity": quantity}]);
        let open = json!({"status": "RESERVED", "items": line(3)});
        let sold = json!({"status": "CONFIRMED", "items": line(3), "confirmedItems": line(2)});
        let released = json!({"status": "RELEASED", "items": line(3)});
        let expired = json!({"status": "EXPIRED", "items": line(3)});
        let held = Some(Flow { held: 3, ..none });
        let end = Flow {
            confirmed: 2,
            released: 1,
            ..none
        };
        for (op, reservation, expected) in [
            ("reserve", &open, held),
            ("reserve", &expired, held),
            ("confirm", &open, None),
            ("confirm", &sold, Some(end)),
            (
                "release",
                &released,
                Some(Flow {
                    released: 3,
                    ..none
                }),
            ),
            ("release", &expired, None),
            ("order", &sold, Some(Flow { held: 3, ..end })),
            ("order", &expired, held),
            ("order-end", &expired, None),
            ("order-end", &sold, Some(end)),
        ] {
            assert_eq!(
                of_reservation(op, reservation),
                Ok(expected),
                "{op} {reservation}"
            );
        }
        assert!(of_reservation("dance", &sold).is_err());
    }
}
