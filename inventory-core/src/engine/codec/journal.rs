//! A journal entry as the stream has it. See `lua/lib/commit.lua`.

use super::record::{JOURNAL_ID_LEN, packed, parse, parse_head, parse_stored, parse_tail};
use crate::domain::{
    Change, ChangeKind, Context, Entry, EntryBody, JournalId, Kept, Location, OperationId,
    PurchaseLimit, ReservationId, SetStock, Sku, StockAfter, StockKey, Text, TimestampMs,
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
    if kind == ChangeKind::ReservationRepaired {
        return reservation_repaired(id, context, subject, value);
    }
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
    let reason = reason(parts.next().unwrap_or_default());
    if kind == ChangeKind::Repaired {
        return Some(Change::StockRepaired {
            context,
            key,
            found: kept_figures(parts.next()?)?,
            set: set_stock(parts.next()?)?,
            ledger_delta: delta,
            reason,
        });
    }
    let (mut limit, mut ledger_delta) = (None, delta);
    if kind == ChangeKind::Attested {
        ledger_delta = parts.next().map_or(Some(0), |delta| delta.parse().ok())?;
    } else {
        limit = match parts.next() {
            None | Some("") => None,
            Some("-") => Some(None),
            Some(limit) => Some(Some(purchase_limit(limit)?)),
        };
    }
    Some(Change::Stock {
        kind,
        context,
        operation: OperationId::derived(subject).ok(),
        key,
        delta,
        ledger_delta,
        reason,
        limit,
    })
}

fn reason(text: &str) -> Option<Text> {
    Some(text)
        .filter(|reason| !reason.is_empty())
        .and_then(|reason| Text::parse(reason).ok())
}

fn numbers<const N: usize>(text: &str) -> Option<[u64; N]> {
    let numbers: Vec<u64> = text
        .split(' ')
        .map(|number| number.parse().ok())
        .collect::<Option<_>>()?;
    numbers.try_into().ok()
}

/// `available reserved sold version`, `!` for what is corrupt, nothing where there is nothing.
pub(crate) fn kept_figures(text: &str) -> Option<Kept<[u64; 4]>> {
    match text {
        "" => Some(Kept::Absent),
        "!" => Some(Kept::Corrupt),
        figures => numbers(figures).map(Kept::Is),
    }
}

/// `available reserved sold`, or `-` and sold for a removal.
fn set_stock(text: &str) -> Option<SetStock> {
    match text.strip_prefix('-') {
        Some(sold) => sold.parse().ok().map(|sold| SetStock::Removed { sold }),
        None => numbers(text).map(SetStock::Figures),
    }
}

/// The parts of a repaired reservation: whether there was one, what it was, what it is, and why.
struct RepairParts<'a> {
    flag: u8,
    found: &'a [u8],
    set: &'a [u8],
    reason: &'a [u8],
}

fn repair_parts(value: &[u8]) -> Option<RepairParts<'_>> {
    let (&flag, rest) = value.split_first()?;
    let (found, rest) = sized(rest)?;
    let (set, reason) = sized(rest)?;
    Some(RepairParts {
        flag,
        found,
        set,
        reason,
    })
}

/// Bytes that begin with their number, in 4 bytes, and what follows them.
pub(crate) fn sized(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn reservation_repaired(
    id: JournalId,
    context: Context,
    subject: &str,
    value: &[u8],
) -> Option<Change> {
    let parts = repair_parts(value)?;
    let reservation_id = ReservationId::derived(subject).ok()?;
    let found = match parts.flag {
        b'-' => Kept::Absent,
        b'=' => parse_stored(&reservation_id, parts.found)
            .map_or(Kept::Corrupt, |found| Kept::Is(Box::new(found))),
        _ => Kept::Corrupt,
    };
    let set = match parts.set {
        [] => None,
        set => Some(Box::new(parse(&reservation_id, id, set)?)),
    };
    Some(Change::ReservationRepaired {
        context,
        id: reservation_id,
        found,
        set,
        reason: reason(text(parts.reason)?),
    })
}

/// The bytes that Redis keeps after a change: a reservation's record, or the outcome of an
/// adjustment or a count. `None`: the change leaves none, or the entry does not say it.
pub(crate) fn stored(id: JournalId, at: TimestampMs, name: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let kind = ChangeKind::from_letter(char::from(*name.first()?))?;
    let mut bytes = packed(id).to_vec();
    match kind {
        ChangeKind::Reserved => {
            bytes.extend_from_slice(&at.0.to_be_bytes()[2..]);
            bytes.extend_from_slice(value);
        }
        ChangeKind::Bound
        | ChangeKind::Confirmed
        | ChangeKind::Reacquired
        | ChangeKind::Released
        | ChangeKind::Tombstoned
        | ChangeKind::Expired
        | ChangeKind::Extended
        | ChangeKind::Returned
        | ChangeKind::ReservationAttested => bytes.extend_from_slice(value),
        ChangeKind::ReservationRepaired => {
            let set = repair_parts(value)?.set;
            if set.is_empty() {
                return None;
            }
            bytes.extend_from_slice(set);
        }
        ChangeKind::Adjusted | ChangeKind::Counted => {
            bytes.extend_from_slice(&at.0.to_be_bytes()[2..]);
            bytes.extend_from_slice(outcome(kind, text(value)?)?.as_bytes());
        }
        ChangeKind::Retired | ChangeKind::Attested | ChangeKind::Repaired => return None,
    }
    debug_assert!(bytes.len() > JOURNAL_ID_LEN);
    Some(bytes)
}

/// What a repeat of the operation must agree in, from the parts of its change.
fn outcome(kind: ChangeKind, parts: &str) -> Option<String> {
    let mut parts = parts.split('\t');
    let (place, delta) = (parts.next()?, parts.next()?);
    if kind == ChangeKind::Adjusted {
        return Some(format!("A{place}\t{delta}"));
    }
    let (_reason, limit) = (parts.next()?, parts.next()?);
    let (on_hand, expected) = (parts.next()?, parts.next()?);
    Some(format!("N{place}\t{on_hand}\t{expected}\t{limit}"))
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
