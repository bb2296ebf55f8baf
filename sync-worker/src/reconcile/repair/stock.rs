//! Stocks. The difference between what Redis has and what it should have is known at one version;
//! it stays the same while sales go on, so it is corrected by that difference.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use inventory_core::{
    AttestStock, Context, EntryBody, JournalId, Kept, RepairStock, SetStock, StockKey, Text,
    engine::Repair,
};

use super::{Done, Repairer, Side};
use crate::{
    limits::{READ_ENTRIES_MAX, RECONCILE_CHANGE_TIMEOUT, REPAIR_TRIES_MAX},
    reconcile::{
        check::{Past, StockRow, past, stock_rows},
        exit::Trouble,
        stores::within,
    },
};

/// Both sides of a stock at one version.
#[derive(Debug)]
struct Sides {
    at: JournalId,
    redis: Kept<[u64; 4]>,
    row: Option<StockRow>,
    /// The row as it was at the version of Redis; as it is, where that says nothing.
    then: Option<Past>,
}

impl Repairer<'_> {
    pub(super) async fn stock(&self, key: &StockKey) -> Result<Done, Trouble> {
        for _ in 0..REPAIR_TRIES_MAX {
            let Some(sides) = self.sides(key).await? else {
                continue;
            };
            let done = match self.from {
                Side::Mariadb => self.undo(key, sides).await?,
                Side::Redis => self.accept(key, sides).await?,
            };
            if let Some(done) = done {
                return Ok(done);
            }
        }
        Ok(Done::Refused(format!(
            "it changed at each of {REPAIR_TRIES_MAX} tries; try again when less is sold"
        )))
    }

    /// `None`: the row has moved on and does not say what it was; look again.
    async fn sides(&self, key: &StockKey) -> Result<Option<Sides>, Trouble> {
        let keys = std::slice::from_ref(key);
        let cut = self.both.engine.cut(self.both.shard, keys, &[]).await?;
        self.checker.projected(cut.at).await?;
        let mut snapshot = self.both.snapshot().await?;
        let row = stock_rows(&mut snapshot, keys).await?.remove(key);
        let redis = cut.stocks.into_iter().next().unwrap_or(Kept::Absent);
        let as_it_is = |row: &StockRow| Past {
            figures: row.figures,
            ledger: row.ledger,
        };
        let then = match (&redis, &row) {
            (_, None) => None,
            (Kept::Is([.., version]), Some(row)) => {
                let version = i64::try_from(*version).unwrap_or(i64::MAX);
                match past(&mut snapshot, row, version).await? {
                    Some(past) => Some(past),
                    None if row.changed > cut.at => return Ok(None),
                    None => Some(as_it_is(row)),
                }
            }
            (Kept::Absent | Kept::Corrupt, Some(row)) if row.changed > cut.at => return Ok(None),
            (Kept::Absent | Kept::Corrupt, Some(row)) => Some(as_it_is(row)),
        };
        snapshot.commit().await?;
        Ok(Some(Sides {
            at: cut.at,
            redis,
            row,
            then,
        }))
    }

    /// Redis becomes what MariaDB's log and ledger say. `None`: look again.
    async fn undo(&self, key: &StockKey, sides: Sides) -> Result<Option<Done>, Trouble> {
        let there = sides.row.as_ref().filter(|row| !row.retired);
        let should = match there.and(sides.then).map(should_be) {
            None => None,
            Some(Ok(figures)) => Some(figures),
            Some(Err(why)) => return Ok(Some(Done::Refused(why))),
        };
        let mut found = sides.redis;
        let version_above = sides.row.as_ref().map_or(0, |row| unsigned(row.version));
        let sold = sides.row.as_ref().map_or(0, |row| unsigned(row.figures[2]));
        let first = found.clone();
        let mut looked = sides.at;
        let mut context = self.both.context();
        let mark = RandomState::new().hash_one((key, looked));
        context.request_id = Text::parse(&format!("repair-{mark:016x}")).ok();
        for _ in 0..REPAIR_TRIES_MAX {
            let set = match (should, &found, &first) {
                (None, ..) => SetStock::Removed { sold },
                (Some(should), Kept::Is(now), Kept::Is(then)) => match moved(should, now, then) {
                    Some(figures) => SetStock::Figures(figures),
                    None => return Ok(Some(Done::Refused(NEGATIVE.to_owned()))),
                },
                (Some(should), ..) => SetStock::Figures(should),
            };
            let told = match set {
                SetStock::Figures([a, r, s]) => {
                    format!("Redis: available {a}, reserved {r}, sold {s}")
                }
                SetStock::Removed { .. } => "Redis: removed".to_owned(),
            };
            if self.dry_run {
                return Ok(Some(Done::Planned(told)));
            }
            let command = RepairStock {
                key: key.clone(),
                expected: found.clone(),
                set,
                version_above,
                ledger_delta: 0,
                reason: self.reason.clone(),
                context: context.clone(),
            };
            let changed = match self.repaired(&command).await? {
                Repair::Done => return Ok(Some(Done::Repaired(told))),
                Repair::Changed(changed) => changed,
            };
            // A call that was cut off may have done it, and then met its own work.
            if self.journaled(&context, &mut looked).await? {
                return Ok(Some(Done::Repaired(told)));
            }
            match changed {
                // Sold from meanwhile: the same difference is in the new figures.
                now @ Kept::Is(_) if matches!(found, Kept::Is(_)) => found = now,
                Kept::Is(_) | Kept::Absent | Kept::Corrupt => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Whether the journal has a change of that context after `looked`, which moves on.
    async fn journaled(&self, context: &Context, looked: &mut JournalId) -> Result<bool, Trouble> {
        let (engine, shard) = (&self.both.engine, self.both.shard);
        loop {
            let after = Some(*looked);
            let entries = engine.entries(shard, after, READ_ENTRIES_MAX, Duration::ZERO);
            let entries = entries.await?;
            let Some(last) = entries.last() else {
                return Ok(false);
            };
            *looked = last.id;
            for raw in &entries {
                let entry = raw.parse().map_err(Trouble::Unclear)?;
                if let EntryBody::Changes { changes, .. } = entry.body
                    && changes.iter().any(|change| change.context() == context)
                {
                    return Ok(true);
                }
            }
        }
    }

    async fn repaired(&self, command: &RepairStock) -> Result<Repair<[u64; 4]>, Trouble> {
        let deadline = within(RECONCILE_CHANGE_TIMEOUT);
        let (engine, shard) = (&self.both.engine, self.both.shard);
        Ok(engine.repair_stock(shard, command, deadline).await?)
    }

    /// MariaDB takes over what Redis has; the ledger takes the difference.
    async fn accept(&self, key: &StockKey, sides: Sides) -> Result<Option<Done>, Trouble> {
        let version_above = sides.row.as_ref().map_or(0, |row| unsigned(row.version));
        let ledger = sides.then.map_or(0, |then| then.ledger);
        match &sides.redis {
            Kept::Corrupt => Ok(Some(Done::Refused(
                "what Redis has is no stock: repair it from mariadb".to_owned(),
            ))),
            Kept::Is([available, reserved, sold, _]) => {
                let has = signed(*available) + signed(*reserved) + signed(*sold);
                let ledger_delta = has.saturating_sub(ledger);
                let told = format!("MariaDB: as Redis has it, {ledger_delta:+} in the ledger");
                if self.dry_run {
                    return Ok(Some(Done::Planned(told)));
                }
                let command = AttestStock {
                    key: key.clone(),
                    version_above,
                    ledger_delta,
                    reason: self.reason.clone(),
                    context: self.both.context(),
                };
                let deadline = within(RECONCILE_CHANGE_TIMEOUT);
                let (engine, shard) = (&self.both.engine, self.both.shard);
                let attested = engine.attest_stock(shard, &command, deadline).await?;
                // Retired meanwhile: look again.
                Ok(attested.ok().map(|_| Done::Repaired(told)))
            }
            Kept::Absent => {
                let sold = sides.row.as_ref().map_or(0, |row| row.figures[2]);
                let ledger_delta = sold.saturating_sub(ledger);
                let told = format!("MariaDB: retired, {ledger_delta:+} in the ledger");
                if self.dry_run {
                    return Ok(Some(Done::Planned(told)));
                }
                let command = RepairStock {
                    key: key.clone(),
                    expected: Kept::Absent,
                    set: SetStock::Removed {
                        sold: unsigned(sold),
                    },
                    version_above,
                    ledger_delta,
                    reason: self.reason.clone(),
                    context: self.both.context(),
                };
                Ok(match self.repaired(&command).await? {
                    Repair::Done => Some(Done::Repaired(told)),
                    Repair::Changed(_) => None,
                })
            }
        }
    }
}

const NEGATIVE: &str = "a figure would go below 0: more was sold than there should have been. \
                        `--from redis` accepts what is there";

/// The row's reserved and sold, and what the ledger leaves for available.
fn should_be(then: Past) -> Result<[u64; 3], String> {
    let [_, reserved, sold] = then.figures;
    let available = then.ledger.saturating_sub(reserved).saturating_sub(sold);
    let figures = [available, reserved, sold].map(u64::try_from);
    let [Ok(available), Ok(reserved), Ok(sold)] = figures else {
        return Err(NEGATIVE.to_owned());
    };
    Ok([available, reserved, sold])
}

/// What `now` should be, if `then` should have been `should`.
fn moved(should: [u64; 3], now: &[u64; 4], then: &[u64; 4]) -> Option<[u64; 3]> {
    let mut figures = [0; 3];
    for (place, figure) in figures.iter_mut().enumerate() {
        let difference = signed(should[place]).saturating_sub(signed(then[place]));
        *figure = now[place].checked_add_signed(difference)?;
    }
    Some(figures)
}

fn signed(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}

fn unsigned(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_stays_while_sales_go_on() {
        let then = [15, 2, 3, 7];
        let should = [10, 2, 3];
        assert_eq!(moved(should, &then, &then), Some(should));
        assert_eq!(moved(should, &[9, 8, 3, 8], &then), Some([4, 8, 3]));
        assert_eq!(moved(should, &[4, 13, 3, 9], &then), None);
    }

    #[test]
    fn the_ledger_says_what_is_available() {
        let past = |figures, ledger| Past { figures, ledger };
        assert_eq!(should_be(past([15, 2, 3], 15)), Ok([10, 2, 3]));
        should_be(past([15, 2, 3], 4)).expect_err("below 0");
    }
}
