//! Purchase limits and what was used of them. Counters have no version, so one that differs is
//! looked at again until it stands still.

use std::collections::{BTreeMap, HashMap, HashSet};

use inventory_core::{
    Epoch, JournalId, Sku, TimestampMs,
    engine::{KeptLimit, KeptUse},
    limits::LIMIT_WINDOW_SLICES,
};
use serde_json::{Value, json};
use sqlx::Row;

use super::{Checker, Drift, Subject, rows::changed};
use crate::{
    limits::{CHECK_COUNTER_LOOKS, CHECK_LOOKS},
    reconcile::exit::Trouble,
};

/// A limit: quantity, window in ms, generation.
type Limit = (u32, u64, JournalId);

/// Units by slice of the window; slice 0 for life.
type Slices = BTreeMap<u64, i64>;

/// Rows of MariaDB of one counter, and the latest change of any of them.
#[derive(Debug, Default)]
struct CounterRow {
    slices: Slices,
    changed: JournalId,
}

impl Checker<'_> {
    /// Limits, then the counters of every limit and of every key of counters that was `seen`.
    pub(super) async fn settled_limits(
        &self,
        seen: HashSet<(JournalId, Sku)>,
    ) -> Result<Vec<Drift>, Trouble> {
        let mut drift = Vec::new();
        for look in 1..=CHECK_LOOKS {
            let (found, limits) = self.limits().await?;
            drift = found;
            if drift.is_empty() || look == CHECK_LOOKS {
                let mut counters: HashSet<_> = seen;
                let windows = limits.iter().map(|(sku, l)| ((l.2, sku.clone()), l.1));
                let windows: HashMap<_, _> = windows.collect();
                counters.extend(windows.keys().cloned());
                self.note(|found| found.compared.limits += limits.len() as u64);
                for (generation, sku) in counters {
                    let window = windows.get(&(generation, sku.clone())).copied();
                    drift.extend(self.settled_used(generation, &sku, window).await?);
                }
                break;
            }
        }
        Ok(drift)
    }

    /// One look at all limits: what differs, and what Redis has.
    async fn limits(&self) -> Result<(Vec<Drift>, HashMap<Sku, Limit>), Trouble> {
        let cut = self.both.engine.cut_limits(self.both.shard).await?;
        self.projected(cut.at).await?;
        let rows = sqlx::query(
            "SELECT sku_id, quantity, window_ms, generation_epoch, generation_n, changed_epoch,
                 changed_n
             FROM purchase_limit",
        )
        .fetch_all(&self.both.pool)
        .await?;
        let mut mariadb: HashMap<String, (Limit, JournalId)> = HashMap::new();
        for row in &rows {
            let generation = JournalId {
                epoch: Epoch(row.try_get("generation_epoch")?),
                n: row.try_get("generation_n")?,
            };
            let limit = (
                row.try_get("quantity")?,
                row.try_get("window_ms")?,
                generation,
            );
            mariadb.insert(row.try_get("sku_id")?, (limit, changed(row)?));
        }
        let redis: HashMap<Sku, Limit> = cut
            .values
            .into_iter()
            .map(
                |KeptLimit {
                     sku,
                     quantity,
                     window_ms,
                     generation,
                 }| (sku, (quantity, window_ms, generation)),
            )
            .collect();
        let mut drift = Vec::new();
        for (sku, limit) in &redis {
            let row = mariadb.remove(sku.as_str());
            // A limit that was set or removed after the cut is looked at again.
            let same = row
                .as_ref()
                .is_some_and(|(row, changed)| row == limit || *changed > cut.at);
            if !same {
                drift.push(limit_drift(sku, Some(limit), row.as_ref().map(|r| &r.0)));
            }
        }
        for (sku, (limit, changed)) in &mariadb {
            let Ok(sku) = Sku::parse(sku) else { continue };
            if *changed <= cut.at {
                drift.push(limit_drift(&sku, None, Some(limit)));
            }
        }
        for sku in cut.corrupt {
            let what = "Redis has something that is no limit";
            drift.push(Drift::new(Subject::Key(format!("limits {sku}")), what));
        }
        Ok((drift, redis))
    }

    /// The counters of one limit, those that differ looked at again until they stand still.
    async fn settled_used(
        &self,
        generation: JournalId,
        sku: &Sku,
        window: Option<u64>,
    ) -> Result<Vec<Drift>, Trouble> {
        let mut compared = None;
        let (mut drift, mut moving) = (Vec::new(), 0);
        for _ in 0..CHECK_COUNTER_LOOKS {
            let look = self.used(generation, sku, window).await?;
            compared.get_or_insert(look.compared);
            (drift, moving) = (look.drift, look.moving);
            if drift.is_empty() && moving == 0 {
                break;
            }
        }
        self.note(|found| {
            found.compared.counters += compared.unwrap_or_default();
            found.unsettled += moving;
        });
        Ok(drift)
    }

    async fn used(
        &self,
        generation: JournalId,
        sku: &Sku,
        window: Option<u64>,
    ) -> Result<Used, Trouble> {
        let (engine, shard) = (&self.both.engine, self.both.shard);
        let (mut redis, mut first, mut last) = (HashMap::new(), None, None);
        let mut cursor = Some(0);
        while let Some(at) = cursor {
            let page = engine.cut_used(shard, generation, sku, at).await?;
            first.get_or_insert(page.at);
            last = Some(page.at);
            for KeptUse { customer, counter } in page.values {
                redis.insert(customer, counter);
            }
            cursor = page.next;
        }
        // After the pages: what Redis had dropped by then has passed now, too.
        let now = engine.cut(shard, &[], &[]).await?.now;
        let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
        self.projected(last).await?;
        let mut rows = self.used_rows(generation, sku).await?;
        let mut used = Used {
            compared: redis.len() as u64,
            ..Used::default()
        };
        let mut suspects = Vec::new();
        let mut judge = |customer: String, counter: Option<&str>, row: CounterRow| {
            let left = counter.map(|text| counting(parsed(text), window, now));
            let right = counting(row.slices, window, now);
            if left
                .as_ref()
                .map_or(right.is_empty(), |left| *left == right)
            {
                return;
            }
            let subject = Subject::Used(sku.clone(), customer.clone());
            let text = |slices: &Slices| match slices.is_empty() {
                true => Value::Null,
                false => json!(counter_text(slices)),
            };
            let found = Drift::new(subject, "what was used differs");
            let found = found.sides(left.as_ref().map_or(Value::Null, text), text(&right));
            suspects.push((customer, row.changed, found));
        };
        for (customer, counter) in redis {
            let row = rows.remove(&customer).unwrap_or_default();
            judge(customer, Some(&counter), row);
        }
        for (customer, row) in rows {
            judge(customer, None, row);
        }
        for (customer, changed, found) in suspects {
            // It may have been changed between the pages and the rows.
            if changed > first || self.bought(&customer, first).await? {
                used.moving += 1;
            } else {
                used.drift.push(found);
            }
        }
        Ok(used)
    }

    /// Whether a customer's reservations have changed since: a counter that comes to nothing leaves
    /// no row that would say so.
    async fn bought(&self, customer: &str, since: JournalId) -> Result<bool, Trouble> {
        let found: Option<u64> = sqlx::query_scalar(
            "SELECT changed_n FROM reservation
             WHERE customer_id = ? AND (changed_epoch > ? OR changed_epoch = ? AND changed_n > ?)
             LIMIT 1",
        )
        .bind(customer)
        .bind(since.epoch.0)
        .bind(since.epoch.0)
        .bind(since.n)
        .fetch_optional(&self.both.pool)
        .await?;
        Ok(found.is_some())
    }

    async fn used_rows(
        &self,
        generation: JournalId,
        sku: &Sku,
    ) -> Result<HashMap<String, CounterRow>, Trouble> {
        let rows = sqlx::query(
            "SELECT customer_id, slice, units, changed_epoch, changed_n FROM purchase_used
             WHERE sku_id = ? AND generation_epoch = ? AND generation_n = ?",
        )
        .bind(sku.as_str())
        .bind(generation.epoch.0)
        .bind(generation.n)
        .fetch_all(&self.both.pool)
        .await?;
        let mut counters: HashMap<String, CounterRow> = HashMap::new();
        for row in &rows {
            let counter = counters.entry(row.try_get("customer_id")?).or_default();
            let slice = row.try_get("slice")?;
            counter.slices.insert(slice, row.try_get("units")?);
            counter.changed = counter.changed.max(changed(row)?);
        }
        Ok(counters)
    }
}

