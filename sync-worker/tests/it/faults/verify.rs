//! What must be true after every loss.

use std::collections::{BTreeMap, BTreeSet};

use inventory_core::JournalId;
use sync_worker::limits::GRACE;

use super::{
    clients::{Ack, Book, PLENTY, SCARCE, SKUS, Sale},
    stage::{Fault, Known, Stage},
};
use crate::support::*;

/// Whether acknowledged changes may be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    Nothing,
    /// Those that were in the lost part of the journal and not yet in MariaDB.
    Unprojected,
}

/// What the audit log has.
#[derive(Debug, Default)]
struct Log {
    changes: BTreeSet<(String, String)>,
    operations: BTreeSet<String>,
    /// Its last entry of each epoch.
    ends: BTreeMap<u64, u64>,
}

/// The end of the story: both sides agree on it.
struct End {
    now: Known,
    log: Log,
    reports: Vec<Told>,
}

/// A report of a recovery.
struct Told {
    kind: String,
    /// When it began, on the shard's clock.
    at_ms: u64,
    report: serde_json::Value,
}

impl Stage {
    /// Holds what the clients were told against what is there. How many acknowledged changes are
    /// gone.
    pub(crate) async fn verify(&self, book: &Book, kinds: &[&str], lost: Lost) -> usize {
        let world = &self.world;
        self.brief_holds_are_over().await;
        world.agree().await;
        let end = End {
            now: Known::read(&world.pool).await,
            log: self.log().await,
            reports: self.told().await,
        };
        let found: Vec<_> = end.reports.iter().map(|told| told.kind.as_str()).collect();
        assert_eq!(found, kinds);

        assert_eq!(book.wrong, Vec::<String>::new());
        let mut gone = Vec::new();
        for sale in &book.sales {
            gone.extend(end.judge(sale));
        }
        for change in &book.adjustments {
            if !end.now.operations.contains(&change.id) {
                gone.push((change.id.clone(), "ADJUSTED", change.sent));
            }
        }
        for (id, state, sent) in &gone {
            assert_eq!(lost, Lost::Unprojected, "{id}: {state} is lost");
            let was_there = |fault: &Fault| *sent < fault.done;
            assert!(self.faults.iter().any(was_there), "{id}: {state} is lost");
            // The log has all of an epoch up to its end (`agree`), so this was beyond it.
            let logged = (id.clone(), (*state).to_owned());
            assert!(!end.log.changes.contains(&logged), "{logged:?} is lost");
            assert!(!end.log.operations.contains(id), "{id} is lost");
        }
        if !gone.is_empty() {
            eventually("the servers count what was lost", async || {
                self.counted_lost() > 0.0
            })
            .await;
        }
        self.nothing_came_of_nothing(book, &end);
        for fault in &self.faults {
            end.knows(fault, book);
        }
        self.figures(book, &end).await;
        if !kinds.contains(&"RESYNCED") {
            self.chain().await;
        }
        self.reported(&end).await;
        println!(
            "{kinds:?}: {} sales, {} adjustments, {} acknowledged changes lost",
            book.sales.len(),
            book.adjustments.len(),
            gone.len()
        );
        gone.len()
    }

