//! The whole state of both sides, compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use inventory_core::{engine::RawEntry, *};

use super::{
    Pair, SHARD,
    commands::{customer_id, reservation_id, stock_key},
    fault, same, soon,
};
use crate::{
    raw::RawState,
    steps::{IDS, STOCKS},
};

const CUSTOMERS: u8 = 2;

impl Pair {
    pub(crate) async fn compare_state(&mut self) -> Result<(), String> {
        self.model.check_invariants()?;
        self.compare_journal().await?;
        let raw = self.raw.state(self.now).await?;
        same("keys, deadlines and counters", &raw, &self.expected_raw())?;

        let keys: Vec<_> = (0..STOCKS).map(stock_key).collect();
        let read = self
            .engine
            .stock(SHARD, &keys, soon())
            .await
            .map_err(fault)?;
        let expected: Vec<_> = keys.iter().map(|key| self.model.stock(key)).collect();
        same("stocks", &read.stocks, &expected)?;

        for expected in self.model.reservations() {
            let read = self
                .engine
                .reservation(SHARD, &expected.id, soon())
                .await
                .map_err(fault)?;
            same(
                "reservation",
                &read.as_ref().map(|read| &read.reservation),
                &Some(expected),
            )?;
            same("clock", &read.map(|read| read.now), &Some(self.now))?;
        }
        let retired = self.engine.retired(SHARD).await.map_err(fault)?;
        let retired: BTreeSet<_> = retired
            .values
            .into_iter()
            .map(|kept| (kept.key, kept.sold, kept.version))
            .collect();
        let expected = self.model.retired();
        let expected = expected.map(|(key, sold, version)| (key.clone(), sold, version));
        same("retired stocks", &retired, &expected.collect())?;

        let none = reservation_id(IDS);
        let read = self
            .engine
            .reservation(SHARD, &none, soon())
            .await
            .map_err(fault)?;
        same("a reservation that never was", &read, &None)
    }

    /// The entries since the last look. Who asked is not compared where a hold expired: nobody did.
    async fn compare_journal(&mut self) -> Result<(), String> {
        let expected = &self.model.journal()[self.compared..];
        let after = JournalId {
            epoch: self.model.next_entry().epoch,
            n: self.compared as u64,
        };
        let most = expected.len() + 1;
        let raw = self
            .engine
            .entries(SHARD, Some(after), most, Duration::ZERO)
            .await
            .map_err(fault)?;
        let read = raw.iter().map(RawEntry::parse);
        let read = read.collect::<Result<Vec<_>, _>>()?;
        let expected: Vec<_> = expected.iter().cloned().map(plain).collect();
        self.compared += expected.len();
        let plain: Vec<_> = read.iter().cloned().map(plain).collect();
        same("journal entries", &plain, &expected)?;
        self.compare_stored(&raw, &read).await
    }

    /// What the new entries say that Redis keeps is what it keeps, byte by byte.
    async fn compare_stored(&mut self, raw: &[RawEntry], read: &[Entry]) -> Result<(), String> {
        let mut last = BTreeMap::new();
        for (raw, read) in raw.iter().zip(read) {
            let EntryBody::Changes { changes, .. } = &read.body else {
                return Err(format!("{} changes nothing", read.id));
            };
            for (item, change) in changes.iter().enumerate() {
                let name = match change {
                    Change::Reservation { reservation, .. } => format!("rsv:{}", reservation.id),
                    Change::Stock {
                        operation: Some(operation),
                        ..
                    } => format!("op:{operation}"),
                    Change::Stock { .. }
                    | Change::StockRepaired { .. }
                    | Change::ReservationRepaired { .. } => {
                        same("stored", &raw.stored(item), &None)?;
                        continue;
                    }
                };
                last.insert(name, raw.stored(item));
            }
        }
        for (name, stored) in last {
            let kept = self.raw.bytes(&name).await?;
            if kept.is_none() || kept != stored {
                return Err(format!("{name}: {kept:?}, its last entry says {stored:?}"));
            }
        }
        Ok(())
    }

    fn expected_raw(&self) -> RawState {
        let mut used = BTreeMap::new();
        let skus: BTreeSet<_> = (0..STOCKS).map(|stock| stock_key(stock).sku).collect();
        for sku in skus {
            for customer in (0..CUSTOMERS).map(customer_id) {
                match self.model.used(self.now, &sku, &customer) {
                    0 => {}
                    units => _ = used.insert((sku.clone(), customer), units),
                }
            }
        }
        RawState {
            stocks: self
                .model
                .stocks()
                .into_iter()
                .map(|stock| stock.key)
                .collect(),
            reservations: self.model.reservations().map(|r| r.id.clone()).collect(),
            operations: self.model.operations().cloned().collect(),
            deadlines: self.model.open_deadlines(),
            used,
            entries: self.model.next_entry().n,
        }
    }

    /// All pages of the listing, which goes by the bytes of `<location>|<sku>`.
    pub(super) async fn compare_listing(&self) -> Result<(), String> {
        let mut listed = Vec::new();
        let mut from = None;
        loop {
            let page = self
                .engine
                .list_stock(SHARD, from.as_ref(), 2, soon())
                .await
                .map_err(fault)?;
            listed.extend(page.stocks);
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let mut expected = self.model.stocks();
        expected.sort_by_key(|stock| stock.key.to_string());
        same("listing", &listed, &expected)
    }
}

/// An entry with its figures in order, and without who asked where a hold expired.
fn plain(mut entry: Entry) -> Entry {
    if let EntryBody::Changes { stocks, changes } = &mut entry.body {
        stocks.sort_by(|a, b| a.key.cmp(&b.key));
        for change in changes {
            if let Change::Reservation {
                kind: ChangeKind::Expired,
                context,
                ..
            } = change
            {
                *context = Context::default();
            }
        }
    }
    entry
}