/// One look at the counters of a limit.
#[derive(Debug, Default)]
struct Used {
    drift: Vec<Drift>,
    /// Differences that may come of a change meanwhile.
    moving: u64,
    compared: u64,
}

fn limit_drift(sku: &Sku, redis: Option<&Limit>, mariadb: Option<&Limit>) -> Drift {
    let json = |limit: Option<&Limit>| {
        limit.map_or(Value::Null, |(quantity, window_ms, generation)| {
            json!({
                "quantity": quantity, "windowMs": window_ms,
                "generation": generation.to_string(),
            })
        })
    };
    let what = match (redis, mariadb) {
        (None, _) => "missing in Redis",
        (_, None) => "missing in MariaDB",
        (Some(_), Some(_)) => "limits differ",
    };
    Drift::new(Subject::Limit(sku.clone()), what).sides(json(redis), json(mariadb))
}

/// Units, or `<slice>:<units> ...`.
fn parsed(counter: &str) -> Slices {
    counter
        .split(' ')
        .filter_map(|part| {
            let (slice, units) = part.split_once(':').unwrap_or(("0", part));
            Some((slice.parse().ok()?, units.parse().ok()?))
        })
        .collect()
}

fn counter_text(slices: &Slices) -> String {
    let parts = slices.iter().map(|(slice, units)| match slice {
        0 => units.to_string(),
        slice => format!("{slice}:{units}"),
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// Without the slices whose window has passed: each side drops those when it comes to it.
fn counting(mut slices: Slices, window: Option<u64>, now: TimestampMs) -> Slices {
    slices.retain(|_, units| *units != 0);
    if let Some(window_ms) = window.filter(|ms| *ms > 0) {
        let slice_ms = (window_ms / LIMIT_WINDOW_SLICES).max(1);
        slices.retain(|slice, _| {
            let end = slice.saturating_add(1).saturating_mul(slice_ms);
            end.saturating_add(window_ms) > now.0
        });
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_and_written_alike() {
        for text in ["5", "7:1 8:2"] {
            assert_eq!(counter_text(&parsed(text)), text);
        }
    }

    #[test]
    fn what_has_passed_or_is_nothing_does_not_count() {
        let slices = parsed("1:1 9:2 10:0");
        let left = counting(slices.clone(), Some(2_000), TimestampMs(2_010));
        assert_eq!(counter_text(&left), "9:2");
        assert_eq!(
            counter_text(&counting(slices, None, TimestampMs(0))),
            "1:1 9:2"
        );
    }
}
