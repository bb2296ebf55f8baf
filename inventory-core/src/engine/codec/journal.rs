//! A journal entry as the stream has it. See `lua/lib/commit.lua`.

use super::record::{parse, parse_head, parse_tail};
use crate::domain::{
    Change, ChangeKind, Entry, EntryBody, JournalId, Location, OperationId, PurchaseLimit,
    ReservationId, Sku, StockAfter, StockKey, Text, TimestampMs,
};

/// Reads an entry from its fields.
///
/// # Errors
/// What is not as an entry should be.
pub(crate) fn parse_entry(id: JournalId, fields: &[(Vec<u8>, Vec<u8>)]) -> Result<Entry, String> {
    let broken = |what: &str| format!("journal entry {id}: {what}");
    let mut fields = fields.iter();
    let at = match fields.next() {
        Some((name, value)) if name == b"@" => text(value)
            .and_then(|at| at.parse().ok())
            .map(TimestampMs)
            .ok_or_else(|| broken("its time is no number"))?,
        _ => return Err(broken("it does not begin with its time")),
    };
    let body = match fields.next() {
        Some((name, value)) if name == b"!" => bless(value),
        Some((name, value)) if name == b"=" => {
            let stocks = text(value)
                .ok_or_else(|| broken("its figures are no text"))?
                .lines()
                .map(figure)
                .collect::<Option<Vec<_>>>();
            let changes = fields
                .map(|(name, value)| change(id, at, name, value))
                .collect::<Option<Vec<_>>>();
            stocks
                .zip(changes)
                .map(|(stocks, changes)| EntryBody::Changes { stocks, changes })
        }
        _ => None,
    };
    let body = body.ok_or_else(|| broken("it cannot be read"))?;
    Ok(Entry { id, at, body })
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn bless(value: &[u8]) -> Option<EntryBody> {
    let mut parts = text(value)?.splitn(5, '\t').map(str::to_owned);
    Some(EntryBody::Bless {
        lineage: parts.next()?,
        run_id: parts.next()?,
        previous: parts.next()?.parse().ok(),
        who: parts.next()?,
        why: parts.next()?,
    })
}

fn stock_key(place: &str) -> Option<StockKey> {
    let (location, sku) = place.split_once(':')?;
    Some(StockKey {
        location: Location::parse(location).ok()?,
        sku: Sku::parse(sku).ok()?,
    })
}

fn figure(line: &str) -> Option<StockAfter> {
    let mut parts = line.split(' ');
    let item = parts.next()?;
    let (location, sku) = match item.split_once('|') {
        Some((location, sku)) => (Location::parse(location).ok()?, sku),
        None => (Location::default(), item),
    };
    let key = StockKey {
        location,
        sku: Sku::parse(sku).ok()?,
    };
    let mut number = || parts.next()?.parse().ok();
    Some(StockAfter {
        key,
        available: number()?,
        reserved: number()?,
        sold: number()?,
        version: number()?,
    })
}

fn change(id: JournalId, at: TimestampMs, name: &[u8], value: &[u8]) -> Option<Change> {
    let name = text(name)?;
    let kind = ChangeKind::from_letter(name.chars().next()?)?;
    let (subject, context) = parse_head(name.get(1..)?);
    if !kind.is_of_stock() {
        let reservation_id = ReservationId::derived(subject).ok()?;
        let reservation = match kind == ChangeKind::Reserved {
            true => parse_tail(&reservation_id, id, at, value)?,
            false => parse(&reservation_id, id, value)?,
        };
        return Some(Change::Reservation {
            kind,
            context,
            reservation: Box::new(reservation),
        });
    }
    let mut parts = text(value)?.split('\t');
    let key = stock_key(parts.next()?)?;
    let delta = parts.next().map_or(Some(0), |delta| delta.parse().ok())?;
    let reason = parts.next().filter(|reason| !reason.is_empty());
    let limit = match parts.next() {
        None | Some("") => None,
        Some("-") => Some(None),
        Some(limit) => Some(Some(purchase_limit(limit)?)),
    };
    Some(Change::Stock {
        kind,
        context,
        operation: OperationId::derived(subject).ok(),
        key,
        delta,
        reason: reason.and_then(|reason| Text::parse(reason).ok()),
        limit,
    })
}

/// `<quantity> <window ms, 0 for life> [<generation>]`
pub(crate) fn purchase_limit(text: &str) -> Option<PurchaseLimit> {
    let mut parts = text.split(' ');
    let quantity = parts.next()?.parse().ok()?;
    let window_ms: u64 = parts.next()?.parse().ok()?;
    let window_seconds = match window_ms {
        0 => None,
        ms => Some(u32::try_from(ms / 1000).ok()?),
    };
    PurchaseLimit::new(quantity, window_seconds).ok()
}
