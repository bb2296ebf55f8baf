//! The audit log of each stock is a chain: what a change found is what the one before it left, each
//! changes the sum by its ledger delta, and the end is the row.
//!
//! Where the log does not go on (it begins, versions are missing because the stock was copied, or a
//! repair states the figures anew) a new chain begins from what is stated there. A break that a
//! later repair followed is over.

use std::collections::HashMap;

use inventory_core::StockKey;
use sqlx::{MySqlConnection, Row, mysql::MySqlRow};

use super::{Checked, Violation, stocks};
use crate::{
    limits::VERIFY_PAGE_ROWS,
    reconcile::{check::stock_key, exit::Trouble, stores::Both},
};

/// One change of a stock.
#[derive(Debug, Clone)]
struct Link {
    key: StockKey,
    version: i64,
    before: [i64; 3],
    after: [i64; 3],
    ledger_delta: i64,
    states_anew: bool,
    entry: String,
}

/// The chain of a stock so far.
#[derive(Debug)]
struct Chain {
    last: Link,
    /// initial + adjustments, as far as the chain says.
    ledger: i64,
    breaks: Vec<Violation>,
}

pub(super) async fn check(
    both: &Both,
    found: &mut Vec<Violation>,
    checked: &mut Checked,
) -> Result<(), Trouble> {
    let mut snapshot = both.snapshot().await?;
    // Versions, figures and ledgers at the end of each chain.
    let mut ends = HashMap::new();
    let mut after = None;
    loop {
        let page = stocks::page(&mut snapshot, after.as_ref(), VERIFY_PAGE_ROWS).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        for row in page {
            ends.insert(row.key, (row.version, row.figures, row.ledger));
        }
    }
    let mut end = |chain: Chain| {
        let Chain {
            last,
            ledger,
            breaks,
        } = chain;
        found.extend(breaks);
        let Some((version, figures, row_ledger)) = ends.remove(&last.key) else {
            let detail = format!("{} is of a stock that is not there", last.entry);
            found.push(Violation::new("chain", &last.key, detail));
            return;
        };
        // A row that is further was copied; it says nothing about the log.
        if version != last.version {
            return;
        }
        if figures != last.after {
            let detail = format!(
                "{} left {:?}, the row has {figures:?}",
                last.entry, last.after
            );
            found.push(Violation::new("chain", &last.key, detail));
        }
        if row_ledger != ledger {
            let detail = format!("the log adds up to {ledger}, the row has {row_ledger}");
            found.push(Violation::new("ledger-sum", &last.key, detail));
        }
    };
    let mut chain: Option<Chain> = None;
    let mut place: Option<(StockKey, i64)> = None;
    loop {
        let links = page(&mut snapshot, place.as_ref()).await?;
        let Some(last) = links.last() else { break };
        place = Some((last.key.clone(), last.version));
        for link in links {
            checked.journal_rows += 1;
            chain = Some(match chain.take() {
                Some(chain) if chain.last.key == link.key => chain.then(link),
                other => {
                    other.into_iter().for_each(&mut end);
                    Chain::from(link)
                }
            });
        }
    }
    chain.into_iter().for_each(&mut end);
    snapshot.commit().await?;
    Ok(())
}

/// Links in the order of stock and version.
async fn page(
    connection: &mut MySqlConnection,
    after: Option<&(StockKey, i64)>,
) -> Result<Vec<Link>, sqlx::Error> {
    let (sku, location, version) = after.map_or(("", "", 0), |(key, version)| {
        (key.sku.as_str(), key.location.as_str(), *version)
    });
    let rows = sqlx::query(
        "SELECT sku_id, location_id, version, available_before, reserved_before, sold_before,
             available_after, reserved_after, sold_after, ledger_delta, kind, epoch, n, item
         FROM stock_journal FORCE INDEX (by_sku)
         WHERE version IS NOT NULL
           AND (sku_id > ? OR sku_id = ? AND location_id > ?
             OR sku_id = ? AND location_id = ? AND version > ?)
         ORDER BY sku_id, location_id, version LIMIT ?",
    )
    .bind(sku)
    .bind(sku)
    .bind(location)
    .bind(sku)
    .bind(location)
    .bind(version)
    .bind(VERIFY_PAGE_ROWS)
    .fetch_all(connection)
    .await?;
    rows.iter().map(link).collect()
}