    /// All but those that a recovery gave more time.
    async fn brief_holds_are_over(&self) {
        eventually("no hold is about to expire", async || {
            let due: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM reservation
                 WHERE status = 'RESERVED' AND expires_at < UTC_TIMESTAMP() + INTERVAL 15 SECOND",
            )
            .fetch_one(&self.world.pool)
            .await
            .unwrap();
            due == 0
        })
        .await;
    }

    /// The reports but for that of the first start.
    async fn told(&self) -> Vec<Told> {
        let rows: Vec<(String, u64, String)> = sqlx::query_as(
            "SELECT kind, CAST(UNIX_TIMESTAMP(at) * 1000 AS UNSIGNED), report
             FROM recovery_report ORDER BY id",
        )
        .fetch_all(&self.world.pool)
        .await
        .unwrap();
        let told = rows.into_iter().skip(1).map(|(kind, at_ms, report)| Told {
            kind,
            at_ms,
            report: serde_json::from_str(&report).unwrap(),
        });
        told.collect()
    }

    async fn log(&self) -> Log {
        let rows: Vec<(Option<String>, Option<String>, String)> =
            sqlx::query_as("SELECT reservation_id, operation_id, kind FROM stock_journal")
                .fetch_all(&self.world.pool)
                .await
                .unwrap();
        let mut log = Log::default();
        for (reservation, operation, kind) in rows {
            log.changes.extend(reservation.map(|id| (id, kind)));
            log.operations.extend(operation);
        }
        let ends: Vec<(u64, u64)> =
            sqlx::query_as("SELECT epoch, MAX(n) FROM stock_journal GROUP BY epoch")
                .fetch_all(&self.world.pool)
                .await
                .unwrap();
        log.ends.extend(ends);
        log
    }

    /// There is nothing that nobody was told of.
    fn nothing_came_of_nothing(&self, book: &Book, end: &End) {
        let asked: BTreeSet<_> = book.sales.iter().map(|sale| &sale.id).collect();
        let untold = end.now.reservations.keys().find(|id| !asked.contains(id));
        assert_eq!(untold, None);
        let asked: BTreeSet<_> = book.adjustments.iter().map(|change| &change.id).collect();
        let known = |id: &&String| asked.contains(id) || id.starts_with("put-");
        let known = |id: &&String| known(id) || id.starts_with("fill-");
        assert_eq!(end.now.operations.iter().find(|id| !known(id)), None);
    }

    /// Nothing is sold or held that was never there.
    async fn figures(&self, book: &Book, end: &End) {
        for sku in SKUS {
            let [available, reserved, sold, ledger]: [i64; 4] = {
                let row: (i64, i64, i64, i64) = sqlx::query_as(
                    "SELECT available_quantity, reserved_quantity, sold_quantity, ledger_quantity
                     FROM stock_item WHERE sku_id = ?",
                )
                .bind(sku)
                .fetch_one(&self.world.pool)
                .await
                .unwrap();
                row.into()
            };
            let adjusted = book
                .adjustments
                .iter()
                .filter(|change| change.sku == sku && end.now.operations.contains(&change.id));
            let adjusted: i64 = adjusted.map(|change| change.delta).sum();
            let initial = if sku == "scarce" { SCARCE } else { PLENTY };
            let initial = i64::try_from(initial).unwrap();
            let units = |state: &str| -> i64 {
                let sales = book.sales.iter().filter(|sale| sale.sku == sku);
                let sales = sales.filter(|sale| end.status(&sale.id) == Some(state));
                sales.map(|sale| i64::from(sale.quantity)).sum()
            };
            assert_eq!(sold, units("CONFIRMED"), "{sku}: sold");
            assert_eq!(reserved, units("RESERVED"), "{sku}: held");
            assert!(available >= 0, "{sku}: {available}");
            let there = initial + adjusted;
            assert_eq!(available + reserved + sold, there, "{sku}: oversold");
            assert_eq!(ledger, there, "{sku}: ledger");
        }
    }

    /// Each version of a stock begins as the one before ended, also over what was lost.
    async fn chain(&self) {
        let broken: Vec<(String, i64)> = sqlx::query_as(
            "SELECT sku_id, version FROM (
                 SELECT sku_id, version, available_before, reserved_before, sold_before,
                     COALESCE(LAG(version) OVER here, 0) AS previous,
                     COALESCE(LAG(available_after) OVER here, 0) AS available,
                     COALESCE(LAG(reserved_after) OVER here, 0) AS reserved,
                     COALESCE(LAG(sold_after) OVER here, 0) AS sold
                 FROM stock_journal WHERE sku_id IS NOT NULL
                 WINDOW here AS (PARTITION BY sku_id, location_id ORDER BY version)) AS chain
             WHERE version <> previous + 1 OR available_before <> available
                 OR reserved_before <> reserved OR sold_before <> sold LIMIT 10",
        )
        .fetch_all(&self.world.pool)
        .await
        .unwrap();
        assert_eq!(broken, vec![]);
    }

    /// The reports name epochs that rise, and count what was put back.
    async fn reported(&self, end: &End) {
        // Without a loss there is nothing that a report could begin from.
        let first = self.faults.first().map(|fault| fault.before.0);
        let mut epochs: Vec<u64> = first.into_iter().collect();
        for Told { kind, report, .. } in &end.reports {
            epochs.push(report["epoch"].as_u64().unwrap());
            let count = |name: &str| report[name].as_u64().unwrap();
            let position: JournalId = report["position"].as_str().unwrap().parse().unwrap();
            let redis_end = report["redisEnd"].as_str();
            let redis_end: Option<JournalId> = redis_end.map(|id| id.parse().unwrap());
            let carried = count("stocks") + count("holds") + count("closed") + count("operations");
            // It went on from there: nothing that was projected is gone.
            let kept = |id: JournalId| {
                id.n == 0
                    || end
                        .log
                        .ends
                        .get(&id.epoch.0)
                        .is_some_and(|last| *last >= id.n)
            };
            match kind.as_str() {
                "OPENED" => {
                    assert!(kept(redis_end.unwrap()), "{report}");
                    assert!(redis_end.unwrap() >= position, "{report}");
                    assert_eq!(carried, 0, "{report}");
                }
                "RESTORED" => {
                    assert!(redis_end.unwrap() < position, "{report}");
                    assert!(count("stocks") > 0 && carried > count("stocks"), "{report}");
                }
                "REBUILT" | "RESYNCED" => {
                    let stocks = u64::try_from(SKUS.len()).unwrap();
                    assert!(count("stocks") >= stocks, "{report}");
                    assert!(count("holds") + count("graced") > 0, "{report}");
                    assert!(
                        count("closed") > 0 && count("operations") >= stocks,
                        "{report}"
                    );
                }
                other => panic!("{other}: {report}"),
            }
            assert!(kind == "RESYNCED" || kept(position), "{report}");
            assert_eq!(count("unreadable"), 0, "{report}");
            let lost_unknown = report["lostUnknown"].as_bool().unwrap();
            assert_eq!(
                lost_unknown,
                ["RESTORED", "REBUILT"].contains(&kind.as_str())
            );
        }
        assert!(epochs.is_sorted_by(|one, next| one < next), "{epochs:?}");
        let meta = self.world.survey().await.meta.unwrap();
        assert!(epochs.last().is_none_or(|last| meta.epoch.0 == *last));
        for fault in &self.faults {
            assert!(meta.epoch > fault.before);
        }
    }
}