fn link(row: &MySqlRow) -> Result<Link, sqlx::Error> {
    let figures = |names: [&str; 3]| -> Result<[i64; 3], sqlx::Error> {
        let mut figures = [0; 3];
        for (figure, name) in figures.iter_mut().zip(names) {
            *figure = row.try_get::<Option<i64>, _>(name)?.unwrap_or_default();
        }
        Ok(figures)
    };
    let kind: String = row.try_get("kind")?;
    let (epoch, n): (u64, u64) = (row.try_get("epoch")?, row.try_get("n")?);
    let item: u32 = row.try_get("item")?;
    Ok(Link {
        key: stock_key(row)?,
        version: row.try_get("version")?,
        before: figures(["available_before", "reserved_before", "sold_before"])?,
        after: figures(["available_after", "reserved_after", "sold_after"])?,
        ledger_delta: row.try_get("ledger_delta")?,
        states_anew: kind == "REPAIRED" || kind == "ATTESTED",
        entry: format!("{kind} {epoch}-{n}.{item}"),
    })
}

const fn sum([available, reserved, sold]: [i64; 3]) -> i64 {
    available.saturating_add(reserved).saturating_add(sold)
}

impl Chain {
    fn from(link: Link) -> Self {
        let ledger = if link.states_anew {
            sum(link.after)
        } else {
            sum(link.before).saturating_add(link.ledger_delta)
        };
        let mut chain = Self {
            last: link,
            ledger,
            breaks: Vec::new(),
        };
        chain.balance();
        chain
    }

    fn then(mut self, link: Link) -> Self {
        if link.states_anew {
            return Self::from(link);
        }
        if link.version != self.last.version.saturating_add(1) {
            let breaks = std::mem::take(&mut self.breaks);
            let mut chain = Self::from(link);
            chain.breaks.splice(..0, breaks);
            return chain;
        }
        if link.before != self.last.after {
            let detail = format!(
                "{} left {:?}, {} found {:?}",
                self.last.entry, self.last.after, link.entry, link.before
            );
            self.breaks.push(Violation::new("chain", &link.key, detail));
        }
        self.ledger = self.ledger.saturating_add(link.ledger_delta);
        self.last = link;
        self.balance();
        self
    }

    /// A change moves units, or adds those of its ledger delta.
    fn balance(&mut self) {
        let Link {
            before,
            after,
            ledger_delta,
            states_anew,
            ..
        } = self.last;
        if !states_anew && sum(after) != sum(before).saturating_add(ledger_delta) {
            let detail = format!(
                "{} found {before:?}, left {after:?}, and adds {ledger_delta}",
                self.last.entry
            );
            self.breaks
                .push(Violation::new("balance", &self.last.key, detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use inventory_core::{Location, Sku};

    use super::*;

    fn link(version: i64, before: [i64; 3], after: [i64; 3], ledger_delta: i64) -> Link {
        Link {
            key: StockKey {
                location: Location::default(),
                sku: Sku::parse("a").expect("a SKU"),
            },
            version,
            before,
            after,
            ledger_delta,
            states_anew: false,
            entry: format!("{version}"),
        }
    }

    fn rules(chain: &Chain) -> Vec<&'static str> {
        chain
            .breaks
            .iter()
            .map(|violation| violation.rule)
            .collect()
    }

    #[test]
    fn a_whole_chain_adds_up() {
        let chain = Chain::from(link(1, [0; 3], [9, 0, 0], 9))
            .then(link(2, [9, 0, 0], [7, 2, 0], 0))
            .then(link(3, [7, 2, 0], [7, 0, 2], 0))
            .then(link(4, [7, 0, 2], [6, 0, 2], -1));
        assert_eq!((rules(&chain), chain.ledger), (vec![], 8));
    }

    #[test]
    fn a_break_is_found_until_a_repair() {
        let broken =
            Chain::from(link(1, [0; 3], [9, 0, 0], 9)).then(link(2, [8, 0, 0], [7, 1, 0], 0));
        assert_eq!(rules(&broken), ["chain"]);
        let repair = Link {
            states_anew: true,
            ..link(3, [7, 1, 0], [8, 1, 0], 0)
        };
        let chain = broken.then(repair);
        assert_eq!((rules(&chain), chain.ledger), (vec![], 9));
    }

    #[test]
    fn missing_versions_begin_a_new_chain() {
        let chain =
            Chain::from(link(1, [0; 3], [9, 0, 0], 9)).then(link(7, [4, 0, 1], [3, 1, 1], 0));
        assert_eq!((rules(&chain), chain.ledger), (vec![], 5));
    }

    #[test]
    fn a_change_that_makes_units_is_found() {
        assert_eq!(
            rules(&Chain::from(link(1, [0; 3], [9, 0, 0], 8))),
            ["balance"]
        );
    }
}