impl End {
    fn status(&self, id: &str) -> Option<&str> {
        let (status, _) = self.now.reservations.get(id)?;
        Some(status)
    }

    /// The acknowledged changes of a sale that are gone; panics when what is there does not follow
    /// from what was said.
    fn judge(&self, sale: &Sale) -> Vec<(String, &'static str, std::time::Instant)> {
        let is = self.status(&sale.id);
        let place = sale.acks.iter().position(|ack| Some(ack.state) == is);
        let kept = match (is, place) {
            (_, Some(place)) => place + 1,
            (None, _) => 0,
            (Some("EXPIRED"), _) if sale.brief => 1,
            // It had expired, and that was lost.
            (Some("RESERVED"), _) if sale.brief => 0,
            _ => panic!("{is:?} after {sale:?}"),
        };
        assert!(
            !sale.gone || is.is_none(),
            "{is:?}, said to be gone: {sale:?}"
        );
        let gone = &sale.acks[kept..];
        // Who read something else read what is left.
        let left = |told: &String| is.unwrap_or_default() == *told || told == "RESERVED";
        let lied = gone.is_empty() && !sale.otherwise.is_empty();
        assert!(!lied && sale.otherwise.iter().all(left), "{is:?}: {sale:?}");
        let gone = gone.iter();
        gone.map(|Ack { state, sent }| (sale.id.clone(), *state, *sent))
            .collect()
    }

    /// All that MariaDB knew at a loss is there, with its deadline.
    fn knows(&self, fault: &Fault, book: &Book) {
        let sales: BTreeMap<_, _> = book.sales.iter().map(|sale| (&sale.id, sale)).collect();
        for id in &fault.known.operations {
            assert!(self.now.operations.contains(id), "{id} was known");
        }
        let opened = |told: &&Told| told.report["epoch"].as_u64().unwrap() > fault.before.0;
        let told = self.reports.iter().find(opened).unwrap();
        let filled = ["RESTORED", "REBUILT"].contains(&told.kind.as_str());
        let mut kept = 0;
        for (id, (was, due)) in &fault.known.reservations {
            let Some((is, now_due)) = self.now.reservations.get(id) else {
                panic!("{id} was known, {was}");
            };
            let sale = sales[id];
            if was != "RESERVED" {
                assert_eq!(is, was, "{id} was known");
                continue;
            }
            let settled = is != "RESERVED" && is != "EXPIRED";
            let asked = sale.acks.iter().any(|ack| ack.state == is);
            assert!(!settled || asked, "{id} was open, is {is}: {sale:?}");
            let overdue = filled && *due > fault.done_ms && *due <= told.at_ms;
            if overdue {
                let grace = u64::try_from(GRACE.as_millis()).unwrap();
                assert!(*now_due >= due + grace, "{id}: {due}, {is} {now_due}");
            } else if !sale.brief {
                assert_eq!(due, now_due, "{id}: its deadline");
                kept += u64::from(is == "RESERVED");
            }
        }
        if told.kind == "REBUILT" {
            let holds = told.report["holds"].as_u64().unwrap();
            assert!(holds >= kept, "{kept} holds are back, {}", told.report);
        }
    }
}
